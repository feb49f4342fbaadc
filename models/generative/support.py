"""What in an article supports a sentence that a model wrote, and which of its numbers and names occur nowhere there.

A sentence's score is a logistic function of three things: how near its vector is to that of the nearest sentence of the
article, how many of its content words stand in the two sentences that share most with it, and how many in the article
at all. It was fitted on 700 summaries that people wrote, beside sentences from summaries of other articles, half of
them on a like subject (`python -m tests.bench.support DATA` measures it on others)."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn.functional import normalize

from models.errors import NothingSupported
from models.extractive.news_minilm import Embedded
from models.options import SummaryOptions
from models.text.numbers import is_founded, numbers, worth_of
from models.text.sentences import prose
from models.text.visible import readable
from models.types import Evidence, Sentence, Summary, Support, Work, summary_text

WEIGHTS, BIAS = (5.47, 5.28, 8.08), -8.67
SUPPORTED = 0.5
"""Below it a sentence is more likely of another article than of this one."""
MOST_EVIDENCE = 3
LEAST_SHARE = 0.15
"""Of a written sentence's words, that a sentence of the article must have to be evidence beside the first."""
WORD = re.compile(r"\w+")
STEM_LETTERS = 5
"""Words that begin with the same letters are taken for one: a rule of thumb that needs no language."""
LEAST_LETTERS = 4
NAME = re.compile(r"(?<=[\w,;:)’'”] )[^\W\d_a-z][\w’'-]*")
"""A word that begins with a capital letter and not its sentence."""
NOT_NAMES = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march",
    "april", "may", "june", "july", "august", "september", "october", "november", "december", "mr", "mrs", "ms", "dr",
    "sir", "i", "tv", "us", "uk", "eu", "un",
}  # fmt: skip
NAME_LETTERS = 4
"""Britain and British begin with the same."""
NOUNS_ARE_CAPITALISED = frozenset({"de", "lb"})


def with_support(sentences: Sequence[Sentence], text: str, *, language: str, reader: Embedded) -> list[Sentence]:
    """The sentences of a generated summary, each with what supports it in `text`."""
    spans = prose(text, language=language)
    source = [readable(text[span.start : span.end]) for span in spans]
    written = [sentence.text for sentence in sentences]
    if not source or not written:
        return list(sentences)
    vectors = normalize(reader.text_vectors([*source, *written]), dim=1)
    nearness = vectors[len(source) :] @ vectors[: len(source)].T
    source_words = [_content(sentence) for sentence in source]
    worth, known = worth_of(text), _Words(text)
    found: list[Sentence] = []
    for sentence, near in zip(sentences, nearness, strict=True):
        words = _content(sentence.text)
        shares = torch.tensor([_share(words, own) for own in source_words])
        order = torch.argsort(near + shares, descending=True, stable=True).tolist()
        best = order[:2]
        pair = set().union(*(source_words[i] for i in best))
        everything = set().union(*source_words)
        features = (float(near.max()), _share(words, pair), _share(words, everything))
        score = _logistic(sum(w * x for w, x in zip(WEIGHTS, features, strict=True)) + BIAS)
        evidence = [
            Evidence(spans[i].start, spans[i].end, round(max(float(near[i] + shares[i]) / 2, 0.0), 4))
            for place, i in enumerate(order[:MOST_EVIDENCE])
            if place == 0 or shares[i] >= LEAST_SHARE
        ]
        unfounded = [number.text for number in numbers(sentence.text) if not is_founded(number, worth)]
        if language not in NOUNS_ARE_CAPITALISED:
            unfounded += known.missing_names(sentence.text)
        support = Support(round(score, 4), tuple(evidence), tuple(dict.fromkeys(unfounded)))
        found.append(Sentence(sentence.text, sentence.start, sentence.end, support))
    return found


def supported(summary: Summary, work: Work, reader: Embedded) -> Summary:
    """The summary with the support of its sentences; without those that lack it, where that was asked for.

    Raises:
        NothingSupported: none is left.
    """
    document, options = work.document, work.summary or SummaryOptions()
    sentences = with_support(summary.sentences, document.text, language=document.language, reader=reader)
    if options.drop_unsupported and sentences:
        sentences = [sentence for sentence in sentences if is_supported(sentence)]
        if not sentences:
            raise NothingSupported(
                f"The article supports no sentence that {summary.model!r} wrote. Leave out drop_unsupported to see "
                "them, or take a model that chooses sentences, as 'news-minilm' does."
            )
    return replace(summary, text=summary_text(sentences), sentences=tuple(sentences))


def is_supported(sentence: Sentence) -> bool:
    """Whether a written sentence may be kept by who is careful."""
    support = sentence.support
    return support is None or (support.score >= SUPPORTED and not support.unfounded)


def _content(text: str) -> set[str]:
    """The stems of the words that say something, as far as their length tells."""
    return {
        word[:STEM_LETTERS]
        for word in WORD.findall(text.casefold())
        if len(word) >= LEAST_LETTERS or any(letter.isdigit() for letter in word)
    }


def _share(words: set[str], known: set[str]) -> float:
    return len(words & known) / len(words) if words else 1.0


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


class _Words:
    """The words of an article, to look names up in."""

    def __init__(self, text: str) -> None:
        words = WORD.findall(text)
        self._starts = {word.casefold()[:NAME_LETTERS] for word in words}
        initials = "".join(word[0] if word[0].isupper() else " " for word in words)
        self._initials = {run[i:j] for run in initials.split() for i in range(len(run)) for j in range(i + 2, i + 6)}
        self._known = {word.casefold() for word in words}

    def missing_names(self, sentence: str) -> list[str]:
        """The names of a sentence that the article has in no form."""
        words = (found[0].rstrip("’'-") for found in NAME.finditer(sentence))
        return [name for name in words if name[0].isupper() and not self._has(name)]

    def _has(self, name: str) -> bool:
        parts = [part for part in WORD.findall(name.removesuffix("'s").removesuffix("’s")) if part.casefold() != "s"]
        return all(self._has_word(part) for part in parts)

    def _has_word(self, word: str) -> bool:
        folded = word.casefold()
        if folded in NOT_NAMES or folded in self._known:
            return True
        if (word := word.removesuffix("s")).isupper():
            return word in self._initials or all(letter in self._known for letter in folded)  # U.S.
        return len(folded) >= NAME_LETTERS and folded[:NAME_LETTERS] in self._starts
