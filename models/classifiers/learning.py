"""Topics of one's own: a linear head on news-minilm's vectors, learnt from rows and their labels. What it will be worth
is measured on rows that it did not see: each fold is scored by a head fitted on the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from models.classifiers.aim import Aim
from models.classifiers.own import OwnHead
from models.errors import InvalidOption
from models.extractive.news_minilm import Embedded
from models.text.duplicates import families, firsts
from models.vocabulary.own import Vocabulary, topic_of

FOLDS = 5
PENALTIES = (0.01, 0.03, 0.1, 0.3)
"""On half the weights' squared length, beside a row's mean loss."""
MATCHES = (0.0, 0.5, 1.0)
"""How much the head may lean on the labels' names."""
LEAST_EXAMPLES = 2
FEW_EXAMPLES = 10
"""Of a label with fewer, the figures say little."""
MOST_ITERATIONS = 100
MOST_LABELS = 2_000
THRESHOLDS = np.linspace(0.05, 0.95, 91)
DEFAULT_THRESHOLD = 0.5
DOUBTFUL_SCORE = 0.9
"""A row that got so much for a label that it has not, or 1 less so much for one that it has, is worth reading again."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows to learn from.

    Args:
        vectors: `[rows, hidden]`.
        labels: of each row; a row may have none, and then is an example of what is none of them.
        texts: a key of what each row says.
        places: where each row came from.
        signatures: of what each row says, `[rows, HASHES]`; those that say nearly the same stay in one fold.
    """

    vectors: np.ndarray
    labels: tuple[frozenset[str], ...]
    texts: tuple[str, ...]
    places: tuple[str, ...]
    signatures: np.ndarray

    def joined(self, more: "Examples") -> "Examples":
        """These and more, which replace those of the same text."""
        newer = set(more.texts)
        kept = [row for row, text in enumerate(self.texts) if text not in newer]
        return Examples(
            np.concatenate([self.vectors[kept], more.vectors]) if kept else more.vectors,
            (*(self.labels[row] for row in kept), *more.labels),
            (*(self.texts[row] for row in kept), *more.texts),
            (*(self.places[row] for row in kept), *more.places),
            np.concatenate([self.signatures[kept], more.signatures]),
        )


@dataclass(frozen=True, slots=True)
class LabelReport:
    """How well a label was known in rows that the head had not seen."""

    name: str
    examples: int
    threshold: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row whose label the head cannot believe: it `has` it with a low score, or has it not with a high one."""

    row: int
    label: str
    has: bool
    score: float


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A row that says nearly what an earlier one says, and has other labels."""

    row: int
    earlier: int


@dataclass(frozen=True, slots=True)
class OwnReport:
    """What was learnt, from how many rows, and what is worth looking at next. `repeated` rows say nearly what an
    earlier one says."""

    rows: int
    repeated: int
    macro_f1: float
    penalty: float
    match: float
    labels: tuple[LabelReport, ...]
    contradictions: tuple[Contradiction, ...]
    doubts: tuple[Doubt, ...]


