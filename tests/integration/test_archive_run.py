"""Archive runs: one row for each record, nothing lost at any interruption, nothing destroyed that is not ours."""

import gzip
import json
import os
import sqlite3
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seeds.archives import ReadOptions, find_sources
from seeds.errors import NoRecords, StoreCorrupt, StoreUnavailable
from seeds.store import Store
from service.archive.job import MEMORY
from service.archive.part import read_part
from service.archive.paths import RunPaths, refuse_inputs, refuse_store, without_own
from service.archive.plan import Task, plan
from service.errors import ArchiveChanged, InvalidRequest, OutputUnwritable
from tests.archives import archive_job, archive_run, contents, rows, story, write_jsonl
from tests.articles import HARBOUR
from tests.doubles import INFO, Counting, load_model

SMALL = ReadOptions(slice_records=60, slice_bytes=30_000)
FIELDS = {"id", "title", "date", "url", "language", "summary", "topics", "provenance", "error"}


# ---- rows


def test_one_row_for_each_record_in_order_whatever_is_wrong(tmp_path: Path) -> None:
    path = write_jsonl(
        tmp_path / "in.jsonl", [story(0), {"id": "none"}, story(0), {"text": HARBOUR}, {"id": "nul", "text": "a\x00b"}]
    )
    out, model = tmp_path / "o.jsonl", Counting()
    counts = archive_run(path, out, model=model).go().counts
    found = rows(out)
    assert [row["id"] for row in found] == ["s0", "none", "s0", "in.jsonl:4", "nul"]
    assert [bool(row["error"]) for row in found] == [False, True, False, False, True]
    assert found[0] == found[2]
    assert len(model.seen) == 2  # the wire copy was computed once
    assert (counts.failed, dict(counts.kinds)) == (2, {"unreadable_text": 2})
    set_aside = rows(tmp_path / "o.jsonl.errors.jsonl")
    assert [(row["record"], row["place"], row["id"]) for row in set_aside] == [
        (2, "in.jsonl:2", "none"), (5, "in.jsonl:5", "nul"),
    ]  # fmt: skip
    assert set(found[0]) == FIELDS
    assert found[0]["summary"]["text"]


def test_records_are_numbered_through_all_parts(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) if n % 100 else {"id": f"s{n}"} for n in range(500)])
    archive_run(source, tmp_path / "o.jsonl", read=SMALL).go()
    assert len(list(plan(find_sources(str(source)), SMALL))) > 3
    assert [row["record"] for row in rows(tmp_path / "o.jsonl.errors.jsonl")] == [1, 101, 201, 301, 401]
    assert [row["id"] for row in rows(tmp_path / "o.jsonl")] == [f"s{n}" for n in range(500)]


def test_fields_limit_and_sample(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(300)])
    archive_run(source, tmp_path / "few.jsonl", fields=("id", "error"), limit=157, read=SMALL).go()
    assert rows(tmp_path / "few.jsonl") == [{"id": f"s{n}", "error": None} for n in range(157)]
    archive_run(source, tmp_path / "some.jsonl", fields=("id",), sample=70, read=SMALL).go()
    assert [row["id"] for row in rows(tmp_path / "some.jsonl")] == ["s0", "s70", "s140", "s210", "s280"]
    archive_run(source, tmp_path / "both.jsonl", fields=("id",), sample=70, limit=3, read=SMALL).go()
    assert [row["id"] for row in rows(tmp_path / "both.jsonl")] == ["s0", "s70", "s140"]


def test_a_sample_of_many_files_is_one_of_all_records(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.txt").write_text(f"Story {number} begins.")
    archive_run(tmp_path, tmp_path / "o.jsonl", fields=("id",), sample=10).go()
    assert [row["id"] for row in rows(tmp_path / "o.jsonl")] == ["00", "10", "20"]


def test_results_that_are_stored_are_not_computed_again(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(50)])
    store, model = Store(f"sqlite:///{tmp_path}/r.db"), Counting()
    first = archive_run(source, tmp_path / "one.jsonl", model=model, store=store).go()
    time.sleep(0.01)  # results are dated to the millisecond
    second = archive_run(source, tmp_path / "two.jsonl", model=model, store=store).go()
    assert (first.counts.cached, second.counts.cached, len(model.seen)) == (0, 50, 50)
    assert contents(tmp_path / "one.jsonl") == contents(tmp_path / "two.jsonl")


