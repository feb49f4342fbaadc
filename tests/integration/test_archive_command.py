"""`dateline archive` as a user starts it: killed, interrupted, fed from a pipe, on several workers."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from models.extractive.lead import Lead
from seeds.archives import ReadOptions, find_sources
from service.archive.part import Notify
from service.archive.processes import Processes
from service.archive.run import ArchiveRun
from service.archive.workers import Setup
from service.digest import DigestOptions
from service.errors import ExecutorUnavailable
from tests.acceptance.test_cli import DATELINE
from tests.archives import LEAD, TEXTS, archive_job, archive_run, contents, rows, story, write_jsonl
from tests.patience import until
from tests.poison import doomed, never, poisoned

Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Starts the command."""

    def start(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
        environment = os.environ | {"DATELINE_SEEDS": str(tmp_path), "OMP_NUM_THREADS": "1"} | options.pop("env", {})
        return subprocess.Popen(
            [DATELINE, "archive", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # jobs in the background ignore it
            **options,
        )  # fmt: skip

    return start


def ended(process: "subprocess.Popen[str]", *, seconds: int = 120, input: str | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, once the command has ended."""
    out, err = process.communicate(input, timeout=seconds)
    return process.returncode, out, err


# ---- killed


@pytest.mark.slow
def test_killed_at_twenty_moments_the_archive_is_the_same(tmp_path: Path, command: Command) -> None:
    texts = [story(n) | {"text": f"Story {n} begins. " + " ".join(TEXTS)} for n in range(30_000)]
    source = write_jsonl(tmp_path / "in.jsonl", [row if n % 100 else {"id": str(n)} for n, row in enumerate(texts)])
    assert ended(command(source, "--out", tmp_path / "a.jsonl", *LEAD))[0] == 3
    chance = random.Random(7)
    kills = 0
    for _ in range(200):
        process = command(source, "--out", tmp_path / "b.jsonl", *LEAD)
        if kills < 20:
            wait_for_progress(tmp_path / "b.jsonl", process)
            time.sleep(chance.random() * 0.2)  # the moment is meant to be any
            process.send_signal(signal.SIGKILL if kills % 4 else signal.SIGINT)
            kills += 1
        code, _, _ = ended(process)
        if code == 3:
            break
        assert code in {-signal.SIGKILL, 130, -signal.SIGINT}
        if (tmp_path / "b.jsonl").exists():  # killed after its last act
            assert contents(tmp_path / "b.jsonl") == contents(tmp_path / "a.jsonl")
    assert kills >= 10
    for name in ("{}.jsonl", "{}.jsonl.errors.jsonl"):
        assert contents(tmp_path / name.format("a")) == contents(tmp_path / name.format("b"))
    left = {path.name for path in tmp_path.iterdir() if path.name.startswith("b.") and ".results.db" not in path.name}
    assert left == {"b.jsonl", "b.jsonl.errors.jsonl", "b.jsonl.run.json"}


def wait_for_progress(out: Path, process: "subprocess.Popen[str]") -> None:
    """Until a part is done that was not before, or the command has ended."""
    folder = out.with_name(out.name + ".parts")
    known = set(folder.glob("*.json")) if folder.exists() else set()
    until(lambda: process.poll() is not None or bool(set(folder.glob("*.json")) - known), seconds=60)


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_ctrl_c_ends_with_130_and_what_to_do(tmp_path: Path, command: Command, executor: str) -> None:
    source = write_jsonl(
        tmp_path / "in.jsonl", [story(n) | {"text": f"{n}. " + " ".join(TEXTS)} for n in range(14_000)]
    )
    process = command(source, "--out", tmp_path / "o.jsonl", *LEAD, "--executor", executor)
    wait_for_progress(tmp_path / "o.jsonl", process)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 130, err
    assert "Run the same command again" in err
    assert "Traceback" not in err


# ---- what it says


def test_the_command_says_what_it_does(tmp_path: Path, command: Command) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)] + [{"text": ""}])
    out = tmp_path / "o.jsonl"
    _, shown, _ = ended(command(source, "--out", out, "--dry-run"))
    assert "in.jsonl:1" in shown
    assert not out.exists()
    code, _, err = ended(command(source, "--out", out, *LEAD))
    assert code == 3
    assert "fields read: text from 'text'" in err
    assert "6 records, 1 failed" in err
    assert "finished already" in ended(command(source, "--out", out, *LEAD))[2]
    code, _, err = ended(command(source, "--out", out, *LEAD, "--sentences", "1"))
    assert code == 1
    assert "--restart" in err
    _, shown, _ = ended(command(source, "--out", tmp_path / "j.jsonl", *LEAD, "--json"))
    assert json.loads(shown)["records"] == 6


def test_delimiter_and_encoding_are_said_aloud(tmp_path: Path, command: Command) -> None:
    (tmp_path / "n.csv").write_bytes("id;title;text\r\n1;Über uns;Während es regnete.\r\n".encode("cp1252"))
    _, _, err = ended(command(tmp_path / "n.csv", "--out", tmp_path / "o.csv", *LEAD))
    assert "values separated by ';'" in err
    assert "windows-1252" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["in.jsonl", "--out", "in.jsonl"], 1, "is the input"),
        (["in.jsonl", "--out", "in.jsonl", "--restart"], 1, "is the input"),
        (["in.jsonl", "--out", "in.jsonl/x.jsonl"], 1, "not a folder"),
        (["in.jsonl", "--out", "o.docx"], 1, "--output-format"),
        (["in.jsonl", "--out", "o.jsonl", "--fields", "id,nonsense"], 2, "nonsense"),
        (["in.jsonl", "--out", "o.jsonl", "--encoding", "nonsense"], 2, "nonsense"),
        (["in.jsonl", "--out", "o.jsonl", "--restart", "--resume"], 2, "exclude"),
        (["in.jsonl", "--out", "o.jsonl", "--sentences", "-1"], 2, "sentences"),
        (["in.jsonl", "--out", "o.jsonl", "--model", "nonsense"], 1, "nonsense"),
        (["in.jsonl", "--out", "o.jsonl", "--store", "postgresql://me:secret@127.0.0.1:1/db"], 1, "127.0.0.1"),
        (["empty.jsonl", "--out", "o.jsonl"], 1, "no record"),
        (["", "--out", "o.jsonl"], 1, "input is empty"),
        (["in.jsonl", "--out", "/"], 2, "names no file"),
        (["in.jsonl", "--out", "o.jsonl", "--encoding", "base64"], 2, "base64"),
        (["in.jsonl", "--out", "o.jsonl", "--delimiter", "ab"], 2, "tab"),
        (
            ["in.jsonl", "--out", "o.jsonl", "--store", "postgresql://127.0.0.1:1/db?user=u&password=secret"],
            1,
            "127.0.0.1",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_leaves_nothing(
    tmp_path: Path, command: Command, arguments: list[str], code: int, words: str
) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    (tmp_path / "empty.jsonl").write_text("\n")
    before = source.read_bytes()
    options = LEAD if "--model" not in arguments else LEAD[:2]
    got, out, err = ended(command(*arguments, *options, cwd=tmp_path))
    assert got == code, err
    assert words in err
    assert "Traceback" not in err
    assert "secret" not in out + err
    assert source.read_bytes() == before
    left = {path.name for path in tmp_path.iterdir() if ".results.db" not in path.name}
    assert left <= {"in.jsonl", "empty.jsonl", "o.jsonl.run.json"}
    again = ended(command("in.jsonl", "--out", "o.jsonl", *LEAD, cwd=tmp_path))
    assert again[0] == 0, again  # nothing that was refused stands in its way


def test_an_output_in_the_input_s_own_folder(tmp_path: Path, command: Command) -> None:
    write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)])
    for words in ("5 records", "finished already"):
        assert words in ended(command(tmp_path, "--out", tmp_path / "o.jsonl", *LEAD))[2]
    code, _, err = ended(command(tmp_path, "--out", tmp_path / "p.jsonl", *LEAD))
    assert (code, "are left out" in err, len(rows(tmp_path / "p.jsonl"))) == (0, True, 5)


@pytest.mark.parametrize("redirect", [">/dev/full", ">&-"])
def test_an_output_that_takes_nothing_is_one_line(tmp_path: Path, redirect: str) -> None:
    (tmp_path / "a.txt").write_text("It rained on Monday. Nobody went out.")
    script = f"{DATELINE} digest {tmp_path / 'a.txt'} --tasks summary --summary-model lead --json {redirect}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr


def test_a_terminal_of_another_encoding_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("It rained “on Monday”. 今天下雨。")
    command = [DATELINE, "digest", str(tmp_path / "a.txt"), "--tasks", "summary", "--summary-model", "lead", "--json"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "PYTHONIOENCODING=utf-8" in done.stderr


# ---- standard input


def test_standard_input_is_never_taken_for_what_it_may_not_be(tmp_path: Path, command: Command) -> None:
    def run(first: int, *options: str) -> tuple[int, str, str]:
        lines = "".join(json.dumps(story(first + n)) + "\n" for n in range(4))
        process = command("-", "--out", tmp_path / "o.jsonl", *LEAD, *options, stdin=subprocess.PIPE)
        return ended(process, input=lines)

    assert run(0, "--quiet") == (0, "", "")
    assert [row["id"] for row in rows(tmp_path / "o.jsonl")] == ["s0", "s1", "s2", "s3"]
    before = contents(tmp_path / "o.jsonl")
    code, _, err = run(100)
    assert (code, "--resume" in err, contents(tmp_path / "o.jsonl")) == (1, True, before)
    code, _, err = run(100, "--resume")
    assert (code, "part 0 differs" in err, contents(tmp_path / "o.jsonl")) == (1, True, before)
    code, _, err = run(0, "--resume")
    assert (code, "finished already" in err) == (0, True)
    assert run(100, "--restart")[0] == 0
    assert [row["id"] for row in rows(tmp_path / "o.jsonl")] == ["s100", "s101", "s102", "s103"]


@pytest.mark.slow
def test_an_interrupted_pipe_is_gone_on_with_when_it_is_the_same(tmp_path: Path, command: Command) -> None:
    lines = [json.dumps(story(n) | {"text": f"Story {n} begins. " + " ".join(TEXTS)}) + "\n" for n in range(8_000)]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    assert ended(command(tmp_path / "in.jsonl", "--out", tmp_path / "a.jsonl", *LEAD))[0] == 0
    with (tmp_path / "in.jsonl").open() as file:
        process = command("-", "--out", tmp_path / "b.jsonl", *LEAD, stdin=file)
        wait_for_progress(tmp_path / "b.jsonl", process)
        process.kill()
        ended(process)
    with (tmp_path / "in.jsonl").open() as file:
        assert ended(command("-", "--out", tmp_path / "b.jsonl", *LEAD, "--resume", stdin=file))[0] == 0
    assert contents(tmp_path / "a.jsonl") == contents(tmp_path / "b.jsonl")


# ---- workers


@pytest.mark.parametrize(
    "options", [("--executor", "local"), ("--workers", "1"), ("--workers", "3"), ("--engine", "ray")]
)
def test_every_executor_writes_the_same_bytes(tmp_path: Path, command: Command, options: tuple[str, ...]) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) if n % 40 else {"id": str(n)} for n in range(6_000)])
    archive_run(source, tmp_path / "a.jsonl", model=Lead(), wanted=DigestOptions(summary_model="lead")).go()
    code, _, err = ended(command(source, "--out", tmp_path / "b.jsonl", *LEAD, *options))
    assert code == 3, err
    for name in ("{}.jsonl", "{}.jsonl.errors.jsonl"):
        assert contents(tmp_path / name.format("a")) == contents(tmp_path / name.format("b"))


@pytest.mark.slow
def test_a_ray_worker_that_is_killed_loses_nothing(tmp_path: Path, command: Command) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(14_000)])
    local = command(source, "--out", tmp_path / "a.jsonl", *LEAD)
    on_ray = command(source, "--out", tmp_path / "b.jsonl", *LEAD, "--executor", "ray")
    wait_for_progress(tmp_path / "b.jsonl", on_ray)
    [victim, *_] = actors_below(on_ray.pid)
    os.kill(victim, signal.SIGKILL)
    for process in (local, on_ray):
        code, _, err = ended(process, seconds=180)
        assert code == 0, err
    assert contents(tmp_path / "a.jsonl") == contents(tmp_path / "b.jsonl")


def actors_below(pid: int) -> list[int]:
    """The processes of Ray's actors that a process started."""
    children = psutil.Process(pid).children(recursive=True)
    return [child.pid for child in children if any("_Actor" in part for part in child.cmdline())]


def test_without_ray_the_command_to_install_it_is_said(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    script = (
        "import sys; sys.modules['ray'] = None; "
        f"sys.argv = ['dateline', 'archive', {str(source)!r}, '--out', {str(tmp_path / 'o.jsonl')!r}, '--executor', 'ray', "
        "'--tasks', 'summary', '--model', 'lead']; from service.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "pip install 'dateline[ray]'" in done.stderr


# ---- records that end a worker


def run_in_processes(source: Path, out: Path, make: Any, *, number: int = 2) -> ArchiveRun:
    read = ReadOptions(slice_records=50, slice_bytes=40_000)
    job = archive_job(source, out, model=Lead(), wanted=DigestOptions(summary_model="lead"), read=read)

    def start(setup: Setup, notify: Notify) -> Processes:
        return Processes(replace(setup, make=make), number=number, notify=notify)

    return ArchiveRun(job, find_sources(str(source)), start)


@pytest.mark.slow
def test_a_record_that_ends_its_worker_is_set_aside_and_the_others_live(tmp_path: Path) -> None:
    bad = {33, 34, 170}
    inputs = [story(n) | ({"text": f"POISON {n}."} if n in bad else {}) for n in range(200)]
    source = write_jsonl(tmp_path / "in.jsonl", inputs)
    report = run_in_processes(source, tmp_path / "o.jsonl", poisoned).go()
    found = rows(tmp_path / "o.jsonl")
    assert [row["id"] for row in found] == [f"s{n}" for n in range(200)]
    assert {n for n, row in enumerate(found) if row["error"]} == bad
    assert {row["error"]["error_type"] for row in found if row["error"]} == {"worker_ended"}
    assert report.counts.failed == 3
    assert [row["id"] for row in rows(tmp_path / "o.jsonl.errors.jsonl")] == ["s33", "s34", "s170"]


@pytest.mark.slow
def test_workers_that_end_whatever_they_do_are_said_to(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(200)])
    with pytest.raises(ExecutorUnavailable, match="again and again"):
        run_in_processes(source, tmp_path / "o.jsonl", doomed, number=1).go()
    with pytest.raises(ExecutorUnavailable, match="while it started"):
        run_in_processes(source, tmp_path / "p.jsonl", never).go()
    archive_run(source, tmp_path / "q.jsonl", model=Lead(), wanted=DigestOptions(summary_model="lead")).go()


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(tmp_path: Path, command: Command) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(14_000)])
    assert ended(command(source, "--out", tmp_path / "a.jsonl", *LEAD))[0] == 0
    process = command(source, "--out", tmp_path / "b.jsonl", *LEAD)
    wait_for_progress(tmp_path / "b.jsonl", process)
    workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    code, _, err = ended(process)
    assert code == 0, err
    assert contents(tmp_path / "a.jsonl") == contents(tmp_path / "b.jsonl")
