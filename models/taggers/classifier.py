"""Topics from a pretrained sequence classifier: its own labels, joined with the Media Topics on their code. Knows
nothing of how the network is run."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from models import vocabulary
from models.errors import ModelError, UnsupportedTask
from models.passages import Passage, passages
from models.sentences import SPLITTER
from models.taggers.network import Classifier, weighted_mean
from models.taggers.options import check, ranked
from models.types import ModelInfo, Outcome, Scoring, SummaryOptions, Task, Topic, TopicsOptions, Work

MULTI_LABEL_THRESHOLD = 0.5
TAKES = frozenset({"scoring"})


class ClassifierTagger:
    """Tags with the classifier's own labels. Where its config says that several labels may hold, each has a score of
    its own (sigmoid), and those of 0.5 or more are given; else the labels compete (softmax), and the likeliest is.
    An article longer than the model reads is read in passages, whose scores are averaged by length.

    Args:
        codes: the Media Topics code of a label, where its name does not tell.
        scoring: what the config should have said.
    """

    def __init__(
        self, network: Classifier, *, info: ModelInfo, codes: Mapping[str, str], scoring: Scoring | None = None
    ) -> None:
        self._network = network
        self._info = info
        self._scoring = scoring or scoring_of(network.problem_type, labels=len(network.labels))
        self._topics = [topic_of(label, codes) for label in network.labels]

    @property
    def info(self) -> ModelInfo:
        return self._info

    def parameters(self, task: Task, options: SummaryOptions | TopicsOptions) -> dict[str, object]:
        if not isinstance(options, TopicsOptions):
            raise UnsupportedTask(f"Model {self._info.id!r} only tags. For summaries use 'news-minilm'.")
        check(options, takes=TAKES, model=self._info.id)
        return {
            "threshold": options.threshold,
            "limit": options.limit,
            "scoring": options.scoring or self._scoring,
            "max_input_tokens": self._network.max_input_tokens,
            "topics": [[topic.name, topic.qcode] for topic in self._topics],
            "splitter": SPLITTER,
        }

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        read: dict[int, list[Passage]] = {}
        for number, item in enumerate(work):
            try:
                self.parameters("topics", item.topics or SummaryOptions())
                read[number] = passages(titled(item), self._network.tokenizer, room=self._network.room())
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        logits = self._network.logits([part.text for parts in read.values() for part in parts])
        for (number, parts), own in zip(read.items(), split(logits, read.values()), strict=True):
            options = work[number].topics
            assert options is not None
            outcomes[number] = Outcome(topics=self._answer(own, [part.tokens for part in parts], options))
        return outcomes

    def _answer(self, logits: Tensor, tokens: Sequence[int], options: TopicsOptions) -> tuple[Topic, ...]:
        scoring = options.scoring or self._scoring
        scores = weighted_mean(scored(logits, scoring), tokens).tolist()
        found = [
            Topic(topic.name, score, topic.qcode, topic.uri, topic.label)
            for topic, score in zip(self._topics, scores, strict=True)
        ]
        if scoring != "sigmoid" and options.threshold is None and options.limit is None:
            return (max(found, key=lambda topic: topic.score),)
        return ranked(found, options, threshold=MULTI_LABEL_THRESHOLD if scoring == "sigmoid" else float("-inf"))


def scoring_of(problem_type: str | None, *, labels: int) -> Scoring:
    """What a config means: `problem_type`, and where it says nothing one label among several."""
    if problem_type == "multi_label_classification" or labels == 1:
        return "sigmoid"
    return "none" if problem_type == "regression" else "softmax"


def scored(logits: Tensor, scoring: Scoring) -> Tensor:
    if scoring == "none":
        return logits
    return torch.sigmoid(logits) if scoring == "sigmoid" else torch.softmax(logits, -1)


def topic_of(label: str, codes: Mapping[str, str]) -> Topic:
    """The label as a topic without a score: under the vocabulary's name where it stands for a Media Topic."""
    known = vocabulary.concept(codes[label]) if label in codes else vocabulary.find(label)
    if known is None:
        return Topic(label, 0.0, label=label)
    return Topic(known.name, 0.0, known.qcode, known.uri, label)


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
