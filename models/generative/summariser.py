"""Summaries that a pretrained encoder–decoder writes (BART, PEGASUS, T5, mT5, LED, LongT5): long articles in passages,
endings at a sentence, honest counts. An engine generates the tokens."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from models.errors import InputTooLong, ModelError
from models.extractive.news_minilm import Embedded
from models.generative.support import supported
from models.options import SummaryOptions
from models.parameters import check, least_tokens
from models.text.lines import SENTENCE_END
from models.text.passages import Passage, opening, passages
from models.text.sentences import sentences
from models.types import ModelInfo, Outcome, Sentence, Summary, Work, summary_text

MOST_TOKENS_PER_WORD = 2
"""An English word has about 1.3 tokens, one of a language that the tokenizer hardly knows more."""
LINE_BREAK = "<n>"
"""What PEGASUS writes between sentences: a piece of its vocabulary like any other."""
LEAST_SHRINKAGE = 0.8
"""Partial summaries that together keep more than this share of what they summarise are not summarised again: the
first sentence of each is taken."""


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


class Summariser:
    """A summariser over any such engine. Safe to use from several threads as far as the engine is."""

    def __init__(self, engine: Engine, info: ModelInfo, *, reader: Callable[[], Embedded]) -> None:
        assert info.max_input_tokens is not None
        assert info.max_output_tokens is not None
        self.info = info
        self._engine = engine
        self._reader = reader
        self._tokenizer = engine.tokenizer
        self._prefix = str(info.parameters["prefix"])
        self._room = info.max_input_tokens - len(self._tokenizer(self._prefix)["input_ids"])
        self._max_output_tokens = info.max_output_tokens

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        read: dict[int, _Read] = {}
        for number, item in enumerate(work):
            try:
                read[number] = self._read(item)
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        for number, summary in self._summaries(read).items():
            try:
                outcomes[number] = Outcome(summary=supported(summary, work[number], self._reader()))
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        return outcomes

    def _read(self, work: Work) -> "_Read":
        if work.topics is not None:
            check("topics", work.topics, self.info)
        text, options = work.document.text, work.summary or SummaryOptions()
        language = work.document.language
        check("summary", options, self.info)
        if options.truncation == "truncate":
            first, total = opening(text, self._tokenizer, room=self._room, prefix=self._prefix, language=language)
            return _Read(options, [first], total)
        parts = passages(text, self._tokenizer, room=self._room, prefix=self._prefix, language=language)
        total = _tokens(parts)
        if options.truncation == "error" and len(parts) > 1:
            raise InputTooLong(
                f"The article has {total:,} tokens; model {self.info.id!r} reads {self._room:,}. Set truncation to "
                "'chunk' or 'truncate', or send a shorter text."
            )
        return _Read(options, parts, total)

    def _summaries(self, read: "dict[int, _Read]") -> dict[int, Summary]:
        """Passages of all articles together, so that short articles fill the gaps of long ones; then, for articles of
        several passages, a summary of their summaries, until one passage is left."""
        waiting = {number: item.parts for number, item in read.items()}
        summaries: dict[int, Summary] = {}
        while waiting:
            written = self._write_all(read, waiting)
            remaining: dict[int, list[Passage]] = {}
            for number, parts in waiting.items():
                partial = [text for text in written[number] if text]
                joined = " ".join(partial)
                if len(parts) == 1 or not joined:
                    summaries[number] = self._finish(read[number], joined)
                    continue
                merged = passages(joined, self._tokenizer, room=self._room, prefix=self._prefix)
                if _tokens(merged) < LEAST_SHRINKAGE * _tokens(parts):
                    remaining[number] = merged
                else:
                    summaries[number] = self._finish(read[number], " ".join(map(first_sentence, partial)))
            waiting = remaining
        return summaries

    def _write_all(self, read: "dict[int, _Read]", waiting: dict[int, list[Passage]]) -> dict[int, list[str]]:
        """What the model writes about the passages of each article, in order."""
        owners = [number for number, parts in waiting.items() for _ in parts]
        texts = [part.text for parts in waiting.values() for part in parts]
        generations = [generation_of(read[number].options, most=self._max_output_tokens) for number in owners]
        written: dict[int, list[str]] = {number: [] for number in waiting}
        for number, text in zip(owners, self._write(texts, generations), strict=True):
            written[number].append(text)
        return written

    def _write(self, texts: Sequence[str], generations: Sequence[Generation]) -> list[str]:
        """What the model writes about each text, trimmed to whole sentences; texts of like length run together."""
        inputs = self._tokenizer([self._prefix + text for text in texts])["input_ids"]
        written = [""] * len(texts)
        for batch in padded_batches([len(ids) for ids in inputs], generations, most=self.info.batch_tokens):
            outputs = self._engine.generate([inputs[i] for i in batch], generations[batch[0]])
            for i, output in zip(batch, outputs, strict=True):
                text = self._tokenizer.decode(output.ids, skip_special_tokens=True).replace(LINE_BREAK, " ").strip()
                written[i] = text if output.ended else whole_sentences(text)
        return written

    def _finish(self, item: "_Read", text: str) -> Summary:
        texts = [text[span.start : span.end] for span in sentences(text)]
        if text and not texts:
            texts = [text]
        used = _tokens(item.parts)
        chosen = tuple(Sentence(sentence) for sentence in shortened(texts, item.options))
        return Summary(
            text=summary_text(chosen),
            sentences=chosen,
            model=self.info.id,
            revision=self.info.revision,
            input_tokens=item.tokens,
            used_tokens=used,
            truncated=used < item.tokens,
        )


@dataclass(frozen=True, slots=True)
class _Read:
    options: SummaryOptions
    parts: list[Passage]
    tokens: int


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


def _tokens(parts: Sequence[Passage]) -> int:
    return sum(part.tokens for part in parts)


def first_sentence(text: str) -> str:
    """The first sentence; the whole text where it holds none."""
    spans = sentences(text)
    return text[spans[0].start : spans[0].end] if spans else text


def whole_sentences(text: str) -> str:
    """The text without an unfinished last sentence, if a finished one stands before it."""
    spans = sentences(text)
    if len(spans) > 1 and not SENTENCE_END.search(text):
        return text[: spans[-2].end]
    return text


def shortened(texts: Sequence[str], options: SummaryOptions) -> list[str]:
    """The first sentences that keep to the options; one sentence of too many words is cut after the last that fits."""
    chosen_texts: list[str] = []
    words = 0
    for text in texts[: options.sentences]:
        words += len(text.split())
        if options.max_words is not None and words > options.max_words:
            break
        chosen_texts.append(text)
    if not chosen_texts and texts:
        chosen_texts = [" ".join(texts[0].split()[: options.max_words])]
    return chosen_texts
