"""`dateline evaluate`: runs models over a file through the digest path and measures what comes out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from models import vocabulary
from models.evaluation import summaries as summary_measures
from models.evaluation import topics as topic_measures
from models.evaluation.summaries import SystemScores
from models.evaluation.topics import Labels, Matrix, TopicScores
from models.options import TopicsOptions
from seeds.archives import jsonl
from seeds.archives.source import Source
from seeds.errors import UnreadableRecord
from seeds.records import Article
from service.digest import Digest, Digester, DigestOptions

TEXT_FIELDS, REFERENCE_FIELDS = ("text", "article", "body", "content"), ("summary", "reference", "highlights")
TOPIC_FIELDS = ("iptc", "topics", "qcodes")
BATCH = 32
BASELINE = "lead"
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SummaryEvaluation:
    """`systems`: the baseline, the model, then what the file carried. `lengths` and `gains`: per article, its words and
    the model's ROUGE-1 above the baseline's."""

    rows: int
    skipped: int
    systems: tuple[SystemScores, ...]
    lengths: tuple[int, ...]
    gains: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TopicsEvaluation:
    """`truth` and `scores` are `[rows, labels]`; `sources`: the model's figures by the rows' `source`."""

    model: TopicScores
    baseline: TopicScores
    skipped: int
    truth: Labels
    scores: Matrix
    names: tuple[str, ...]
    sources: dict[str, TopicScores]


def evaluate_summaries(path: Path, *, model: str, digester: Digester, advance: Advance) -> SummaryEvaluation:
    """Score `model`, LEAD-3 and any `systems` in the file by ROUGE against the file's references.

    Raises:
        UnreadableRecord: the file holds no rows with a text and a reference.
    """
    rows = list(read_rows(path))
    text, reference = _field(rows, TEXT_FIELDS, path), _field(rows, REFERENCE_FIELDS, path)
    articles = [Article(str(row[text])) for row in rows]
    outputs_by_system: dict[str, list[str | None]] = {}
    for number, name in enumerate(dict.fromkeys((BASELINE, model))):
        options = DigestOptions(summary_model=name)
        digests = _digest(articles, options, digester, partial(_advance, advance, number * len(rows), 2 * len(rows)))
        outputs_by_system[name] = [
            "\n".join(s.text for s in found.summary.sentences) if found.summary else None for found in digests
        ]
    systems = [found if isinstance(found := row.get("systems"), dict) else {} for row in rows]
    for name in sorted(set.intersection(*map(set, systems))):
        outputs_by_system[name] = [str(found[name]) for found in systems]
    usable = [i for i in range(len(rows)) if all(outputs[i] for outputs in outputs_by_system.values())]
    if not usable:
        raise UnreadableRecord(f"{str(path)!r}: no row has a text that can be summarised.")
    references = [str(rows[i][reference]) for i in usable]
    outputs = {name: [str(found[i]) for i in usable] for name, found in outputs_by_system.items()}
    scored = tuple(summary_measures.compare(outputs, references, baseline=BASELINE))
    rouge = summary_measures.Rouge()
    gains = [
        rouge(mine, ref)[0] - rouge(lead, ref)[0]
        for mine, lead, ref in zip(outputs[model], outputs[BASELINE], references, strict=True)
    ]
    lengths = tuple(len(articles[i].text.split()) for i in usable)
    return SummaryEvaluation(len(usable), len(rows) - len(usable), scored, lengths, tuple(gains))


def evaluate_topics(path: Path, *, model: str, digester: Digester, advance: Advance) -> TopicsEvaluation:
    """Measure the topics of `model` at its own thresholds, beside TF-IDF with a linear classifier.

    Raises:
        UnreadableRecord: the file holds no rows with a text and codes of top-level Media Topics.
    """
    rows = list(read_rows(path))
    label = _field(rows, TOPIC_FIELDS, path)
    articles = [Article(str(row.get("text") or row.get("title") or ""), title=_title(row)) for row in rows]
    places = {qcode: i for i, qcode in enumerate(vocabulary.TOP_LEVEL)}
    truth = np.zeros((len(rows), len(places)), bool)
    for i, row in enumerate(rows):
        for qcode in row[label] if isinstance(row[label], list) else [row[label]]:
            if qcode in places:
                truth[i, places[qcode]] = True
    every = DigestOptions(topics_model=model, topics=TopicsOptions(threshold=0.0))
    scored = _digest(articles, every, digester, partial(_advance, advance, 0, 2 * len(rows)))
    chosen = _digest(
        articles, DigestOptions(topics_model=model), digester, partial(_advance, advance, len(rows), 2 * len(rows))
    )
    usable = [i for i in range(len(rows)) if truth[i].any() and scored[i].topics is not None]
    if not usable:
        raise UnreadableRecord(
            f"{str(path)!r} holds no row with a readable text and a top-level code like 'medtop:15000000'."
        )
    scores, predicted = (_matrix(digests, places)[usable] for digests in (scored, chosen))
    truth = truth[usable]
    names = tuple(vocabulary.concept(qcode).name for qcode in vocabulary.TOP_LEVEL)
    texts = [f"{articles[i].title or ''} {articles[i].text}" for i in usable]
    linear = topic_measures.tfidf_scores(texts, truth)
    sources = np.array([str(rows[i].get("source") or "") for i in usable])
    return TopicsEvaluation(
        model=topic_measures.score(truth, scores, predicted > 0, names=names),
        baseline=topic_measures.score(truth, linear, linear >= 0.5, names=names),
        skipped=len(rows) - len(usable),
        truth=truth,
        scores=scores,
        names=names,
        sources={
            source: topic_measures.score(
                truth[sources == source], scores[sources == source], predicted[sources == source] > 0, names=names
            )
            for source in sorted(set(sources))
            if source
        },
    )


def read_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON lines file, compressed or not.

    Raises:
        UnreadableRecord: the file, or a line of it, cannot be read.
    """
    return jsonl.read_rows(Source(str(path), path.name, "jsonl"))


def _field(rows: Sequence[Mapping[str, Any]], names: Sequence[str], path: Path) -> str:
    for name in names:
        if rows and all(row.get(name) for row in rows):
            return name
    raise UnreadableRecord(f"{str(path)!r}: every row needs a field named one of {', '.join(names)}.")


def _title(row: Mapping[str, Any]) -> str | None:
    title = str(row.get("title") or "").strip()
    return title if title and row.get("text") else None


def _digest(
    articles: Sequence[Article], options: DigestOptions, digester: Digester, advance: Callable[[int], None]
) -> list[Digest]:
    digests: list[Digest] = []
    for start in range(0, len(articles), BATCH):
        digests += digester.ask(articles[start : start + BATCH], options).result()
        advance(len(digests))
    return digests


def _advance(advance: Advance, before: int, total: int, done: int) -> None:
    advance(before + done, total)


def _matrix(digests: Sequence[Digest], places: dict[str, int]) -> Matrix:
    scores = np.zeros((len(digests), len(places)))
    for i, found in enumerate(digests):
        for topic in found.topics or ():
            if topic.qcode in places:
                scores[i, places[topic.qcode]] = topic.score
    return scores
