"""Shows evaluations: tables for a terminal, JSON for machines, a page with plots."""

import base64
import html
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from models.evaluation.summaries import MEASURES, Interval
from models.evaluation.topics import coverage_precision
from service.evaluate.measure import BASELINE, SummaryEvaluation, TopicsEvaluation

HEADINGS = ("ROUGE-1", "ROUGE-2", "ROUGE-Lsum")


Evaluation = SummaryEvaluation | TopicsEvaluation


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything measured, for machines."""
    if isinstance(evaluation, SummaryEvaluation):
        return {
            "rows": evaluation.rows,
            "skipped": evaluation.skipped,
            "systems": [asdict(system) for system in evaluation.systems],
        }
    return {
        "skipped": evaluation.skipped,
        "model": asdict(evaluation.model),
        "tfidf": asdict(evaluation.baseline),
        "sources": {name: asdict(scores) for name, scores in evaluation.sources.items()},
    }


def show(evaluation: Evaluation, console: Console) -> None:
    """Print the tables."""
    if isinstance(evaluation, SummaryEvaluation):
        _show_summaries(evaluation, console)
    else:
        _show_topics(evaluation, console)


def write_page(evaluation: Evaluation, folder: Path, *, title: str) -> Path:
    """Write one self-contained HTML page with the plots and the data behind them, and return where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = _summary_figures(evaluation) if isinstance(evaluation, SummaryEvaluation) else _topic_figures(evaluation)
    images = "".join(
        f'<figure><img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, png in figures.items()
    )
    path = folder / "index.html"
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto}img{max-width:100%}</style>"
        f"<h1>{html.escape(title)}</h1>{images}<details><summary>Figures as JSON</summary>"
        f"<pre>{html.escape(json.dumps(as_json(evaluation), indent=2))}</pre></details></html>",
        encoding="utf-8",
    )
    return path


def _show_summaries(evaluation: SummaryEvaluation, console: Console) -> None:
    table = Table("system", *HEADINGS, f"ROUGE-1 above {BASELINE}", "ROUGE-2 above", "words", box=None)
    for system in evaluation.systems:
        table.add_row(
            system.name,
            *(_interval(system.measures[measure]) for measure in MEASURES),
            *(
                _interval(system.difference[measure], signed=True) if system.name != BASELINE else ""
                for measure in MEASURES[:2]
            ),
            f"{system.words:.0f}",
        )
    console.print(table)
    console.print(
        f"{evaluation.rows} articles, {evaluation.skipped} left out; F1 × 100 with bootstrap 95 % intervals",
        style="dim",
    )


def _show_topics(evaluation: TopicsEvaluation, console: Console) -> None:
    table = Table("", "micro-F1", "macro-F1", "precision", "coverage", "first topic right", "ECE", box=None)
    rows = {"model": evaluation.model, "TF-IDF, cross-validated here": evaluation.baseline} | evaluation.sources
    for name, scores in rows.items():
        figures = (scores.micro_f1, scores.macro_f1, scores.precision, scores.coverage, scores.top_right, scores.ece)
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    console.print(table)
    labels = Table("topic", "precision", "recall", "F1", "rows", box=None)
    for label in evaluation.model.labels:
        labels.add_row(
            label.label, f"{label.precision:.2f}", f"{label.recall:.2f}", f"{label.f1:.2f}", str(label.support)
        )
    console.print(labels)
    console.print(f"{evaluation.model.rows} rows, {evaluation.skipped} left out", style="dim")


def _summary_figures(evaluation: SummaryEvaluation) -> dict[str, bytes]:
    def by_length(axes: Any) -> None:
        axes.scatter(evaluation.lengths, evaluation.gains, s=8, alpha=0.4)
        axes.axhline(0, color="grey", linewidth=1)
        axes.set(xlabel="words in the article", ylabel=f"ROUGE-1 above {BASELINE}")

    def systems(axes: Any) -> None:
        ordered = sorted(evaluation.systems, key=lambda system: system.measures["rouge1"].mean)
        for place, system in enumerate(ordered):
            measure = system.measures["rouge1"]
            axes.plot([measure.low, measure.high], [place, place], color="black")
            axes.plot(measure.mean, place, "o", color="black")
        axes.set_yticks(range(len(ordered)), [system.name for system in ordered])
        axes.set(xlabel="ROUGE-1 with 95 % interval")

    return {"ROUGE-1 by system": _plot(systems), "Gain over the lead by length of the article": _plot(by_length)}


def _topic_figures(evaluation: TopicsEvaluation) -> dict[str, bytes]:
    def reliability(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
        axes.plot(
            [b.score for b in evaluation.model.reliability], [b.right for b in evaluation.model.reliability], "o-"
        )
        axes.set(xlabel="score of the first topic", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))

    def coverage(axes: Any) -> None:
        axes.plot(*zip(*coverage_precision(evaluation.truth, evaluation.scores), strict=True))
        axes.set(xlabel="coverage", ylabel="precision of the first topic", xlim=(0, 1), ylim=(0, 1))

    def confusion(axes: Any) -> None:
        counts = evaluation.truth.T.astype(float) @ np.eye(len(evaluation.names))[evaluation.scores.argmax(1)]
        axes.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="Blues")
        axes.set_xticks(range(len(evaluation.names)), evaluation.names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(evaluation.names)), evaluation.names, fontsize=7)
        axes.set(xlabel="first topic given", ylabel="topic of the row")

    return {
        "Reliability of the first topic's score": _plot(reliability),
        "Coverage against precision": _plot(coverage),
        "Confusion, rows normalised": _plot(confusion),
    }


def _interval(interval: Interval, *, signed: bool = False) -> str:
    form = "+.2f" if signed else ".2f"
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _plot(draw: Any) -> bytes:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5), dpi=110, layout="constrained")
    draw(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    pyplot.close(figure)
    return buffer.getvalue()
