"""`python -m tests.bench.own_topics DATA`: topics of one's own, learnt from 5 and from 50 rows of each label, beside
label matching alone and TF-IDF with a linear classifier on the same rows. Macro-F1 at each one's own thresholds on rows
that none of them saw, with a bootstrap interval over rows.

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
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier

from models.extractive.news_minilm import Embedded
from models.training.own import Aim, learn
from models.types import Document
from tests.doubles import load_model

SETS = {
    "AllSides, 20 topics (several each)": ("allsides_abp", 20, "outlet:"),
    "HuffPost, 14 categories": ("huffpost", 16, "none"),
    "CNN, BBC and The Guardian, 20 sections": ("rss_cnn_bbc_guardian", 20, "none"),
}
TESTED = 40
"""Rows of each label that are kept aside."""
ROUNDS = 500


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.own_topics", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with topics/")
    data = parser.parse_args().data
    reader = load_model("news-minilm")
    assert isinstance(reader, Embedded)
    for title, (name, labels, without) in SETS.items():
        measure(title, list(rows(data / "topics" / f"{name}.jsonl.gz", without)), labels, reader)


def rows(path: Path, without: str) -> Iterator[tuple[Document, frozenset[str]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if len(row["text"]) >= 80:
                labels = frozenset(label for label in row["source_labels"] if not label.startswith(without))
                yield Document(row["text"][:3000], row.get("title") or None, "en"), labels


def measure(title: str, found: list[tuple[Document, frozenset[str]]], most: int, reader: Embedded) -> None:
    chance = random.Random(1)
    chance.shuffle(found)
    counts = Counter(label for _, labels in found for label in labels)
    names = sorted(label for label, count in counts.most_common(most) if count >= 50 + TESTED)
    kept: list[tuple[Document, frozenset[str]]] = []
    tested: list[tuple[Document, frozenset[str]]] = []
    taken: Counter[str] = Counter()
    for document, labels in found:
        own = labels & frozenset(names)
        if not own or min(taken[label] for label in own) >= 50 + TESTED:
            continue
        (tested if min(taken[label] for label in own) < TESTED else kept).append((document, own))
        taken.update(own)
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
        reader.label_logits(unseen, reader.label_vectors([name.replace("_", " ") for name in names])).sigmoid().numpy()
    )
    show("label matching alone", match >= 0.4, truth)
    for rows_each in (5, 50):
        chosen = few(kept, names, rows_each)
        texts = [kept[i][0].text for i in chosen]
        known = [kept[i][1] for i in chosen]
        started = time.monotonic()
        head, _ = learn(inputs[chosen].numpy(), known, texts, reader, aim=Aim())
        took = time.monotonic() - started
        scores = head.scores(unseen, reader.label_logits(unseen, head.labels)).numpy()
        answers = np.zeros_like(truth)
        answers[:, [names.index(name) for name in head.names]] = scores >= np.array(head.thresholds)
        show(f"{rows_each} rows a label ({len(chosen)}), learnt in {took:.1f} s", answers, truth)
        show(f"{rows_each} rows a label, TF-IDF", tfidf(texts, known, names, [d.text for d, _ in tested]), truth)


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
