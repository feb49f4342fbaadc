"""`python -m tests.bench.own_topics DATA`: topics of one's own, learnt from 5 and from 50 rows of each label, beside
label matching alone and TF-IDF with a linear classifier on the same rows. Macro-F1 at each one's own thresholds on rows
that none of them saw, with a bootstrap interval over rows. With `--fine-tune` (an hour on two cores) also beside the
encoder fine-tuned as a whole on the same 50 rows a label.

The encoder met articles of these sources, and some of their labels, when it was trained: on sources that are new to it
expect less.
"""

import argparse
import gzip
import json
import random
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier

from models.classifiers.aim import Aim
from models.classifiers.learning import Examples, learn
from models.extractive.network import GroupMeans, NewsMiniLM
from models.extractive.news_minilm import Embedded
from models.options import TopicsOptions
from models.text.duplicates import signatures
from models.types import Document, Work
from tests.doubles import load_model

SETS = {
    "AllSides, 20 topics, several each, tested on outlets that no row came from": ("allsides_abp", 20),
    "Reuters-21578, 22 codes, several each": ("reuters21578", 30),
    "CNN, BBC and The Guardian, 20 sections": ("rss_cnn_bbc_guardian", 20),
    "HuffPost, 14 categories": ("huffpost", 16),
}
"""The file of each set, and of how many of its most frequent labels those are taken that have rows enough."""
OUTLET = "outlet:"
"""Begins the label that names where a row comes from. Every second outlet is kept aside as a whole."""
TESTED = 40
"""Rows of each label that are kept aside."""
ROUNDS = 500
EPOCHS, ROWS_A_STEP = 5, 16
"""Of fine-tuning."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.own_topics", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with topics/")
    parser.add_argument("--fine-tune", action="store_true", help="compare with fine-tuning the whole encoder")
    options = parser.parse_args()
    reader = load_model("news-minilm")
    assert isinstance(reader, Embedded)
    for title, (name, labels) in SETS.items():
        found = list(rows(options.data / "topics" / f"{name}.jsonl.gz"))
        measure(title, found, labels, reader, fine_tune=options.fine_tune)


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled article; `outlet` where the set names it."""

    document: Document
    labels: frozenset[str]
    outlet: str | None


def rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if len(row["text"]) >= 80:
                labels = frozenset(label for label in row["source_labels"] if not label.startswith(OUTLET))
                outlet = next((label for label in row["source_labels"] if label.startswith(OUTLET)), None)
                yield Row(Document(row["text"][:3000], row.get("title") or None, "en"), labels, outlet)


def measure(title: str, found: list[Row], most: int, reader: Embedded, *, fine_tune: bool) -> None:
    chance = random.Random(1)
    chance.shuffle(found)
    counts = Counter(label for row in found for label in row.labels)
    outlets = Counter(row.outlet for row in found)
    aside = {outlet for outlet, _ in outlets.most_common()[1::2]}
    names = sorted(label for label, count in counts.most_common(most) if count >= 50 + TESTED)
    kept: list[tuple[Document, frozenset[str]]] = []
    tested: list[tuple[Document, frozenset[str]]] = []
    taken: Counter[tuple[bool, str]] = Counter()
    for row in found:
        if not (own := row.labels & frozenset(names)):
            continue
        fewest = {test: min(taken[test, label] for label in own) for test in (True, False)}
        test = row.outlet in aside if aside else fewest[True] < TESTED
        if fewest[test] < (TESTED if test else 50):
            (tested if test else kept).append((row.document, own))
            taken.update((test, label) for label in own)
    started = time.monotonic()
    vectors = {
        side: encode(reader, [document for document, _ in part]) for side, part in (("kept", kept), ("tested", tested))
    }
    kept = [row for row, vector in zip(kept, vectors["kept"], strict=True) if vector is not None]
    tested = [row for row, vector in zip(tested, vectors["tested"], strict=True) if vector is not None]
    inputs, unseen = (torch.stack([v for v in vectors[side] if v is not None]) for side in ("kept", "tested"))
    truth = np.array([[name in labels for name in names] for _, labels in tested])
    print(f"\n{title}: {len(names)} labels, {len(tested)} rows tested, encoded in {time.monotonic() - started:.0f} s")
    match = (
        reader.label_logits(unseen, reader.text_vectors([name.replace("_", " ") for name in names])).sigmoid().numpy()
    )
    show("label matching alone", match >= 0.4, truth)
    for rows_each in (5, 50):
        chosen = few(kept, names, rows_each)
        texts = [kept[i][0].text for i in chosen]
        known = [kept[i][1] for i in chosen]
        started = time.monotonic()
        examples = Examples(inputs[chosen].numpy(), tuple(known), tuple(texts), tuple(texts), signatures(texts))
        head, _ = learn(examples, reader, aim=Aim())
        took = time.monotonic() - started
        scores = head.scores(unseen, reader.label_logits(unseen, head.labels)).numpy()
        answers = np.zeros_like(truth)
        answers[:, [names.index(name) for name in head.names]] = scores >= np.array(head.thresholds)
        show(f"{rows_each} rows a label ({len(chosen)}), learnt in {took:.1f} s", answers, truth)
        if fine_tune and rows_each == 50:
            started = time.monotonic()
            scores = fine_tuned([kept[i] for i in chosen], names, [document for document, _ in tested])
            best = max(np.linspace(0.1, 0.9, 33), key=lambda t: f1(scores >= t, truth))
            show(f"fine-tuned in {time.monotonic() - started:.0f} s, threshold {best:.2f}", scores >= best, truth)
        show(f"{rows_each} rows a label, TF-IDF", tfidf(texts, known, names, [d.text for d, _ in tested]), truth)