def learn(
    examples: Examples,
    reader: Embedded,
    *,
    aim: Aim,
    vocabulary: Vocabulary | None = None,
    seed: int = 0,
) -> tuple[OwnHead, OwnReport]:
    """Fit a head, with everything that has to be chosen chosen by cross-validation.

    Args:
        vocabulary: the labels are codes of it.
        seed: of the folds.

    Raises:
        InvalidOption: there are too few examples, only one label that every row has, or too many labels.
    """
    labels, family_of = examples.labels, families(examples.signatures)
    names = _names(labels)
    vectors = torch.from_numpy(examples.vectors)
    truth = torch.tensor([[float(name in row) for name in names] for row in labels], dtype=torch.float64)
    label_vectors = reader.text_vectors([_spoken(name, vocabulary) for name in names])
    match = reader.label_logits(vectors, label_vectors).double()
    mean, spread = vectors.double().mean(0), vectors.double().std(0).clamp(min=1e-6)
    features = (vectors.double() - mean) / spread
    folds = _folds(family_of, truth, seed)
    penalty, lean, held_out = _chosen(features, truth, match, folds)
    scale, shift = _platt(held_out, truth)
    scores = torch.sigmoid(held_out * scale + shift).numpy()
    known = truth.numpy() > 0
    reports = tuple(_report(name, scores[:, i], known[:, i], aim) for i, name in enumerate(names))
    weights, bias = _fit(features, truth, lean * match, penalty)
    head = OwnHead(
        names=names, thresholds=tuple(report.threshold for report in reports), weights=weights, bias=bias, mean=mean,
        spread=spread, labels=label_vectors, match=lean, scale=scale, shift=shift,
    )  # fmt: skip
    doubts = tuple(_doubts(names, scores, known))
    macro = float(np.mean([report.f1 for report in reports]))
    earliest = firsts(examples.signatures)
    repeated = np.flatnonzero(earliest < np.arange(len(labels)))
    contradictions = tuple(
        Contradiction(int(row), int(earliest[row])) for row in repeated if labels[row] != labels[earliest[row]]
    )
    return head, OwnReport(len(labels), len(repeated), macro, penalty, lean, reports, contradictions, doubts)


def matching_head(vocabulary: Vocabulary, reader: Embedded) -> OwnHead:
    """The head of a vocabulary without examples: how well each term's name, and its description, match the article."""
    labels = reader.text_vectors([term.spoken for term in vocabulary.terms.values()])
    count, hidden = labels.shape
    zeros = torch.zeros(count, dtype=torch.float64)
    return OwnHead(
        names=tuple(vocabulary.terms), thresholds=(reader.label_threshold,) * count, bias=zeros,
        weights=torch.zeros(count, hidden, dtype=torch.float64), mean=torch.zeros(hidden, dtype=torch.float64),
        spread=torch.ones(hidden, dtype=torch.float64), labels=labels, match=1.0, scale=1.0, shift=0.0,
    )  # fmt: skip


def _names(labels: Sequence[frozenset[str]]) -> tuple[str, ...]:
    counts = Counter(name for row in labels for name in row)
    names = tuple(sorted(name for name, count in counts.items() if count >= LEAST_EXAMPLES))
    if not names:
        raise InvalidOption(f"No label has {LEAST_EXAMPLES} rows. Label more rows.")
    if len(names) > MOST_LABELS:
        raise InvalidOption(
            f"There are {len(names):,} labels; at most {MOST_LABELS:,} can be learnt. Leave out rare ones."
        )
    always = [name for name in names if counts[name] == len(labels)]
    if always:
        raise InvalidOption(
            f"Every row has the label {always[0]!r}, so there is nothing to tell it from. Add rows that have it not."
        )
    return names


def _spoken(label: str, vocabulary: Vocabulary | None) -> str:
    """A label as words: what a term or a Media Topic is called, for its code."""
    if vocabulary and label in vocabulary.terms:
        return vocabulary.terms[label].spoken
    return topic_of(label, None).name


def _folds(families: np.ndarray, truth: Tensor, seed: int) -> np.ndarray:
    """The fold of each row: rows of one family together, those of each label spread over all folds."""
    order = np.random.default_rng(seed).permutation(len(families))
    totals = truth.sum(0).numpy()
    rarest = [min(np.flatnonzero(row), key=lambda i: totals[i], default=-1) for row in truth.numpy()]
    filled: Counter[tuple[int, int]] = Counter()
    fold_of: dict[int, int] = {}
    folds = np.zeros(len(families), dtype=int)
    for row in order:
        family, label = int(families[row]), int(rarest[row])
        if family not in fold_of:
            fold_of[family] = min(range(FOLDS), key=lambda fold: (filled[label, fold], filled[-2, fold]))
        folds[row] = fold_of[family]
        filled[label, folds[row]] += 1
        filled[-2, folds[row]] += 1
    return folds


