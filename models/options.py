"""The options of each task, declared once: type, default, bounds, meaning, and the kinds of model that take them. HTTP
schemas, command-line options, validation and the parameters of a key all derive from these fields."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Any, Literal, get_args

Task = Literal["summary", "topics"]
TASKS: tuple[Task, ...] = ("summary", "topics")
Kind = Literal["extractive", "embedded", "generative", "instruct", "remote", "classifier", "zero-shot", "own"]
"""What a model is: it chooses sentences; it is the embedded one, which also tags; it writes summaries; it writes
them when it is asked in words, here or on a server; it tags with its own labels; it judges a caller's labels by
inference; it was trained here on a caller's own topics."""
KINDS: tuple[Kind, ...] = get_args(Kind)
Truncation = Literal["chunk", "truncate", "error"]
Scoring = Literal["sigmoid", "softmax", "none"]

LENGTHS = frozenset({"sentences", "max_words", "target_words"})
"""Together they say how long a summary is: a caller who gives one replaces the model's default for all."""
MAX_LABELS = 200
MAX_LABEL_CHARACTERS = 200
FOR_LOCAL_WRITERS = "It is for models that write on this machine; leave it out."
FOR_WRITERS = "It is for models that write; leave it out."
SUPPORT_VERSION = 1
"""Of how the support of written sentences is found; part of a result's key."""
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def option(
    description: str, *, default: Any = None, kinds: tuple[Kind, ...] = KINDS, remedy: str = "Leave it out.",
    **bounds: Any,
) -> Any:  # fmt: skip
    """A field of the options.

    Args:
        description: its meaning, as `--help`, the OpenAPI schema and error messages give it.
        kinds: the kinds of model that take it.
        remedy: what to do where a model does not take it.
        bounds: `ge`, `le` and `strict`, as pydantic's `Field` has them; it reads this metadata itself.
    """
    metadata = {"description": description, "kinds": kinds, "remedy": remedy, **bounds}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class SummaryOptions:
    """How to summarise. None leaves the choice to the model."""

    sentences: int | None = option("Sentences of the summary, at most", ge=1, le=1_000, strict=True)
    max_words: int | None = option("Words of the summary, at most", ge=1, le=100_000, strict=True)
    truncation: Truncation = option("What to do with an article longer than the model reads", default="chunk")
    min_words: int | None = option(
        "Words of the summary, at least about; for models that write",
        kinds=("generative", "instruct"), remedy=FOR_LOCAL_WRITERS, ge=1, le=10_000, strict=True,
    )  # fmt: skip
    beams: int | None = option(
        "Width of the search; for models that write",
        kinds=("generative", "instruct"), remedy=FOR_LOCAL_WRITERS, ge=1, le=16, strict=True,
    )  # fmt: skip
    drop_unsupported: bool = option(
        "Leave out written sentences that the article does not support, or whose numbers or names it has not",
        default=False, kinds=("generative", "instruct", "remote"), remedy=FOR_WRITERS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TopicsOptions:
    """How to tag. None leaves the choice to the model."""

    labels: tuple[str, ...] = option(
        "Your own labels, instead of the Media Topics", default=(), kinds=("embedded", "zero-shot"),
        remedy="Use a zero-shot model or 'news-minilm' for labels of your own.",
    )  # fmt: skip
    threshold: float | None = option(
        "Lowest score returned; the model's own for each topic when absent", ge=0, le=1, allow_inf_nan=False
    )
    limit: int | None = option("Topics returned, at most", ge=1, strict=True)
    scoring: Scoring | None = option(
        "How a classifier's logits become scores; its own way when absent", kinds=("classifier",)
    )
    multi_label: bool | None = option(
        "For zero-shot models: judge labels one by one (the default), or let them compete", kinds=("zero-shot",)
    )
    template: str | None = option(
        "For zero-shot models: the sentence that a label is put into, at {}", kinds=("zero-shot",)
    )


Options = SummaryOptions | TopicsOptions


@dataclass(frozen=True, slots=True)
class Declaration:
    """One option as it was declared."""

    name: str
    default: object
    kinds: tuple[Kind, ...]
    remedy: str
    ge: float | None
    le: float | None

    def bounds(self) -> str:
        """The allowed values, in words."""
        if self.le is None:
            return f"it must be at least {self.ge:,}"
        return f"it must lie between {self.ge:,} and {self.le:,}"

    def allows(self, value: float) -> bool:
        return (self.ge is None or value >= self.ge) and (self.le is None or value <= self.le)


def declarations(options: type[Options]) -> tuple[Declaration, ...]:
    """The options of a task, in order."""
    return tuple(_declaration(entry.name, entry.default, entry.metadata) for entry in fields_of(options))


def _declaration(name: str, default: object, metadata: Mapping[str, Any]) -> Declaration:
    return Declaration(
        name, default, metadata["kinds"], metadata["remedy"], metadata.get("ge"), metadata.get("le")
    )  # fmt: skip


DECLARED: dict[Task, tuple[Declaration, ...]] = {
    "summary": declarations(SummaryOptions),
    "topics": declarations(TopicsOptions),
}
