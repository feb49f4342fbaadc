"""Where the sentences of an article begin and end, as character offsets. Boundaries come from sentencex
(Wikimedia's splitter, 200+ languages); this module adds what news needs: section headings, link lines and
agency furniture are not sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import sentencex

SPLITTER = f"sentencex {version('sentencex')}"
"""What found the boundaries; part of every key, because another release may find others."""

Kind = Literal["prose", "heading", "link"]

HEADING_MAX_WORDS = 12
"""A line of more words is prose even without end punctuation."""
HEADING_MAX_CHARACTERS, UNSPACED_HEADING_MAX_CHARACTERS = 160, 50
"""A line of more characters is prose, however few spaces it has: Thai, for one, sets neither spaces nor full stops."""
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
WRAPPED_MIN_CHARACTERS = 50
"""A line shorter than this that ends without punctuation ends its block: it was not wrapped at a margin."""

LONG_QUOTE_WORDS = 45
"""sentencex keeps a quotation whole, however many sentences it holds (one missing mark can swallow half an
article); beyond this many words it is split inside."""
QUOTES = re.compile(r"[\"“”„«»]")

OPENING = re.compile(
    r"\s*(?:[•·▪◦]\s+"
    r"|(?:[A-Z][\w.'’/-]*[ ,]+){0,6}\((?:AP|AFP|ANI|Bloomberg|CNN|IANS|PTI|Reuters|REUTERS|UPI)\)\s*[-–—]{1,2}\s*)"
)
"""A bullet or an agency's dateline: it opens a sentence and is not part of it."""
LINK_OPENERS = re.compile(
    r"""\s*(?:
        (?:read|see|watch|listen|hear)\s+(?:more|also|now|next)\b[^:|]{0,30}[:|]
      | (?:also\s+read|related(?:\s+(?:articles?|stories|story|topics|content|video))?|more\s+on\s+this\s+story)\s*:
      | (?-i:READ|SEE|WATCH|LISTEN|MORE|VIDEO|PHOTOS?|GALLERY|RELATED)(?-i:\s+[A-Z]+){0,3}\s*:
      | (?:scroll\s+down|click\s+here|click\s+on)\b
      | sign\s+up\s+(?:for|to)\b | subscribe\s+to\b | follow\s+us\s+on\b
      | https?://\S+\s*$
    )""",
    re.VERBOSE | re.IGNORECASE,
)
SENTENCE_END = re.compile(r"""[.!?…。！？｡।॥؟۔]["'”’»)\]】」』]*\s*$""")
BULLET = re.compile(r"\s*(?:[-–—*•·]|\d{1,2}[.)])\s+\S")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the text: a paragraph, a section heading, or a link to another article."""

    kind: Kind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """One sentence: `text[start:end]`, and the number of its paragraph, counted from 0."""

    start: int
    end: int
    paragraph: int


def blocks(text: str) -> tuple[Block, ...]:
    """The paragraphs, headings and link lines of `text`, in order.

    Blank lines separate blocks. Within a block a newline is a line wrap, except after a line that ends
    a sentence or is too short to have been wrapped. A short line without end punctuation is a heading
    when prose stands elsewhere in the text; on its own it is the article.
    """
    blocks = tuple(Block(_kind(text[start:end]), start, end) for start, end in _paragraphs(text))
    if any(block.kind == "prose" for block in blocks):
        return blocks
    return tuple(Block("prose", block.start, block.end) if block.kind == "heading" else block for block in blocks)


def sentences(text: str, *, language: str = "en") -> tuple[Span, ...]:
    """The sentences of the prose in `text`, in order; headings and link lines hold none.

    Offsets count characters (code points), are exact and never include surrounding white space.
    """
    spans: list[Span] = []
    for paragraph, block in enumerate(block for block in blocks(text) if block.kind == "prose"):
        for start, end in _boundaries(text[block.start : block.end], language):
            spans.append(Span(block.start + start, block.start + end, paragraph))
    return tuple(spans)


def _boundaries(text: str, language: str) -> Iterator[tuple[int, int]]:
    for start, end in _segments(text, language):
        if len(text[start:end].split()) <= LONG_QUOTE_WORDS:
            yield start, end
            continue
        bare = QUOTES.sub(" ", text[start:end])
        free = start
        for inner_start, inner_end in _segments(bare, language):
            inner = _with_quotes(text, start + inner_start, start + inner_end, (free, end))
            yield inner
            free = inner[1]


def _segments(text: str, language: str) -> Iterator[tuple[int, int]]:
    for boundary in sentencex.get_sentence_boundaries(language, text):
        start, end = boundary["start_index"], boundary["end_index"]
        if opening := OPENING.match(text, start, end):
            start = opening.end()
        trimmed = _trim(text, start, end)
        if trimmed is not None:
            yield trimmed


def _with_quotes(text: str, start: int, end: int, within: tuple[int, int]) -> tuple[int, int]:
    """Take in the quotation marks that touch the sentence."""
    while start > within[0] and QUOTES.match(text[start - 1]):
        start -= 1
    while end < within[1] and QUOTES.match(text[end]):
        end += 1
    return start, end


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    inner = text[start:end]
    stripped = inner.strip()
    if not stripped:
        return None
    start += len(inner) - len(inner.lstrip())
    return start, start + len(stripped)


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each run of lines that belong together, without surrounding white space."""
    run: tuple[int, int] | None = None
    for line in re.finditer(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+", text):
        trimmed = _trim(text, line.start(), line.end())
        if trimmed is None:
            continue
        start, end = trimmed
        if run is not None and _continues(text, run, (start, end)):
            run = (run[0], end)
            continue
        if run is not None:
            yield run
        run = (start, end)
    if run is not None:
        yield run


def _continues(text: str, run: tuple[int, int], line: tuple[int, int]) -> bool:
    between = text[run[1] : line[0]]
    if between.replace("\r\n", "\n").count("\n") != 1:
        return False
    last = text[max(text.rfind("\n", run[0], run[1]) + 1, run[0]) : run[1]]
    return (
        len(last) >= WRAPPED_MIN_CHARACTERS
        and not SENTENCE_END.search(last)
        and not _is_link(text[line[0] : line[1]])
        and not _is_link(last)
    )


def _is_link(line: str) -> bool:
    return bool(LINK_OPENERS.match(line))


def _kind(text: str) -> Kind:
    if _is_link(text):
        return "link"
    longest = UNSPACED_HEADING_MAX_CHARACTERS if UNSPACED.search(text) else HEADING_MAX_CHARACTERS
    if (
        len(text) <= longest
        and len(text.split()) <= HEADING_MAX_WORDS
        and not SENTENCE_END.search(text)
        and not BULLET.match(text)
    ):
        return "heading"
    return "prose"
