"""The values that models take and give. Knows nothing of where articles come from or where results go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Task = Literal["summary", "topics"]
TASKS: tuple[Task, ...] = ("summary", "topics")
Truncation = Literal["chunk", "truncate", "error"]
Scoring = Literal["sigmoid", "softmax", "none"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a summary. `start` and `end` are character offsets into the article's text
    (`text[start:end] == sentence.text`), or None where the sentence was generated."""

    text: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary, with the model that made it and how much of the article that model read.

    `input_tokens` counts the tokens of the article's prose, `used_tokens` those the model read;
    `truncated` says that some were left unread. A model without a tokenizer counts words.
    """

    text: str
    sentences: tuple[Sentence, ...]
    model: str
    revision: str
    input_tokens: int
    used_tokens: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class Topic:
    """A scored entry of a vocabulary, or one of the caller's own labels (`qcode` and `uri` None).
    `score` is a probability between 0 and 1 (a logit, with the scoring "none"); `label` is what the model itself calls
    the topic, where that differs from `name`."""

    name: str
    score: float
    qcode: str | None = None
    uri: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryOptions:
    """How to summarise. `sentences`: at most so many; `max_words`: at most so many words in all. For models that
    write: `min_words`, at least about so many; `beams`, the width of the search. None leaves the choice to the model.
    """

    sentences: int | None = None
    max_words: int | None = None
    truncation: Truncation = "chunk"
    min_words: int | None = None
    beams: int | None = None


@dataclass(frozen=True, slots=True)
class TopicsOptions:
    """How to tag. `labels`: the caller's own labels instead of the vocabulary; `threshold`: the lowest
    score returned (None: the model's own threshold per label); `limit`: at most so many topics.

    For pretrained classifiers: `scoring`, how logits become scores (None: as the model's config says). For zero-shot
    models: `multi_label`, whether labels are judged one by one or compete; `template`, the sentence that a label is
    put into, at `{}`.
    """

    labels: tuple[str, ...] = ()
    threshold: float | None = None
    limit: int | None = None
    scoring: Scoring | None = None
    multi_label: bool | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What a model reads: the text, and the title where there is one (read for topics only)."""

    text: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One document and what is wanted of it; a task whose options are None is not wanted."""

    document: Document
    summary: SummaryOptions | None = None
    topics: TopicsOptions | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one `Work`: the tasks that were wanted, or the error that prevented them. `milliseconds` is its
    share of the run it was part of, where that was measured."""

    summary: Summary | None = None
    topics: tuple[Topic, ...] | None = None
    error: Exception | None = None
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model is. `revision` names its exact bytes; `engine` and `dtype` are part of a result's
    key because they can change output; `vocabulary` is the release its topics come from.

    `max_input_tokens` is what it reads at once, None for any length; `max_output_tokens` what it writes at most, None
    for a model that does not write. `batch_tokens` is what it reads best in one call,
    `batch_articles` how many articles' results are kept at a time: what an interruption can lose.
    `characters_per_second` is a first guess of its pace, until that has been measured. `takes_labels`: it scores
    callers' own labels; `reads_per_label`: it reads the article anew for every one.
    """

    id: str
    revision: str
    tasks: tuple[Task, ...]
    engine: str
    dtype: str
    languages: tuple[str, ...]
    licence: str
    vocabulary: str | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    batch_tokens: int = 16_384
    characters_per_second: float = 20_000
    batch_articles: int = 32
    takes_labels: bool = False
    reads_per_label: bool = False


class Model(Protocol):
    """The contract of every model: a list of work in, as many outcomes out, in order.

    A document that cannot be read is an `Outcome` with an error; the others are answered. A single
    document is a list of one, and its outcome does not depend on what else is in the list.
    """

    @property
    def info(self) -> ModelInfo: ...

    def parameters(self, task: Task, options: SummaryOptions | TopicsOptions) -> dict[str, object]:
        """The options with the model's defaults filled in: every parameter that can change output.

        Raises:
            UnsupportedTask: the model does not do `task`.
            InvalidOption: a value lies outside what the model takes.
        """
        ...

    def run(self, work: Sequence[Work]) -> list[Outcome]: ...


def as_fields(value: Summary | Sentence | Topic) -> dict[str, Any]:
    """The value's fields by name, not copied: `dataclasses.asdict` takes ten times as long, for every result."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def summary_text(sentences: Sequence[Sentence]) -> str:
    """The sentences as one line of running text."""
    return " ".join(" ".join(sentence.text.split()) for sentence in sentences)
