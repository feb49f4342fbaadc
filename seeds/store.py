"""Results beside records: an SQLite file by default, PostgreSQL when replicas share one. Looks results up by key, in
batches, and never overwrites one."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, func, insert, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from seeds.errors import StoreCorrupt, StoreUnavailable
from seeds.tables import MIGRATIONS, results, schema

KEYS_PER_QUERY = 500
BUSY_SECONDS = 30
FILE = "sqlite:///"
POSTGRESQL_LIMITS = {
    "connect_timeout": 5, "options": "-c statement_timeout=30000 -c lock_timeout=10000",
    "keepalives_idle": 30, "tcp_user_timeout": 30_000,
}  # fmt: skip
"""Seconds, and milliseconds in `options` and `tcp_user_timeout`: a database that does not answer fails a request, and
does not hold it for ever."""

BY_KEYS = select(results).where(results.c.key.in_(bindparam("keys", expanding=True)))


@dataclass(frozen=True, slots=True)
class Result:
    """One task's result for one content, with its provenance.

    Args:
        content: the SHA-256 of what was read.
        parameters: a JSON object, as text.
        value: the answer itself as JSON text: a summary object, or a list of topics.
        milliseconds: its share of the inference that it came from.
        warning: why it is not what was asked for; such a result is never stored.
    """

    key: str
    task: str
    content: str
    model: str
    revision: str
    parameters: str
    vocabulary: str | None
    value: str
    milliseconds: float
    created_at: str
    warning: str | None = None


def now() -> str:
    """The present moment as results carry it: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Store:
    """The store at a database URL. Safe to use from several threads and processes: SQLite runs in WAL mode with one
    writer at a time.

    Raises:
        StoreUnavailable: the store cannot be reached or written.
        StoreCorrupt: the file is not a store, or a newer version of Dateline wrote it.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.name = self.url.database or "" if self.is_sqlite else _shown(self.url)
        self._insertion = (sqlite if self.is_sqlite else postgresql).insert(results).on_conflict_do_nothing()
        # SQLite has one writer at a time; waiting for a lock of ours is fairer than its own retries.
        self._write_lock = threading.Lock() if self.is_sqlite else nullcontext()
        self._engine = self._create_engine()
        with self._errors("opened"):
            self._migrate()
        self._file = self._identity()

    def find(self, keys: Sequence[str]) -> dict[str, Result]:
        """The stored results of those keys; a key that has none is absent."""
        distinct = list(dict.fromkeys(keys))
        results_by_key: dict[str, Result] = {}
        with self.reading() as connection:
            for start in range(0, len(distinct), KEYS_PER_QUERY):
                for row in connection.execute(BY_KEYS, {"keys": distinct[start : start + KEYS_PER_QUERY]}).mappings():
                    results_by_key[row["key"]] = Result(**row)
        return results_by_key

    def save(self, new: Sequence[Result]) -> None:
        """Keep the results, all or none. A key that is already kept stays as it is."""
        if not new:
            return
        columns = [column.name for column in results.columns]
        rows = [{name: getattr(result, name) for name in columns} for result in new]
        rows.sort(key=itemgetter("key"))  # in one order everywhere, or two replicas could each wait for the other's row
        with self.writing() as connection:
            connection.execute(self._insertion, rows)

    def count(self) -> int:
        """How many results are kept."""
        with self.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(results)).scalar_one())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read by.

        Raises:
            StoreUnavailable, StoreCorrupt: the store cannot be read.
        """
        self.check()
        with self._errors("read"), self._engine.connect() as connection:
            yield connection.execution_options(reads=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is kept, or none.

        Raises:
            StoreUnavailable, StoreCorrupt: the store cannot be written.
        """
        self.check()
        with self._errors("written"), self._write_lock, self._engine.begin() as connection:
            yield connection

    def check(self) -> None:
        """Refuse to go on with a file that was removed or exchanged: what is written to it would be lost.

        Raises:
            StoreUnavailable: it was.
        """
        if self._identity() != self._file:
            raise StoreUnavailable(
                f"The result store {self.name!r} was removed or exchanged while it was in use. Put it back, or restart."
            )

    def close(self) -> None:
        self._engine.dispose()

    def _identity(self) -> tuple[int, int] | None:
        """Which file the store is; None for one that is not a file."""
        if not self.is_sqlite or self.url.database in (None, "", ":memory:"):
            return None
        try:
            state = os.stat(str(self.url.database))
        except OSError:
            return (0, 0)
        return (state.st_dev, state.st_ino)

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def _create_engine(self) -> Engine:
        if not self.is_sqlite:
            try:
                return create_engine(self.url, pool_pre_ping=True, connect_args=POSTGRESQL_LIMITS)
            except (ModuleNotFoundError, NoSuchModuleError) as error:
                raise StoreUnavailable(
                    "A PostgreSQL store needs its driver. Install it: pip install 'dateline[postgresql]', and "
                    "write the address as postgresql://…"
                ) from error
        if self.url.database in (None, "", ":memory:"):
            engine = create_engine(self.url, poolclass=StaticPool, connect_args={"check_same_thread": False})
            event.listen(engine, "connect", _configure_sqlite)
            return engine
        engine = create_engine(self.url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _migrate(self) -> None:
        with self._engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(20210715)"))
            tables = inspect(connection).get_table_names()
            stored = select(func.max(schema.c.version))
            version = (connection.execute(stored).scalar() or 0) if schema.name in tables else 0
            if self.is_sqlite and tables and schema.name not in tables:
                raise StoreCorrupt(
                    f"{self.name!r} is a database of another program (it has a table {tables[0]!r}), not a result "
                    "store. Name another file."
                )
            if version > len(MIGRATIONS):
                raise StoreCorrupt(
                    f"The result store {self.name!r} has schema version {version}; this Dateline knows "
                    f"{len(MIGRATIONS)}. Upgrade Dateline, or set DATELINE_STORE to another file."
                )
            for migrate in MIGRATIONS[version:]:
                migrate(connection)
            if version < len(MIGRATIONS):
                connection.execute(schema.delete())
                connection.execute(insert(schema).values(version=len(MIGRATIONS)))

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            if self.is_sqlite and type(error) is DatabaseError:  # what sqlite3 raises for a file that is no database
                raise StoreCorrupt(
                    f"{self.name!r} cannot be {what} as a result store: {_reason(error)}. Move the file away to start "
                    "an empty store, or restore it from a backup. The records themselves are untouched."
                ) from error
            raise StoreUnavailable(
                f"The result store {self.name!r} cannot be {what}: {_reason(error)}. Check that the place exists, "
                "is writable and has free space, or set DATELINE_STORE to another."
            ) from error


def _parse(url: str) -> URL:
    if url.startswith(FILE):  # a name may hold ? and #, and is no address
        return URL.create("sqlite", database=url.removeprefix(FILE))
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() in {"sqlite", "postgresql"}:
            return parsed
        shown = _shown(parsed)
    except (ArgumentError, ValueError):
        shown = "The value"
    raise StoreUnavailable(
        f"{shown} names no result store. Use sqlite:///path/to/results.db or postgresql://user@host/database."
    )


def _shown(url: URL) -> str:
    """The address without its password, which may stand in the query too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _reason(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return str(cause).strip().splitlines()[0]


def _configure_sqlite(connection: object, _record: object) -> None:
    # sqlite3 would open transactions by itself, and only before writes: two processes could then both read, then
    # both try to write. SQLAlchemy's "begin" event opens them instead.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn the write-ahead log on. While another process does so SQLite says "locked" at once, without waiting."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
