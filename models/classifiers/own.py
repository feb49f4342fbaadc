"""A tagger of a caller's own topics: the encoder of news-minilm, and a linear head on its vectors that leans on how
well a label's name matches the article. That of a vocabulary loaded without examples is the match alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.errors import ModelCorrupt, ModelError
from models.extractive.news_minilm import Embedded
from models.folder import OWN_CONFIG
from models.options import TopicsOptions
from models.parameters import check
from models.types import ModelInfo, Outcome, Topic, Work
from models.vocabulary.own import stored_vocabulary, topic_of

OWN_WEIGHTS = "own.safetensors"


@dataclass(frozen=True, slots=True)
class OwnHead:
    """What was learnt. Of `L` labels and `H` numbers in a vector:

    Args:
        names: the labels; one that is the code of a term, or the qcode of a Media Topic, stands for that.
        thresholds: the lowest score with which each is answered.
        weights: `[L, H]`, on vectors from which `mean`, `[H]`, was taken and that were divided by `spread`, `[H]`.
        bias: `[L]`.
        labels: vectors of the labels' names, `[L, H]`.
        match: how much the head leans on the names; 0 for not at all.
        scale, shift: make scores of logits (Platt 1999).
    """

    names: tuple[str, ...]
    thresholds: tuple[float, ...]
    weights: Tensor
    bias: Tensor
    mean: Tensor
    spread: Tensor
    labels: Tensor
    match: float
    scale: float
    shift: float

    def logits(self, vectors: Tensor, names_match: Tensor) -> Tensor:
        """`[documents, L]`, of the documents' vectors `[documents, H]` and how well each name matches them, as logits
        `[documents, L]`."""
        features = (vectors.double() - self.mean) / self.spread
        logits: Tensor = features @ self.weights.T + self.bias + self.match * names_match.double()
        return logits

    def scores(self, vectors: Tensor, names_match: Tensor) -> Tensor:
        """Probabilities, `[documents, L]`."""
        return torch.sigmoid(self.logits(vectors, names_match) * self.scale + self.shift)


class OwnTagger:
    """Serves a folder that `dateline train topics` wrote.

    Raises:
        ModelCorrupt: its files cannot be loaded.
    """

    def __init__(self, folder: Path, info: ModelInfo) -> None:
        self.info = info
        self._reader = Embedded(folder, info)
        self._head = read_head(folder)
        vocabulary = stored_vocabulary(folder)
        self._topics = [topic_of(name, vocabulary) for name in self._head.names]

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        readable: list[int] = []
        for number, item in enumerate(work):
            try:
                check("topics", item.topics or TopicsOptions(), self.info)
                readable.append(number)
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        vectors = self._reader.vectors([work[number].document for number in readable])
        for number, vector in zip(readable, vectors, strict=True):
            if isinstance(vector, ModelError):
                outcomes[number] = Outcome(error=vector)
            else:
                outcomes[number] = Outcome(topics=self._tag(vector, work[number].topics or TopicsOptions()))
        return outcomes

    def _tag(self, vector: Tensor, options: TopicsOptions) -> tuple[Topic, ...]:
        match = self._reader.label_logits(vector[None], self._head.labels)
        scores = self._head.scores(vector[None], match)[0].tolist()
        topics = [
            replace(topic, score=score)
            for topic, score, threshold in zip(self._topics, scores, self._head.thresholds, strict=True)
            if score >= (threshold if options.threshold is None else options.threshold)
        ]
        return tuple(sorted(topics, key=lambda topic: -topic.score)[: options.limit])


def read_head(folder: Path) -> OwnHead:
    """The head in a folder.

    Raises:
        ModelCorrupt: it is missing, or not of the expected form.
    """
    try:
        values = json.loads((folder / OWN_CONFIG).read_text(encoding="utf-8"))
        tensors = load_file(folder / OWN_WEIGHTS)
        return OwnHead(
            names=tuple(values["names"]), thresholds=tuple(values["thresholds"]), match=values["match"],
            scale=values["scale"], shift=values["shift"], **tensors,
        )  # fmt: skip
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise ModelCorrupt(f"{str(folder)!r} does not hold topics of your own: {error}. Train it again.") from error
