"""Chooses the sentences of an extractive summary, given how salient each is, and avoids the known faults of
extraction: furniture, repetition, and sentences that lean on one left out."""

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from models.options import SummaryOptions
from models.text.furniture import is_furniture
from models.types import Sentence

LEAD_DEFAULTS: Mapping[str, Any] = {"sentences": 3}
NEWS_MINILM_DEFAULTS: Mapping[str, Any] = {"sentences": 3, "target_words": 100}
"""The length of a summary when none is asked for. On validation articles 75 words gain 0.2 of ROUGE-1 over 100, and
lose the lead of articles that open with long sentences."""
MIN_WORDS = 5
"""A shorter sentence says too little to stand alone."""

_OPENING = r"^[\"'“‘(\s]*"
PRONOUN = re.compile(
    _OPENING + r"(?:(?:He|She|They|His|Her|Hers|Their|Its|These)\b"
    r"|It(?!['’]s (?:a|an|the|not|been|no|time|clear|hard|easy)\b"
    r"| (?:is|was|has been|will be|would be|may be|emerged|comes|came|appears|seems|took|takes)\b)\b"
    r"|Those (?!who|with|in|of|from|\w+ing\b|\w+ed\b)"
    r"|(?:This|That)(?! (?:week|weekend|month|year|summer|winter|spring|autumn|fall|morning|afternoon|evening|season)\b)\b"
    r"|The (?:pair|duo|couple|trio|latter|former|incident|accident|move|decision|announcement|comments|remarks"
    r"|\d\d-year-old)(?! (?:to|of|by|that|who|at|in|on)\b)\b)"
)
CONNECTIVE = re.compile(
    _OPENING + r"(?:(?:But|And|Or|So|Yet|Nor|However|Therefore|Thus|Hence|Moreover|Furthermore|Meanwhile|Instead|Also"
    r"|Then|Still|Otherwise|Nevertheless|Nonetheless|Additionally|Similarly|Likewise|Consequently|Afterwards?|Indeed"
    r"|Eventually|Even so|That said)\b|(?:Later|Earlier|Soon|Finally),"
    r"|(?:As a result|As such|In addition|In contrast|In fact|In turn|In response|In return|In short|For example"
    r"|For instance|By contrast|At the same time|In the meantime|On the other hand)(?!\s(?:of|to|for))\b"
    r"|(?:After|Before|Despite|Because of|Since|Of|One of|Some of|Most of|None of) (?:that|this|them|these|those)\b"
    r"(?! (?:year|month|week|\w+day))|(?:Another|The other|The others|Neither|Both) (?:is|was|were|are|had|have|has"
    r"|said|will|would|man|woman|person|source|official|victim|suspect|of)\b)"
)
QUOTED_DOUBLE = re.compile(r'["“][^"“”]*(?:["”]|$)')
QUOTED_SINGLE = re.compile(r"(?:^|(?<=[\s(]))['‘`](?:[^'’]|['’](?=\w))*(?:['’](?=[\s,.!?]|$)|$)")
SPEAKER = re.compile(
    r"\b(?!(?:He|She|They|It|We|I)\b)[A-Z][a-z]+|\b(?:the|a|an|one|his|her|their|[a-z]+(?:man|woman|er|or|ist|ian))\b \w+"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of the article, by its place there, with how salient it is (any scale; more is better)."""

    start: int
    end: int
    salience: float


def leans_on_predecessor(sentence: str) -> bool:
    """Whether the sentence opens with a pronoun or connective that points back, or quotes without a speaker."""
    return bool(PRONOUN.match(sentence) or CONNECTIVE.match(sentence)) or _quotes_nobody(sentence)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a summary may be. `target_words` holds from the second sentence on: one long sentence may pass it."""

    sentences: int | None = None
    max_words: int | None = None
    target_words: int | None = None


def limits_of(options: SummaryOptions, defaults: Mapping[str, Any]) -> Limits:
    """The limits that the options ask for; the model's defaults where they ask for none."""
    if options.sentences is None and options.max_words is None:
        return Limits(**defaults)
    return Limits(options.sentences, options.max_words)


def select(text: str, candidates: Sequence[Candidate], *, limits: Limits) -> tuple[Sentence, ...]:
    """The summary's sentences, in the order of the article.

    The most salient sentence is taken first, then the next that repeats nothing taken (no shared trigram: Paulus
    et al. 2018, arXiv:1705.04304) and still fits. A sentence that leans on the one before it is taken only
    together with that one. Where no sentence fits into `max_words`, the most salient is cut after the last
    word that fits.
    """
    texts = [text[candidate.start : candidate.end] for candidate in candidates]
    ranked = sorted(range(len(texts)), key=lambda i: (len(texts[i].split()) < MIN_WORDS, -candidates[i].salience, i))
    usable = _Usable(texts)
    if not any(usable(i) for i in ranked):
        usable = _Usable(())
    extract = _Extract(texts, limits)
    for i in ranked:
        if usable(i):
            extract.take(_with_antecedent(i, texts, usable, extract.chosen))
            if len(extract.chosen) == limits.sentences:
                break
    first = next((i for i in ranked if usable(i)), None)
    if not extract.chosen and first is not None:
        extract.take([first])
    if not extract.chosen and first is not None:
        return (_cut(text, candidates[first], limits.max_words or 1),)
    return tuple(Sentence(texts[i], candidates[i].start, candidates[i].end) for i in sorted(extract.chosen))


class _Usable:
    """Whether a sentence may be taken: it is no furniture. Found when asked, once: most sentences never are."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._known: dict[int, bool] = {}

    def __call__(self, i: int) -> bool:
        if i not in self._known:
            self._known[i] = not self._texts or not is_furniture(self._texts[i])
        return self._known[i]


class _Extract:
    """The sentences taken so far, with what they add up to."""

    def __init__(self, texts: Sequence[str], limits: Limits) -> None:
        self.chosen: set[int] = set()
        self._texts = texts
        self._limits = limits
        self._words = 0
        self._trigrams: set[tuple[str, ...]] = set()

    def take(self, group: Sequence[int]) -> None:
        """Take the sentences of `group` if all of them fit and repeat nothing taken."""
        words = self._words + sum(len(self._texts[i].split()) for i in group)
        if not self._fits(len(self.chosen) + len(group), words):
            return
        trigrams = set().union(*(_trigrams(self._texts[i]) for i in group))
        if not trigrams & self._trigrams:
            self.chosen.update(group)
            self._words = words
            self._trigrams |= trigrams

    def _fits(self, sentences: int, words: int) -> bool:
        most = self._limits
        return (
            (most.sentences is None or sentences <= most.sentences)
            and (most.max_words is None or words <= most.max_words)
            and (most.target_words is None or words <= most.target_words or not self.chosen)
        )


def _with_antecedent(i: int, texts: Sequence[str], usable: Callable[[int], bool], chosen: Set[int]) -> list[int]:
    """The sentence, with the one before it where it leans on that and it is not there yet; empty when the sentence
    before leans on yet another, because such a chain carries no summary."""
    if i in chosen:
        return []
    if i == 0 or not leans_on_predecessor(texts[i]) or i - 1 in chosen:
        return [i]
    before = i - 1
    if not usable(before) or (before > 0 and leans_on_predecessor(texts[before]) and before - 1 not in chosen):
        return []
    return [before, i]


def _trigrams(sentence: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", sentence.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def _quotes_nobody(sentence: str) -> bool:
    if not re.match(r"\s*(?:[\"“]|['‘`](?=[A-Z]))", sentence):
        return False
    quoted = QUOTED_DOUBLE if sentence.lstrip()[0] in '"“' else QUOTED_SINGLE
    return not SPEAKER.search(quoted.sub(" ", sentence))


def _cut(text: str, candidate: Candidate, max_words: int) -> Sentence:
    words = list(re.finditer(r"\S+", text[candidate.start : candidate.end]))
    end = candidate.start + words[min(max_words, len(words)) - 1].end()
    return Sentence(text[candidate.start : end], candidate.start, end)
