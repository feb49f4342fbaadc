"""Turns articles into training examples: token windows with salience and topic targets. Knows nothing of files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.extractive.windows import Windows, cut
from models.text.sentences import prose
from models.training.corpus import Pair
from models.training.oracle import Oracle, oracle
from models.training.topics import Labelled, headline, targets

WEAK = 0.3
"""What a headline, or the lead of an article, counts as a summary, against an editor's highlights."""
WEAK_OVERLAP = 0.12
"""Mean of ROUGE-1 and ROUGE-2 that a weak reference must reach with some sentence, to tell anything."""
CORPORA = {"cnn_dailymail": 0, "cnn_dailymail_aligned": 0, "inshorts_news_summary": 1, "headline": 2, "xsum": 3}
"""The styles of summary that the salience head tells apart; 0 is the one served."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An editor's choice as targets, `[sentences]` each: `taken`, how well each sentence does in a summary (0 to 1);
    `weight`, what a sentence counts; `shares` and `first`, distributions over sentences, the second for the best one
    alone."""

    taken: NDArray[np.float32]
    weight: NDArray[np.float32]
    shares: NDArray[np.float32]
    first: NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """One document. `parts`: token ids of the title, if any, and of each sentence, in that order. Targets that are
    None are unknown. `weight` is what its salience counts. `topics` says how likely each topic is (mostly 0 or 1),
    `believed` how far to believe that, `main` which is the main one, numbered from 0. `labels` are those that its
    source filed it under."""

    parts: tuple[tuple[int, ...], ...]
    has_title: bool = False
    corpus: int = 0
    salience: Oracle | None = None
    weight: float = 1.0
    topics: NDArray[np.float32] | None = None
    believed: NDArray[np.float32] | None = None
    main: int = -1
    choice: Choice | None = None
    source: str = ""
    labels: tuple[str, ...] = ()

    @cached_property
    def tokens(self) -> int:
        return sum(map(len, self.parts)) + 2


def tokenise(tokenizer: Tokenizer, texts: Sequence[str]) -> list[tuple[int, ...]]:
    """Token ids of each text, without special tokens."""
    return [tuple(encoding.ids) for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def summary_examples(
    found: Iterable[Pair], tokenizer: Tokenizer, *, max_tokens: int, weak: bool = False
) -> list[Example]:
    """Examples with salience targets. A `weak` reference is one sentence that was not written to sum the text up:
    it picks out one sentence, and only where it shares enough with that."""
    largest, least, weight = (1, WEAK_OVERLAP, WEAK) if weak else (4, 1e-9, 1.0)
    examples = []
    for pair in found:
        texts = [pair.text[span.start : span.end] for span in prose(pair.text)]
        parts, kept = first_tokens(tokenise(tokenizer, texts), max_tokens)
        if kept >= 3:
            target = oracle(texts[:kept], pair.reference, largest=largest)
            if target.single.max() >= least:
                examples.append(Example(parts, corpus=CORPORA[pair.corpus], salience=target, weight=weight))
    return examples


def topic_examples(
    found: Iterable[Labelled], tokenizer: Tokenizer, *, max_tokens: int, random: Random
) -> list[Example]:
    """Examples with topic targets, and salience from the headline where it can stand for a summary. The title is read
    by itself, or as the first sentence, or not at all, as it will be in use."""
    examples = []
    for row in found:
        texts = [row.text[span.start : span.end] for span in prose(row.text)]
        if row.truncated:
            texts = texts[:-1]
        wanted, believed = targets(row)
        example = Example((), corpus=CORPORA["headline"], topics=wanted, believed=believed)
        reference = headline(row)
        if reference:
            texts = [text for text in texts if text.strip(" .") != reference.strip(" .")]
            parts, kept = first_tokens(tokenise(tokenizer, texts), max_tokens)
            target = oracle(texts[:kept], reference, largest=1) if kept >= 5 else None
            if target is not None and target.single.max() >= WEAK_OVERLAP:
                examples.append(replace(example, parts=parts, salience=target, weight=WEAK))
                continue
        place = random.random() if row.title and texts else 1.0
        with_title = bool(row.title) and (place < 0.75 or not texts)
        parts, _ = first_tokens(tokenise(tokenizer, [row.title, *texts] if with_title else texts), max_tokens)
        if parts:
            examples.append(replace(example, parts=parts, has_title=with_title and place < 0.4 and len(parts) > 1))
    return examples


def first_tokens(parts: Sequence[tuple[int, ...]], most: int) -> tuple[tuple[tuple[int, ...], ...], int]:
    """The leading sentences that fit in `most` tokens (always one, cut if need be), and how many those are."""
    total = 0
    for kept, part in enumerate(parts):
        total += len(part)
        if total > most:
            return (tuple(parts[:kept]) or (parts[0][:most],)), max(kept, 1)
    return tuple(parts), len(parts)


def windows(example: Example, *, opening: int, closing: int) -> Windows:
    """The example's windows; a title stands in a window of its own. Parts are numbered as in `example.parts`."""
    if not example.has_title:
        return cut(example.parts, opening=opening, closing=closing)
    title = cut(example.parts[:1], opening=opening, closing=closing)
    body = cut(example.parts[1:], opening=opening, closing=closing)
    shifted = tuple(number + 1 if number >= 0 else -1 for number in body.sentence_of)
    return Windows(title.sequences + body.sequences, title.sentence_of + shifted)


def batches(examples: Sequence[Example], *, tokens: int, random: Random) -> list[list[Example]]:
    """Batches of about `tokens` tokens, of examples of like length, in random order."""
    order = sorted(examples, key=lambda example: example.tokens * (1 + 0.2 * random.random()))
    found: list[list[Example]] = []
    held = 0
    for example in order:
        if not found or held + example.tokens > tokens:
            found.append([])
            held = 0
        found[-1].append(example)
        held += example.tokens
    random.shuffle(found)
    return found
