"""`dateline train topics`, `learn` and `rollback`"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.exits import USAGE, fail, one_line_errors

if TYPE_CHECKING:
    from models.classifiers.learning import OwnReport
    from models.vocabulary.own import Vocabulary
    from seeds.store import Store
    from service.settings import Settings
    from service.teaching.rows import Row
    from service.teaching.train import Trainer, Training

train_app = typer.Typer(help="Teach Dateline what you need.", no_args_is_help=True)

Source = Annotated[
    str | None, typer.Argument(metavar="[INPUT]", help="Labelled rows, in any format that `archive` reads.")
]
FromFeedback = Annotated[
    bool, typer.Option("--from-feedback", help="Learn from what readers corrected, instead of INPUT.")
]
LabelsField = Annotated[
    str | None, typer.Option(help="Field that holds the labels: a list, or a text with ; or | between them.")
]
TextField = Annotated[str | None, typer.Option(help="Field that holds the text; guessed when absent.")]
TitleField = Annotated[str | None, typer.Option(help="Field that holds the title.")]
Delimiter = Annotated[str | None, typer.Option(help="What separates CSV values: one character, or tab.")]
Encoding = Annotated[str | None, typer.Option(help="Encoding of the input, where it is not UTF-8.")]
AsJson = Annotated[bool, typer.Option("--json", help="The report as JSON.")]


@train_app.callback()
def options() -> None:
    """Teach Dateline what you need."""


@train_app.command()
def topics(
    name: Annotated[str, typer.Option(help="Name of the model; it is asked for by it.")],
    source: Source = None,
    from_feedback: FromFeedback = False,
    vocabulary: Annotated[
        str | None, typer.Option(help="The labels are terms of this vocabulary, which was loaded; others are left out.")
    ] = None,
    labels_field: LabelsField = None,
    text_field: TextField = None,
    title_field: TitleField = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    aim: Annotated[
        str, typer.Option(help="What thresholds are chosen for: f1, precision=0.9 or recall=0.8, for example.")
    ] = "f1",
    as_json: AsJson = False,
) -> None:
    """Learn topics of your own from labelled articles: some ten rows of each label, better fifty.

    The result is a model in the folder DATELINE_MODELS, asked for by its name. Nothing leaves the machine.
    """
    with one_line_errors(), _trainer() as (trainer, store, settings):
        from models.classifiers.aim import Aim
        from service.teaching.folders import vocabulary_named
        from service.teaching.train import unlearnt

        chosen = Aim.parse(aim)
        terms = vocabulary_named(vocabulary, root=settings.models_folder) if vocabulary else None
        given = Given(source, from_feedback, labels_field, text_field, title_field, delimiter, encoding)
        rows = given.rows(store, settings)
        training = trainer.train(rows, name=name, aim=chosen, vocabulary=terms)
        missed = [
            label.name
            for label in training.report.labels
            if chosen.least and getattr(label, chosen.name) < chosen.least
        ]
        print(_as_json(training) if as_json else _as_text(training, terms, unlearnt(training.report, terms), missed))
    sys.stdout.flush()


@train_app.command()
def learn(
    name: Annotated[str, typer.Argument(help="A model that was trained here.")],
    source: Source = None,
    from_feedback: FromFeedback = False,
    labels_field: LabelsField = None,
    text_field: TextField = None,
    title_field: TitleField = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> None:
    """Teach a model more: it learns from its own examples and the new ones together, and becomes its next revision.

    The revision before is kept beside it, and so are the results made with it; `dateline train rollback` puts it back.
    Restart the service afterwards.
    """
    with one_line_errors(), _trainer() as (trainer, store, settings):
        from models.vocabulary.own import stored_vocabulary

        given = Given(source, from_feedback, labels_field, text_field, title_field, delimiter, encoding)
        rows = given.rows(store, settings)
        training = trainer.learn(rows, name=name)
        print(_as_json(training) if as_json else _as_text(training, stored_vocabulary(training.folder), [], []))
    sys.stdout.flush()


@train_app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="A model that was taught more.")],
    to: Annotated[int | None, typer.Option(help="The number of a revision; the one kept last when absent.")] = None,
) -> None:
    """Put an earlier revision of a model back in its place. Restart the service afterwards."""
    with one_line_errors():
        from models.folder import revision_of
        from service.settings import read_settings
        from service.teaching.folders import rollback as put_back

        folder, replaced = put_back(read_settings().models_folder, name, to=to)
        kept = f"; the one it replaces is kept as {replaced.name}" if replaced else ""
        print(f"{name} is revision {revision_of(folder)} again{kept}.")


@dataclass(frozen=True, slots=True)
class Given:
    """Which rows to learn from, as the options of both commands say."""

    source: str | None
    from_feedback: bool
    labels_field: str | None
    text_field: str | None
    title_field: str | None
    delimiter: str | None
    encoding: str | None

    def rows(self, store: Store, settings: Settings) -> Iterator[Row]:
        from seeds.archives import Fields, ReadOptions
        from seeds.library import Library
        from seeds.records import SeedFolder
        from service.teaching.rows import archive_rows, corrected_articles

        if (self.source is None) != self.from_feedback:
            fail("Name the labelled rows, or say --from-feedback.", USAGE)
        if self.source is None:
            return corrected_articles(Library(store, SeedFolder(settings.seeds), follow=False))
        options = ReadOptions(Fields(text=self.text_field, title=self.title_field), self.delimiter, self.encoding)
        return archive_rows(self.source, options, labels_field=self.labels_field)


@contextmanager
def _trainer() -> Iterator[tuple[Trainer, Store, Settings]]:
    """What trains, with its progress on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    from models.open import Inference
    from seeds.store import Store
    from service.settings import read_settings
    from service.teaching.train import Trainer

    settings = read_settings()
    store = Store(settings.store_url)
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("reading")
            inference = Inference(dtype=settings.dtype, engine=settings.engine)
            advance = lambda done, total: progress.update(bar, completed=done, total=total)  # noqa: E731
            yield Trainer(settings.models_folder, store, inference, advance), store, settings
    finally:
        store.close()


