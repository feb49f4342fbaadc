"""Topics from a pretrained sequence classifier: its own labels, joined with the Media Topics on their code."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor

from models.classifiers.labels import topics_of
from models.classifiers.network import Classifier, weighted_mean
from models.classifiers.ranking import ranked
from models.errors import ModelError
from models.options import Scoring, TopicsOptions
from models.parameters import check
from models.text.passages import Passage, passages
from models.types import ModelInfo, Outcome, Topic, Work

MULTI_LABEL_THRESHOLD = 0.5


class ClassifierTagger:
    """Tags with the classifier's own labels. Where its configuration says that several labels may hold, each has a
    score of its own (sigmoid), and those of 0.5 or more are given; else the labels compete (softmax), and the likeliest
    is. An article longer than the model reads is read in passages, whose scores are averaged by length.

    Args:
        codes: the Media Topics code of a label, where its name does not tell.
    """

    def __init__(self, network: Classifier, info: ModelInfo, *, codes: Mapping[str, str]) -> None:
        self.info = info
        self._network = network
        self._topics = topics_of(network.labels, codes)

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        read: dict[int, list[Passage]] = {}
        for number, item in enumerate(work):
            try:
                if item.summary is not None:
                    check("summary", item.summary, self.info)
                check("topics", item.topics or TopicsOptions(), self.info)
                read[number] = passages(
                    titled(item), self._network.tokenizer, room=self._network.room(), language=item.document.language
                )
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        logits = self._network.logits([part.text for parts in read.values() for part in parts])
        for (number, parts), own in zip(read.items(), split(logits, read.values()), strict=True):
            options = work[number].topics or TopicsOptions()
            outcomes[number] = Outcome(topics=self._answer(own, [part.tokens for part in parts], options))
        return outcomes

    def _answer(self, logits: Tensor, tokens: Sequence[int], options: TopicsOptions) -> tuple[Topic, ...]:
        scoring = options.scoring or cast(Scoring, self.info.defaults["scoring"])
        scores = weighted_mean(scored(logits, scoring), tokens).tolist()
        topics = [
            Topic(topic.name, score, topic.qcode, topic.uri) for topic, score in zip(self._topics, scores, strict=True)
        ]
        if scoring != "sigmoid" and options.threshold is None and options.limit is None:
            return (max(topics, key=lambda topic: topic.score),)
        return ranked(topics, options, threshold=MULTI_LABEL_THRESHOLD if scoring == "sigmoid" else float("-inf"))


def scored(logits: Tensor, scoring: Scoring) -> Tensor:
    if scoring == "none":
        return logits
    return torch.sigmoid(logits) if scoring == "sigmoid" else torch.softmax(logits, -1)


def titled(work: Work) -> str:
    """The text, opened by its title as a paragraph of its own."""
    title = work.document.title
    if not title:
        return work.document.text
    return f"{title.rstrip('.')}.\n\n{work.document.text}"


def split(rows: Tensor, groups: Iterable[Sequence[Passage]]) -> list[Tensor]:
    """The rows of each group, in order."""
    offsets = [0]
    for group in groups:
        offsets.append(offsets[-1] + len(group))
    return [rows[start:end] for start, end in pairwise(offsets)]