def test_ninjs_leaves_failures_out_whatever_fields_are_asked_for(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1), {"id": "x"}])
    counts = archive_run(source, tmp_path / "o.ninjs.jsonl", fields=("id", "topics")).go().counts
    assert (len(rows(tmp_path / "o.ninjs.jsonl")), counts.records, counts.left_out) == (1, 2, 1)


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_no_record_is_an_error_and_leaves_nothing_behind(tmp_path: Path, content: str) -> None:
    (tmp_path / "in.jsonl").write_text(content)
    with pytest.raises(NoRecords, match="no record"):
        archive_run(tmp_path / "in.jsonl", tmp_path / "o.jsonl").go()
    assert sorted(path.name for path in tmp_path.iterdir() if ".results.db" not in path.name) == ["in.jsonl"]


def test_an_input_that_changes_while_it_is_read_is_said(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(300)])
    job = archive_job(source, tmp_path / "o.jsonl", read=SMALL)
    parts = list(plan(find_sources(str(source)), SMALL))
    source.write_bytes(source.read_bytes().replace(b"\n", b" ", 3))
    with pytest.raises(ArchiveChanged, match="when the run was planned"):
        read_part(Task(parts[0]), job)
    source.write_bytes(source.read_bytes()[:-1000])
    assert "shorter than it was" in str(read_part(Task(parts[-1]), job).records[-1].error)


# ---- going on


class Breaking(Counting):
    """Computes so many articles, then breaks off as a power cut would, in the middle of a part."""

    left: int = 10**9

    def run(self, work: Any) -> Any:
        self.left -= len(work)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().run(work)


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst", "o.csv", "o.parquet", "o.ninjs.jsonl"])
def test_an_interrupted_run_goes_on_and_the_output_is_the_same_to_the_byte(tmp_path: Path, name: str) -> None:
    inputs = [story(n) if n % 50 else {"id": str(n)} for n in range(1500)]
    source = write_jsonl(tmp_path / "in.jsonl", inputs)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = archive_run(source, tmp_path / "a" / name, read=SMALL).go()
    interruptions = 0
    while True:
        model = Breaking()
        model.left = 333
        try:
            report = archive_run(source, tmp_path / "b" / name, model=model, read=SMALL).go()
            break
        except KeyboardInterrupt:
            interruptions += 1
            assert not (tmp_path / "b" / name).exists()
    assert interruptions >= 4
    assert contents(tmp_path / "a" / name) == contents(tmp_path / "b" / name)
    assert contents(tmp_path / "a" / f"{name}.errors.jsonl") == contents(tmp_path / "b" / f"{name}.errors.jsonl")
    assert report.counts == whole.counts
    own = {name, f"{name}.errors.jsonl", f"{name}.run.json"}
    assert {path.name for path in (tmp_path / "b").iterdir() if ".results.db" not in path.name} == own


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_embedded_model_gives_the_same_bytes_after_an_interruption(tmp_path: Path, dtype: Any) -> None:
    """Where scores depend on what shares a batch, the batches must be the same."""
    source = write_jsonl(tmp_path / "in.jsonl", [story(n % 70) for n in range(100)])
    model = load_model("news-minilm", tmp_path, dtype=dtype)
    archive_run(source, tmp_path / "a.jsonl", model=model, read=SMALL).go()

    class Cut:
        """The model, until it has read so many."""

        info = model.info
        left = 35

        def run(self, work: Any) -> Any:
            self.left -= len(work)
            if self.left < 0:
                raise KeyboardInterrupt
            return model.run(work)

    with pytest.raises(KeyboardInterrupt):
        archive_run(source, tmp_path / "b.jsonl", model=Cut(), read=SMALL).go()
    archive_run(source, tmp_path / "b.jsonl", model=model, read=SMALL).go()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_finished_archive_is_not_done_again(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])
    archive_run(source, tmp_path / "o.jsonl").go()
    model = Counting()
    before = (tmp_path / "o.jsonl").stat().st_mtime_ns
    assert archive_run(source, tmp_path / "o.jsonl", model=model).go().already_finished
    assert (model.runs, (tmp_path / "o.jsonl").stat().st_mtime_ns) == (0, before)
    again = archive_run(source, tmp_path / "o.jsonl", take_up="restart").go()
    assert (again.already_finished, again.counts.records, again.counts.cached) == (False, 10, 10)


