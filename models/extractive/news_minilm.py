"""`news-minilm`: reads an article once and gives both its salient sentences and its Media Topics."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models import vocabulary
from models.checkpoint import load_encoder, load_tokenizer, special_tokens
from models.errors import ModelCorrupt, ModelError, UnreadableText
from models.extractive.network import GroupMeans, NewsMiniLM
from models.extractive.selection import candidates_of, limits_of, select
from models.extractive.windows import WINDOW_TOKENS, Windows, cut, first_windows
from models.memory import device
from models.options import SummaryOptions, TopicsOptions
from models.parameters import check
from models.text.language import knows
from models.text.sentences import Span, prose
from models.text.visible import readable
from models.types import Document, ModelInfo, Outcome, Summary, Topic, Work, summary_text

BATCH_TOKENS = 4096
"""Tokens encoded at once: enough to keep every core busy, little enough to stay in cache."""
TOPICS_WINDOWS = 2
"""Topics are read from the title and the first windows of the text, the whole of most news; a longer article adds
little to what it is about, and topics alone cost no more."""
SHORT_TOKENS, SHORT_MARGIN = 40, 0.2
"""A text of fewer tokens, a sentence or a headline, must be surer by so much: on the first sentences of 1,073 articles
that were labelled in full, precision is 0.936 with it and 0.894 without, at the same macro-F1 (0.88)."""
HEADS_CONFIG = "heads.json"
HEADS_WEIGHTS = "heads.safetensors"


@dataclass(frozen=True, slots=True)
class Heads:
    """What news-minilm was calibrated with, from heads.json. `scale` and `shift`: Platt scaling of each topic's
    logit; `threshold`: each topic's default; `label_scale`, `label_shift`: of the similarity with a caller's label."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]
    threshold: tuple[float, ...]
    label_scale: float
    label_shift: float
    label_threshold: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One document, tokenised: the spans of its sentences, their tokens, the windows to encode. `title` counts the
    title's windows, which come first."""

    spans: tuple[Span, ...]
    lengths: tuple[int, ...]
    title: Windows
    body: Windows


