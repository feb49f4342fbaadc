"""The command line, as a user runs it."""

import contextlib
import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from seeds.article_rows import ArticleTopic
from seeds.library import Library
from seeds.records import Article, SeedFolder
from seeds.store import Result, Store, now
from tests import articles
from tests.conftest import SEED_ID

DATELINE = str(Path(sys.executable).parent / "dateline")


def run(*arguments: str | Path, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
    known = {
        name: value
        for name, value in os.environ.items()
        if name == "DATELINE_MODELS" or not name.startswith("DATELINE_")
    }
    done = subprocess.run(
        [DATELINE, *map(str, arguments)], input=stdin, capture_output=True, timeout=120, env=known | variables
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_in_a_pipe_digests_are_json_lines(seeds_folder: Path) -> None:
    (seeds_folder / "football.txt").write_text(articles.FOOTBALL)
    done = run("digest", seeds_folder, DATELINE_SEEDS=str(seeds_folder))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in lines] == [SEED_ID, "football"]
    assert lines[0]["topics"][0]["qcode"] == "medtop:16000000"
    again = run("digest", seeds_folder / "football.txt", DATELINE_SEEDS=str(seeds_folder))
    assert json.loads(again.stdout)["cached"] == {"summary": True, "topics": True}


def test_standard_input_and_options() -> None:
    done = run("digest", "-", "--tasks", "summary", "--summary-model", "lead", "--sentences", "1",
               stdin=articles.FOOTBALL.encode())  # fmt: skip
    found = json.loads(done.stdout)
    assert found["summary"]["text"] == articles.FOOTBALL.split("\n")[0]
    assert found["topics"] is None


def test_on_a_terminal_it_reads_well(seeds_folder: Path) -> None:
    shown = on_a_terminal("digest", str(seeds_folder), DATELINE_SEEDS=str(seeds_folder))
    for expected in (SEED_ID, "ceasefire", "█", "conflict, war and peace", "news-minilm@"):
        assert expected in shown


def on_a_terminal(*arguments: str, **variables: str) -> str:
    """What the command prints to a terminal of 90 columns."""
    ours, theirs = pty.openpty()
    known = os.environ | {"COLUMNS": "90", "TERM": "xterm"} | variables
    process = subprocess.Popen([DATELINE, *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env=known)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # a terminal whose other end is closed
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return shown.decode()


def test_files_elsewhere_leave_no_store_behind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(articles.BUDGET)
    assert run("digest", tmp_path, "--tasks", "summary", "--summary-model", "lead").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"caf\xe9", "iconv"),
        (b"a\0b", "U+0000"),
        (b"a" * 5_000_000, "400,000"),
    ],
    ids=["empty", "white space", "not UTF-8", "NUL", "5 MB"],
)
def test_a_bad_file_fails_with_its_reason(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    done = run("digest", path, "--tasks", "summary", "--summary-model", "lead")
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_among_several_the_others_are_answered(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(articles.BUDGET)
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe")
    done = run("digest", tmp_path, "--tasks", "summary", "--summary-model", "lead")
    assert done.returncode == 3
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["id"], line["error"] is None) for line in lines] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["digest", "/no/such/file.txt"], 1, "no file or folder"),
        (["digest", "A whole article as an argument. " * 20], 1, "standard input"),
        (["serve", "--host", "192.0.2.1"], 1, "Cannot listen"),
        (["digest", "-", "--tasks", "translate"], 2, "translate"),
        (["digest", "-", "--summary-model", "gpt"], 1, "Presets: news-minilm, lead"),
        (["digest", "-", "--sentences", "0"], 2, "equal to 1"),
        (["digest", "-", "--sentences", "x"], 2, "integer"),
        (["digest", "-", "--colour"], 2, "--colour"),
        (["digest"], 2, "paths"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_wrong_usage(arguments: list[str], code: int, says: str) -> None:
    done = run(*arguments, stdin=b"One sentence stands here.")
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_whose_name_is_not_unicode_is_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text(articles.BUDGET)
    done = run("digest", tmp_path, "--tasks", "summary", "--summary-model", "lead")
    assert (done.returncode, json.loads(done.stdout)["id"]) == (0, "caf\ufffd")


def test_a_default_that_cannot_do_its_task_stops_the_start() -> None:
    done = run("serve", "--port", "0", DATELINE_TOPICS_MODEL="lead", DATELINE_STORE="sqlite://")
    assert (done.returncode, "does not do topics" in done.stderr) == (1, True)


def test_a_folder_without_records(tmp_path: Path) -> None:
    done = run("digest", tmp_path)
    assert (done.returncode, "no records" in done.stderr) == (1, True)


def test_a_wrong_setting_is_named() -> None:
    done = run("serve", DATELINE_PORT="http")
    assert done.returncode == 2
    assert "DATELINE_PORT" in done.stderr


def test_models_are_listed() -> None:
    lines = [json.loads(line) for line in run("models", "list").stdout.splitlines()]
    assert [line["id"] for line in lines if line["ready"]] == ["news-minilm", "lead"]


def test_what_is_kept_is_exported(tmp_path: Path, seeds_folder: Path) -> None:
    store = Store(f"sqlite:///{seeds_folder / 'results.db'}")
    library = Library(store, SeedFolder(seeds_folder))
    article = Article("Rain fell on Vik.", "rain", "Rain", "2024-05-08")
    library.add([article])
    made = Result(
        "k" * 64, "summary", "c", "lead", "1", '{"language": "en"}', None, '{"text": "Rain fell on Vik."}', 1.0, now()
    )
    store.save([made])
    library.keep_digest(article, [made], None)
    library.correct("rain", [ArticleTopic("weather", "medtop:17000000")], who="Ann", note=None)
    store.close()

    def exported(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return run("export", *arguments, DATELINE_SEEDS=str(seeds_folder))

    rows = [json.loads(line) for line in exported("--with-text").stdout.splitlines()]
    assert {row["id"]: row["text"][:4] for row in rows} == {"rain": "Rain", SEED_ID: "An A"}
    [rain] = [row for row in rows if row["id"] == "rain"]
    assert (rain["language"], rain["summary"], rain["topics"]) == ("en", {"text": "Rain fell on Vik."}, None)
    assert rain["provenance"] == {"summary": {"model": "lead", "revision": "1", "key": "k" * 64}}
    assert json.loads(exported("--corrections").stdout)["topics"] == [{"name": "weather", "qcode": "medtop:17000000"}]
    assert exported("--format", "csv", "--out", str(tmp_path / "all.csv.gz")).returncode == 0
    assert len(gzip.decompress((tmp_path / "all.csv.gz").read_bytes()).splitlines()) == 3
    assert exported("--format", "parquet", "--out", str(tmp_path / "all")).returncode == 0
    assert pyarrow.parquet.read_table(tmp_path / "all").num_rows == 2
    (seeds_folder / "bad.txt").write_bytes(b"\xff")
    Library(Store(f"sqlite:///{seeds_folder / 'results.db'}"), SeedFolder(seeds_folder)).refresh()
    incomplete = exported()
    assert (incomplete.returncode, len(incomplete.stdout.splitlines())) == (3, 2)
    assert "1 seed files cannot be read" in incomplete.stderr
    for arguments, says in (
        (["--corrections", "--out", str(tmp_path / "c.jsonl.gz")], "plain JSON lines"),
        (["--format", "xml"], "jsonl, csv"),
        (["--format", "parquet"], "--out"),
        (["--format", "parquet", "--out", str(tmp_path / "all")], "exists"),
        (["--out", str(tmp_path / "none" / "all.csv")], "no folder"),
        (["--corrections", "--format", "csv"], "JSON lines"),
    ):
        refused = exported(*arguments)
        assert (refused.returncode, says in refused.stderr) == (2, True), refused.stderr
