"""Multi-label measures: F1, precision and coverage, calibration. A row's labels may be incomplete; a predicted topic
that its source did not name then counts as wrong, so precision is a lower bound."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Labels = NDArray[np.bool_]
MIN_SUPPORT = 10
"""A label with fewer rows is left out of the macro average: its figure would be chance."""
BINS = 10


@dataclass(frozen=True, slots=True)
class LabelScores:
    """One label. `support` counts the rows that carry it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of like confidence: their number, mean score, and the share that was right."""

    count: int
    score: float
    right: float


@dataclass(frozen=True, slots=True)
class TopicScores:
    """`coverage`: share of rows given any topic. `precision`: share of topics given that the row carries.
    `top_right`: share of covered rows whose first topic the row carries. `ece`: expected calibration error of the
    best score (Guo et al. 2017, arXiv:1706.04599)."""

    rows: int
    micro_f1: float
    macro_f1: float
    precision: float
    coverage: float
    top_right: float
    ece: float
    labels: tuple[LabelScores, ...]
    reliability: tuple[Bin, ...]


def score(truth: Labels, scores: Matrix, predicted: Labels, *, names: Sequence[str]) -> TopicScores:
    """Measure predictions, `[rows, labels]` each: what holds, how probable it was said to be, what was predicted."""
    right = (truth & predicted).sum(0)
    predictions, support = predicted.sum(0), truth.sum(0)
    precision = right / np.maximum(predictions, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(predictions + support, 1)
    counted = support >= MIN_SUPPORT
    covered = predicted.any(1)
    top = scores.argmax(1)
    top_true = truth[np.arange(len(truth)), top]
    bins = reliability(scores.max(1), top_true)
    return TopicScores(
        rows=len(truth),
        micro_f1=float(2 * right.sum() / max(predictions.sum() + support.sum(), 1)),
        macro_f1=float(f1[counted].mean()) if counted.any() else float("nan"),
        precision=float(right.sum() / max(predictions.sum(), 1)),
        coverage=float(covered.mean()),
        top_right=float(top_true[covered].mean()) if covered.any() else float("nan"),
        ece=sum(bin.count * abs(bin.score - bin.right) for bin in bins) / max(len(truth), 1),
        labels=tuple(
            LabelScores(name, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, name in enumerate(names)
        ),
        reliability=bins,
    )


def reliability(scores: Matrix, right: Labels) -> tuple[Bin, ...]:
    """Predictions in `BINS` bins of equal width; empty bins are left out."""
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(int(chosen.sum()), float(scores[chosen].mean()), float(right[chosen].mean()))
        for chosen in (place == number for number in range(BINS))
        if chosen.any()
    )


def coverage_precision(truth: Labels, scores: Matrix) -> list[tuple[float, float]]:
    """Coverage and precision of the first topic as its least score is raised."""
    best = scores.max(1)
    right = truth[np.arange(len(truth)), scores.argmax(1)]
    order = np.argsort(-best)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    steps = np.unique(np.linspace(0, len(order) - 1, 100).astype(int))
    return [((step + 1) / len(order), float(precision[step])) for step in steps]


def tfidf_scores(texts: Sequence[str], truth: Labels, *, folds: int = 5, seed: int = 0) -> Matrix:
    """Scores of the usual baseline, TF-IDF and logistic regression one against the rest, cross-validated over these
    very rows: it learns from the test set's own distribution, which the model does not."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold

    scores = np.zeros(truth.shape)
    if len(texts) < 2:
        return scores
    for train, test in KFold(min(folds, len(texts)), shuffle=True, random_state=seed).split(texts):
        vectorizer = TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, 2), max_features=200_000, token_pattern=r"(?u)\b\w+\b"
        )
        train_vectors = vectorizer.fit_transform([texts[i] for i in train])
        test_vectors = vectorizer.transform([texts[i] for i in test])
        for label in range(truth.shape[1]):
            if 0 < truth[train, label].sum() < len(train):
                classifier = LogisticRegression(C=10, class_weight="balanced", max_iter=300, solver="liblinear")
                classifier.fit(train_vectors, truth[train, label])
                scores[test, label] = classifier.predict_proba(test_vectors)[:, 1]
    return scores
