"""Archives for tests: their files, their records read, and runs over them with models that tests can look into."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from seeds.archives import Fields, ReadOptions, Record, Skipped, find_sources, open_records, slices
from seeds.outputs import output_format
from seeds.store import Store
from service.archive.job import ArchiveJob
from service.archive.part import Notify
from service.archive.run import ArchiveRun, TakeUp
from service.archive.workers import Here, Setup
from service.digest import Digester, DigestOptions
from tests.articles import BUDGET, FOOTBALL, HARBOUR
from tests.doubles import Counting, SomeModels

TEXTS = [HARBOUR, FOOTBALL, BUDGET]
LEAD = ("--tasks", "summary", "--model", "lead")


def story(number: int) -> dict[str, Any]:
    return {"id": f"s{number}", "title": f"Story {number}", "text": f"Story {number} begins here. {TEXTS[number % 3]}"}


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_all(source: Path | str, *, format: Any = None, **options: Any) -> list[Record | Skipped]:
    """Everything in an archive, slice by slice, as a run reads it."""
    if isinstance(fields := options.get("fields"), dict):
        options["fields"] = Fields(**fields)
    read = ReadOptions(**options)
    return [
        item
        for found in find_sources(str(source), format=format)
        for piece in slices(found, read)
        for item in open_records(piece, read)
    ]


def read(source: Path | str, **options: Any) -> list[Record]:
    return [item for item in read_all(source, **options) if isinstance(item, Record)]


def texts(records: list[Record]) -> list[str]:
    return [record.article.text for record in records if record.error is None]


def ids(records: list[Record]) -> list[str | None]:
    return [record.article.id for record in records if record.error is None]


def errors(records: list[Record]) -> list[str]:
    return [str(record.error) for record in records if record.error]


def archive_job(source: Path | str, out: Path, *, model: Any = None, **options: Any) -> ArchiveJob:
    """A job with results beside the output, both tasks by one model."""
    chosen = model or Counting()
    wanted = options.pop("wanted", DigestOptions(summary_model=chosen.info.id, topics_model=chosen.info.id))
    format = options.pop("format", None) or output_format(out)
    store = options.pop("store_url", f"sqlite:///{out}.results.db")
    return ArchiveJob(str(source), out, wanted, format, store, Path("nowhere"), **options)


def archive_run(
    source: Path | str,
    out: Path,
    *,
    model: Any = None,
    take_up: TakeUp = "same",
    store: Store | None = None,
    **options: Any,
) -> ArchiveRun:
    """A run in this process, ready to go."""
    chosen = model or Counting()
    job = archive_job(source, out, model=chosen, **options)

    def make(job: ArchiveJob) -> Digester:
        return Digester(SomeModels({chosen.info.id: chosen}), store or Store(job.store))

    def start(setup: Setup, notify: Notify) -> Here:
        return Here(replace(setup, make=make), notify=notify)

    return ArchiveRun(job, find_sources(str(source), format=job.input_format), start, take_up=take_up)


def contents(path: Path) -> Any:
    """The bytes of a file, or of each file in a folder."""
    if path.is_dir():
        return {member.name: member.read_bytes() for member in sorted(path.iterdir())}
    return path.read_bytes()
