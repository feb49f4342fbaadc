"""The values that models take and give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from models.options import Kind, SummaryOptions, Task, TopicsOptions
from models.text.visible import readable


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of the article, by its character offsets, and how much it bears out a written one, from 0 to 1."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Support:
    """What in the article bears out a sentence that a model wrote.

    Args:
        score: the probability that the sentence is of this article and not of another.
        evidence: the sentences that bear it out most, the best first.
        unfounded: its numbers and names that occur nowhere in the article.
    """

    score: float
    evidence: tuple[Evidence, ...]
    unfounded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a summary. `start` and `end` are character offsets into the article's text
    (`text[start:end] == sentence.text`), or None where the sentence was generated: then it has its support."""

    text: str
    start: int | None = None
    end: int | None = None
    support: Support | None = None


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
    `score` is a probability between 0 and 1 (a logit, with the scoring "none")."""

    name: str
    score: float
    qcode: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What a model reads: the text, the title where there is one (read for topics only), and the language of the text,
    by its two-letter code; `und` where that is not known."""

    text: str
    title: str | None = None
    language: str = "und"


@dataclass(frozen=True, slots=True)
class Work:
    """One document and what is asked of it; a task whose options are None is not asked for."""

    document: Document
    summary: SummaryOptions | None = None
    topics: TopicsOptions | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one `Work`: the tasks that were asked for, or the error that prevented them. `milliseconds` is its
    share of the run that it was part of, where that was measured. With a `warning` it is the answer of another model
    than was asked for, and not to be kept."""

    summary: Summary | None = None
    topics: tuple[Topic, ...] | None = None
    error: Exception | None = None
    milliseconds: float = 0.0
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model is, known from its folder without loading it.

    Args:
        revision: names its exact bytes.
        engine, dtype: what runs it and in which number format; part of a key, because they can change output.
        vocabulary: the release that its topics come from.
        max_input_tokens: what it reads at once; None for any length.
        max_output_tokens: what it writes at most; None for a model that does not write.
        batch_tokens: what it reads best in one call.
        batch_articles: articles whose results are stored together: what an interruption can lose.
        characters_per_second: a first guess of its pace, until that has been measured.
        defaults: its own values of options, where a caller gives none.
        parameters: what else can change output.
        labels: what the model itself calls a topic, by the topic's name, where it has labels of its own.
    """

    id: str
    revision: str
    kind: Kind
    tasks: tuple[Task, ...]
    engine: str
    dtype: str
    languages: tuple[str, ...]
    licence: str
    vocabulary: str | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    batch_tokens: int = 16_384
    batch_articles: int = 32
    characters_per_second: float = 20_000
    defaults: Mapping[str, object] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_labels(self) -> bool:
        """Whether it scores a caller's own labels."""
        return self.kind in {"embedded", "zero-shot"}

    @property
    def reads_per_label(self) -> bool:
        """Whether it reads the article once for every label."""
        return self.kind == "zero-shot"


class Model(Protocol):
    """The contract of every model: a list of work in, one outcome for each out, in order.

    A document that cannot be read is an `Outcome` with an error; the others are answered. A single document is a list
    of one, and its outcome does not depend on what else is in the list.
    """

    @property
    def info(self) -> ModelInfo: ...

    def run(self, work: Sequence[Work]) -> list[Outcome]: ...


def summary_text(sentences: Sequence[Sentence]) -> str:
    """The sentences as one line of running text; those taken from the article without its markup."""
    return " ".join(
        " ".join(sentence.text.split()) if sentence.start is None else readable(sentence.text) for sentence in sentences
    )
