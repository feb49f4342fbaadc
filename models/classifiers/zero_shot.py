"""Topics under callers' own labels from a natural-language-inference model: does the article entail "This text is about
{label}"? (Yin, Hay & Roth 2019, arXiv:1909.00161). Without labels, the 17 top-level Media Topics."""

from collections.abc import Sequence

import torch
from torch import Tensor

from models import vocabulary
from models.classifiers.classifier import titled
from models.classifiers.network import Classifier, weighted_mean
from models.classifiers.ranking import ranked
from models.errors import InvalidOption, ModelCorrupt, ModelError
from models.options import TopicsOptions
from models.parameters import check
from models.text.passages import Passage, passages
from models.types import ModelInfo, Outcome, Topic, Work

LEAST_ROOM = 16
"""Tokens of the article that must fit beside a label."""
DEFAULT_THRESHOLD = 0.5
"""For the Media Topics; callers' own labels all come back, ranked, unless they set a threshold."""


class ZeroShotTagger:
    """Scores each label by itself (entailment against contradiction), or with `multi_label` false all labels against
    each other. Costs one reading of the article per label. Long articles are read in passages, whose scores are
    averaged by length.

    Raises:
        ModelCorrupt: the model has no label for entailment.
    """

    def __init__(self, network: Classifier, info: ModelInfo) -> None:
        self.info = info
        self._network = network
        self._template = str(info.defaults["template"])
        names = [label.casefold() for label in network.labels]
        self._entails = next((i for i, name in enumerate(names) if name.startswith("entail")), -1)
        # Two-label models oppose entailment to "not_entailment", three-label ones to "contradiction".
        against = [i for i, name in enumerate(names) if name.startswith(("contra", "not"))]
        if self._entails < 0 or not against:
            raise ModelCorrupt(
                f"Model {info.id!r} has the labels {network.labels}, none for entailment and its opposite."
            )
        self._contradicts = against[0]

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        read: dict[int, tuple[list[Topic], list[Passage]]] = {}
        premises: list[str] = []
        hypotheses: list[str] = []
        for number, item in enumerate(work):
            try:
                if item.summary is not None:
                    check("summary", item.summary, self.info)
                options = item.topics or TopicsOptions()
                check("topics", options, self.info)
                labels = requested_topics(options)
                own = [(options.template or self._template).replace("{}", topic.name) for topic in labels]
                longest = max(map(len, self._network.tokenizer(own, add_special_tokens=False)["input_ids"]))
                parts = passages(
                    titled(item), self._network.tokenizer, room=self._room(longest), language=item.document.language
                )
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
                continue
            read[number] = (labels, parts)
            for part in parts:
                premises += [part.text] * len(own)
                hypotheses += own
        logits = self._network.logits(premises, hypotheses)
        taken = 0
        for number, (labels, parts) in read.items():
            size = len(parts) * len(labels)
            own_logits = logits[taken : taken + size].view(len(parts), len(labels), -1)
            taken += size
            options = work[number].topics or TopicsOptions()
            scores = self._scores(own_logits, [part.tokens for part in parts], options)
            outcomes[number] = Outcome(topics=self._answer(labels, scores, options))
        return outcomes

    def _room(self, beside: int) -> int:
        room = self._network.room(beside)
        if room < LEAST_ROOM:
            raise InvalidOption(
                f"The longest label with its template has {beside} tokens; model {self.info.id!r} reads "
                f"{self._network.max_input_tokens} with the article. Send shorter labels."
            )
        return room

    def _scores(self, logits: Tensor, tokens: Sequence[int], options: TopicsOptions) -> list[float]:
        """`[passages, labels, logits]` to a score for each label."""
        if self._each_alone(options):
            pair = logits[..., [self._contradicts, self._entails]]
            scores = torch.softmax(pair, -1)[..., 1]
        else:
            scores = torch.softmax(logits[..., self._entails], -1)
        found: list[float] = weighted_mean(scores, tokens).tolist()
        return found

    @staticmethod
    def _each_alone(options: TopicsOptions) -> bool:
        """One label cannot compete with itself: it is judged alone, as in transformers' pipeline."""
        return options.multi_label is not False or len(options.labels) == 1

    @staticmethod
    def _answer(labels: Sequence[Topic], scores: Sequence[float], options: TopicsOptions) -> tuple[Topic, ...]:
        found = [Topic(topic.name, score, topic.qcode, topic.uri) for topic, score in zip(labels, scores, strict=True)]
        return ranked(found, options, threshold=0.0 if options.labels else DEFAULT_THRESHOLD)


def requested_topics(options: TopicsOptions) -> list[Topic]:
    """The caller's labels, or the top-level Media Topics, without scores."""
    if options.labels:
        return [Topic(label, 0.0) for label in options.labels]
    concepts = map(vocabulary.concept, vocabulary.TOP_LEVEL)
    return [Topic(concept.name, 0.0, concept.qcode, concept.uri) for concept in concepts]
