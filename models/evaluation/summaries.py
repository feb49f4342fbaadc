"""ROUGE with bootstrap intervals, each system beside a baseline on the same articles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer

from models.text.sentences import sentences

MEASURES = ("rouge1", "rouge2", "rougeLsum")
RESAMPLES = 5_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over articles with its bootstrap 95 % interval (percentile method, Efron 1979)."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SystemScores:
    """One system: each measure in points of F1 times 100, and its paired difference from the baseline. `words` and
    `sentences` are means per summary."""

    name: str
    measures: dict[str, Interval]
    difference: dict[str, Interval]
    words: float
    sentences: float


class Rouge:
    """rouge-score with stemming; L is the summary-level rougeLsum that papers report."""

    def __init__(self) -> None:
        self._scorer = RougeScorer(list(MEASURES), use_stemmer=True)

    def __call__(self, summary: str, reference: str) -> tuple[float, float, float]:
        """F1 times 100 of each of `MEASURES`. Texts have one sentence a line; a text of one line is split."""
        scores = self._scorer.score(lines(reference), lines(summary))
        return tuple(100 * scores[measure].fmeasure for measure in MEASURES)


def lines(text: str) -> str:
    """The text with one sentence a line."""
    if "\n" in text.strip():
        return text.strip()
    return "\n".join(text[span.start : span.end] for span in sentences(text))


def compare(
    outputs: Mapping[str, Sequence[str]], references: Sequence[str], *, baseline: str, seed: int = 0
) -> Iterator[SystemScores]:
    """Score each system's summaries against the references; yields as it goes, the baseline first.

    Args:
        outputs: summaries by system, in the order of `references`.
        baseline: the name of the system that differences are taken from.
    """
    rouge = Rouge()
    resamples = np.random.default_rng(seed).integers(0, len(references), (RESAMPLES, len(references)))
    base: NDArray[np.float64] | None = None
    for name in sorted(outputs, key=lambda name: name != baseline):
        scores = np.array([rouge(summary, ref) for summary, ref in zip(outputs[name], references, strict=True)])
        base = scores if base is None else base
        yield SystemScores(
            name=name,
            measures=_intervals(scores, resamples),
            difference=_intervals(scores - base, resamples),
            words=float(np.mean([len(summary.split()) for summary in outputs[name]])),
            sentences=float(np.mean([len(lines(summary).splitlines()) for summary in outputs[name]])),
        )


def _intervals(scores: NDArray[np.float64], resamples: NDArray[np.int64]) -> dict[str, Interval]:
    intervals = {}
    for column, measure in enumerate(MEASURES):
        means = scores[:, column][resamples].mean(1)
        low, high = np.percentile(means, [2.5, 97.5])
        intervals[measure] = Interval(float(scores[:, column].mean()), float(low), float(high))
    return intervals