class Embedded:
    """The model in a folder laid out like models/news-minilm. Safe to use from several threads.

    Raises:
        ModelCorrupt: the files cannot be loaded as such a model.
    """

    def __init__(self, folder: Path, info: ModelInfo) -> None:
        self.info = info
        self._tokenizer = load_tokenizer(folder)
        self._opening, self._closing = special_tokens(self._tokenizer)
        self._heads = read_heads(folder)
        encoder = load_encoder(folder, dtype=info.dtype)
        network = NewsMiniLM(encoder, topics=len(vocabulary.TOP_LEVEL))
        load_heads(network, folder)
        self._network = network.to(device()).eval()

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        readings: dict[int, Reading] = {}
        for number, item in enumerate(work):
            try:
                readings[number] = self._read(item)
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        if not readings:
            return outcomes
        with torch.inference_mode():
            vectors = dict(zip(readings, self._encode(list(readings.values())), strict=True))
            summarised = [number for number in readings if work[number].summary]
            scores = self._network.score(
                [vectors[number][0] for number in summarised], [readings[number].lengths for number in summarised]
            )
            salience = dict(zip(summarised, scores, strict=True))
            label_sets = {options.labels for number in readings if (options := work[number].topics) and options.labels}
            label_vectors = {labels: self._encode_texts(labels) for labels in label_sets}
            for number, reading in readings.items():
                item, (_, document) = work[number], vectors[number]
                summary, topics = None, None
                if item.summary is not None:
                    summary = self._summary(item.document, item.summary, reading, salience[number])
                if item.topics is not None:
                    margin = SHORT_MARGIN if reading.body.tokens < SHORT_TOKENS else 0.0
                    topics = self._topics(item, document, label_vectors.get(item.topics.labels), margin)
                outcomes[number] = Outcome(summary, topics)
        return outcomes

    def vectors(self, documents: Sequence[Document]) -> list[Tensor | ModelError]:
        """The vector of each document, as topics are read from it, `[hidden]`; or why it has none."""
        found: list[Tensor | ModelError] = []
        readings: list[Reading] = []
        for document in documents:
            try:
                readings.append(self._read(Work(document, None, TopicsOptions())))
                found.append(torch.empty(0))
            except ModelError as error:
                found.append(error)
        if readings:
            with torch.inference_mode():
                encoded = iter([document.cpu() for _, document in self._encode(readings)])
            found = [entry if isinstance(entry, ModelError) else next(encoded) for entry in found]
        return found

    def text_vectors(self, texts: Sequence[str]) -> Tensor:
        """The vectors of labels or sentences, each read by itself, `[texts, hidden]`."""
        with torch.inference_mode():
            return self._encode_texts(texts).cpu()

    @property
    def label_threshold(self) -> float:
        """The lowest score with which a caller's label is answered."""
        return self._heads.label_threshold

    def label_logits(self, documents: Tensor, labels: Tensor) -> Tensor:
        """How well labels match documents, `[documents, labels]`, as calibrated logits."""
        with torch.inference_mode():
            similarities = self._network.labels(documents.to(device()), labels.to(device())).cpu()
        logits: Tensor = similarities * self._heads.label_scale + self._heads.label_shift
        return logits

    def _read(self, work: Work) -> Reading:
        if work.summary is not None:
            check("summary", work.summary, self.info)
        if work.topics is not None:
            check("topics", work.topics, self.info)
        spans = prose(work.document.text, language=work.document.language)
        if not spans:
            raise UnreadableText("The article holds no sentence to read, only links. Send its text.")
        texts = [readable(work.document.text[span.start : span.end]) for span in spans]
        title = [work.document.title] if work.document.title and work.topics is not None else []
        encodings = self._tokenizer.encode_batch_fast(title + texts, add_special_tokens=False)
        tokens = [encoding.ids for encoding in encodings]
        body = self._cut(tokens[len(title) :])
        if not body.sequences:
            raise UnreadableText("The article holds no character that news-minilm knows. Send its text.")
        if work.summary is None:
            body = first_windows(body, TOPICS_WINDOWS)
        return Reading(
            spans=spans,
            lengths=tuple(len(ids) for ids in tokens[len(title) :]),
            title=self._cut(tokens[: len(title)]),
            body=body,
        )

    def _cut(self, tokens: Sequence[Sequence[int]]) -> Windows:
        return cut(tokens, opening=self._opening, closing=self._closing)

    def _encode(self, readings: Sequence[Reading]) -> list[tuple[Tensor, Tensor]]:
        """For each reading: the mean vector of every sentence, `[sentences, hidden]`, and of the document as topics
        are read from it, `[hidden]`. Every window is encoded once."""
        sequences: list[tuple[int, ...]] = []
        sentence_of: list[int] = []
        document_of: list[int] = []
        offsets = [0]
        for number, reading in enumerate(readings):
            leading = first_windows(reading.body, TOPICS_WINDOWS).tokens
            sequences += reading.title.sequences + reading.body.sequences
            sentence_of += [-1] * reading.title.tokens
            sentence_of += [place + offsets[-1] if place >= 0 else -1 for place in reading.body.sentence_of]
            document_of += [2 * number if place >= 0 else -1 for place in reading.title.sentence_of]
            document_of += [
                2 * number + 1 if place >= 0 and i < leading else -1 for i, place in enumerate(reading.body.sentence_of)
            ]
            offsets.append(offsets[-1] + len(reading.spans))
        sentence_means = GroupMeans(sentence_of, count=offsets[-1])
        document_means = GroupMeans(document_of, count=2 * len(readings))
        for batch in token_batches(sequences):
            hidden = self._network.encode(batch)
            sentence_means.add(hidden)
            document_means.add(hidden)
        sentence_vectors, title_and_body = sentence_means.result(), document_means.result()
        return [
            (sentence_vectors[start:end], _document_vector(reading, *title_and_body[2 * number : 2 * number + 2]))
            for number, (reading, (start, end)) in enumerate(zip(readings, pairwise(offsets), strict=True))
        ]

    def _summary(
        self, document: Document, options: SummaryOptions, reading: Reading, salience: Sequence[float]
    ) -> Summary:
        candidates = candidates_of(reading.spans, salience)
        chosen = select(document.text, candidates, limits=limits_of(options, self.info.defaults))
        read = sum(reading.lengths)
        return Summary(
            text=summary_text(chosen),
            sentences=chosen,
            model=self.info.id,
            revision=self.info.revision,
            input_tokens=read,
            used_tokens=read,
            truncated=False,
        )

    def _topics(self, work: Work, document: Tensor, labels: Tensor | None, margin: float) -> tuple[Topic, ...]:
        options = work.topics
        assert options is not None
        if labels is not None:
            topics = self._label_topics(options, document, labels)
        elif options.threshold is None and not knows(self.info.languages, work.document.language):
            topics = []  # whatever it would answer is chance
        else:
            topics = self._media_topics(options, document, margin)
        return tuple(topics[: options.limit])

    def _media_topics(self, options: TopicsOptions, document: Tensor, margin: float) -> list[Topic]:
        """The topics that hold, the likeliest main topic first: a sure topic is not always the main one. Each threshold
        of the model's own is higher by `margin`."""
        logits = self._network.topics(document[None])
        holds, main = logits.holds[0].cpu(), logits.main[0].tolist()
        scores = torch.sigmoid(holds * torch.tensor(self._heads.scale) + torch.tensor(self._heads.shift)).tolist()
        thresholds = [own + margin if options.threshold is None else options.threshold for own in self._heads.threshold]
        concepts = [vocabulary.concept(qcode) for qcode in vocabulary.TOP_LEVEL]
        return [
            Topic(name=concepts[i].name, score=scores[i], qcode=concepts[i].qcode, uri=concepts[i].uri)
            for i in sorted(range(len(scores)), key=lambda i: -main[i])
            if scores[i] >= thresholds[i]
        ]

    def _label_topics(self, options: TopicsOptions, document: Tensor, labels: Tensor) -> list[Topic]:
        """The caller's labels that the labels' head matches with the document, the best first. It was calibrated on
        vocabularies that it had not been trained on."""
        similarities = self._network.labels(document[None], labels)[0].cpu()
        scores = torch.sigmoid(similarities * self._heads.label_scale + self._heads.label_shift).tolist()
        threshold = self._heads.label_threshold if options.threshold is None else options.threshold
        topics = [
            Topic(name=label, score=score)
            for label, score in zip(options.labels, scores, strict=True)
            if score >= threshold
        ]
        return sorted(topics, key=lambda topic: -topic.score)

    def _encode_texts(self, texts: Sequence[str]) -> Tensor:
        """The mean vector of each text's tokens, as many as the encoder reads, `[texts, hidden]`."""
        ids = [encoding.ids[:WINDOW_TOKENS] for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        means = GroupMeans([number for number, tokens in enumerate(ids) for _ in tokens], count=len(ids))
        for batch in token_batches(ids):
            means.add(self._network.encode(batch))
        return means.result()


def _document_vector(reading: Reading, title: Tensor, body: Tensor) -> Tensor:
    return (title + body) / 2 if reading.title.tokens else body


def token_batches(sequences: Sequence[Sequence[int]], *, most: int = BATCH_TOKENS) -> Iterator[list[Sequence[int]]]:
    """The sequences in order, in runs of at most `most` tokens (or one longer sequence)."""
    batch: list[Sequence[int]] = []
    held = 0
    for sequence in sequences:
        if batch and held + len(sequence) > most:
            yield batch
            batch, held = [], 0
        batch.append(sequence)
        held += len(sequence)
    if batch:
        yield batch


def read_heads(folder: Path) -> Heads:
    """The calibration in heads.json.

    Raises:
        ModelCorrupt: it is missing or not of the expected form.
    """
    path = folder / HEADS_CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        for name in ("scale", "shift", "threshold"):
            values[name] = tuple(values[name])
        return Heads(**values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelCorrupt(f"{str(path)!r} is not the calibration of a news-minilm: {error}") from error


def load_heads(network: NewsMiniLM, folder: Path) -> None:
    """Put the heads' weights into `network`, in float32.

    Raises:
        ModelCorrupt: they are missing or of another shape.
    """
    path = folder / HEADS_WEIGHTS
    try:
        weights = {name: tensor.float() for name, tensor in load_file(path).items()}
        incompatible = network.load_state_dict(weights, strict=False)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise ModelCorrupt(f"{str(path)!r} does not hold the heads of a news-minilm: {error}") from error
    missing = [name for name in incompatible.missing_keys if not name.startswith("encoder.")]
    if missing or incompatible.unexpected_keys:
        raise ModelCorrupt(
            f"{str(path)!r} does not hold the heads of a news-minilm: {missing or incompatible.unexpected_keys}"
        )
