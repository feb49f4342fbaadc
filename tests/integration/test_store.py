"""The result store, on SQLite and on a real PostgreSQL server."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlalchemy import select, text

import seeds.store
from seeds.errors import StoreCorrupt, StoreUnavailable
from seeds.store import Result, Store, now
from seeds.tables import MIGRATIONS, articles, results, schema

RESULT = Result(
    key="k" * 64,
    task="summary",
    content="c" * 64,
    model="lead",
    revision="1",
    parameters='{"sentences": 3}',
    vocabulary=None,
    value='{"text": "Ünïcode 🌊"}',
    milliseconds=1.5,
    created_at="2026-01-01T00:00:00+00:00",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'results.db'}" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    store = Store(url)
    yield store
    store.close()


def test_a_result_comes_back_whole(any_store: Store) -> None:
    result = replace(RESULT, key="a" * 64)
    any_store.save([result])
    assert any_store.find(["a" * 64, "b" * 64]) == {"a" * 64: result}


def test_a_kept_result_is_never_overwritten(any_store: Store) -> None:
    first = replace(RESULT, key="d" * 64)
    any_store.save([first])
    any_store.save([replace(first, revision="2")])
    assert any_store.find([first.key])[first.key].revision == "1"


def test_many_keys_are_found_in_one_call(any_store: Store) -> None:
    new = [replace(RESULT, key=f"{number:064}") for number in range(1700)]
    any_store.save(new)
    assert any_store.find([result.key for result in new]) == {result.key: result for result in new}


def test_a_store_is_opened_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    store = Store(url)
    store.save([RESULT])
    store.close()
    assert Store(url).count() == 1


def test_a_store_of_an_earlier_version_keeps_its_results(any_store: Store) -> None:
    with any_store.writing() as connection:
        for name in (
            "feedback",
            "article_results",
            "topic_counts",
            "article_topics",
            "words",
            "articles",
            "results",
            "schema",
        ):
            if name != "words" or any_store.is_sqlite:
                connection.execute(text(f"DROP TABLE dateline_{name}"))
        for migrate in MIGRATIONS[:2]:
            migrate(connection)
        connection.execute(schema.insert().values(version=2))
        connection.execute(results.insert(), [asdict(RESULT)])
    again = Store(any_store.url.render_as_string(hide_password=False))
    assert again.find([RESULT.key]) == {RESULT.key: RESULT}
    with again.reading() as connection:
        assert connection.execute(select(schema.c.version)).scalar() == len(MIGRATIONS)
        assert connection.execute(select(articles)).all() == []
    again.close()


def test_a_store_that_was_removed_is_told_and_nothing_written_beside_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'results.db'}")
    store.save([RESULT])
    for path in tmp_path.iterdir():
        path.unlink()
    for act in (store.check, store.count, lambda: store.save([RESULT])):
        with pytest.raises(StoreUnavailable, match="removed or exchanged"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_a_name_may_hold_what_an_address_may_not(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path / 'a?b#c.db'}").close()
    assert [path.name for path in tmp_path.iterdir()] == ["a?b#c.db"]


def test_a_store_in_memory_serves_every_thread() -> None:
    store = Store("sqlite://")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.save([replace(RESULT, key=f"{n:064}")]), range(20)))
    assert store.count() == 20


def test_what_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.db"
    path.write_bytes(b"this is not a database, whatever its name says" * 50)
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="Move the file away"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_newer_store_is_not_touched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    Store(url).close()
    with sqlite3.connect(tmp_path / "results.db") as connection:
        connection.execute("UPDATE dateline_schema SET version = 99")
    with pytest.raises(StoreCorrupt, match="version 99"):
        Store(url)


def test_an_older_store_is_brought_up_to_date(tmp_path: Path) -> None:
    """Version 0 is a file without tables: every migration runs, in order, once."""
    path = tmp_path / "results.db"
    sqlite3.connect(path).close()
    Store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version FROM dateline_schema").fetchall() == [(len(MIGRATIONS),)]


@pytest.mark.parametrize("url", ["mysql://host/db", "nonsense", "sqlite:////nowhere/at/all/results.db"])
def test_an_impossible_place_is_told(url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"sqlite:///path|DATELINE_STORE"):
        Store(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "mysql", "postgresql+nosuch"])
def test_a_password_is_never_shown(scheme: str) -> None:
    with pytest.raises(StoreUnavailable) as told:
        Store(f"{scheme}://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(told.value)


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'results.db'}")
    store.save([RESULT])
    with store._engine.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    big = replace(RESULT, key="z" * 64, value="x" * 100_000)
    with pytest.raises(StoreUnavailable, match="free space"):
        store.save([big])
    assert list(store.find([RESULT.key, big.key])) == [RESULT.key]


def test_replicas_that_save_the_same_results_in_opposite_order_do_not_wait_for_each_other(postgresql: str) -> None:
    """A deadlock would cancel one of them."""
    stores = [Store(postgresql), Store(postgresql)]
    for turn in range(10):
        batch = [replace(RESULT, key=f"{turn}-{number:060}") for number in range(500)]
        with ThreadPoolExecutor(2) as pool:
            orders = (batch, batch[::-1])
            for saved in [pool.submit(store.save, own) for store, own in zip(stores, orders, strict=True)]:
                saved.result(timeout=60)
    for store in stores:
        store.close()


def test_a_database_that_does_not_answer_fails_in_time(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = seeds.store.POSTGRESQL_LIMITS | {"options": "-c statement_timeout=300 -c lock_timeout=200"}
    monkeypatch.setattr(seeds.store, "POSTGRESQL_LIMITS", limits)
    store, other = Store(postgresql), Store(postgresql)
    with other._engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE dateline_results")
        with pytest.raises(StoreUnavailable, match="timeout"):
            store.save([RESULT])
    store.close()
    other.close()


def _write(url: str, first: int) -> None:
    store = Store(url)
    for number in range(first, first + 50):
        store.save([replace(RESULT, key=f"{number:064}", created_at=now())])


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(url, first)) for first in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert Store(url).count() == 100
