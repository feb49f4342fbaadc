"""Chooses the sentences of an extractive summary, given how salient each is, and avoids the known faults of
extraction: repetition, and sentences that lean on one left out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.options import SummaryOptions
from models.text.sentences import Span
from models.types import Sentence

LEAD_DEFAULTS: Mapping[str, Any] = {"sentences": 3}
NEWS_MINILM_DEFAULTS: Mapping[str, Any] = {"sentences": 3, "target_words": 120}
"""The length of a summary when none is asked for. On cross-fitted choices of readers 100 words lose 1.5 points of agreement
against 120, and more than 120 gain nothing; 75 words would gain 0.4 of ROUGE-1, and lose five points of agreement."""
MIN_WORDS = 5
"""A shorter sentence says too little to stand alone."""
LONGEST_WORDS, CUT_WORDS = 150, 100
"""What has more words than the first has no punctuation: it is cut after so many as the second."""
SAME_CONTENT = 0.6
"""Two sentences that share a larger share of the smaller one's words of content say the same."""

CORRECTION = re.compile(
    r"(?:An? (?:(?:earlier|previous) version|article|report|story|(?:picture |photo )?caption|headline|column|obituary|editorial"
    r"|map|graphic|profile|review|interview)\b.{0,160}\b(?:said|stated|gave|misidentified|described|referred|reported"
    r"|suggested|named|quoted|misstated|incorrectly|wrongly)"
    r"|(?:Owing|Due) to an? .{0,30}\b(?:error|mistake)\b|In an? (?:article|report|story)\b.{0,120}\bwe (?:said|wrote|stated))",
    re.DOTALL,
)
"""The half of a correction that says what was wrong."""

