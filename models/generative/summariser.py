"""Summaries that a model writes: long articles in passages, whose summaries are summarised again; honest counts; what
supports each sentence. A writer (writing.py, remote.py) summarises one passage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.errors import InputTooLong, ModelError, ModelFailed
from models.extractive.news_minilm import Embedded
from models.generative.support import supported
from models.generative.writing import Ask, Stage, Writer
from models.options import LENGTHS, SummaryOptions
from models.parameters import check
from models.text.passages import Passage, opening, passages
from models.text.sentences import sentences
from models.types import ModelInfo, Outcome, Sentence, Summary, Work, summary_text

LEAST_SHRINKAGE = 0.8
"""Partial summaries that together keep more than this share of what they summarise are not summarised again: the
first sentence of each is taken."""


class Summariser:
    """A summariser over any such writer. Safe to use from several threads as far as the writer is.

    Args:
        reader: gives the embedded model, which finds what supports each sentence.
    """

    def __init__(self, writer: Writer, info: ModelInfo, *, reader: Callable[[], Embedded]) -> None:
        self.info = info
        self._writer = writer
        self._reader = reader

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        outcomes: list[Outcome] = [Outcome()] * len(work)
        read: dict[int, _Read] = {}
        for number, item in enumerate(work):
            try:
                read[number] = self._read(item)
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        for number, written in self._written(read).items():
            try:
                outcomes[number] = Outcome(summary=self._finish(work[number], read[number], written))
            except ModelError as error:
                outcomes[number] = Outcome(error=error)
        return outcomes

    def _read(self, work: Work) -> "_Read":
        if work.topics is not None:
            check("topics", work.topics, self.info)
        text, language = work.document.text, work.document.language
        options = _completed(work.summary or SummaryOptions(), self.info)
        check("summary", options, self.info)
        writer = self._writer
        if options.truncation == "truncate":
            first, total = opening(text, writer.tokenizer, room=writer.room, prefix=writer.prefix, language=language)
            return _Read(options, language, [first], total)
        parts = passages(text, writer.tokenizer, room=writer.room, prefix=writer.prefix, language=language)
        total = _tokens(parts)
        if options.truncation == "error" and len(parts) > 1:
            raise InputTooLong(
                f"The article has {total:,} tokens; model {self.info.id!r} reads {writer.room:,}. Set truncation to "
                "'chunk' or 'truncate', or send a shorter text."
            )
        return _Read(options, language, parts, total)

    def _written(self, read: "dict[int, _Read]") -> dict[int, str | ModelError]:
        """Passages of all articles together, so that short articles fill the gaps of long ones; then, for articles of
        several passages, a summary of their summaries, until one passage is left."""
        waiting = {number: item.parts for number, item in read.items()}
        done: dict[int, str | ModelError] = {}
        again = False
        while waiting:
            asked = [
                Ask(part.text, read[number].options, read[number].language, _stage(parts, again=again))
                for number, parts in waiting.items()
                for part in parts
            ]
            texts = iter(self._writer.write(asked))
            remaining: dict[int, list[Passage]] = {}
            for number, parts in waiting.items():
                written = [next(texts) for _ in parts]
                if (error := next((text for text in written if isinstance(text, ModelError)), None)) is not None:
                    done[number] = error
                    continue
                partial = [text for text in written if isinstance(text, str) and text]
                joined = " ".join(partial)
                if len(parts) == 1 or not joined:
                    done[number] = joined
                    continue
                merged = passages(joined, self._writer.tokenizer, room=self._writer.room, prefix=self._writer.prefix)
                if _tokens(merged) < LEAST_SHRINKAGE * _tokens(parts):
                    remaining[number] = merged
                else:
                    done[number] = " ".join(map(first_sentence, partial))
            waiting, again = remaining, True
        return done

    def _finish(self, work: Work, item: "_Read", text: str | ModelError) -> Summary:
        if isinstance(text, ModelError):
            raise text
        if not text.strip():
            raise ModelFailed(f"Model {self.info.id!r} wrote nothing about this article. Try another model.")
        texts = [text[span.start : span.end] for span in sentences(text)]
        if text and not texts:
            texts = [text]
        used = _tokens(item.parts)
        chosen = tuple(Sentence(sentence) for sentence in shortened(texts, item.options))
        summary = Summary(
            text=summary_text(chosen),
            sentences=chosen,
            model=self.info.id,
            revision=self.info.revision,
            input_tokens=item.tokens,
            used_tokens=used,
            truncated=used < item.tokens,
        )
        return supported(summary, work, self._reader())


@dataclass(frozen=True, slots=True)
class _Read:
    options: SummaryOptions
    language: str
    parts: list[Passage]
    tokens: int


def _completed(options: SummaryOptions, info: ModelInfo) -> SummaryOptions:
    """The options, with the model's own length where the caller gives none."""
    if any(getattr(options, name, None) is not None for name in LENGTHS):
        return options
    length: dict[str, Any] = {name: value for name, value in info.defaults.items() if name in LENGTHS}
    return replace(options, **length)


def _stage(parts: Sequence[Passage], *, again: bool) -> Stage:
    return "parts" if again else "part" if len(parts) > 1 else "article"


def _tokens(parts: Sequence[Passage]) -> int:
    return sum(part.tokens for part in parts)


def first_sentence(text: str) -> str:
    """The first sentence; the whole text where it holds none."""
    spans = sentences(text)
    return text[spans[0].start : spans[0].end] if spans else text


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
