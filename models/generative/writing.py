"""Writes about passages with an engine that turns token ids into token ids: as many together as fit, endings at a
sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from models.errors import ModelError
from models.options import SummaryOptions
from models.parameters import least_tokens
from models.text.lines import SENTENCE_END
from models.text.sentences import sentences
from models.types import ModelInfo

MOST_TOKENS_PER_WORD = 2
"""An English word has about 1.3 tokens, one of a language that the tokenizer hardly knows more."""
LINE_BREAK = "<n>"
"""What PEGASUS writes between sentences: a piece of its vocabulary like any other."""

Stage = Literal["article", "part", "parts"]
"""What is summarised: a whole article, a part of one, or the summaries of its parts."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A text to summarise, and how."""

    text: str
    options: SummaryOptions
    language: str
    stage: Stage


class Writer(Protocol):
    """Summarises passages. `prefix` stands before each; `room` is how many tokens of `tokenizer` one may have."""

    tokenizer: Any
    prefix: str
    room: int

    def write(self, asked: Sequence[Ask]) -> Sequence[str | ModelError]:
        """What is written about each text, or why nothing is."""
        ...


class Prompt(Protocol):
    """Makes an engine's input of a text."""

    prefix: str
    room: int

    def inputs(self, asked: Sequence[Ask]) -> list[list[int]]: ...


@dataclass(frozen=True, slots=True)
class Generation:
    """How to generate; None leaves it to the model's own generation config. A minimum comes with a maximum."""

    max_new_tokens: int | None = None
    min_new_tokens: int | None = None
    beams: int | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written, without special tokens. `ended`: the model ended it itself, and was not cut off."""

    ids: tuple[int, ...]
    ended: bool


class Engine(Protocol):
    """Generates token ids from token ids, special tokens included in both; one output per input, in order."""

    tokenizer: Any

    def generate(self, inputs: Sequence[Sequence[int]], generation: Generation) -> list[Generated]: ...


class PrefixPrompt:
    """The text behind what the model was trained to see before it, if anything."""

    def __init__(self, tokenizer: Any, info: ModelInfo) -> None:
        assert info.max_input_tokens is not None
        self.prefix = str(info.parameters["prefix"])
        self.room = info.max_input_tokens - len(tokenizer(self.prefix)["input_ids"])
        self._tokenizer = tokenizer

    def inputs(self, asked: Sequence[Ask]) -> list[list[int]]:
        ids: list[list[int]] = self._tokenizer([self.prefix + ask.text for ask in asked])["input_ids"]
        return ids


class EngineWriter:
    """Writes with an engine. Safe to use from several threads as far as the engine is."""

    def __init__(self, engine: Engine, info: ModelInfo, prompt: Prompt | None = None) -> None:
        assert info.max_output_tokens is not None
        self.tokenizer = engine.tokenizer
        self._engine = engine
        self._prompt = prompt or PrefixPrompt(engine.tokenizer, info)
        self.prefix, self.room = self._prompt.prefix, self._prompt.room
        self._batch_tokens = info.batch_tokens
        self._max_output_tokens = info.max_output_tokens

    def write(self, asked: Sequence[Ask]) -> list[str]:
        """Texts of like length run together; what was cut off is trimmed to whole sentences."""
        inputs = self._prompt.inputs(asked)
        generations = [generation_of(ask.options, most=self._max_output_tokens) for ask in asked]
        written = [""] * len(asked)
        for batch in padded_batches([len(ids) for ids in inputs], generations, most=self._batch_tokens):
            outputs = self._engine.generate([inputs[i] for i in batch], generations[batch[0]])
            for i, output in zip(batch, outputs, strict=True):
                text = self.tokenizer.decode(output.ids, skip_special_tokens=True).replace(LINE_BREAK, " ").strip()
                written[i] = text if output.ended else whole_sentences(text)
        return written


def generation_of(options: SummaryOptions, *, most: int) -> Generation:
    """The caller's words in tokens, never more than the model writes."""
    least = options.min_words and least_tokens(options.min_words)
    longest = options.max_words and MOST_TOKENS_PER_WORD * options.max_words + 8
    if least and not longest:
        longest = max(2 * least, least + 64)
    return Generation(longest and min(longest, most), least, options.beams)


def padded_batches(lengths: Sequence[int], generations: Sequence[Generation], *, most: int) -> Iterator[list[int]]:
    """Runs of indices of one `Generation` and like length, each of at most `most` tokens once padded (or one longer
    input)."""
    order = sorted(range(len(lengths)), key=lambda i: (repr(generations[i]), -lengths[i]))
    batch: list[int] = []
    for i in order:
        if batch and (generations[i] != generations[batch[0]] or lengths[batch[0]] * (len(batch) + 1) > most):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def whole_sentences(text: str) -> str:
    """The text without an unfinished last sentence, if a finished one stands before it."""
    spans = sentences(text)
    if len(spans) > 1 and not SENTENCE_END.search(text):
        return text[: spans[-2].end]
    return text
