"""The archive command: turns its options into a job, and says what becomes of it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.options import SummaryOptions, TopicsOptions
from service.cli.exits import INTERRUPTED, SOME_FAILED, one_line_errors
from service.cli.options import TaskOptions, split, with_options

if TYPE_CHECKING:
    from seeds.archives import ReadOptions, Source
    from service.archive.job import ArchiveJob
    from service.archive.part import Notify
    from service.archive.run import StartWorkers
    from service.archive.workers import Setup, Workers
    from service.digest import DigestOptions
    from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ArchiveOptions(TaskOptions):
    """How an archive is read, digested and written."""

    out: Annotated[
        Path,
        typer.Option(
            help="Where to write: .jsonl, .csv or .ninjs.jsonl, each also with .gz or .zst, or a folder .parquet."
        ),
    ]
    model: Annotated[str | None, typer.Option(help="Model for every task.")] = None
    format: Annotated[
        Literal["text", "jsonl", "csv", "parquet", "json", "warc", "xml", "html"] | None,
        typer.Option(help="What the input is, where its names do not tell."),
    ] = None
    text_field: Annotated[str | None, typer.Option(help="Field that holds the text; guessed when absent.")] = None
    title_field: Annotated[str | None, typer.Option(help="Field that holds the title.")] = None
    id_field: Annotated[str | None, typer.Option(help="Field that holds the id.")] = None
    date_field: Annotated[str | None, typer.Option(help="Field that holds the date.")] = None
    url_field: Annotated[str | None, typer.Option(help="Field that holds the address.")] = None
    language_field: Annotated[str | None, typer.Option(help="Field that holds the language.")] = None
    delimiter: Annotated[str | None, typer.Option(help="What separates CSV values: one character, or tab.")] = None
    encoding: Annotated[str | None, typer.Option(help="Encoding of the input, where it is not UTF-8.")] = None
    keep_markup: Annotated[bool, typer.Option(help="Leave HTML in text fields as it is.")] = False
    output_format: Annotated[
        Literal["jsonl", "csv", "parquet", "ninjs"] | None,
        typer.Option(help="What to write, where the name does not tell."),
    ] = None
    fields: Annotated[str, typer.Option(help="Fields of a row to write, with commas between; all when absent.")] = ""
    include_text: Annotated[bool, typer.Option(help="Write the text too.")] = False
    guard: Annotated[bool, typer.Option(help="Put ' before CSV cells that a spreadsheet would run as formulas.")] = True
    duplicates: Annotated[
        Literal["mark", "skip"] | None,
        typer.Option(help="Look for records that say nearly what an earlier one says; skip digests only the first."),
    ] = None
    store: Annotated[str | None, typer.Option(help="Where results are kept; by default beside the output.")] = None
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N records.")] = None
    sample: Annotated[int, typer.Option(min=1, help="Only every N-th record.")] = 1
    dry_run: Annotated[bool, typer.Option(help="Show what would be read from the first records, and stop.")] = False
    restart: Annotated[bool, typer.Option(help="Begin anew, and remove what an earlier run of this command wrote.")] = (
        False
    )
    resume: Annotated[
        bool, typer.Option(help="Go on with an earlier run from standard input, if it is the same input.")
    ] = False
    executor: Annotated[
        Literal["local", "processes", "ray"] | None,
        typer.Option(help="Who works: this process, worker processes (the default), or actors on Ray."),
    ] = None
    engine: Annotated[Literal["local", "ray"] | None, typer.Option(hidden=True)] = None
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes or actors; by default what suits the model.")
    ] = None
    ray_address: Annotated[str | None, typer.Option(help="Of a Ray cluster; without it Ray starts here.")] = None
    gpus: Annotated[float, typer.Option(min=0, help="GPUs, whole or a part, for each actor on Ray.")] = 0
    quiet: Annotated[bool, typer.Option(help="Say nothing but errors.")] = False
    as_json: Annotated[bool, typer.Option("--json", help="Say progress and the end as JSON lines.")] = False

    @property
    def take_up(self) -> Literal["same", "resume", "restart"]:
        if self.restart and self.resume:
            raise typer.BadParameter("--restart and --resume exclude each other.")
        return "restart" if self.restart else "resume" if self.resume else "same"


@with_options({"limit": "topic_limit"}, summary=SummaryOptions, topics=TopicsOptions, options=ArchiveOptions)
def archive(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A file, a folder, a glob in quotes, or - for stdin.")],
    options: ArchiveOptions,
    summary: SummaryOptions,
    topics: TopicsOptions,
) -> None:
    """Digest a whole archive. After any interruption run the same command again: it goes on where it was.

    Every input record becomes one row, in order. What cannot be read or digested is set aside in OUTPUT.errors.jsonl.
    """
    with one_line_errors():
        code = _run(source, options, summary, topics)
    if code:
        raise typer.Exit(code)


def _run(source: str, options: ArchiveOptions, summary: SummaryOptions, topics: TopicsOptions) -> int:
    """The exit code."""
    from seeds.archives import find_sources
    from seeds.store import Store
    from service.archive.job import MEMORY
    from service.archive.paths import RunPaths, refuse_inputs, refuse_store, without_own
    from service.archive.run import ArchiveRun
    from service.cli.progress import announce, closing, preview, progress
    from service.settings import read_settings

    settings = read_settings(
        summary_model=options.summary_model or options.model, topics_model=options.topics_model or options.model
    )
    job = _job(source, options, settings, options.digest_options(settings, summary, topics))
    unread: list[str] = []
    all_sources = find_sources(source, format=options.format, unread=unread)
    sources = without_own(all_sources, source)
    _refuse_nothing(sources, source)
    if options.dry_run:
        preview(sources, job.read)
        return 0
    paths = RunPaths(job.out, job.suffix)
    store = _store_file(job.store)
    refuse_inputs(paths, sources, more=[store] if store else [])
    if store:
        refuse_store(paths, store)
    show: Literal["words", "json", "nothing"] = "nothing" if options.quiet else "json" if options.as_json else "words"
    task = ArchiveRun(job, sources, _starter(job, options, settings), take_up=options.take_up)
    _make_folder(job.out.parent)
    results_in = "the output alone"
    if job.store != MEMORY:
        opened = Store(job.store)  # a store that cannot be had is refused before anything is read
        results_in = opened.name
        opened.close()
    if show == "words":
        announce(job, sources, results_in=results_in, left_out=len(all_sources) - len(sources), unread=unread)
    try:
        with progress(show, task.report) as listen:
            report = task.go(listen)
    except KeyboardInterrupt:
        done = task.report.counts.records
        print(f"dateline: interrupted after {done:,} records. Run the same command again to go on.", file=sys.stderr)
        return INTERRUPTED
    closing(report, job.out, show)
    return SOME_FAILED if report.counts.failed else 0


def _refuse_nothing(sources: list[Source], name: str) -> None:
    from seeds.errors import NoRecords

    if not sources:
        raise NoRecords(f"Nothing at {name!r} is left to read: all of it was written by earlier runs of this command.")


def _make_folder(folder: Path) -> None:
    from service.errors import OutputUnwritable

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise OutputUnwritable(f"The folder {str(folder)!r} cannot be written to ({error.strerror}).") from error


def _job(source: str, options: ArchiveOptions, settings: Settings, digest_options: DigestOptions) -> ArchiveJob:
    from models.open import Inference
    from seeds.archives.source import STDIN
    from seeds.outputs import FIELDS, output_format
    from service.archive.job import ArchiveJob

    if options.out.name in ("", "..") or (options.out.is_dir() and options.out.resolve().name == ""):
        raise typer.BadParameter(f"--out {str(options.out)!r} names no file.")
    chosen = tuple(split(options.fields))
    known = (*FIELDS, "duplicate_of") if options.duplicates else FIELDS
    if unknown := [name for name in chosen if name not in known]:
        raise typer.BadParameter(f"--fields names {', '.join(unknown)}; there are {', '.join(known)}.")
    format = options.output_format or output_format(options.out)
    if format == "csv" and chosen and set(chosen) == {"provenance"}:
        raise typer.BadParameter("--fields provenance is an object, which CSV has no column for.")
    if options.duplicates and source == STDIN:
        raise typer.BadParameter("--duplicates reads the input twice, which standard input cannot be. Name a file.")
    if options.duplicates and format == "ninjs":
        raise typer.BadParameter("--duplicates cannot be told in ninjs. Write .jsonl, .csv or .parquet.")
    return ArchiveJob(
        input=source,
        out=options.out,
        digest_options=digest_options,
        format=format,
        store=_store_url(options, settings),
        models=settings.models_folder,
        input_format=options.format,
        read=_read_options(options),
        fields=chosen or FIELDS,
        include_text=options.include_text,
        guard=options.guard,
        duplicates=options.duplicates,
        limit=options.limit,
        sample=options.sample,
        inference=Inference(dtype=settings.dtype, engine=settings.engine),
        max_article_characters=settings.max_article_characters,
        language_policy=settings.language_policy,
        servers=settings.engines,
    )


def _read_options(options: ArchiveOptions) -> ReadOptions:
    import codecs

    from seeds.archives import Fields, ReadOptions
    from seeds.archives.layout import is_delimiter

    try:
        encoding = codecs.lookup(options.encoding).name if options.encoding else None
        b"".decode(encoding or "utf-8")
        "\n".encode(encoding or "utf-8")
    except (LookupError, UnicodeError) as error:
        raise typer.BadParameter(
            f"--encoding {options.encoding!r} is no encoding of text that is known; windows-1252 is one."
        ) from error
    if options.delimiter is not None and not is_delimiter(options.delimiter):
        raise typer.BadParameter(f"--delimiter {options.delimiter!r} is not one character; write tab for a tab.")
    named = Fields(
        text=options.text_field, title=options.title_field, id=options.id_field, date=options.date_field,
        url=options.url_field, language=options.language_field,
    )  # fmt: skip
    return ReadOptions(named, options.delimiter, encoding, options.keep_markup)


def _store_url(options: ArchiveOptions, settings: Settings) -> str:
    """Where results are kept. A cluster's machines cannot share an SQLite file: without PostgreSQL, in the output
    alone."""
    from service.archive.job import MEMORY

    store = options.store or settings.store or str(options.out.with_name(options.out.name + ".results.db"))
    url = store if "://" in store or store.startswith("postgres") else f"sqlite:///{store}"
    return MEMORY if options.ray_address and url.startswith("sqlite") else url


def _store_file(url: str) -> Path | None:
    """The file of an SQLite store."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _starter(job: ArchiveJob, options: ArchiveOptions, settings: Settings) -> StartWorkers:
    """What makes the workers: Python alone holds the interpreter, and wants a process for every core; a model in torch
    keeps every core busy from one."""
    from models.catalog import find_model

    executor = options.executor or options.engine or "processes"
    remote = {server.id for server in job.servers}
    in_python = all(
        model not in remote and find_model(model, root=settings.models_folder, paths=True).folder is None
        for model in job.digest_options.models().values()
    )
    number = options.workers or (len(os.sched_getaffinity(0)) if in_python else 1)

    def start(setup: Setup, notify: Notify) -> Workers:
        if executor == "ray":
            from service.archive.cluster import RayWorkers

            return RayWorkers(setup, address=options.ray_address, number=options.workers or 2, gpus=options.gpus)
        if executor == "local":
            from service.archive.workers import Here

            return Here(setup, notify=notify)
        from service.archive.processes import Processes

        return Processes(setup, number=number, notify=notify)

    return start
