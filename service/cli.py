"""The command line. Parses, calls the same path as HTTP, prints; what is heavy is imported where it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from service.digest import Digest, Wanted
    from service.settings import Settings


class Measured(StrEnum):
    """What `evaluate` measures."""

    summaries = "summaries"
    topics = "topics"


FAILED, USAGE, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130

app = typer.Typer(
    help="Summarise news articles and tag their topics. Settings come from DATELINE_… variables; see the README.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="The models that can be asked for.", no_args_is_help=True)
app.add_typer(models_app, name="models")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Start the HTTP service."""
    with told():
        from service.serving import run
        from service.settings import read_settings

        run(read_settings(host=host, port=port))


@app.command()
def digest(
    paths: Annotated[list[Path], typer.Argument(help="Text files, folders of .txt files, or - for standard input.")],
    tasks: Annotated[str, typer.Option(help="What is wanted, with commas.")] = "summary,topics",
    summary_model: Annotated[str | None, typer.Option(help="Model that summarises.")] = None,
    topics_model: Annotated[str | None, typer.Option(help="Model that tags.")] = None,
    sentences: Annotated[int | None, typer.Option(help="At most so many sentences.")] = None,
    max_words: Annotated[int | None, typer.Option(help="At most so many words in all.")] = None,
    labels: Annotated[str, typer.Option(help="Your own labels, with commas, instead of the Media Topics.")] = "",
    threshold: Annotated[float | None, typer.Option(help="Lowest score returned.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many topics.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Digest text files: readable on a terminal, JSON lines in a pipe.

    Results are kept when every file lies in the seeds folder, or when DATELINE_STORE is set.
    """
    with told():
        from models.types import SummaryOptions, TopicsOptions
        from service.settings import read_settings

        settings = read_settings(summary_model=summary_model, topics_model=topics_model)
        wanted = _wanted(
            tasks,
            settings,
            SummaryOptions(sentences=sentences, max_words=max_words),
            TopicsOptions(
                labels=tuple(label.strip() for label in labels.split(",") if label.strip()),
                threshold=threshold,
                limit=limit,
            ),
        )
        digests = _digest(paths, wanted, settings)
        _print(digests, as_json=as_json or not sys.stdout.isatty())
    _exit_after(digests)


@models_app.command("list")
def models_list(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """List the models that can be asked for."""
    from models.catalog import presets

    if as_json or not sys.stdout.isatty():
        import json
        from dataclasses import asdict

        for preset in presets().values():
            print(json.dumps(asdict(preset)))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "does", "languages", "licence", "", box=None, pad_edge=False)
    for preset in presets().values():
        table.add_row(
            preset.id, ", ".join(preset.tasks), ", ".join(preset.languages), preset.licence, preset.description
        )
    Console().print(table)


@app.command()
def evaluate(
    what: Annotated[Measured, typer.Argument(help="What to measure.")],
    file: Annotated[Path, typer.Argument(help="JSON lines (.jsonl or .jsonl.gz): text and summary, or text and iptc.")],
    model: Annotated[str | None, typer.Option(help="Model to measure; the default one when absent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables.")] = False,
    report: Annotated[Path | None, typer.Option(help="Folder for a page with plots.")] = None,
) -> None:
    """Measure a model against human references: summaries by ROUGE beside the lead, topics beside TF-IDF."""
    with told():
        import json

        from rich.console import Console
        from rich.progress import Progress

        from models.catalog import Shelf
        from seeds.store import Store
        from service import evaluation
        from service import report as reports
        from service.digest import Digester
        from service.settings import read_settings

        settings = read_settings()
        digester = Digester(Shelf(dtype=settings.dtype), Store("sqlite://"))
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(f"{what.value}: {file.name}")

            def advance(done: int, total: int) -> None:
                progress.update(bar, completed=done, total=total)

            found: evaluation.SummaryEvaluation | evaluation.TopicsEvaluation
            if what is Measured.summaries:
                chosen = model or settings.summary_model
                found = evaluation.evaluate_summaries(file, model=chosen, digester=digester, advance=advance)
            else:
                chosen = model or settings.topics_model
                found = evaluation.evaluate_topics(file, model=chosen, digester=digester, advance=advance)
        if report is not None:
            page = reports.write_page(found, report, title=f"{what.value} of {chosen}: {file.name}")
            print(f"report: {page}", file=sys.stderr)
        if as_json:
            print(json.dumps(reports.as_json(found)))
        else:
            reports.show(found, Console())


@contextmanager
def told() -> Iterator[None]:
    """Turn an expected error into one line on stderr and its exit code."""
    from service.errors import expected
    from service.settings import InvalidSettings

    try:
        yield
    except InvalidSettings as error:
        _fail(error, USAGE)
    except expected() as error:
        _fail(error, FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def main() -> None:
    app()


def _wanted(tasks: str, settings: Settings, summary: object, topics: object) -> Wanted:
    from models.types import TASKS
    from service.digest import Wanted

    asked = [task.strip() for task in tasks.split(",") if task.strip()]
    unknown = [task for task in asked if task not in TASKS]
    if unknown or not asked:
        raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is no task; there are {', '.join(TASKS)}")
    return Wanted(
        summary_model=settings.summary_model if "summary" in asked else None,
        summary=summary,  # type: ignore[arg-type]
        topics_model=settings.topics_model if "topics" in asked else None,
        topics=topics,  # type: ignore[arg-type]
    )


def _digest(paths: Sequence[Path], wanted: Wanted, settings: Settings) -> list[Digest]:
    from models.catalog import Shelf
    from seeds.records import Article
    from seeds.store import Store
    from service.digest import Digester
    from service.files import read

    records = list(read(paths))
    kept = settings.store is not None or all(
        settings.seeds.resolve() in path.resolve().parents or path.resolve() == settings.seeds.resolve()
        for path in paths
    )
    store = Store(settings.store_url if kept else "sqlite://")
    digester = Digester(Shelf(dtype=settings.dtype), store, max_article_characters=settings.max_article_characters)
    done = iter(digester.digest([record for record in records if isinstance(record, Article)], wanted))
    return [next(done) if isinstance(record, Article) else record for record in records]


def _print(digests: Sequence[Digest], *, as_json: bool) -> None:
    if as_json:
        from service.schemas import digest_reply

        for item in digests:
            print(digest_reply(item).model_dump_json())
        return
    from rich.console import Console

    from service.terminal import show

    show(digests, console=Console())


def _exit_after(digests: Sequence[Digest]) -> None:
    failed = [item for item in digests if item.error]
    for item in failed:
        print(f"{item.id}: {item.error}", file=sys.stderr)
    if failed:
        raise typer.Exit(FAILED if len(failed) == len(digests) else SOME_FAILED)


def _fail(error: Exception, code: int) -> NoReturn:
    print(f"dateline: {error}", file=sys.stderr)
    raise typer.Exit(code)
