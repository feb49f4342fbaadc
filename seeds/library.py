"""The articles that a store keeps beside its results: listed, searched, with their topics, all results that were made
of them, and what readers corrected."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from seeds.article_rows import (
    ROWS_PER_QUERY,
    ArticleRow,
    ArticleTopic,
    Correction,
    article_of,
    article_writing,
    correction_of,
    insert_articles,
    insert_correction,
    insert_into,
    latest_corrections,
    row_of,
    rows_by_id,
    set_topics,
    topics_of,
)
from seeds.errors import ArticleExists, UnreadableRecord
from seeds.folder_sync import FolderSync
from seeds.records import UNUSABLE_ID, Article, SeedFolder
from seeds.search import Filters, cursor_at, page_query
from seeds.store import Result, Store
from seeds.tables import article_results, articles, corrections, topic_counts


@dataclass(frozen=True, slots=True)
class Entry:
    """An article in a list. `opening` is how its text begins."""

    id: str
    title: str | None
    opening: str
    date: str | None
    language: str | None
    topics: tuple[ArticleTopic, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Articles in order. `next` is the cursor of the next page; None on the last."""

    entries: tuple[Entry, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class _Changes:
    """What a digest changes in the tables; `topics` is None where they stay."""

    article: ArticleRow
    new_results: Sequence[Result]
    topics: Sequence[ArticleTopic] | None


class Library:
    """The articles of a store: those of the seed folder, and those that were sent. Safe to use from several threads and
    processes. Every method raises StoreUnavailable or StoreCorrupt where the store cannot be used.

    Args:
        follow: whether articles are added, edited and removed as the files of the seed folder are.
    """

    def __init__(self, store: Store, seeds: SeedFolder, *, follow: bool = True) -> None:
        self._store = store
        self._seeds = seeds
        self._sync = FolderSync(store, seeds)
        self._follows = follow

    def refresh(self) -> None:
        """Follow the seed folder. Every method that lists or counts does so itself."""
        if self._follows:
            self._sync.refresh()

    def add(self, new: Sequence[Article]) -> list[str]:
        """Keep articles, all or none. An article that is kept already stays as it is.

        Returns:
            The ids of those that were not kept before.

        Raises:
            ArticleExists: another article has the same id.
        """
        with article_writing(self._store) as connection:
            rows = rows_by_id(connection, [str(article.id) for article in new])
            texts = {id: (row.title, row.text) for id, row in rows.items()}
            added: list[Article] = []
            for article in new:
                id = str(article.id)
                if texts.get(id) == (article.title, article.text) or self._is_seed(article):
                    continue
                if id in texts or id in self._seeds:
                    raise ArticleExists(f"There is another article {id!r}. Send this one under an id of its own.")
                texts[id] = (article.title, article.text)
                added.append(article)
            insert_articles(connection, added)
        return [str(article.id) for article in added]

    def get(self, id: str) -> Article:
        """The article of that id: the one that was sent, or the seed file as it is now.

        Raises:
            UnknownRecord: there is none.
            UnreadableRecord: the seed file holds no readable article.
        """
        if UNUSABLE_ID.search(id):
            return self._seeds.get(id)
        with self._store.reading() as connection:
            row = connection.execute(select(articles).where(articles.c.id == id)).mappings().first()
        if row is None or row["folder"] == self._sync.folder:
            return self._seeds.get(id)
        return article_of(row)

    def page(self, filters: Filters, *, after: str | None = None, limit: int = 100) -> Page:
        """A page of articles: the latest first, by date; where words are searched, those added last first.

        Raises:
            InvalidQuery: as `Filters.check` and `search.page_query`.
            NoRecords: the seed folder cannot be read.
        """
        filters.check()
        if self._seeds.changed_at() is None:
            self._seeds.ids()  # raises NoRecords
        self.refresh()
        with self._store.reading() as connection:
            query = page_query(connection, filters, after=after, limit=limit + 1)
            rows = connection.execute(query).mappings().all()
            topics = topics_of(connection, [row["number"] for row in rows[:limit]])
        entries = tuple(
            Entry(
                row["id"], row["title"], " ".join(row["opening"].split()), row["date"] or None, row["language"],
                topics.get(row["number"], ()),
            )
            for row in rows[:limit]
        )  # fmt: skip
        last = rows[limit - 1] if len(rows) > limit else None
        return Page(entries, cursor_at(last["date"], last["number"]) if last else None)

    def total(self, topic: str = "") -> int:
        """How many articles there are, or are listed under the topic of that name."""
        self.refresh()
        query = select(func.coalesce(func.sum(topic_counts.c.articles), 0)).where(topic_counts.c.name == topic)
        with self._store.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def counts(self) -> dict[str, dict[str, int]]:
        """How many articles each topic has, by its name and by month (`2024-05`; empty where the date is not known).
        All articles are counted under the empty name."""
        self.refresh()
        query = select(topic_counts).where(topic_counts.c.articles > 0).order_by(topic_counts.c.month)
        counts: dict[str, dict[str, int]] = {}
        with self._store.reading() as connection:
            for name, month, number in connection.execute(query):
                counts.setdefault(name, {})[month] = number
        return counts

    def keep_digest(self, article: Article, results: Sequence[Result], topics: Sequence[ArticleTopic] | None) -> None:
        """Remember the results of an article, and list it under its topics, unless a reader corrected those. An article
        that is not kept, or was edited meanwhile, is left alone.

        Args:
            topics: None leaves them as they are.
        """
        results = [result for result in results if result.warning is None]
        self.refresh()
        with self._store.reading() as connection:
            if self._changes(connection, article, results, topics) is None:
                return
        with article_writing(self._store) as connection:
            changes = self._changes(connection, article, results, topics)
            if changes is None:
                return
            if changes.new_results:
                rows = [
                    {"number": changes.article.number, "key": result.key, "model": result.model}
                    for result in changes.new_results
                ]
                connection.execute(insert_into(connection, article_results).on_conflict_do_nothing(), rows)
            if changes.topics is not None:
                set_topics(connection, changes.article, changes.topics)

    def results(self, id: str) -> list[Result]:
        """All results that were made of an article, the newest first.

        Raises:
            UnknownRecord: there is no such article.
        """
        self.refresh()
        with self._store.reading() as connection:
            keys = self._keys(connection, [row_of(connection, id).number])
        results = self._store.find([key for _, key in keys]).values()
        return sorted(results, key=lambda result: (result.created_at, result.key), reverse=True)

    def correct(
        self, id: str, topics: Sequence[ArticleTopic], *, who: str | None = None, note: str | None = None
    ) -> Correction:
        """Keep what a reader says the topics of an article are, and list it under those.

        Raises:
            UnknownRecord: there is no such article.
        """
        self.refresh()
        with article_writing(self._store) as connection:
            row = row_of(connection, id)
            correction = insert_correction(connection, id, topics, who=who, note=note)
            set_topics(connection, row, correction.topics)
        return correction

    def corrections(self, id: str | None = None, *, after_id: int = 0, limit: int = 1000) -> list[Correction]:
        """What readers corrected, in the order it came: of one article, or of all.

        Args:
            after_id: of the last correction that is not wanted any more.
        """
        if id is not None and UNUSABLE_ID.search(id):
            return []
        query = select(corrections).where(corrections.c.id > after_id).order_by(corrections.c.id).limit(limit)
        if id is not None:
            query = query.where(corrections.c.article == id)
        with self._store.reading() as connection:
            return [correction_of(row) for row in connection.execute(query).mappings()]

    def export(
        self, *, models: Collection[str] = (), after_number: int = 0, limit: int = ROWS_PER_QUERY
    ) -> tuple[list[tuple[Article, list[Result]]], int | None]:
        """Articles in the order they were added, each with its latest result of each task.

        Args:
            models: results by these go before later ones by other models.
            after_number: what the call before returned.

        Returns:
            Some articles, and the `after_number` of the next call; None when these are the last.
        """
        self.refresh()
        query = select(articles).where(articles.c.number > after_number).order_by(articles.c.number).limit(limit)
        with self._store.reading() as connection:
            rows = connection.execute(query).mappings().all()
            keys = self._keys(connection, [row["number"] for row in rows])
        results_by_key = self._store.find([key for _, key in keys])
        results_by_number: dict[int, list[Result]] = {}
        for number, key in keys:
            if key in results_by_key:
                results_by_number.setdefault(number, []).append(results_by_key[key])
        exported = [(article_of(row), _latest(results_by_number.get(row["number"], ()), models)) for row in rows]
        return exported, rows[-1]["number"] if len(rows) == limit else None

    def _is_seed(self, article: Article) -> bool:
        """Whether a seed file has this article's id and text."""
        if str(article.id) not in self._seeds:
            return False
        try:
            return self._seeds.get(str(article.id)).text == article.text
        except UnreadableRecord:
            return False

    @staticmethod
    def _changes(
        connection: Connection, article: Article, results: Sequence[Result], topics: Sequence[ArticleTopic] | None
    ) -> _Changes | None:
        """What a digest changes; None where it changes nothing."""
        id = str(article.id)
        row = rows_by_id(connection, [id]).get(id)
        if row is None or row.text != article.text:
            return None
        query = select(article_results.c.key).where(article_results.c.number == row.number)
        old_keys = set(connection.execute(query).scalars())
        new_results = [result for result in results if result.key not in old_keys]
        if correction := latest_corrections(connection, [id]).get(id):
            topics = correction.topics
        if topics is not None and set(topics_of(connection, [row.number]).get(row.number, ())) == set(topics):
            topics = None
        return _Changes(row, new_results, topics) if new_results or topics is not None else None

    @staticmethod
    def _keys(connection: Connection, numbers: Sequence[int]) -> list[tuple[int, str]]:
        """Number and key of every result of the articles with these numbers."""
        query = select(article_results.c.number, article_results.c.key).where(article_results.c.number.in_(numbers))
        return [(row.number, row.key) for row in connection.execute(query)]


def _latest(results: Sequence[Result], models: Collection[str]) -> list[Result]:
    """The latest result of each task; results by these models before others."""
    ordered = sorted(results, key=lambda result: (result.model in models, result.created_at, result.key))
    return list({result.task: result for result in ordered}.values())
