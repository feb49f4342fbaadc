"""Articles in the store's tables, row by row: their topics, the counts of those, and what readers corrected. Each
function works within its caller's transaction."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Table, delete, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite

from seeds.errors import UnknownRecord
from seeds.records import UNUSABLE_ID, Article
from seeds.store import Store, now
from seeds.tables import article_results, article_topics, articles, corrections, topic_counts

ROWS_PER_QUERY = 500
WRITERS_LOCK = 20210716
"""Number of the PostgreSQL lock that writers of articles take."""


@dataclass(frozen=True, slots=True)
class ArticleTopic:
    """A topic that an article is listed under. `score` is None where a reader chose it, `qcode` where it belongs to no
    vocabulary."""

    name: str
    qcode: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What a reader says the topics of an article are."""

    id: int
    article: str
    topics: tuple[ArticleTopic, ...]
    who: str | None
    note: str | None
    created_at: str


class ArticleRow(NamedTuple):
    """An article's number in the tables, its date (empty where it is not known) and its text."""

    number: int
    date: str
    title: str | None
    text: str


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insertion that can say what becomes of rows that are there already."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


@contextmanager
def article_writing(store: Store) -> Iterator[Connection]:
    """A transaction in which no other process changes articles, so that what it counts adds up.

    Raises:
        StoreUnavailable, StoreCorrupt: the store cannot be written.
    """
    with store.writing() as connection:
        if not store.is_sqlite:  # SQLite has one writer at a time
            connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})"))
        yield connection


def article_of(row: RowMapping) -> Article:
    return Article(row["text"], row["id"], row["title"], row["date"] or None, row["url"], row["language"])


def rows_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, ArticleRow]:
    """The rows of the articles with these ids; an id without an article is absent."""
    usable = [id for id in ids if not UNUSABLE_ID.search(id)]
    columns = (articles.c.number, articles.c.date, articles.c.title, articles.c.text)
    rows: dict[str, ArticleRow] = {}
    for start in range(0, len(usable), ROWS_PER_QUERY):
        query = select(articles.c.id, *columns).where(articles.c.id.in_(usable[start : start + ROWS_PER_QUERY]))
        rows |= {row.id: ArticleRow(row.number, row.date, row.title, row.text) for row in connection.execute(query)}
    return rows


def row_of(connection: Connection, id: str) -> ArticleRow:
    """The row of one article.

    Raises:
        UnknownRecord: there is no such article.
    """
    try:
        return rows_by_id(connection, [id])[id]
    except KeyError:
        raise UnknownRecord(f"There is no article {id!r}. GET /v1/articles lists the ids.") from None


def insert_articles(
    connection: Connection,
    new: Sequence[Article],
    *,
    folder: str | None = None,
    stamps: Mapping[str, str] | None = None,
) -> None:
    """Add articles whose ids are not there yet.

    Args:
        folder: the seed folder that they come from; None for articles that were sent.
        stamps: of their files, by id.
    """
    added_at = now()
    rows = [
        {
            "id": article.id, "title": article.title, "date": article.date or "", "url": article.url,
            "language": article.language, "text": article.text, "folder": folder,
            "stamp": stamps[str(article.id)] if stamps else None, "added_at": added_at,
        }
        for article in new
    ]  # fmt: skip
    if rows:
        connection.execute(insert(articles), rows)
        _add_counts(connection, Counter(("", (article.date or "")[:7]) for article in new))


def delete_articles(connection: Connection, ids: Sequence[str]) -> None:
    """Remove articles, their topics and the list of their results. The results stay."""
    for row in rows_by_id(connection, ids).values():
        set_topics(connection, row, ())
        connection.execute(delete(article_results).where(article_results.c.number == row.number))
        connection.execute(delete(articles).where(articles.c.number == row.number))
        _add_counts(connection, {("", row.date[:7]): -1})


def topics_of(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[ArticleTopic, ...]]:
    """The topics of articles by their numbers, the highest score first; an article without topics is absent."""
    topics: dict[int, tuple[ArticleTopic, ...]] = {}
    query = select(article_topics).where(article_topics.c.number.in_(numbers))
    for row in connection.execute(query.order_by(article_topics.c.score.desc(), article_topics.c.name)).mappings():
        topic = ArticleTopic(row["name"], row["qcode"], row["score"])
        topics[row["number"]] = (*topics.get(row["number"], ()), topic)
    return topics


def set_topics(connection: Connection, article: ArticleRow, topics: Sequence[ArticleTopic]) -> None:
    """List an article under these topics and no others."""
    own = article_topics.c.number == article.number
    old_names = connection.execute(select(article_topics.c.name).where(own)).scalars().all()
    connection.execute(delete(article_topics).where(own))
    by_name = {topic.name: topic for topic in topics}
    if by_name:
        rows = [
            {"number": article.number, "name": name, "qcode": topic.qcode, "score": topic.score, "date": article.date}
            for name, topic in by_name.items()
        ]
        connection.execute(insert(article_topics), rows)
    changes = Counter((name, article.date[:7]) for name in by_name)
    changes.subtract((name, article.date[:7]) for name in old_names)
    _add_counts(connection, changes)


def _add_counts(connection: Connection, changes: Mapping[tuple[str, str], int]) -> None:
    """Add to the counts of (topic's name, month)."""
    rows = [{"name": name, "month": month, "articles": by} for (name, month), by in changes.items() if by]
    if rows:
        addition = insert_into(connection, topic_counts)
        total = {"articles": topic_counts.c.articles + addition.excluded.articles}
        connection.execute(addition.on_conflict_do_update(index_elements=["name", "month"], set_=total), rows)


def insert_correction(
    connection: Connection, id: str, topics: Sequence[ArticleTopic], *, who: str | None, note: str | None
) -> Correction:
    """Keep what a reader says the topics of an article are."""
    values = {
        "article": id, "topics": json.dumps([[topic.name, topic.qcode] for topic in topics], ensure_ascii=False),
        "who": who or None, "note": note or None, "created_at": now(),
    }  # fmt: skip
    key = connection.execute(insert(corrections).values(values)).inserted_primary_key
    assert key is not None
    return correction_of({**values, "id": key[0]})


def latest_corrections(connection: Connection, ids: Sequence[str]) -> dict[str, Correction]:
    """The last correction of each article by its id; an article without one is absent."""
    latest: dict[str, Correction] = {}
    for start in range(0, len(ids), ROWS_PER_QUERY):
        query = select(corrections).where(corrections.c.article.in_(ids[start : start + ROWS_PER_QUERY]))
        for row in connection.execute(query.order_by(corrections.c.id)).mappings():
            latest[row["article"]] = correction_of(row)
    return latest


def correction_of(row: Mapping[str, Any] | RowMapping) -> Correction:
    topics = tuple(ArticleTopic(name, qcode) for name, qcode in json.loads(row["topics"]))
    return Correction(row["id"], row["article"], topics, row["who"], row["note"], row["created_at"])
