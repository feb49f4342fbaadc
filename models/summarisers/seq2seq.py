"""Summaries that a pretrained encoder–decoder writes (BART, PEGASUS, T5, mT5, LED, LongT5): long articles in passages,
endings at a sentence, honest counts. Knows nothing of the engine that generates."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from models.errors import InputTooLong, InvalidOption, ModelError, UnsupportedTask
from models.passages import Passage, opening, passages
from models.sentences import SENTENCE_END, SPLITTER, sentences
from models.types import (
    ModelInfo,
    Outcome,
    Sentence,
    Summary,
    SummaryOptions,
    Task,
    TopicsOptions,
    Work,
    summary_text,
)  # fmt: skip

TOKENS_PER_WORD = 2
"""A generous bound: an English word has about 1.3 tokens, one of a language the tokenizer hardly knows more."""
MAX_BEAMS = 16
LINE_BREAK = "<n>"
"""What PEGASUS writes between sentences: a piece of its vocabulary like any other."""
LEAST_SHRINKAGE = 0.8
"""Partial summaries that together keep more than this share of the article are cut rather than summarised again."""


@dataclass(frozen=True, slots=True)
class Plan:
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

    name: str
    dtype: str
    max_input_tokens: int
    max_output_tokens: int
    prefix: str

    def generate(self, inputs: Sequence[Sequence[int]], plan: Plan) -> list[Generated]: ...


class Seq2Seq:
    """A summariser over any such engine. Safe to use from several threads as far as the engine is."""

    def __init__(self, engine: Engine, tokenizer: Any, *, info: ModelInfo) -> None:
        self._engine = engine
        self._tokenizer = tokenizer
        self._info = info
        prefix = tokenizer(engine.prefix)["input_ids"] if engine.prefix else tokenizer("")["input_ids"]
        self._room = engine.max_input_tokens - len(prefix)

    @property
    def info(self) -> ModelInfo:
        return self._info

    def parameters(self, task: Task, options: SummaryOptions | TopicsOptions) -> dict[str, object]:
        if not isinstance(options, SummaryOptions):
            raise UnsupportedTask(f"Model {self._info.id!r} only summarises. For topics use 'news-minilm'.")
        self._check(options)
        return {
            "sentences": options.sentences,
            "max_words": options.max_words,
            "min_words": options.min_words,
            "beams": options.beams,
            "truncation": options.truncation,
            "max_input_tokens": self._engine.max_input_tokens,
            "prefix": self._engine.prefix,
            "splitter": SPLITTER,
        }

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        read: dict[int, _Read] = {}
        for number, item in enumerate(work):
            try:
                read[number] = self._read(item)
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        for number, summary in self._summaries(read).items():
            outcomes[number] = Outcome(summary=summary)
        return outcomes

    def _check(self, options: SummaryOptions) -> None:
        check(options)
        least, most = least_tokens(options.min_words or 0), self._engine.max_output_tokens
        if least > most:
            raise InvalidOption(
                f"min_words is {options.min_words:,}, some {least:,} tokens; model {self._info.id!r} writes at most "
                f"{most:,}. Ask for fewer."
            )

    def _read(self, work: Work) -> "_Read":
        if work.summary is None or work.topics is not None:
            raise UnsupportedTask(f"Model {self._info.id!r} only summarises. For topics use 'news-minilm'.")
        text, options = work.document.text, work.summary
        self._check(options)
        if options.truncation == "truncate":
            first, total = opening(text, self._tokenizer, room=self._room, prefix=self._engine.prefix)
            return _Read(options, [first], total)
        parts = passages(text, self._tokenizer, room=self._room, prefix=self._engine.prefix)
        total = sum(part.tokens for part in parts)
        if options.truncation == "error" and len(parts) > 1:
            raise InputTooLong(
                f"The article has {total:,} tokens; model {self._info.id!r} reads {self._room:,}. Set truncation to "
                "'chunk' or 'truncate', or send a shorter text."
            )
        return _Read(options, parts, total)

    def _summaries(self, read: "dict[int, _Read]") -> dict[int, Summary]:
        """Passages of all articles together, so that short articles fill the gaps of long ones; then, for articles of
        several passages, a summary of their summaries, until one passage is left."""
        waiting = {number: (item, item.parts) for number, item in read.items()}
        found: dict[int, Summary] = {}
        while waiting:
            owners = [number for number, (_, parts) in waiting.items() for _ in parts]
            texts = [part.text for _, parts in waiting.values() for part in parts]
            plans = [plan_of(waiting[number][0].options, most=self._engine.max_output_tokens) for number in owners]
            written = self._write(texts, plans)
            for number, (item, parts) in list(waiting.items()):
                own = [text for owner, text in zip(owners, written, strict=True) if owner == number]
                joined = " ".join(text for text in own if text)
                if len(parts) == 1 or not joined:
                    found[number] = self._finish(item, joined)
                    del waiting[number]
                    continue
                merged = passages(joined, self._tokenizer, room=self._room, prefix=self._engine.prefix)
                shrunk = sum(part.tokens for part in merged) < LEAST_SHRINKAGE * sum(part.tokens for part in parts)
                if shrunk:
                    waiting[number] = (item, merged)
                else:
                    found[number] = self._finish(item, own[0])
                    del waiting[number]
        return found

    def _write(self, texts: Sequence[str], plans: Sequence[Plan]) -> list[str]:
        """What the model writes about each text, trimmed to whole sentences; neighbours in length run together."""
        inputs = self._tokenizer([self._engine.prefix + text for text in texts])["input_ids"]
        written = [""] * len(texts)
        for batch in padded_batches([len(ids) for ids in inputs], plans, most=self._info.batch_tokens):
            generated = self._engine.generate([inputs[i] for i in batch], plans[batch[0]])
            for i, output in zip(batch, generated, strict=True):
                text = self._tokenizer.decode(output.ids, skip_special_tokens=True).replace(LINE_BREAK, " ").strip()
                written[i] = text if output.ended else whole_sentences(text)
        return written

    def _finish(self, item: "_Read", text: str) -> Summary:
        kept = shortened(
            [text[span.start : span.end] for span in sentences(text)] or [text][: bool(text)], item.options
        )
        used = sum(part.tokens for part in item.parts)
        chosen = tuple(Sentence(sentence) for sentence in kept)
        return Summary(
            text=summary_text(chosen),
            sentences=chosen,
            model=self._info.id,
            revision=self._info.revision,
            input_tokens=item.tokens,
            used_tokens=used,
            truncated=used < item.tokens,
        )


@dataclass(frozen=True, slots=True)
class _Read:
    options: SummaryOptions
    parts: list[Passage]
    tokens: int


def check(options: SummaryOptions) -> None:
    """Refuse options that make no sense.

    Raises:
        InvalidOption: a number is out of range, or `min_words` is above `max_words`.
    """
    for name in ("sentences", "max_words", "min_words"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InvalidOption(f"{name} is {value}; it must be at least 1. Leave it out for the model's own choice.")
    if options.beams is not None and not 1 <= options.beams <= MAX_BEAMS:
        raise InvalidOption(f"beams is {options.beams}; it must lie between 1 and {MAX_BEAMS}.")
    if options.min_words and options.max_words and options.min_words > options.max_words:
        raise InvalidOption(
            f"min_words is {options.min_words} and max_words {options.max_words}. Lower the first or raise the second."
        )


def plan_of(options: SummaryOptions, *, most: int) -> Plan:
    """The caller's words in tokens, never more than the model writes."""
    least = options.min_words and least_tokens(options.min_words)
    longest = options.max_words and TOKENS_PER_WORD * options.max_words + 8
    if least and not longest:
        longest = max(2 * least, least + 64)
    return Plan(longest and min(longest, most), least, options.beams)


def least_tokens(words: int) -> int:
    """The tokens of about so many words."""
    return math.ceil(1.3 * words)


def padded_batches(lengths: Sequence[int], plans: Sequence[Plan], *, most: int) -> Iterator[list[int]]:
    """Runs of indices of one plan and like length, each of at most `most` tokens once padded (or one longer input)."""
    order = sorted(range(len(lengths)), key=lambda i: (repr(plans[i]), -lengths[i]))
    batch: list[int] = []
    for i in order:
        if batch and (plans[i] != plans[batch[0]] or lengths[batch[0]] * (len(batch) + 1) > most):
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


def shortened(texts: Sequence[str], options: SummaryOptions) -> list[str]:
    """The first sentences that keep to the options; one sentence of too many words is cut after the last that fits."""
    kept: list[str] = []
    words = 0
    for text in texts[: options.sentences]:
        words += len(text.split())
        if options.max_words is not None and words > options.max_words:
            break
        kept.append(text)
    if not kept and texts:
        kept = [" ".join(texts[0].split()[: options.max_words])]
    return kept
