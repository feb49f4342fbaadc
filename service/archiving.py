"""The archive command: opens what is named, shows how it goes, and tells what became of it. Knows nothing of how an
archive is worked through."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from models.shelf import Shelf
from seeds.exports import OutputFormat, output_format
from seeds.readers import Archive, Fields, open_archive
from seeds.readers.archive import Format
from seeds.store import Store
from service.archive import ALL_FIELDS, Plan, Report, Run, first_records
from service.digest import Digester, Wanted
from service.engines import Engine, Here, Processes, Ray, Recipe
from service.errors import EngineUnavailable, InvalidRequest
from service.settings import Settings

SOME_FAILED, INTERRUPTED = 3, 130
LOG_EVERY_SECONDS = 10.0

Show = Literal["words", "json", "nothing"]


def run(
    source: str,
    out: Path,
    wanted: Wanted,
    settings: Settings,
    *,
    shelf: Shelf,
    format: Format | None,
    input_fields: Fields,
    output: OutputFormat | None,
    fields: tuple[str, ...],
    include_text: bool,
    store: str | None,
    limit: int | None,
    sample: int,
    dry_run: bool,
    restart: bool,
    engine: Literal["local", "ray"],
    workers: int | None,
    ray_address: str | None,
    gpus: float,
    show: Show,
) -> int:
    """Do what `dateline archive` was asked to; the exit code.

    Raises:
        NoRecords, ArchiveChanged, ModelError, StoreError: as the parts say.
        InvalidRequest: a field to write does not exist, or the output cannot be written.
    """
    if unknown := [name for name in fields if name not in ALL_FIELDS]:
        raise InvalidRequest(f"--fields names {', '.join(unknown)}; there are {', '.join(ALL_FIELDS)}.")
    archive = open_archive(source, format=format, fields=input_fields).without(out)
    if dry_run:
        preview(archive, Console())
        return 0
    plan = Plan(
        wanted, output or output_format(out), fields=fields or ALL_FIELDS, include_text=include_text, limit=limit,
        keep_one_in=sample,
    )  # fmt: skip
    models = {task: asdict(shelf.get(id).info) for task, id in wanted.models().items()}
    place = store or settings.store or str(out.with_name(out.name + ".results.db"))
    out.parent.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(
        wanted, settings.models_folder, place if "://" in place else f"sqlite:///{place}", dtype=settings.dtype,
        engine=settings.engine, max_article_characters=settings.max_article_characters,
    )  # fmt: skip
    Store(recipe.store).close()  # a store that cannot be had is told before anything is read
    running = _engine(recipe, engine, models, shelf=shelf, workers=workers, address=ray_address, gpus=gpus)
    task: Run | None = None
    try:
        task = Run(archive, out, plan, engine=running, models=models, restart=restart)
        if show == "words":
            _announce(archive, out, place, task.report)
        with _progress(show, task.report, total=limit) as heard:
            report = task.go(told=heard)
    except KeyboardInterrupt:
        done = task.report.records if task else 0
        print(f"dateline: interrupted after {done:,} records. Run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED
    except BrokenProcessPool as error:
        raise EngineUnavailable(
            "A worker was killed, maybe for want of memory. Nothing is lost: run the same command again, with fewer "
            "--workers."
        ) from error
    except OSError as error:
        done = task.report.records if task else 0
        raise InvalidRequest(
            f"{str(out)!r} cannot be written after {done:,} records ({error.strerror or error}). Nothing is lost: mend "
            "it and run the same command again."
        ) from error
    _close(report, out, show)
    return SOME_FAILED if report.failed else 0


def _engine(
    recipe: Recipe, name: Literal["local", "ray"], models: Mapping[Any, dict[str, Any]], *, shelf: Shelf,
    workers: int | None, address: str | None, gpus: float,
) -> Engine:  # fmt: skip
    """What the windows are digested by. A model in torch keeps every core busy from one process; others hold the
    interpreter, and have a process for every core."""
    if name == "ray":
        if address and recipe.store.startswith("sqlite"):
            recipe = replace(recipe, store="sqlite://")
            print(
                "dateline: the workers of a cluster cannot share an SQLite store; without --store postgresql://… "
                "results are kept in the output alone", file=sys.stderr,
            )  # fmt: skip
        return Ray(recipe, address=address, workers=workers or 2, gpus=gpus)
    cores = len(os.sched_getaffinity(0))
    in_python = all(info["engine"] == "none" for info in models.values())
    count = workers or (cores if in_python else 1)
    if count > 1:
        return Processes(recipe, count=count)
    store = Store(recipe.store)
    return Here(Digester(shelf, store, max_article_characters=recipe.max_article_characters), recipe.wanted)


def preview(archive: Archive, console: Console) -> None:
    """Show what would be read."""
    console.print(f"{len(archive.files):,} files: " + ", ".join(f"{name} ({kind})" for name, kind in archive.files[:5]))
    for record in first_records(archive):
        table = Table(title=record.place, title_justify="left", show_header=False, box=None, title_style="bold")
        if record.error:
            table.add_row("error", str(record.error), style="red")
        else:
            assert record.article is not None
            for name, value in asdict(record.article).items():
                table.add_row(name, str(value)[:200] if value else "-")
        console.print(table)


def _announce(archive: Archive, out: Path, store: str, report: Report) -> None:
    files = f"{archive.files[0][0]}" if len(archive.files) == 1 else f"{len(archive.files):,} files"
    how = (
        f"going on at record {report.resumed_at + 1:,}"
        if report.resumed_at and not report.finished
        else "from the start"
    )
    print(f"dateline: {files} → {out}, {how}; results are kept in {store}", file=sys.stderr)
    if Path(archive.files[0][0]).is_file() and archive.files[0][1] in {"jsonl", "csv", "parquet"}:
        told = _guessed(archive)
        if told:
            print(f"dateline: fields read: {told}", file=sys.stderr)


def _guessed(archive: Archive) -> str:
    """Which columns the first record's fields come from."""
    name, format = archive.files[0]
    if format == "parquet":
        from pyarrow import parquet

        with parquet.ParquetFile(name) as file:
            columns = file.schema_arrow.names
    else:
        from seeds.readers.archive import open_file

        with open_file(name) as data:
            line = data.readline(1_000_000).decode("utf-8-sig", errors="replace")
        try:
            columns = (
                list(json.loads(line)) if format == "jsonl" else line.strip().split("\t" if ".tsv" in name else ",")
            )
        except (ValueError, TypeError):
            return ""
    return ", ".join(
        f"{name} from {column!r}" for name, column in asdict(archive.fields.guessed(columns)).items() if column
    )


