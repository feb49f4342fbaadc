"""The command line. Parses, calls the same path as HTTP, prints; what is heavy is imported where it is used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from models.shelf import Shelf
    from models.types import SummaryOptions, TopicsOptions
    from service.digest import Digest, Wanted
    from service.settings import Settings


Truncations = Literal["chunk", "truncate", "error"]
Scorings = Literal["sigmoid", "softmax", "none"]
Engines = Literal["torch", "ctranslate2"]
Inputs = Literal["text", "jsonl", "csv", "parquet", "ninjs", "warc", "feed"]
Where = Literal["local", "ray"]
Outputs = Literal["jsonl", "csv", "parquet", "ninjs"]


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
    truncation: Annotated[Truncations, typer.Option(help="For articles longer than the model reads.")] = "chunk",
    min_words: Annotated[int | None, typer.Option(help="At least about so many words; for models that write.")] = None,
    beams: Annotated[int | None, typer.Option(help="Width of the search; for models that write.")] = None,
    labels: Annotated[str, typer.Option(help="Your own labels, with commas, instead of the Media Topics.")] = "",
    threshold: Annotated[float | None, typer.Option(help="Lowest score returned.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many topics.")] = None,
    scoring: Annotated[Scorings | None, typer.Option(help="How a classifier's logits become scores.")] = None,
    multi_label: Annotated[
        bool | None, typer.Option(help="For zero-shot models: judge labels one by one, or let them compete.")
    ] = None,
    template: Annotated[
        str | None, typer.Option(help="For zero-shot models: the sentence a label is put into.")
    ] = None,
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
            SummaryOptions(
                sentences=sentences, max_words=max_words, truncation=truncation, min_words=min_words, beams=beams
            ),
            TopicsOptions(
                labels=tuple(label.strip() for label in labels.split(",") if label.strip()),
                threshold=threshold,
                limit=limit,
                scoring=scoring,
                multi_label=multi_label,
                template=template,
            ),
        )
        failed, count = _run(paths, wanted, settings, as_json=as_json or not sys.stdout.isatty())
    if failed:
        raise typer.Exit(FAILED if failed == count else SOME_FAILED)


@app.command()
def archive(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A file, a folder, a glob in quotes, or - for stdin.")],
    out: Annotated[
        Path,
        typer.Option(
            help="Where to write: .jsonl, .csv or .ninjs.jsonl, each also with .gz or .zst, or a folder .parquet."
        ),
    ],
    tasks: Annotated[str, typer.Option(help="What is wanted, with commas.")] = "topics,summary",
    model: Annotated[str | None, typer.Option(help="Model for every task that is wanted.")] = None,
    summary_model: Annotated[str | None, typer.Option(help="Model that summarises.")] = None,
    topics_model: Annotated[str | None, typer.Option(help="Model that tags.")] = None,
    sentences: Annotated[int | None, typer.Option(help="At most so many sentences.")] = None,
    max_words: Annotated[int | None, typer.Option(help="At most so many words in all.")] = None,
    truncation: Annotated[Truncations, typer.Option(help="For articles longer than the model reads.")] = "chunk",
    labels: Annotated[str, typer.Option(help="Your own labels, with commas, instead of the Media Topics.")] = "",
    threshold: Annotated[float | None, typer.Option(help="Lowest score returned.")] = None,
    topic_limit: Annotated[int | None, typer.Option(help="At most so many topics an article.")] = None,
    format: Annotated[Inputs | None, typer.Option(help="What the input is, where its name does not tell.")] = None,
    text_field: Annotated[str | None, typer.Option(help="Field that holds the text; guessed when absent.")] = None,
    title_field: Annotated[str | None, typer.Option(help="Field that holds the title.")] = None,
    id_field: Annotated[str | None, typer.Option(help="Field that holds the id.")] = None,
    date_field: Annotated[str | None, typer.Option(help="Field that holds the date.")] = None,
    output_format: Annotated[Outputs | None, typer.Option(help="What to write, where the name does not tell.")] = None,
    fields: Annotated[str, typer.Option(help="Fields of a row to write, with commas; all when absent.")] = "",
    include_text: Annotated[bool, typer.Option(help="Write the text too.")] = False,
    store: Annotated[str | None, typer.Option(help="Where results are kept; by default beside the output.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many records.")] = None,
    sample: Annotated[int, typer.Option(min=1, help="Only one record in so many.")] = 1,
    dry_run: Annotated[bool, typer.Option(help="Show what would be read from the first records, and stop.")] = False,
    restart: Annotated[bool, typer.Option(help="Start over, and remove what an earlier run wrote.")] = False,
    engine: Annotated[Where, typer.Option(help="Where to run: on this machine, or on Ray.")] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes, or actors on Ray; by default what suits the model.")
    ] = None,
    ray_address: Annotated[str | None, typer.Option(help="Of a Ray cluster; without it Ray starts here.")] = None,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs, or a part of one, for each actor on Ray.")] = 0,
    quiet: Annotated[bool, typer.Option(help="Tell nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Tell progress and the end as JSON lines.")] = False,
) -> None:
    """Digest a whole archive: any interruption is survived, run the same command again.

    Every input record becomes one row, in order. What cannot be read or digested is set aside in OUTPUT.errors.jsonl.
    """
    with told():
        from models.types import SummaryOptions, TopicsOptions
        from seeds.readers import Fields
        from service import archiving
        from service.settings import read_settings

        settings = read_settings(summary_model=summary_model or model, topics_model=topics_model or model)
        wanted = _wanted(
            tasks,
            settings,
            SummaryOptions(sentences=sentences, max_words=max_words, truncation=truncation),
            TopicsOptions(
                labels=tuple(label.strip() for label in labels.split(",") if label.strip()),
                threshold=threshold,
                limit=topic_limit,
            ),
        )
        code = archiving.run(
            source, out, wanted, settings,
            shelf=_shelf(settings),
            format=format,
            input_fields=Fields(text=text_field, title=title_field, id=id_field, date=date_field),
            output=output_format,
            fields=tuple(name.strip() for name in fields.split(",") if name.strip()),
            include_text=include_text,
            store=store,
            limit=limit,
            sample=sample,
            dry_run=dry_run,
            restart=restart,
            engine=engine,
            workers=workers,
            ray_address=ray_address,
            gpus=gpus,
            show="nothing" if quiet else "json" if as_json else "words",
        )  # fmt: skip
    if code:
        raise typer.Exit(code)


@models_app.command("list")
def models_list(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """List the models that can be asked for: presets, and what was pulled."""
    with told():
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
    with told():
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
    with told():
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
    with told():
        import json

        from rich.console import Console
        from rich.progress import Progress

        from seeds.store import Store

        try:
            from service import evaluation
            from service import report as reports
        except ModuleNotFoundError as error:
            _fail(f"evaluation needs {error.name}. Install it: pip install 'dateline[evaluate]'", FAILED)
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
                _fail(f"The report cannot be written to {str(report)!r}: {error}.", FAILED)
            print(f"report: {page}", file=sys.stderr)
        if as_json:
            print(json.dumps(reports.as_json(found)))
        else:
            reports.show(found, Console())


@contextmanager
def told() -> Iterator[None]:
    """Turn an expected error into one line on stderr and its exit code."""
    from models.errors import InvalidOption
    from service.errors import expected
    from service.settings import InvalidSettings

    try:
        yield
    except (InvalidSettings, InvalidOption) as error:
        _fail(error, USAGE)
    except expected() as error:
        _fail(error, FAILED)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def main() -> None:
    app()


def _wanted(tasks: str, settings: Settings, summary: SummaryOptions, topics: TopicsOptions) -> Wanted:
    from models.types import TASKS
    from service.digest import Wanted

    asked = [task.strip() for task in tasks.split(",") if task.strip()]
    unknown = [task for task in asked if task not in TASKS]
    if unknown or not asked:
        raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is no task; there are {', '.join(TASKS)}")
    return Wanted(
        summary_model=settings.summary_model if "summary" in asked else None,
        summary=summary,
        topics_model=settings.topics_model if "topics" in asked else None,
        topics=topics,
    )


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


def _fail(error: Exception | str, code: int) -> NoReturn:
    print(f"dateline: {error}", file=sys.stderr)
    raise typer.Exit(code)
