"""Keeps the articles of the store as the files of a seed folder are: added, edited and removed."""

import threading
import time
from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from seeds.article_rows import (
    article_writing,
    delete_articles,
    insert_articles,
    latest_corrections,
    rows_by_id,
    set_topics,
)
from seeds.errors import UnreadableRecord
from seeds.records import Article, SeedFolder
from seeds.store import Store
from seeds.tables import articles

CHECK_SECONDS, CHECK_SHARE = 5.0, 50
"""After so many seconds the folder is read again; later where reading it takes long."""


class FolderSync:
    """Safe to use from several threads and processes. Articles of other folders, and articles that were sent, are left
    alone."""

    def __init__(self, store: Store, seeds: SeedFolder) -> None:
        self.folder = str(seeds.root.resolve())
        self._store = store
        self._seeds = seeds
        self._changed_at: int | None = None
        self._check_at = 0.0
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Bring the articles up to date, if files came or went since the folder was last read, and every few seconds
        in case one was edited. While another thread does so, and while there is no folder, articles stay as they are.

        Raises:
            StoreUnavailable, StoreCorrupt: the store cannot be used.
        """
        if not self._lock.acquire(blocking=self._check_at == 0.0):
            return
        try:
            changed_at = self._seeds.changed_at()
            if changed_at is None or (changed_at == self._changed_at and time.monotonic() < self._check_at):
                return
            started = time.monotonic()
            self._follow(self._seeds.stamps())
            self._changed_at = changed_at
            self._check_at = started + max(CHECK_SECONDS, CHECK_SHARE * (time.monotonic() - started))
        finally:
            self._lock.release()

    def _follow(self, stamps: Mapping[str, str]) -> None:
        with self._store.reading() as connection:
            if self._stored_stamps(connection) == stamps:
                return
        with article_writing(self._store) as connection:
            stored = self._stored_stamps(connection)
            gone = [id for id in stored if id not in stamps]
            edited = self._edited(connection, [id for id in stored if stamps.get(id, stored[id]) != stored[id]], stamps)
            delete_articles(connection, gone + edited)
            self._insert(connection, [*(id for id in stamps if id not in stored), *edited], stamps)

    def _edited(self, connection: Connection, ids: list[str], stamps: Mapping[str, str]) -> list[str]:
        """Those of the files with another stamp that hold another article; the others get the stamp."""
        edited = []
        rows = rows_by_id(connection, ids)
        for id in ids:
            article, row = self._read(id), rows[id]
            if (row.title, row.text, row.date) != (article.title, article.text, article.date or ""):
                edited.append(id)
            else:
                connection.execute(update(articles).where(articles.c.id == id).values(stamp=stamps[id]))
        return edited

    def _insert(self, connection: Connection, ids: list[str], stamps: Mapping[str, str]) -> None:
        """Add articles, and list them under the topics that readers chose. An id that is there already is an article's
        that was sent, or that of another folder."""
        taken = rows_by_id(connection, ids)
        new = sorted((id for id in ids if id not in taken), reverse=True)  # undated articles are listed by number
        insert_articles(connection, [self._read(id) for id in new], folder=self.folder, stamps=stamps)
        corrections = latest_corrections(connection, new)
        for id, row in rows_by_id(connection, list(corrections)).items():
            set_topics(connection, row, corrections[id].topics)

    def _read(self, id: str) -> Article:
        try:
            return self._seeds.get(id)
        except UnreadableRecord:  # it is listed all the same: asking for it tells what is wrong
            return Article("", id)

    def _stored_stamps(self, connection: Connection) -> dict[str, str]:
        query = select(articles.c.id, articles.c.stamp).where(articles.c.folder == self.folder)
        return {row.id: row.stamp for row in connection.execute(query)}
