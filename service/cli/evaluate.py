"""`dateline evaluate`"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.cli.exits import FAILED, fail, one_line_errors


class Measured(StrEnum):
    """What `evaluate` measures."""

    summaries = "summaries"
    topics = "topics"


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
            from service.evaluate import measure, show
        except ModuleNotFoundError as error:
            fail(f"evaluation needs {error.name}. Install it: pip install 'dateline[evaluate]'", FAILED)
        from service.digest import Digester
        from service.settings import model_cache, read_settings

        settings = read_settings()
        digester = Digester(model_cache(settings, paths=True), Store("sqlite://"))
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(f"{what.value}: {file.name}")

            def advance(done: int, total: int) -> None:
                progress.update(bar, completed=done, total=total)

            evaluation: measure.SummaryEvaluation | measure.TopicsEvaluation
            if what is Measured.summaries:
                chosen = model or settings.summary_model
                evaluation = measure.evaluate_summaries(file, model=chosen, digester=digester, advance=advance)
            else:
                chosen = model or settings.topics_model
                evaluation = measure.evaluate_topics(file, model=chosen, digester=digester, advance=advance)
        if report is not None:
            try:
                page = show.write_page(evaluation, report, title=f"{what.value} of {chosen}: {file.name}")
            except (OSError, ModuleNotFoundError) as error:
                fail(f"The report cannot be written to {str(report)!r}: {error}.", FAILED)
            print(f"report: {page}", file=sys.stderr)
        if as_json:
            print(json.dumps(show.as_json(evaluation)))
        else:
            show.show(evaluation, Console())
