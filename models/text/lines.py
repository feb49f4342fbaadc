"""Which lines of a text belong together, and what each block of them is: prose, a heading, a link. Decided by the
text itself: the width at which its lines were wrapped, and how its other lines end."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Kind = Literal["prose", "label", "heading", "link"]

HEADING_MAX_WORDS = 12
"""A line of more words is prose even without end punctuation."""
HEADING_MAX_CHARACTERS, UNSPACED_HEADING_MAX_CHARACTERS = 160, 50
"""A line of more characters is prose, however few spaces it has: Thai, for one, sets neither spaces nor full stops."""
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

WIDEST_WRAP = 120
"""Text with wider lines has a paragraph on each line."""
FULL = 0.8
"""A line was wrapped if the next word would have made it longer than this share of the widest line."""
VERSE_LINES, VERSE_WIDTH = 4, 60
"""So many lines in a block, none wider, of which most end without a full stop and the last with one, are verse."""

SENTENCE_END = re.compile(r"""[.!?…。！？｡।॥؟۔]["'”’»)\]】」』]*\s*$""")
ENDED_INSIDE = re.compile(
    r"\b(?!(?:Apr|Aug|Capt|Col|Cpl|Dec|Feb|Gen|Gov|Jan|Mar|Maj|Mrs|Nov|Oct|Prof|Rep|Rev|Sen|Sept|Sgt|Spc)\.)\w{3,}[.!?]"
    r"[\"'”’)]*\s+[\"'“‘(]*[A-Z]"
)
UNFINISHED = re.compile(
    r"(?:[,;(&—–]|\b(?:a|an|and|as|at|but|by|for|from|her|his|in|into|is|its|of|on|or|that|the|their|to|was|were|which"
    r"|who|with))\s*$"
)
"""The end of a line that the next one continues."""
BULLET = re.compile(r"\s*(?:[-–—*+•·▪◦‣]|\(?\d{1,3}[.)]|\(?[a-z]\))\s+(?=\S)")
TRAILING_LINES, TRAILED_PARAGRAPHS = 2, 5
"""At the end of a text with at least so many paragraphs, at least so many short lines are links to other articles."""
BARE_LINK = re.compile(r"(?:https?://|www\.)\S+\s*$")
LINK = re.compile(
    r"""
    (?:read|see|watch|listen|hear)\s+(?:more|also|now|next)\b[^:|]{0,30}[:|]
    | (?:also\s+read|related(?:\s+(?:articles?|stories|story|topics|content|video))?|more\s+on\s+this\s+story)\s*:
    | (?-i:READ|SEE|WATCH|LISTEN|MORE|VIDEO|PHOTOS?|GALLERY|RELATED)(?-i:\s+[A-Z]+){0,3}\s*:
    """,
    re.VERBOSE | re.IGNORECASE,
)
LINK_MAX_WORDS = 16
"""What has more words is prose that opens like a link."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the text: a paragraph, a label (a short line that ends like none, and heads nothing for certain), a
    heading, or a link to another article."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    group: int
    """Lines with no blank line between them are of one group."""
    text: str


def blocks(seen: str) -> tuple[Block, ...]:
    """The blocks of a text, given as its reader sees it, in order.

    A short line without end punctuation is a heading where most of the text is paragraphs, one of them below it;
    elsewhere (a letter, a list, verse) it is a label, which may be prose.
    """
    runs = list(_runs(seen))
    prose = [not (is_label(seen[start:end]) or is_link(seen[start:end])) for start, end in runs]
    trail = _trail(seen, runs, prose)
    return tuple(Block(_kind(seen, runs, prose, trail, number), start, end) for number, (start, end) in enumerate(runs))


def _lines(seen: str) -> list[_Line]:
    lines: list[_Line] = []
    group = 0
    for found in re.finditer(r"[^\n]+", seen):
        stripped = found.group().strip()
        if not stripped:
            continue
        start = found.start() + len(found.group()) - len(found.group().lstrip())
        if lines and seen.count("\n", lines[-1].end, start) > 1:
            group += 1
        lines.append(_Line(start, start + len(stripped), group, stripped))
    return lines


def _runs(seen: str) -> Iterator[tuple[int, int]]:
    """Start and end of each run of lines that belong together."""
    lines = _lines(seen)
    if not lines:
        return
    width = _wrap_width(lines)
    verse = _verse(lines)
    start = lines[0].start
    for before, line in pairwise(lines):
        together = before.group == line.group
        if not (together and _continues(before.text, line.text, width, verse=line.group in verse)):
            yield start, before.end
            start = line.start
    yield start, lines[-1].end


def _wrap_width(lines: Sequence[_Line]) -> int:
    """The width of the widest line that stands directly above or below another; 0 where lines are not wrapped."""
    widths = [max(len(a.text), len(b.text)) for a, b in pairwise(lines) if a.group == b.group]
    width = max(widths, default=0)
    return width if width <= WIDEST_WRAP else 0


def _verse(lines: Sequence[_Line]) -> set[int]:
    """The groups that are verse."""
    groups: dict[int, list[str]] = {}
    for line in lines:
        groups.setdefault(line.group, []).append(line.text)
    return {
        group
        for group, texts in groups.items()
        if len(texts) >= VERSE_LINES
        and max(map(len, texts)) <= VERSE_WIDTH
        and SENTENCE_END.search(texts[-1])
        and sum(bool(SENTENCE_END.search(text)) for text in texts) <= len(texts) / 2
        and not any(BULLET.match(text) for text in texts)
    }


def _continues(before: str, line: str, width: int, *, verse: bool) -> bool:
    """Whether `line`, directly below `before`, goes on with what that says."""
    if BULLET.match(line) or is_link(line) or is_link(before):
        return False
    full = width > 0 and len(before) + 1 + _first_word(line) > FULL * width
    if SENTENCE_END.search(before):
        return full
    return full or verse or line[0].islower() or bool(UNFINISHED.search(before))


def _first_word(line: str) -> int:
    return 2 if UNSPACED.match(line) else len(line.split(maxsplit=1)[0])


def _trail(seen: str, runs: Sequence[tuple[int, int]], prose: Sequence[bool]) -> int:
    """The number of the first of several short lines behind the last paragraph of an article: titles of others, and the
    like. Where there are none, the number of runs."""
    last = max((number for number, is_prose in enumerate(prose) if is_prose), default=0)
    if len(runs) - last <= TRAILING_LINES or sum(prose) < TRAILED_PARAGRAPHS:
        return len(runs)
    texts = [seen[start:end] for start, end in runs[last:]]
    is_list = any(BULLET.match(text) or text[0].islower() or text.endswith(":") for text in texts)
    return len(runs) if is_list else last + 1


def _kind(seen: str, runs: Sequence[tuple[int, int]], prose: Sequence[bool], trail: int, number: int) -> Kind:
    start, end = runs[number]
    text = seen[start:end]
    if is_link(text):
        return "link"
    if prose[number] or len(runs) == 1:
        return "prose"
    if _heads(seen, runs, prose, number):
        return "heading"
    return "link" if number >= trail else "label"


def is_link(text: str) -> bool:
    """Whether a line is an address, or refers to another article."""
    if BARE_LINK.match(text):
        return True
    return bool(LINK.match(text)) and len(text.split()) <= LINK_MAX_WORDS and not ENDED_INSIDE.search(text)


def is_label(text: str) -> bool:
    """Whether a line is short, and neither ends as a sentence does nor holds the end of one."""
    longest = UNSPACED_HEADING_MAX_CHARACTERS if UNSPACED.search(text) else HEADING_MAX_CHARACTERS
    return (
        len(text) <= longest
        and len(text.split()) <= HEADING_MAX_WORDS
        and not (SENTENCE_END.search(text) or ENDED_INSIDE.search(text))
    )


def _heads(seen: str, runs: Sequence[tuple[int, int]], prose: Sequence[bool], number: int) -> bool:
    start, end = runs[number]
    text = seen[start:end]
    if text[0].islower() or text[-1] in ",;:-–—" or number + 1 == len(runs):
        return False
    if not any(prose[number + 1 : number + 3]):
        return False
    paragraphs = sum(prose)
    return paragraphs >= (2 if number else 3) and paragraphs * 2 >= len(runs)
