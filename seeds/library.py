"""The articles that a store keeps beside its results: listed, filtered, searched, with their topics, the history of
their results, and what readers corrected."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from seeds.errors import ArticleExists, InvalidQuery, UnknownRecord, UnreadableRecord
from seeds.records import UNUSABLE_ID, Article, SeedFolder
from seeds.store import Result, Store, now
from seeds.tables import articles, counts, feedback, history, results, search, topics

WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 20
CURSOR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}|)~([0-9]{1,18})")
ROWS_AT_ONCE = 500
OPENING_CHARACTERS = 160
FEW_RESULTS = 1_000
LOCK = 20210716
"""Number of the lock that PostgreSQL's writers of articles wait for."""
LOOK_AGAIN_SECONDS, LOOK_AGAIN_SHARE = 5.0, 50
"""After so many seconds the seed folder is looked through again; later where that takes long."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A topic of an article: `score` is null where a reader chose it, `qcode` where it is of no vocabulary."""

    name: str
    qcode: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An article in a list; `opening` is how its text begins."""

    id: str
    title: str | None
    opening: str
    date: str | None
    language: str | None
    topics: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some articles in order, and where the next page begins; null on the last."""

    entries: tuple[Entry, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles are wanted.

    Args:
        words: all of them stand in title or text.
        topic: its name.
        since, until: ISO dates, both included.
        model: the id of a model that made a result of the article.
    """

    words: str | None = None
    topic: str | None = None
    since: str | None = None
    until: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What a reader says the topics of an article are."""

    id: int
    article: str
    topics: tuple[Tag, ...]
    who: str | None
    note: str | None
    created_at: str


class Library:
    """The articles of a store: those of the seed folder, and those that were sent.

    Safe to use from several threads and processes.

    Args:
        follow: whether articles come and go with the files of the seed folder; else they stay as they are.
    """

    def __init__(self, store: Store, seeds: SeedFolder, *, follow: bool = True) -> None:
        self._store = store
        self._follows = follow
        self._folder = str(seeds.root.resolve())
        self._seeds = seeds
        self._dialect = sqlite if store.is_sqlite else postgresql
        self._read_folder: object = None
        self._read_again = 0.0
        self._reading_folder = threading.Lock()

    def add(self, new: Sequence[Article]) -> list[str]:
        """Keep articles, all or none; gives the ids of those that were not kept before. An article that is kept
        already is left as it is.

        Raises:
            ArticleExists: another article has the same id.
            StoreUnavailable, StoreCorrupt: the store cannot be written.
        """
        with self._writing() as connection:
            ids = [str(article.id) for article in new]
            kept = self._texts(connection, ids)
            added: list[Article] = []
            for article in new:
                id = str(article.id)
                if id in self._seeds and self._seed(id).text == article.text:
                    continue
                if id in self._seeds or kept.get(id, (article.title, article.text)) != (article.title, article.text):
                    raise ArticleExists(f"There is another article {id!r}. Send this one under an id of its own.")
                if id not in kept:
                    added.append(article)
                    kept[id] = (article.title, article.text)
            self._insert(connection, [(article, None) for article in added])
        return [str(article.id) for article in added]

    def get(self, id: str) -> Article:
        """The article of that id: the one that was sent, else the seed file as it is now.

        Raises:
            UnknownRecord: there is none.
            UnreadableRecord: the seed file holds no readable article.
        """
        if UNUSABLE_ID.search(id):
            return self._seeds.get(id)
        with self._store.reading() as connection:
            row = connection.execute(select(articles).where(articles.c.id == id)).mappings().first()
        if row is None or row["folder"] == self._folder:
            return self._seeds.get(id)
        return _article(row)

    def page(self, filters: Filters, *, after: str | None = None, limit: int = 100) -> Page:
        """A page of the articles wanted: the latest first, by date; where words are searched, those added last first.

        Raises:
            InvalidQuery: the cursor is not one, there is no word among the words, or the days are reversed.
            NoRecords: the seed folder cannot be read.
        """
        if self._seeds.changed_at() is None:
            self._seeds.ids()  # says what is wrong with the folder
        self.refresh()
        for value in (filters.words, filters.topic, filters.model):
            if value and "\0" in value:
                raise InvalidQuery("The query holds the character U+0000, which no article holds. Leave it out.")
        if filters.since and filters.until and filters.since > filters.until:
            raise InvalidQuery(f"No day lies between {filters.since} and {filters.until}. Exchange them.")
        wanted = self._wanted(filters)
        if filters.model:
            wanted = wanted.where(self._by_model(filters.model))
        source = topics if filters.topic else articles
        order: tuple[ColumnElement[Any], ...] = (source.c.date, source.c.number)
        if filters.words:
            order = (search.c.rowid if self._store.is_sqlite else articles.c.number,)
        if after is not None:
            date, number = _cursor(after)
            wanted = wanted.where(tuple_(*order) < tuple_(*((number,) if filters.words else (date, number))))
        wanted = wanted.order_by(*(column.desc() for column in order)).limit(limit + 1)
        with self._store.reading() as connection:
            rows = connection.execute(wanted).mappings().all()
            tags = self._tags(connection, [row["number"] for row in rows[:limit]])
        entries = tuple(
            Entry(
                row["id"],
                row["title"],
                " ".join(row["opening"].split()),
                row["date"] or None,
                row["language"],
                tags.get(row["number"], ()),
            )
            for row in rows[:limit]
        )
        more = len(rows) > limit
        return Page(entries, f"{rows[limit - 1]['date']}~{rows[limit - 1]['number']}" if more else None)

    def total(self, topic: str = "") -> int:
        """How many articles there are, or have that topic, given by its name."""
        self.refresh()
        with self._store.reading() as connection:
            summed = select(func.coalesce(func.sum(counts.c.articles), 0)).where(counts.c.name == topic)
            return int(connection.execute(summed).scalar_one())

    def counts(self) -> dict[str, dict[str, int]]:
        """How many articles each topic has in each month (`2024-05`; empty where the date is not known), by its name;
        under the empty name, all articles."""
        self.refresh()
        found: dict[str, dict[str, int]] = {}
        with self._store.reading() as connection:
            for name, month, number in connection.execute(select(counts).order_by(counts.c.month)):
                if number:
                    found.setdefault(name, {})[month] = number
        return found

    def keep_digest(self, id: str, made: Iterable[Result], tags: Sequence[Tag] | None) -> None:
        """Remember which results an article has, and its topics; those that a reader corrected stay.

        Args:
            tags: the topics to list it under; None leaves them as they are.

        Raises:
            StoreUnavailable, StoreCorrupt: the store cannot be used.
        """
        self.refresh()
        made = list(made)
        with self._store.reading() as connection:
            if not self._changes(connection, id, made, tags):
                return
        with self._writing() as connection:
            if changes := self._changes(connection, id, made, tags):
                number, date, new, tags = changes
                if new:
                    rows = [{"number": number, "key": result.key, "model": result.model} for result in new]
                    connection.execute(self._dialect.insert(history).on_conflict_do_nothing(), rows)
                if tags is not None:
                    self._tag(connection, number, date, tags)

    def _changes(
        self, connection: Connection, id: str, made: Sequence[Result], tags: Sequence[Tag] | None
    ) -> tuple[int, str, list[Result], Sequence[Tag] | None] | None:
        """What a digest changes: number and date of its article, results that are new, and its topics, where they are
        others; None where it changes nothing."""
        place = self._place(connection, id)
        if place is None:
            return None
        number, date = place
        known = set(connection.execute(select(history.c.key).where(history.c.number == number)).scalars())
        new = [result for result in made if result.key not in known]
        latest = select(feedback).where(feedback.c.article == id).order_by(feedback.c.id.desc()).limit(1)
        if corrected := connection.execute(latest).mappings().first():
            tags = _correction(corrected).topics
        if tags is not None and set(self._tags(connection, [number]).get(number, ())) == set(tags):
            tags = None
        return (number, date, new, tags) if new or tags is not None else None

    def results(self, id: str) -> list[Result]:
        """All results that were made of an article, the newest first.

        Raises:
            UnknownRecord: there is no such article.
        """
        self.refresh()
        with self._store.reading() as connection:
            number, _ = self._placed(connection, id)
            keys = select(history.c.key).where(history.c.number == number)
            rows = connection.execute(
                select(results).where(results.c.key.in_(keys)).order_by(results.c.created_at.desc(), results.c.key)
            )
            return [Result(**row) for row in rows.mappings()]

    def correct(self, id: str, tags: Sequence[Tag], *, who: str | None, note: str | None) -> Correction:
        """Keep what a reader says the topics of an article are, and list it under those.

        Raises:
            UnknownRecord: there is no such article.
        """
        self.refresh()
        row = {
            "article": id, "topics": json.dumps([[tag.name, tag.qcode] for tag in tags], ensure_ascii=False),
            "who": who or None, "note": note or None, "created_at": now(),
        }  # fmt: skip
        with self._writing() as connection:
            number, date = self._placed(connection, id)
            key = connection.execute(insert(feedback).values(row)).inserted_primary_key
            self._tag(connection, number, date, [Tag(tag.name, tag.qcode) for tag in tags])
        assert key is not None
        return _correction({**row, "id": key[0]})

    def corrections(self, id: str | None = None, *, limit: int = 1000, after: int = 0) -> list[Correction]:
        """What readers corrected, in the order it came: of one article, or of all."""
        if id is not None and UNUSABLE_ID.search(id):
            return []
        wanted = select(feedback).where(feedback.c.id > after).order_by(feedback.c.id).limit(limit)
        if id is not None:
            wanted = wanted.where(feedback.c.article == id)
        with self._store.reading() as connection:
            return [_correction(row) for row in connection.execute(wanted).mappings()]

    def export(
        self, *, models: Collection[str] = (), after: int = 0, limit: int = ROWS_AT_ONCE
    ) -> tuple[list[tuple[Article, list[Result]]], int | None]:
        """Some articles in the order they were added, each with its latest result of each task; and what to give as
        `after` for the next, None behind the last.

        Args:
            models: results by these go before later ones by others.
        """
        self.refresh()
        with self._store.reading() as connection:
            wanted = select(articles).where(articles.c.number > after).order_by(articles.c.number).limit(limit)
            rows = connection.execute(wanted).mappings().all()
            numbers = [row["number"] for row in rows]
            made = (
                select(history.c.number, results)
                .join(results, results.c.key == history.c.key)
                .where(history.c.number.in_(numbers))
                .order_by(results.c.created_at, results.c.key)
            )
            latest: dict[int, dict[str, Result]] = {number: {} for number in numbers}
            for found in connection.execute(made).mappings():
                fields = dict(found)
                made_of = latest[fields.pop("number")]
                result = Result(**fields)
                before = made_of.get(result.task)
                if before is None or result.model in models or before.model not in models:
                    made_of[result.task] = result
        exported = [(_article(row), list(latest[row["number"]].values())) for row in rows]
        return exported, numbers[-1] if len(rows) == limit else None

    def _wanted(self, filters: Filters) -> Select[Any]:
        opening = func.substr(articles.c.text, 1, OPENING_CHARACTERS).label("opening")
        columns = [articles.c[name] for name in ("number", "id", "title", "date", "language")]
        wanted = select(*columns, opening)
        dated = articles
        if filters.words:
            wanted = self._holding(wanted, filters.words)
        if filters.topic:
            wanted = wanted.join(topics, (topics.c.number == articles.c.number) & (topics.c.name == filters.topic))
            dated = articles if filters.words else topics
        if filters.since:
            wanted = wanted.where(dated.c.date >= filters.since)
        if filters.until:
            wanted = wanted.where(dated.c.date <= filters.until, dated.c.date != "")
        return wanted

    def _by_model(self, model: str) -> ColumnElement[bool]:
        """Whether a model made a result of an article. Of a model that made few, these are looked up; of one that made
        many, each article in turn is asked, until the page is full."""
        by_model = select(history.c.number).where(history.c.model == model)
        with self._store.reading() as connection:
            few = connection.execute(by_model.limit(FEW_RESULTS)).scalars().all()
        if len(few) < FEW_RESULTS:
            return articles.c.number.in_(sorted(set(few)))
        return by_model.where(history.c.number == articles.c.number).exists()

    def _holding(self, wanted: Select[Any], words: str) -> Select[Any]:
        """Those that hold the words. The index gives them in the order they were added."""
        found = WORD.findall(words)
        if len(found) > MOST_WORDS:
            raise InvalidQuery(f"There are {len(found)} words. Search for at most {MOST_WORDS}.")
        if not found:
            raise InvalidQuery(f"There is no word in {words!r}. Search for one that the article holds.")
        if self._store.is_sqlite:
            quoted = " ".join(f'"{word}"' for word in found)
            matches = text("dateline_words MATCH :words").bindparams(words=quoted)
            return wanted.join(search, search.c.rowid == articles.c.number).where(matches)
        query = func.plainto_tsquery("simple", " ".join(found))
        return wanted.where(literal_column("words").op("@@")(query))

    @staticmethod
    def _tags(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[Tag, ...]]:
        found: dict[int, tuple[Tag, ...]] = {}
        wanted = select(topics).where(topics.c.number.in_(numbers)).order_by(topics.c.score.desc(), topics.c.name)
        for row in connection.execute(wanted).mappings():
            tag = Tag(row["name"], row["qcode"], row["score"])
            found[row["number"]] = (*found.get(row["number"], ()), tag)
        return found

    @staticmethod
    def _texts(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str | None, str]]:
        found: dict[str, tuple[str | None, str]] = {}
        for start in range(0, len(ids), ROWS_AT_ONCE):
            wanted = select(articles.c.id, articles.c.title, articles.c.text)
            rows = connection.execute(wanted.where(articles.c.id.in_(ids[start : start + ROWS_AT_ONCE])))
            found |= {id: (title, written) for id, title, written in rows}
        return found

    @staticmethod
    def _place(connection: Connection, id: str) -> tuple[int, str] | None:
        if UNUSABLE_ID.search(id):
            return None
        row = connection.execute(select(articles.c.number, articles.c.date).where(articles.c.id == id)).first()
        return (row[0], row[1]) if row else None

    def _placed(self, connection: Connection, id: str) -> tuple[int, str]:
        if (found := self._place(connection, id)) is None:
            raise UnknownRecord(f"There is no article {id!r}. GET /v1/articles lists the ids.")
        return found

    def _insert(self, connection: Connection, new: Sequence[tuple[Article, str | None]]) -> None:
        at = now()
        rows = [
            {"id": article.id, "title": article.title, "date": article.date or "", "url": article.url,
             "language": article.language, "text": article.text, "folder": self._folder if stamp else None,
             "stamp": stamp, "added_at": at}
            for article, stamp in new
        ]  # fmt: skip
        if rows:
            connection.execute(insert(articles), rows)
            self._count(connection, Counter(("", str(row["date"])[:7]) for row in rows))

    def _tag(self, connection: Connection, number: int, date: str, tags: Sequence[Tag]) -> None:
        """List an article under these topics and no others."""
        before = connection.execute(select(topics.c.name).where(topics.c.number == number)).scalars().all()
        connection.execute(delete(topics).where(topics.c.number == number))
        distinct = list({tag.name: tag for tag in tags}.values())
        rows = [
            {"number": number, "name": tag.name, "qcode": tag.qcode, "score": tag.score, "date": date}
            for tag in distinct
        ]
        if rows:
            connection.execute(insert(topics), rows)
        changes = Counter({(tag.name, date[:7]): 1 for tag in distinct})
        changes.subtract((name, date[:7]) for name in before)
        self._count(connection, changes)

    def _count(self, connection: Connection, changes: Mapping[tuple[str, str], int]) -> None:
        rows = [
            {"name": name, "month": month, "articles": by} for (name, month), by in sorted(changes.items()) if by
        ]  # in one order everywhere: two replicas never wait for each other
        if not rows:
            return
        adding = self._dialect.insert(counts)
        total = {"articles": counts.c.articles + adding.excluded.articles}
        connection.execute(adding.on_conflict_do_update(index_elements=["name", "month"], set_=total), rows)

    def refresh(self) -> None:
        """Bring the articles of the seed folder up to date, if files came or went since it was last read, and now and
        then in case one was edited. While another thread does so, what is kept is good enough.

        Raises:
            StoreUnavailable, StoreCorrupt: the store cannot be used.
        """
        if not self._follows or not self._reading_folder.acquire(blocking=self._read_again == 0.0):
            return
        try:
            changed = self._seeds.changed_at()
            if changed == self._read_folder and time.monotonic() < self._read_again:
                return
            started = time.monotonic()
            found = self._seeds.stamps() if changed is not None else {}
            with self._store.reading() as connection:
                is_followed = self._kept(connection) == found
            if not is_followed:
                with self._writing() as connection:
                    self._follow(connection, found, self._kept(connection))
            self._read_folder = changed
            took = time.monotonic() - started
            self._read_again = started + max(LOOK_AGAIN_SECONDS, LOOK_AGAIN_SHARE * took)
        finally:
            self._reading_folder.release()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction beside which no other changes articles: what it counts adds up."""
        with self._store.writing() as connection:
            if not self._store.is_sqlite:  # which has one writer at a time by itself
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
            yield connection

    def _kept(self, connection: Connection) -> dict[str, str]:
        """The stamps of this folder's seed files that were read, by id."""
        rows = connection.execute(select(articles.c.id, articles.c.stamp).where(articles.c.folder == self._folder))
        return {row.id: row.stamp for row in rows}

    def _follow(self, connection: Connection, found: Mapping[str, str], kept: Mapping[str, str]) -> None:
        """Make the articles those of the files `found`, where those `kept` are; by their stamps."""
        changed = [id for id in kept if id in found and found[id] != kept[id]]
        texts = self._texts(connection, changed)
        renewed = []
        for id in changed:
            article = self._seed(id)
            place = self._place(connection, id)
            if place and texts.get(id) == (article.title, article.text) and place[1] == (article.date or ""):
                connection.execute(update(articles).where(articles.c.id == id).values(stamp=found[id]))
            else:
                renewed.append(id)
        self._remove(connection, [*(id for id in kept if id not in found), *renewed])
        new = [*(id for id in found if id not in kept), *renewed]
        sent = self._texts(connection, new)
        new = [id for id in reversed(sorted(new)) if id not in sent]  # noqa: C413 - so that undated ones are in order
        self._insert(connection, [(self._seed(id), found[id]) for id in new])
        for start in range(0, len(new), ROWS_AT_ONCE):
            said = select(feedback).where(feedback.c.article.in_(new[start : start + ROWS_AT_ONCE]))
            for row in connection.execute(said.order_by(feedback.c.id)).mappings():
                number, date = self._placed(connection, row["article"])
                self._tag(connection, number, date, _correction(row).topics)

    def _seed(self, id: str) -> Article:
        try:
            return self._seeds.get(id)
        except UnreadableRecord:  # listed all the same: asking for it says what is wrong
            return Article("", id)

    def _remove(self, connection: Connection, ids: Sequence[str]) -> None:
        for id in ids:
            if found := self._place(connection, id):
                number, date = found
                self._tag(connection, number, date, ())
                connection.execute(delete(history).where(history.c.number == number))
                connection.execute(delete(articles).where(articles.c.number == number))
                self._count(connection, {("", date[:7]): -1})


def _article(row: RowMapping) -> Article:
    return Article(row["text"], row["id"], row["title"], row["date"] or None, row["url"], row["language"])


def _cursor(written: str) -> tuple[str, int]:
    found = CURSOR.fullmatch(written)
    if not found:
        raise InvalidQuery(f"{written!r} is not a cursor. Send the 'next' of the page before, unchanged.")
    return found[1], int(found[2])


def _correction(row: Mapping[str, Any] | RowMapping) -> Correction:
    tags = tuple(Tag(name, qcode) for name, qcode in json.loads(row["topics"]))
    return Correction(row["id"], row["article"], tags, row["who"], row["note"], row["created_at"])
