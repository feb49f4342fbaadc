"""`dateline train`"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import USAGE, fail, one_line_errors

if TYPE_CHECKING:
    from models.training.own import Aim
    from service.training import Training

train_app = typer.Typer(help="Teach Dateline what you need.", no_args_is_help=True)


@train_app.callback()
def options() -> None:
    """Teach Dateline what you need."""


@train_app.command()
def topics(
    name: Annotated[str, typer.Option(help="Name of the model; it is asked for by it.")],
    source: Annotated[
        str | None, typer.Argument(metavar="[INPUT]", help="Labelled rows, in any format that `archive` reads.")
    ] = None,
    from_feedback: Annotated[
        bool, typer.Option("--from-feedback", help="Learn from what readers corrected, instead of INPUT.")
    ] = False,
    labels_field: Annotated[
        str | None, typer.Option(help="Field that holds the labels: a list, or a text with ; or | between them.")
    ] = None,
    text_field: Annotated[str | None, typer.Option(help="Field that holds the text; guessed when absent.")] = None,
    title_field: Annotated[str | None, typer.Option(help="Field that holds the title.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="What separates CSV values: one character, or tab.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the input, where it is not UTF-8.")] = None,
    aim: Annotated[
        str, typer.Option(help="What thresholds are chosen for: f1, precision=0.9 or recall=0.8, for example.")
    ] = "f1",
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Learn topics of your own from labelled articles: some ten rows of each label, better fifty.

    The result is a model in the folder DATELINE_MODELS, asked for by its name. Nothing leaves the machine.
    """
    with one_line_errors():
        from rich.console import Console
        from rich.progress import Progress

        from models.open import Inference
        from models.training.own import Aim
        from seeds.archives import Fields, ReadOptions
        from seeds.library import Library
        from seeds.records import SeedFolder
        from seeds.store import Store
        from service.settings import read_settings
        from service.training import archive_rows, corrected_articles, train

        if (source is None) != from_feedback:
            fail("Name the labelled rows, or say --from-feedback.", USAGE)
        chosen = Aim.parse(aim)
        settings = read_settings()
        store = Store(settings.store_url)
        if source is None:
            rows = corrected_articles(Library(store, SeedFolder(settings.seeds), follow=False))
        else:
            fields = Fields(text=text_field, title=title_field)
            rows = archive_rows(source, ReadOptions(fields, delimiter, encoding), labels_field=labels_field)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("reading")
            training = train(
                rows, name=name, root=settings.models_folder, store=store,
                inference=Inference(dtype=settings.dtype, engine=settings.engine), aim=chosen,
                advance=lambda done, total: progress.update(bar, completed=done, total=total),
            )  # fmt: skip
        store.close()
        print(_as_json(training) if as_json else _as_text(training, name, chosen))
    sys.stdout.flush()


def _as_json(training: Training) -> str:
    from dataclasses import asdict

    report = asdict(training.report)
    for doubt in report["doubts"]:
        doubt["place"] = training.places[doubt.pop("row")]
    return json.dumps({"folder": str(training.folder), "skipped": training.skipped, **report}, ensure_ascii=False)


def _as_text(training: Training, name: str, aim: Aim) -> str:
    from models.training.own import FEW_EXAMPLES

    report = training.report
    width = max(len(label.name) for label in report.labels)
    lines = [f"{'topic':{width}}  articles  precision  recall    F1  threshold"]
    lines += [
        f"{label.name:{width}}  {label.examples:8,}  {label.precision:9.2f}  {label.recall:6.2f}  {label.f1:4.2f}  "
        f"{label.threshold:9.2f}" + ("   few articles: the figures say little" if label.examples < FEW_EXAMPLES else "")
        for label in sorted(report.labels, key=lambda label: -label.examples)
    ]
    lines += ["", f"{report.rows:,} rows, macro-F1 {report.macro_f1:.3f} on rows not seen"]
    if training.skipped:
        lines.append("skipped: " + ", ".join(f"{reason} {count:,}" for reason, count in training.skipped.items()))
    if report.repeated:
        lines.append(f"{report.repeated:,} rows repeat the text of another; they were kept together")
    if aim.name != "f1":
        missed = [label.name for label in report.labels if getattr(label, aim.name) < aim.least]
        if missed:
            lines.append(f"the aim is not reached for {', '.join(missed)}")
    if report.doubts:
        lines += ["", "rows worth reading again:"]
    for doubt in report.doubts[:10]:
        says = "has" if doubt.has else "has not"
        lines.append(f"  {training.places[doubt.row]}: {says} {doubt.label!r}, score {doubt.score:.2f}")
    lines += ["", f"{training.folder} is written. Ask for it: dateline digest --topics-model {name} FILE"]
    return "\n".join(lines)