def fine_tuned(kept: list[tuple[Document, frozenset[str]]], names: list[str], unseen: list[Document]) -> np.ndarray:
    """The scores, `[unseen, names]`, of the whole encoder trained on the rows with one linear layer. Its one threshold is
    then chosen on the very rows that are tested, which is in its favour."""
    torch.manual_seed(1)
    model = load_model("news-minilm", dtype="float32")
    assert isinstance(model, Embedded)
    network, head = model._network, torch.nn.Linear(model._network.encoder.config.hidden_size, len(names))
    groups = [{"params": network.encoder.parameters(), "lr": 1e-4}, {"params": head.parameters(), "lr": 2e-3}]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    truth = torch.tensor([[float(name in labels) for name in names] for _, labels in kept])
    readings = [tokens_of(model, document) for document, _ in kept]
    steps = EPOCHS * -(-len(kept) // ROWS_A_STEP)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / (0.1 * steps), 1 - step / steps)
    )
    network.train()
    for epoch in range(EPOCHS):
        for batch in torch.randperm(len(kept)).split(ROWS_A_STEP):
            logits = head(means_of(network, [readings[i] for i in batch]))
            loss = (
                torch.nn.functional.binary_cross_entropy_with_logits(logits, truth[batch], reduction="none")
                .sum(1)
                .mean()
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rate.step()
        print(f"    epoch {epoch + 1} of {EPOCHS}, loss {loss.item():.2f}", flush=True)
    network.eval()
    with torch.inference_mode():
        found = [
            head(means_of(network, [tokens_of(model, document) for document in unseen[start : start + 64]])).sigmoid()
            for start in range(0, len(unseen), 64)
        ]
    return torch.cat(found).numpy()


def tokens_of(model: Embedded, document: Document) -> list[list[int]]:
    """The windows that topics are read from: the title's and the first ones of the text."""
    reading = model._read(Work(document, None, TopicsOptions()))
    return [list(window) for window in (*reading.title.sequences, *reading.body.sequences)]


def means_of(network: NewsMiniLM, readings: list[list[list[int]]]) -> torch.Tensor:
    """The mean vector of each reading's tokens, `[readings, hidden]`."""
    windows = [window for reading in readings for window in reading]
    groups = [i for i, reading in enumerate(readings) for window in reading for _ in window]
    means = GroupMeans(groups, count=len(readings))
    means.add(network.encode(windows))
    return means.result()


def encode(reader: Embedded, documents: list[Document]) -> list[torch.Tensor | None]:
    found: list[torch.Tensor | None] = []
    for start in range(0, len(documents), 64):
        found += [v if isinstance(v, torch.Tensor) else None for v in reader.vectors(documents[start : start + 64])]
    return found


def few(kept: list[tuple[Document, frozenset[str]]], names: list[str], each: int) -> list[int]:
    """The first rows, until each label has so many."""
    taken: Counter[str] = Counter()
    chosen = []
    for number, (_, labels) in enumerate(kept):
        if any(taken[label] < each for label in labels):
            chosen.append(number)
            taken.update(labels)
    return chosen


def tfidf(texts: list[str], labels: list[frozenset[str]], names: list[str], unseen: list[str]) -> np.ndarray:
    """Words and pairs of them, one logistic regression a label, its threshold by five folds as ours."""
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=1)
    inputs = words.fit_transform(texts)
    known = np.array([[name in row for name in names] for row in labels])
    warnings.filterwarnings("ignore", message="Label not .* is present in all training examples")
    model = OneVsRestClassifier(LogisticRegression(C=10, class_weight="balanced", max_iter=1000))
    folded = cross_val_predict(model, inputs, known, cv=KFold(5, shuffle=True, random_state=1), method="predict_proba")
    thresholds = [
        max(np.linspace(0.05, 0.95, 91), key=lambda t, i=i: f1(folded[:, i] >= t, known[:, i]))  # type: ignore[misc]
        for i in range(len(names))
    ]
    scores = model.fit(inputs, known).predict_proba(words.transform(unseen))
    return np.asarray(scores >= np.array(thresholds))


def f1(found: np.ndarray, known: np.ndarray) -> float:
    return float(2 * (found & known).sum() / max(found.sum() + known.sum(), 1))


def show(name: str, answers: np.ndarray, truth: np.ndarray) -> None:
    chance = np.random.default_rng(0)

    def macro(numbers: np.ndarray) -> float:
        a, t = answers[numbers], truth[numbers]
        return float(np.mean(2 * (a & t).sum(0) / np.maximum(a.sum(0) + t.sum(0), 1)))

    drawn = [macro(chance.integers(0, len(truth), len(truth))) for _ in range(ROUNDS)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    print(f"  {name:45} macro-F1 {macro(np.arange(len(truth))):.3f} [{low:.3f}, {high:.3f}]", flush=True)


if __name__ == "__main__":
    main()
