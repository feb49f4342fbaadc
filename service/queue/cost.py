"""What work costs in tokens, and how many seconds a model takes for them. Pure."""

from dataclasses import dataclass, field

from models import vocabulary
from models.types import ModelInfo, Work

CHARACTERS_PER_TOKEN = 4
LEAST_COST = 16
LABEL_TOKENS = 4
"""Of a label, at least, with the special tokens around it."""
REMEMBERED_SHARE = 0.7
"""How much of an earlier estimate of a model's pace survives a new measurement."""
LARGEST_CHANGE = 4.0
"""One measurement may differ from the estimate by this factor; more is taken for an accident."""


def cost(work: Work, info: ModelInfo) -> int:
    """The tokens that a `Work` will take, roughly, without asking the tokenizer. What a model writes unasked is part of
    its pace; what a caller wants it to write is added, once for every beam. A caller's labels are read too: beside the
    article, or with the whole article once for every label."""
    tokens = len(work.document.text) // CHARACTERS_PER_TOKEN
    if work.summary is not None and info.max_output_tokens:
        words = max(work.summary.max_words or 0, work.summary.min_words or 0)
        tokens += min(2 * words, info.max_output_tokens) * (work.summary.beams or 1)
    tokens = max(tokens, LEAST_COST)
    if work.topics is None:
        return tokens
    labels = work.topics.labels
    if info.reads_per_label:
        return tokens * (len(labels) or len(vocabulary.TOP_LEVEL))
    return tokens + sum(max(len(label) // CHARACTERS_PER_TOKEN, LABEL_TOKENS) for label in labels)


@dataclass(slots=True)
class Paces:
    """Tokens a second of each model: a guess until the first measurement, then a running mean."""

    _measured: dict[str, float] = field(default_factory=dict)

    def seconds(self, tokens: int, info: ModelInfo) -> float:
        """What the model takes for that many tokens, by estimate."""
        return tokens / self._measured.get(info.id, info.characters_per_second / CHARACTERS_PER_TOKEN)

    def measured(self) -> dict[str, float]:
        """Tokens a second of each model that was measured."""
        return dict(self._measured)

    def learn(self, tokens: int, info: ModelInfo, seconds: float) -> None:
        """Take a measurement into account."""
        pace = tokens / max(seconds, 1e-4)
        if (estimate := self._measured.get(info.id)) is not None:
            pace = min(max(pace, estimate / LARGEST_CHANGE), estimate * LARGEST_CHANGE)
            pace = REMEMBERED_SHARE * estimate + (1 - REMEMBERED_SHARE) * pace
        self._measured[info.id] = pace