def _chosen(features: Tensor, truth: Tensor, match: Tensor, folds: np.ndarray) -> tuple[float, float, Tensor]:
    """The best penalty, the best weight of the names, and the logits that rows not seen get by them. The penalty is
    chosen first: trying all pairs takes twice as long and chooses hardly otherwise."""

    def loss(logits: Tensor) -> float:
        return float(binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1).mean())

    tried = {(penalty, MATCHES[1]) for penalty in PENALTIES}
    found = {setting: _held_out(features, truth, match, folds, *setting) for setting in sorted(tried)}
    penalty, _ = min(found, key=lambda setting: loss(found[setting]))
    for lean in (MATCHES[0], MATCHES[2]):
        found[penalty, lean] = _held_out(features, truth, match, folds, penalty, lean)
    best = min(found, key=lambda setting: loss(found[setting]))
    return *best, found[best]


def _held_out(features: Tensor, truth: Tensor, match: Tensor, folds: np.ndarray, penalty: float, lean: float) -> Tensor:
    """The logits of each row, by a head that was fitted on the other folds."""
    logits = torch.zeros_like(truth)
    for fold in range(FOLDS):
        inside = torch.tensor(folds == fold)
        if not inside.any() or inside.all():
            continue
        weights, bias = _fit(features[~inside], truth[~inside], lean * match[~inside], penalty)
        logits[inside] = features[inside] @ weights.T + bias + lean * match[inside]
    return logits


def _fit(features: Tensor, truth: Tensor, offsets: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Logistic regression of each label, by L-BFGS on all rows at once; the same bytes for the same rows."""
    prior = truth.mean(0).clamp(1e-4, 1 - 1e-4)
    weights = torch.zeros(truth.shape[1], features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.logit(prior).requires_grad_()
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=MOST_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = features @ weights.T + bias + offsets
        found = binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1).mean()
        found = found + penalty / 2 * (weights**2).sum()
        found.backward()
        return found

    optimiser.step(loss)
    return weights.detach(), bias.detach()


def _platt(logits: Tensor, truth: Tensor) -> tuple[float, float]:
    """Scale and shift that make probabilities of all labels' logits (Platt 1999)."""
    both = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([both], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        found: Tensor = binary_cross_entropy_with_logits(logits * both[0] + both[1], truth)
        found.backward()
        return found

    optimiser.step(loss)
    scale, shift = both.tolist()
    return max(scale, 1e-3), shift


def _report(name: str, scores: np.ndarray, known: np.ndarray, aim: Aim) -> LabelReport:
    measured = [_measure(scores >= threshold, known) for threshold in THRESHOLDS]
    if aim.name == "f1":
        best = max(range(len(THRESHOLDS)), key=lambda i: (measured[i][2], -abs(THRESHOLDS[i] - DEFAULT_THRESHOLD)))
    else:
        own, other = (0, 1) if aim.name == "precision" else (1, 0)
        best = max(
            range(len(THRESHOLDS)),
            key=lambda i: (measured[i][own] >= aim.least, measured[i][other if measured[i][own] >= aim.least else own]),
        )
    precision, recall, f1 = measured[best]
    return LabelReport(name, int(known.sum()), round(float(THRESHOLDS[best]), 3), precision, recall, f1)


def _measure(found: np.ndarray, known: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    right = float((found & known).sum())
    precision = right / found.sum() if found.any() else 0.0
    recall = right / known.sum()
    return float(precision), float(recall), float(2 * right / (found.sum() + known.sum()))


def _doubts(names: Sequence[str], scores: np.ndarray, known: np.ndarray) -> list[Doubt]:
    """The rows most worth reading again, the most doubtful first."""
    wrong = np.where(known, 1 - scores, scores)
    rows, labels = np.where(wrong > DOUBTFUL_SCORE)
    order = np.argsort(-wrong[rows, labels], kind="stable")[:20]
    return [
        Doubt(int(row), names[label], bool(known[row, label]), float(scores[row, label]))
        for row, label in zip(rows[order], labels[order], strict=True)
    ]