_OPENING = r"^[\"'“‘(\s]*"
PRONOUN = re.compile(
    _OPENING + r"(?:(?:He|She|They|His|Her|Hers|Their|Its|These)\b"
    r"|It(?!['’]s (?:a|an|the|not|been|no|time|clear|hard|easy)\b"
    r"| (?:is|was|has been|will be|would be|may be|emerged|comes|came|appears|seems|took|takes)\b)\b"
    r"|Those (?!who|with|in|of|from|\w+ing\b|\w+ed\b)"
    r"|(?:This|That)(?! (?:week|weekend|month|year|summer|winter|spring|autumn|fall|morning|afternoon|evening|season)\b)\b"
    r"|The (?:latter|former) (?:is|was|were|are|had|has|have|said|says|will|would|did|does|can|could)\b"
    r"|The (?:pair|duo|couple|trio|incident|accident|move|decision|announcement|comments|remarks"
    r"|\d\d-year-old)(?! (?:to|of|by|that|who|at|in|on|behind|from|with|whose|accused|charged|convicted)\b)\b)"
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
    """A sentence of the article, by its place there, with how salient it is (any scale; more is better). `label`: it is a
    short line that may be none, and is taken only where there is nothing else."""

    start: int
    end: int
    salience: float
    paragraph: int = 0
    label: bool = False


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

    The most salient sentence is taken first, then the next that repeats nothing taken and still fits. A sentence that
    leans on the one before it is taken only together with that one, a correction's wrong half only with its right half.
    Where a number of sentences is asked for and these rules leave fewer, they yield: first that on leaning, then that on
    repetition. Where no sentence fits into `max_words`, or one has no end, the most salient is cut after a word.
    """
    extract = _Extract(text, candidates, limits)
    for rules in (_Rules(), _Rules(leaning=False), _Rules(leaning=False, repetition=False)):
        for i in extract.ranked:
            if extract.full:
                break
            extract.take(i, rules)
        if limits.max_words is not None or limits.target_words is not None:
            break  # the words say how long it is to be, and a shorter summary is one too
    if not extract.chosen and extract.ranked:
        return (_cut(text, candidates[extract.ranked[0]], limits.max_words or CUT_WORDS),)
    return tuple(extract.sentence(i) for i in sorted(extract.chosen))


@dataclass(frozen=True, slots=True)
class _Rules:
    leaning: bool = True
    repetition: bool = True


class _Extract:
    """The sentences taken so far, with what they add up to."""

    def __init__(self, text: str, candidates: Sequence[Candidate], limits: Limits) -> None:
        self.chosen: set[int] = set()
        self._text = text
        self._candidates = candidates
        self._texts = [text[candidate.start : candidate.end] for candidate in candidates]
        self._limits = limits
        self._words = 0
        usable = [i for i, candidate in enumerate(candidates) if not candidate.label] or range(len(candidates))
        self.ranked = sorted(usable, key=lambda i: (self._length(i) < MIN_WORDS, -candidates[i].salience, i))

    @property
    def full(self) -> bool:
        return len(self.chosen) == self._limits.sentences

    def take(self, i: int, rules: _Rules) -> None:
        """Take sentence `i`, and those that it cannot stand without, if all of them fit and repeat nothing taken."""
        group = self._group(i, rules)
        words = self._words + sum(min(self._length(k), CUT_WORDS) for k in group)
        if not group or not self._fits(len(self.chosen) + len(group), words):
            return
        if rules.repetition and any(self._repeats(k) for k in group):
            return
        self.chosen.update(group)
        self._words = words

    def sentence(self, i: int) -> Sentence:
        """Sentence `i` as the summary gives it; one that has no end, cut."""
        if self._length(i) > LONGEST_WORDS:
            return _cut(self._text, self._candidates[i], CUT_WORDS)
        return Sentence(self._texts[i], self._candidates[i].start, self._candidates[i].end)

    def _group(self, i: int, rules: _Rules) -> list[int]:
        """The sentence, with those that it cannot stand without where they are not there yet; empty when the one before
        leans on yet another, because such a chain carries no summary."""
        if i in self.chosen:
            return []
        group = [i]
        if CORRECTION.match(self._texts[i]):
            after = i + 1
            if after == len(self._texts) or self._candidates[after].paragraph != self._candidates[i].paragraph:
                return []
            group = [i, after] if after not in self.chosen else [i]
        before = i - 1
        if not rules.leaning or i == 0 or before in self.chosen or not leans_on_predecessor(self._texts[i]):
            return group
        if before > 0 and leans_on_predecessor(self._texts[before]) and before - 1 not in self.chosen:
            return []
        if CORRECTION.match(self._texts[before]) or not self._candidates[before].label:
            return [before, *group]
        return []

    def _fits(self, sentences: int, words: int) -> bool:
        most = self._limits
        return (
            (most.sentences is None or sentences <= most.sentences)
            and (most.max_words is None or words <= most.max_words)
            and (most.target_words is None or words <= most.target_words or not self.chosen)
        )

    def _repeats(self, i: int) -> bool:
        """Whether a taken sentence says most of what this one says, or the other way round."""
        own = _content(self._texts[i])
        return any(
            len(own & other) > SAME_CONTENT * min(len(own), len(other))
            for other in (_content(self._texts[k]) for k in self.chosen)
            if own and other
        )

    def _length(self, i: int) -> int:
        return len(self._texts[i].split())


def _content(sentence: str) -> set[str]:
    """The words that carry a sentence's content: figures, and words of four letters or more."""
    return set(re.findall(r"\d+|\w{4,}", sentence.lower()))


def _quotes_nobody(sentence: str) -> bool:
    if not re.match(r"\s*(?:[\"“]|['‘`](?=[A-Z]))", sentence):
        return False
    quoted = QUOTED_DOUBLE if sentence.lstrip()[0] in '"“' else QUOTED_SINGLE
    return not SPEAKER.search(quoted.sub(" ", sentence))


def candidates_of(spans: Sequence[Span], salience: Iterable[float]) -> list[Candidate]:
    """The sentences of an article as candidates for its summary."""
    return [
        Candidate(span.start, span.end, score, span.paragraph, span.kind == "label")
        for span, score in zip(spans, salience, strict=True)
    ]


def _cut(text: str, candidate: Candidate, max_words: int) -> Sentence:
    words = list(re.finditer(r"\S+", text[candidate.start : candidate.end]))
    end = candidate.start + words[min(max_words, len(words)) - 1].end()
    return Sentence(text[candidate.start : end], candidate.start, end)