def _as_json(training: Training) -> str:
    kept = str(training.kept) if training.kept else None
    return json.dumps({"folder": str(training.folder), "kept": kept, **training.report_fields()}, ensure_ascii=False)


def _as_text(training: Training, vocabulary: Vocabulary | None, unlearnt: list[str], missed: list[str]) -> str:
    report = training.report
    lines = [*_table(report, vocabulary), "", f"{report.rows:,} rows, macro-F1 {report.macro_f1:.3f} on rows not seen"]
    if training.skipped:
        lines.append("skipped: " + ", ".join(f"{reason} {count:,}" for reason, count in training.skipped.items()))
    if training.unknown:
        some = sorted(training.unknown.items(), key=lambda item: -item[1])
        named = ", ".join(f"{label!r} ({count:,} rows)" for label, count in some[:10])
        lines.append(f"labels that are not in the vocabulary, {len(some):,}: {named}")
    if unlearnt:
        more = f" and {len(unlearnt) - 10:,} more" if len(unlearnt) > 10 else ""
        lines.append(f"terms with too few examples to be learnt: {', '.join(unlearnt[:10])}{more}")
    if report.repeated:
        lines.append(f"{report.repeated:,} rows say nearly what another says; they were kept together")
    if missed:
        lines.append(f"the aim is not reached for {', '.join(missed)}")
    if report.contradictions:
        lines += ["", f"{len(report.contradictions):,} rows say nearly what another says, and have other labels:"]
    for pair in report.contradictions[:10]:
        lines.append(f"  {training.places[pair.row]} and {training.places[pair.earlier]}")
    if report.doubts:
        lines += ["", "rows worth reading again:"]
    for doubt in report.doubts[:10]:
        says = "has" if doubt.has else "has not"
        lines.append(f"  {training.places[doubt.row]}: {says} {doubt.label!r}, score {doubt.score:.2f}")
    name = training.folder.name
    lines += ["", f"{training.folder} is written. Ask for it: dateline digest --topics-model {name} FILE"]
    if training.kept:
        lines.append(f"The revision before is kept as {training.kept.name}: dateline train rollback {name}")
    return "\n".join(lines)


def _table(report: OwnReport, vocabulary: Vocabulary | None) -> list[str]:
    from models.classifiers.learning import FEW_EXAMPLES
    from models.vocabulary.own import topic_of

    names = {label.name: topic_of(label.name, vocabulary).name for label in report.labels}
    width = max(map(len, names.values()))
    lines = [f"{'topic':{width}}  articles  precision  recall    F1  threshold"]
    for label in sorted(report.labels, key=lambda label: -label.examples):
        figures = f"{label.precision:9.2f}  {label.recall:6.2f}  {label.f1:4.2f}  {label.threshold:9.2f}"
        warning = "   few articles: the figures say little" if label.examples < FEW_EXAMPLES else ""
        lines.append(f"{names[label.name]:{width}}  {label.examples:8,}  {figures}{warning}")
    return lines
