"""Which articles are asked for, and in which order: the queries behind a page of a list."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select, text, tuple_

from seeds.errors import InvalidQuery
from seeds.tables import article_results, article_topics, articles, words

WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 20
CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}|)~([0-9]{1,18})")
OPENING_CHARACTERS = 160
FEW_RESULTS = 1_000
"""The articles of a model that made fewer results are looked up; of one that made more, articles are checked one by one
until the page is full."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles are asked for.

    Args:
        words: they all occur in title or text.
        topic: its name.
        since, until: ISO dates, both included.
        model: the id of a model that made a result of the article.
    """

    words: str | None = None
    topic: str | None = None
    since: str | None = None
    until: str | None = None
    model: str | None = None

    def check(self) -> None:
        """Refuse filters that no article can match.

        Raises:
            InvalidQuery: a value holds U+0000, or the dates are in the wrong order.
        """
        if any(value and "\0" in value for value in (self.words, self.topic, self.model)):
            raise InvalidQuery("The query holds the character U+0000, which no article holds. Leave it out.")
        if self.since and self.until and self.since > self.until:
            raise InvalidQuery(f"No day lies between {self.since} and {self.until}. Exchange them.")


def page_query(connection: Connection, filters: Filters, *, after: str | None, limit: int) -> Select[Any]:
    """Selects number, id, title, date, language and `opening` of `limit` articles: the latest first, by date; where
    words are searched, those added last first, as the index of words gives them.

    Args:
        after: the cursor of the article before the first.

    Raises:
        InvalidQuery: the cursor is not one, or there is no word among the words, or too many.
    """
    opening = func.substr(articles.c.text, 1, OPENING_CHARACTERS).label("opening")
    query = select(*(articles.c[name] for name in ("number", "id", "title", "date", "language")), opening)
    dated = articles  # the table whose index gives the order
    order: tuple[ColumnElement[Any], ...]
    if filters.topic:
        dated = article_topics
        of_topic = (article_topics.c.number == articles.c.number) & (article_topics.c.name == filters.topic)
        query = query.join(article_topics, of_topic)
    if filters.words:
        is_sqlite = connection.dialect.name == "sqlite"
        query = (_holding_sqlite if is_sqlite else _holding_postgresql)(query, _words(filters.words))
        order = (words.c.rowid if is_sqlite else articles.c.number,)
    else:
        order = (dated.c.date, dated.c.number)
    if filters.since:
        query = query.where(dated.c.date >= filters.since)
    if filters.until:
        query = query.where(dated.c.date <= filters.until, dated.c.date != "")
    if filters.model:
        query = query.where(_made_by(connection, filters.model))
    if after is not None:
        position = _position(after)
        query = query.where(tuple_(*order) < tuple_(*position[-len(order) :]))
    return query.order_by(*(column.desc() for column in order)).limit(limit)


def cursor_at(date: str, number: int) -> str:
    """The cursor of an article."""
    return f"{date}~{number}"


def _position(cursor: str) -> tuple[str, int]:
    """Date and number of the article that a cursor stands for."""
    parts = CURSOR.fullmatch(cursor)
    if not parts:
        raise InvalidQuery(f"{cursor!r} is not a cursor. Send the 'next' of the page before, unchanged.")
    return parts[1], int(parts[2])


def _words(query: str) -> list[str]:
    single_words = WORD.findall(query)
    if not single_words:
        raise InvalidQuery(f"There is no word in {query!r}. Search for one that the article holds.")
    if len(single_words) > MOST_WORDS:
        raise InvalidQuery(f"There are {len(single_words)} words. Search for at most {MOST_WORDS}.")
    return single_words


def _holding_sqlite(query: Select[Any], single_words: list[str]) -> Select[Any]:
    quoted = " ".join(f'"{word}"' for word in single_words)
    matches = text("dateline_words MATCH :words").bindparams(words=quoted)
    return query.join(words, words.c.rowid == articles.c.number).where(matches)


def _holding_postgresql(query: Select[Any], single_words: list[str]) -> Select[Any]:
    matches = literal_column("words").op("@@")(func.plainto_tsquery("simple", " ".join(single_words)))
    return query.where(matches)


def _made_by(connection: Connection, model: str) -> ColumnElement[bool]:
    """Whether a model made a result of an article."""
    by_model = select(article_results.c.number).where(article_results.c.model == model)
    numbers = connection.execute(by_model.limit(FEW_RESULTS)).scalars().all()
    if len(numbers) < FEW_RESULTS:
        return articles.c.number.in_(sorted(set(numbers)))
    return by_model.where(article_results.c.number == articles.c.number).exists()
