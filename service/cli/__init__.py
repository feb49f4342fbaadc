"""The command line. Parses, calls the same path as HTTP, prints; what is heavy is imported where it is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.archive import archive
from service.cli.exits import FAILED, SOME_FAILED, fail, one_line_errors
from service.cli.options import TaskOptions, with_options

if TYPE_CHECKING:
    from models.shelf import Shelf
    from service.digest import Digest, Wanted
    from service.settings import Settings


Engines = Literal["torch", "ctranslate2"]


class Measured(StrEnum):
    """What `evaluate` measures."""

    summaries = "summaries"
    topics = "topics"


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
    with one_line_errors():
        from service.serving import run
        from service.settings import read_settings

        run(read_settings(host=host, port=port))


@dataclass(frozen=True, kw_only=True)
class DigestOptions(TaskOptions):
    """How text files are digested and shown."""

    limit: Annotated[int | None, typer.Option(help="Topics of an article, at most.")] = None
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False


@app.command()
@with_options(DigestOptions)
def digest(
    paths: Annotated[list[Path], typer.Argument(help="Text files, folders of .txt files, or - for standard input.")],
    options: DigestOptions,
) -> None:
    """Digest text files: readable on a terminal, JSON lines in a pipe.

    Results are kept when every file lies in the seeds folder, or when DATELINE_STORE is set.
    """
    with one_line_errors():
        from service.settings import read_settings

        settings = read_settings(summary_model=options.summary_model, topics_model=options.topics_model)
        wanted = options.requested(settings, topic_limit=options.limit)
        failed, count = _run(paths, wanted, settings, as_json=options.as_json or not sys.stdout.isatty())
    if failed:
        raise typer.Exit(FAILED if failed == count else SOME_FAILED)


app.command()(archive)


@models_app.command("list")
def models_list(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """List the models that can be asked for: presets, and what was pulled."""
    with one_line_errors():
        from models.catalog import known_models
        from service.settings import read_settings

        listed = known_models(read_settings().models_folder)
    if as_json or not sys.stdout.isatty():
        import json

        for entry in listed:
            print(json.dumps(entry))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "ready", "does", "languages", "licence", "", box=None, pad_edge=False)
    for entry in listed:
        languages = entry["languages"]
        shown = ", ".join(languages) if len(languages) < 5 else f"{len(languages)} languages"
        table.add_row(
            entry["id"], "yes" if entry["ready"] else "to pull", ", ".join(entry["tasks"]), shown, entry["licence"],
            entry["description"],
        )  # fmt: skip
    Console().print(table)


@models_app.command("show")
def models_show(id: Annotated[str, typer.Argument(help="A preset, or the id of a model that was pulled.")]) -> None:
    """Tell what is known of a model, as JSON: its pin, licence, limits, and what stands on disk."""
    with one_line_errors():
        import json

        from models.catalog import describe
        from service.settings import read_settings

        print(json.dumps(describe(id, root=read_settings().models_folder), indent=2, ensure_ascii=False))


@models_app.command("pull")
def models_pull(
    ids: Annotated[list[str], typer.Argument(help="Presets, or ids of the hub such as facebook/bart-large-cnn.")],
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit; by default the preset's pin.")] = None,
    engine: Annotated[
        Engines | None,
        typer.Option(help="ctranslate2 converts for it, torch does not; by default where it is installed."),
    ] = None,
) -> None:
    """Fetch models from the Hugging Face hub, so that they serve without network. An interrupted pull goes on where it
    stopped."""
    with one_line_errors():
        if not sys.stderr.isatty():
            from huggingface_hub.utils.tqdm import disable_progress_bars

            disable_progress_bars()
        from models.pulling import pull
        from service.settings import read_settings

        root = read_settings().models_folder
        for id in ids:
            done = pull(id, root=root, revision=revision, engine=engine)
            how = f"{done.fetched_bytes / 1e6:,.0f} MB fetched" if done.fetched_bytes else "already here"
            print(f"{done.id} at {done.commit[:12]} in {done.folder} ({how}, {done.engines})")


@app.command()
def evaluate(
    what: Annotated[Measured, typer.Argument(help="What to measure.")],
    file: Annotated[Path, typer.Argument(help="JSON lines (.jsonl or .jsonl.gz): text and summary, or text and iptc.")],
    model: Annotated[str | None, typer.Option(help="Model to measure; the default one when absent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables.")] = False,
    report: Annotated[Path | None, typer.Option(help="Folder for a page with plots.")] = None,
) -> None:
    """Measure a model against human references: summaries by ROUGE beside the lead, topics beside TF-IDF."""
    with one_line_errors():
        import json

        from rich.console import Console
        from rich.progress import Progress

        from seeds.store import Store

        try:
            from service import evaluation
            from service import report as reports
        except ModuleNotFoundError as error:
            fail(f"evaluation needs {error.name}. Install it: pip install 'dateline[evaluate]'", FAILED)
        from service.digest import Digester
        from service.settings import read_settings

        settings = read_settings()
        digester = Digester(_shelf(settings), Store("sqlite://"))
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
            try:
                page = reports.write_page(found, report, title=f"{what.value} of {chosen}: {file.name}")
            except (OSError, ModuleNotFoundError) as error:
                fail(f"The report cannot be written to {str(report)!r}: {error}.", FAILED)
            print(f"report: {page}", file=sys.stderr)
        if as_json:
            print(json.dumps(reports.as_json(found)))
        else:
            reports.show(found, Console())


def main() -> None:
    app()


def _run(paths: Sequence[Path], wanted: Wanted, settings: Settings, *, as_json: bool) -> tuple[int, int]:
    """Digest and print, article by article; how many failed, of how many."""
    from seeds.store import Store
    from service.digest import Digester
    from service.files import digest_files

    home = settings.seeds.resolve()
    kept = settings.store is not None or all(home in (path.resolve(), *path.resolve().parents) for path in paths)
    digester = Digester(
        _shelf(settings),
        Store(settings.store_url if kept else "sqlite://"),
        max_article_characters=settings.max_article_characters,
    )
    show = _printer(as_json=as_json)
    failed = count = 0
    for item in digest_files(paths, wanted, digester=digester):
        show(item)
        count += 1
        if item.error:
            failed += 1
            if as_json:  # on a terminal it stands in the article's own block
                print(f"{item.id}: {item.error}", file=sys.stderr)
    return failed, count


def _shelf(settings: Settings) -> Shelf:
    """Models for the command line, where a path is an id too."""
    from models.shelf import Shelf

    return Shelf(
        settings.models_folder,
        dtype=settings.dtype,
        engine=settings.engine,
        max_loaded=settings.max_loaded_models,
        paths=True,
    )


def _printer(*, as_json: bool) -> Callable[[Digest], None]:
    if as_json:
        from service.schemas import digest_reply

        return lambda item: print(digest_reply(item).model_dump_json(), flush=True)
    from rich.console import Console

    from service.terminal import show

    console = Console()
    return lambda item: show(item, console=console)
