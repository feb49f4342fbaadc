"""Says how an archive run goes: what will be read, how far it is, what became of it."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from seeds.archives import ReadOptions, Source
from seeds.archives.look import first_records, look
from seeds.errors import NoRecords
from service.archive.job import ArchiveJob
from service.archive.report import Report
from service.archive.run import Listen

Show = Literal["words", "json", "nothing"]
LOG_EVERY_SECONDS = 10.0


def preview(sources: Sequence[Source], options: ReadOptions) -> None:
    """Show what would be read.

    Raises:
        NoRecords: there is no record.
    """
    console = Console(markup=False)  # titles may hold what looks like it
    console.print(f"{len(sources):,} files: " + ", ".join(f"{source.name} ({source.format})" for source in sources[:5]))
    _say_layout(sources[0], options, console.print)
    records = first_records(list(sources), options)
    if not records:
        raise NoRecords("The archive holds no records.")
    for record in records:
        table = Table(title=record.place, title_justify="left", show_header=False, box=None, title_style="bold")
        if record.error:
            table.add_row("error", str(record.error), style="red")
        for name in ("id", "title", "date", "url", "language", "text"):
            value = getattr(record.article, name)
            table.add_row(name, str(value)[:200] if value else "-")
        console.print(table)


def announce(
    job: ArchiveJob, sources: Sequence[Source], *, results_in: str, left_out: int, unread: Sequence[str]
) -> None:
    """Say what goes where."""
    files = sources[0].path if len(sources) == 1 else f"{len(sources):,} files"
    _say(f"{files} → {job.out}; results are kept in {results_in}")
    if left_out:
        _say(f"{left_out:,} files that earlier runs wrote are left out")
    if unread:
        more = ", …" if len(unread) > 3 else ""
        _say(f"{len(unread):,} files are of no format that is read ({', '.join(unread[:3])}{more})")
    _say_layout(sources[0], job.read, _say)


def _say(words: str) -> None:
    print(f"dateline: {words}", file=sys.stderr)


def _say_layout(source: Source, options: ReadOptions, say: Callable[[str], None]) -> None:
    seen = look(source, options)
    if seen is None:
        return
    say("fields read: " + (", ".join(f"{name} from {column!r}" for name, column in seen.fields.items()) or "none"))
    if seen.layout:
        marks = "in quotation marks where needed" if seen.layout.quoted else "without quotation marks"
        say(f"values separated by {seen.layout.delimiter!r}, {marks}, in {seen.layout.encoding}")


@contextmanager
def progress(show: Show, report: Report) -> Iterator[Listen]:
    """A bar on a terminal, a line now and then in a log, JSON where asked for."""
    if show == "nothing":
        yield lambda report: None
    elif show == "json" or not sys.stderr.isatty():
        yield _lines(show)
    else:
        columns = (
            SpinnerColumn(), TextColumn("{task.fields[records]:,} records"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[rate]:.0f}/s"), TimeRemainingColumn(),
            TextColumn("{task.fields[failed]:,} failed, {task.fields[cached]:,} cached  {task.fields[topics]}"),
        )  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as bars:
            total = report.bytes_total or None
            bar = bars.add_task("records", total=total, records=0, rate=0.0, failed=0, cached=0, topics="")
            rate = _rate()

            def listen(report: Report) -> None:
                counts = report.counts
                compared = f"{report.compared:,} compared  " if report.compared else ""
                common = compared + " · ".join(f"{name} {count:,}" for name, count in counts.topics.most_common(3))
                bars.update(
                    bar, completed=report.bytes_done, records=_records(report), rate=rate(report), failed=counts.failed,
                    cached=counts.cached, topics=common,
                )  # fmt: skip

            yield listen


def _records(report: Report) -> int:
    return report.counts.records + report.under_way


def _rate() -> Callable[[Report], float]:
    started = time.monotonic()
    return lambda report: max(_records(report) - report.resumed_at, 0) / max(time.monotonic() - started, 1e-9)


def _lines(show: Show) -> Listen:
    rate = _rate()
    last = time.monotonic()

    def listen(report: Report) -> None:
        nonlocal last
        if time.monotonic() - last < LOG_EVERY_SECONDS:
            return
        last = time.monotonic()
        counts = report.counts
        state: dict[str, float] = {
            "records": _records(report), "per_second": round(rate(report), 1), "failed": counts.failed,
            "cached": counts.cached,
        }  # fmt: skip
        if report.compared:
            state["compared"] = report.compared
        words = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in state.items())
        print(json.dumps(state) if show == "json" else f"dateline: {words}", file=sys.stderr, flush=True)

    return listen


def closing(report: Report, out: Path, show: Show) -> None:
    """Say what became of the run."""
    if show == "json":
        print(json.dumps(report.to_json() | {"out": str(out)}))
    if show != "words":
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    counts = report.counts
    if report.already_finished:
        console.print(f"{out} is finished already: {counts.records:,} records. Use --restart to make it anew.")
        return
    console.print(f"{out}: {counts.records:,} records, {counts.failed:,} failed, {counts.cached:,} cached")
    if counts.duplicates:
        console.print(f"  say nearly what an earlier record says: {counts.duplicates:,}")
    if counts.left_out:
        console.print(f"  left out, because the format has no errors: {counts.left_out:,}")
    for title, named in (
        ("topics", counts.topics), ("words", counts.words), ("skipped, no records", counts.skipped),
        ("failures", counts.kinds),
    ):  # fmt: skip
        if named:
            console.print(f"  {title}: " + _listed(named))
    if counts.failed:
        console.print(f"  what failed stands in {out}.errors.jsonl")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common(20))