@contextmanager
def _progress(show: Show, report: Report, *, total: int | None) -> Iterator[Callable[[Report], None]]:
    """A bar on a terminal, a line now and then in a log, JSON where asked for."""
    if show == "nothing":
        yield lambda report: None
    elif show == "json" or not sys.stderr.isatty():
        yield _lines(show, report)
    else:
        columns = (
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.0f}/s"), TimeRemainingColumn(),
            TextColumn("{task.fields[failed]} failed, {task.fields[cached]} cached  {task.fields[topics]}"),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task(
                "records", total=total, completed=report.records, rate=0.0, failed=0, cached=0, topics=""
            )
            rate = _rate(report)

            def heard(report: Report) -> None:
                common = " · ".join(f"{name} {count:,}" for name, count in _common(report.topics, 3))
                progress.update(
                    bar,
                    completed=report.records,
                    rate=rate(),
                    failed=report.failed,
                    cached=report.cached,
                    topics=common,
                )

            yield heard


def _common(counts: dict[str, int], most: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: -item[1])[:most]


def _rate(report: Report) -> Callable[[], float]:
    started, first = time.monotonic(), report.records
    return lambda: (report.records - first) / max(time.monotonic() - started, 1e-9)


def _lines(show: Show, report: Report) -> Callable[[Report], None]:
    rate = _rate(report)
    last = time.monotonic()

    def heard(report: Report) -> None:
        nonlocal last
        if time.monotonic() - last < LOG_EVERY_SECONDS:
            return
        last = time.monotonic()
        told: dict[str, Any] = {
            "records": report.records, "per_second": round(rate(), 1), "failed": report.failed, "cached": report.cached,
        }  # fmt: skip
        words = ", ".join(f"{name} {value:,}" for name, value in told.items())
        print(json.dumps(told) if show == "json" else f"dateline: {words}", file=sys.stderr, flush=True)

    return heard


def _close(report: Report, out: Path, show: Show) -> None:
    """The closing summary."""
    if show == "json":
        print(json.dumps(asdict(report) | {"out": str(out)}))
    if show != "words":
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if report.already_finished:
        console.print(f"{out} is finished already: {report.records:,} records. Use --restart to make it anew.")
        return
    console.print(f"{out}: {report.records:,} records, {report.failed:,} failed, {report.cached:,} cached")
    for title, counts in (("topics", report.topics), ("words", report.words), ("failures", report.kinds)):
        if counts:
            console.print(f"  {title}: " + ", ".join(f"{name} {count:,}" for name, count in _common(counts, 20)))
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.seconds.items())
    console.print(f"  time: {spent} (side by side)")
    if report.failed:
        console.print(f"  what failed stands in {out}.errors.jsonl")