def test_what_changed_is_named_and_never_mixed(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])
    out = tmp_path / "o.jsonl"
    archive_run(source, out).go()
    with pytest.raises(ArchiveChanged, match="output fields"):
        archive_run(source, out, include_text=True).go()
    with pytest.raises(ArchiveChanged, match=r"the model of the summary \(was counting at revision r1 .*r2"):
        archive_run(source, out, model=Counting(info=replace(INFO, revision="r2"))).go()
    write_jsonl(source, [story(n) for n in range(11)])
    with pytest.raises(ArchiveChanged, match=r"input \(.*in.jsonl\)"):
        archive_run(source, out).go()
    assert archive_run(source, out, take_up="restart").go().counts.records == 11


def test_a_run_that_had_not_begun_is_no_obstacle(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])
    model = Breaking()
    model.left = 0
    with pytest.raises(KeyboardInterrupt):
        archive_run(source, tmp_path / "o.jsonl", model=model).go()
    assert archive_run(source, tmp_path / "o.jsonl", limit=5).go().counts.records == 5


def test_an_output_that_is_gone_is_missed(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    archive_run(source, tmp_path / "o.jsonl").go()
    (tmp_path / "o.jsonl").unlink()
    with pytest.raises(ArchiveChanged, match="gone"):
        archive_run(source, tmp_path / "o.jsonl").go()


def test_a_store_that_fails_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])

    class Full(Store):
        def save(self, new: Any) -> None:
            raise StoreUnavailable("disk full")

    with pytest.raises(StoreUnavailable):
        archive_run(source, tmp_path / "o.jsonl", store=Full(f"sqlite:///{tmp_path}/r.db")).go()
    assert archive_run(source, tmp_path / "o.jsonl").go().counts.records == 10


@pytest.mark.parametrize("name", ["o.jsonl", "o.parquet"])
def test_a_run_that_was_cut_at_any_moment_of_closing_is_closed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes a file is cut once, before it is done."""
    inputs = [story(n) if n % 40 else {"id": str(n)} for n in range(200)]
    source = write_jsonl(tmp_path / "in.jsonl", inputs)
    (tmp_path / "a").mkdir()
    archive_run(source, tmp_path / "a" / name, read=SMALL).go()
    wanted = [contents(tmp_path / "a" / name), contents(tmp_path / "a" / f"{name}.errors.jsonl")]
    cuts = 0
    for moment in range(1, 100):
        folder = tmp_path / f"b{moment}"
        folder.mkdir()
        calls = 0

        def cut(real: Any, stops_at: int = moment) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == stops_at:
                    raise KeyboardInterrupt
                return real(*args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            for function in ("replace", "rename", "unlink", "rmdir", "mkdir"):
                patch.setattr(Path, function, cut(getattr(Path, function)))
            try:
                archive_run(source, folder / name, read=SMALL).go()
            except KeyboardInterrupt:
                cuts += 1
        archive_run(source, folder / name, read=SMALL).go()
        assert [contents(folder / name), contents(folder / f"{name}.errors.jsonl")] == wanted
        own = {name, f"{name}.errors.jsonl", f"{name}.run.json"}
        assert {path.name for path in folder.iterdir() if ".results.db" not in path.name} == own
        if calls < moment:
            break
    assert cuts > 15


def test_a_part_whose_file_is_damaged_is_made_again(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(300)])
    archive_run(source, tmp_path / "a.jsonl", read=SMALL).go()
    model = Breaking()
    model.left = 200
    with pytest.raises(KeyboardInterrupt):
        archive_run(source, tmp_path / "b.jsonl", model=model, read=SMALL).go()
    part = tmp_path / "b.jsonl.parts" / "part-00000.jsonl"
    part.write_bytes(part.read_bytes()[:100])
    archive_run(source, tmp_path / "b.jsonl", read=SMALL).go()
    assert contents(tmp_path / "a.jsonl") == contents(tmp_path / "b.jsonl")


def test_two_runs_do_not_work_on_one_output(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(300)])

    class Intruding(Counting):
        """Starts the same run while it is itself being run."""

        problem: str = ""

        def run(self, work: Any) -> Any:
            if not self.problem:
                with pytest.raises(ArchiveChanged) as caught:
                    archive_run(source, tmp_path / "o.jsonl").go()
                self.problem = str(caught.value)
            return super().run(work)

    model = Intruding()
    archive_run(source, tmp_path / "o.jsonl", model=model).go()
    assert "Another run is at work" in model.problem
    assert len(rows(tmp_path / "o.jsonl")) == 300


def test_an_output_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputUnwritable, match="Not a directory"):
        archive_run(source, tmp_path / "file" / "o.jsonl", store=Store("sqlite://")).go()


# ---- nothing that is not ours


@pytest.mark.parametrize("take_up", ["same", "restart"])
@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.errors.jsonl", "o.jsonl.parts/x"])
def test_what_no_manifest_names_is_not_touched(tmp_path: Path, name: str, take_up: Any) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(ArchiveChanged, match="not what an earlier run"):
        archive_run(source, tmp_path / "o.jsonl", take_up=take_up)
    assert mine.read_text() == "mine"


def test_restart_keeps_what_others_put_into_its_folder(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)])
    out = tmp_path / "o.parquet"
    archive_run(source, out).go()
    (out / "notes.md").write_text("mine")
    with pytest.raises(ArchiveChanged, match=r"notes\.md"):
        archive_run(source, out, take_up="restart")
    assert sorted(path.name for path in out.iterdir()) == ["notes.md", "part-00000.parquet"]


def test_restart_keeps_an_output_that_somebody_changed(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)])
    archive_run(source, tmp_path / "o.jsonl").go()
    (tmp_path / "o.jsonl").write_text("mine")
    with pytest.raises(ArchiveChanged):
        archive_run(source, tmp_path / "o.jsonl", take_up="restart")
    assert (tmp_path / "o.jsonl").read_text() == "mine"


@pytest.mark.parametrize("manifest", ["{", "[]", '{"version": 1}', '{"dateline_archive": 99}'])
def test_a_manifest_that_cannot_be_understood_is_left_alone(tmp_path: Path, manifest: str) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    (tmp_path / "o.jsonl.run.json").write_text(manifest)
    (tmp_path / "o.jsonl").write_text("mine")
    with pytest.raises(ArchiveChanged, match="Choose another --out"):
        archive_run(source, tmp_path / "o.jsonl", take_up="restart")
    assert (tmp_path / "o.jsonl").read_text() == "mine"


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder of inputs."""
    folder = tmp_path / "letters"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("A letter. It is short.")
    (folder / "deep" / "b.txt").write_text("Another. It is short.")
    write_jsonl(folder / "n.jsonl", [story(1)])
    write_jsonl(folder / "o.jsonl.errors.jsonl", [story(2)])
    (folder / "link.jsonl").symlink_to(folder / "n.jsonl")
    os.link(folder / "n.jsonl", folder / "hard.jsonl")
    return folder


@pytest.mark.parametrize(
    "out",
    ["letters", "letters/n.jsonl", "letters/link.jsonl", "letters/hard.jsonl", "letters/../letters/n.jsonl", ".", "letters/deep",
     "letters/o.jsonl", "letters/n.jsonl/x.jsonl"],
)  # fmt: skip
def test_an_output_that_is_holds_or_lies_on_an_input_is_refused(tmp_path: Path, inputs: Path, out: str) -> None:
    before = {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file()}
    for source in (inputs, inputs / "n.jsonl"):
        if source.is_file() and out in {"letters/deep", "letters/o.jsonl"}:
            continue  # beside that one input
        with pytest.raises(InvalidRequest, match=r"--out|cannot be written"):
            refuse_inputs(RunPaths(tmp_path / out, ".jsonl"), find_sources(str(source)))
    assert {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file()} == before


def test_an_output_in_the_folder_of_its_inputs_is_no_input(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)] + [{"id": "bad"}])
    write_jsonl(tmp_path / "o.jsonl.backup.jsonl", [story(7)])
    for _ in range(2):
        sources = without_own(find_sources(str(tmp_path)), str(tmp_path))
        assert [source.name for source in sources] == ["in.jsonl", "o.jsonl.backup.jsonl"]
        refuse_inputs(RunPaths(tmp_path / "o.jsonl", ".jsonl"), sources)
        archive_run(tmp_path / "in.jsonl", tmp_path / "o.jsonl").go()
    archive_run(tmp_path / "in.jsonl", tmp_path / "p.parquet").go()
    assert len(without_own(find_sources(str(tmp_path)), str(tmp_path))) == 2
    [chosen] = without_own(find_sources(str(tmp_path / "o.jsonl")), str(tmp_path / "o.jsonl"))
    assert chosen.name == "o.jsonl"  # named by itself, it is wanted


def test_an_output_whose_name_begins_its_input_s_is_read(tmp_path: Path) -> None:
    (tmp_path / "news.jsonl.gz").write_bytes(gzip.compress(json.dumps(story(1)).encode()))
    refuse_inputs(RunPaths(tmp_path / "news.jsonl", ".jsonl"), find_sources(str(tmp_path / "news.jsonl.gz")))
    assert archive_run(tmp_path / "news.jsonl.gz", tmp_path / "news.jsonl").go().counts.records == 1


def test_a_worker_without_a_store_of_its_own_forgets_each_part(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n % 3) for n in range(300)])
    model = Counting()
    archive_run(source, tmp_path / "o.jsonl", model=model, read=SMALL, store_url=MEMORY).go()
    parts = len(list(plan(find_sources(str(source)), SMALL)))
    assert parts > 1
    assert len(model.seen) == 3 * parts


@pytest.mark.parametrize("name", ["o.jsonl.partial", "o.jsonl.errors.jsonl.partial", "o.jsonl.run.json.partial", "o"])
def test_files_beside_the_output_are_let_be(tmp_path: Path, name: str) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1), {"id": "bad"}])
    (tmp_path / name).write_text("mine")
    for take_up in ("same", "restart"):
        archive_run(source, tmp_path / "o.jsonl", take_up=take_up).go()
        assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("stage", ["closing", "finished"])
@pytest.mark.parametrize("name", ["o.jsonl", "o.parquet"])
def test_an_output_that_was_taken_away_is_never_called_done(tmp_path: Path, name: str, stage: str) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)])
    archive_run(source, tmp_path / name).go()
    manifest = tmp_path / f"{name}.run.json"
    manifest.write_text(manifest.read_text().replace('"finished"', f'"{stage}"'))
    for path in [*(tmp_path / name).iterdir()] if name == "o.parquet" else [tmp_path / name]:
        path.unlink()
    with pytest.raises(ArchiveChanged, match="gone"):
        archive_run(source, tmp_path / name).go()


def test_outputs_where_a_glob_looks_are_left_out(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)] + [{"id": "bad"}])
    archive_run(tmp_path / "in.jsonl", tmp_path / "o.jsonl").go()
    for name in (tmp_path / "*.jsonl", tmp_path / "**" / "*", tmp_path):
        found = find_sources(str(name), format="jsonl")
        assert [source.name for source in without_own(found, str(name))] == ["in.jsonl"], name


def test_a_store_that_would_destroy_something_is_refused(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "o.jsonl", ".jsonl")
    for path in paths.own:
        with pytest.raises(InvalidRequest, match="--store"):
            refuse_store(paths, path)
    (tmp_path / "r.db-wal").write_text("mine")
    with pytest.raises(InvalidRequest, match="-wal"):
        refuse_store(paths, tmp_path / "r.db")
    with sqlite3.connect(tmp_path / "other.db") as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    with pytest.raises(StoreCorrupt, match="another program"):
        Store(f"sqlite:///{tmp_path / 'other.db'}")


def test_a_file_name_that_is_not_unicode_is_no_obstacle(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    write_jsonl(tmp_path / name, [story(1)])
    archive_run(tmp_path, tmp_path / "o.jsonl").go()
    assert [row["id"] for row in rows(tmp_path / "o.jsonl")] == ["s1"]
