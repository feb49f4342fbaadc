"""The sentences of an article, as character offsets, and what each of them is: prose, a heading, furniture."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from models.text.boundaries import BULLETS, boundaries
from models.text.furniture import CAPTION_FORMS, Furniture, Recogniser
from models.text.language import UNKNOWN
from models.text.lines import BULLET, Block, blocks
from models.text.visible import visible

Kind = Literal["prose", "label", "heading", "link"] | Furniture

NOT_A_CITY = r"(?!(?:ALSO|AUDIO|FILE|GALLERY|LIVE|MORE|PHOTOS?|READ|RELATED|SEE|UPDATED?|VIDEO|WATCH)\b)"
CITY = r"[A-Z][\w.'’/-]*(?:[ ,]+(?:[A-Z][\w.'’/-]*|de|of|the|\d{1,2}|\d{4})){0,7}[,.]?"
UPPER_CASE_CITY = r"[A-Z]{3,}(?:[ .'’/-]{1,2}[A-Z]{2,})*(?:, [A-Z][\w.]+(?: [A-Z][\w.]+)?)?"
AGENCY = (
    r"\((?:AFP|ANI|AP|Bloomberg|BUSINESS WIRE|CNN|CNNMoney|dpa|GLOBE NEWSWIRE|IANS|NTB|PTI|Reuters|REUTERS|UPI)"
    r"[\w ,.]{0,20}\)"
)
WIRE = r"/(?:CNW|PRNewswire|TASS)[\w/ -]*/\.?"
DASH = r"\s*[-–—]{1,2}\s*"
CLOCK = r"\d{1,2}[:.]\d\d\s?(?:[ap]\.?m\.|[ap]m\b|[AP]M\b|GMT|BST|E[SD]?T)"
OPENING = re.compile(
    "|".join(
        (
            BULLET.pattern,
            rf"{NOT_A_CITY}(?:{CITY}\s*)?(?:{AGENCY}|{WIRE})(?:{DASH}|\s*[:.]\s*|\s*)(?=\S)",
            rf"{NOT_A_CITY}{CITY}\s*\([A-Z][\w.&'’-]*(?: [A-Z][\w.&'’-]*){{0,3}}\){DASH}(?=\S)",
            rf"{NOT_A_CITY}{UPPER_CASE_CITY}(?:, [A-Z][a-z]{{2,8}}\.? \d{{1,2}}(?:, \d{{4}})?)?"
            r"\s+[-–—]{1,2}\s+(?=[A-Z\"“‘'])",
            rf"{CLOCK}\s*[:–—-]?\s*(?=[A-Z\"“])",
        )
    )
)
"""A bullet, a number, a dateline or a live report's time: it opens a sentence and is not part of it."""
INNER_OPENING = re.compile(rf"\d{{1,2}}[:.]\d\d\s?[ap]\.?m\.?\s*(?=[A-Z\"“])|{BULLETS.pattern}\s+(?=\S)")
"""A live report's time or a bullet within a paragraph."""
CAPTION_MAX_WORDS = 40
"""A paragraph of no more words that ends in a picture's credit is the picture's caption."""
MANY_SPACED_ENDS = 0.4
"""Where so large a share of the sentences ends with a space and a full stop, that marks nothing."""
SPACED_COMMA = re.compile(r"\w [,;!?](?=\s|$)")
READ = frozenset({"prose", "label"})
"""What models read."""


@dataclass(frozen=True, slots=True)
class Span:
    """One sentence: `text[start:end]`, the number of its paragraph, counted from 0, and what it is."""

    start: int
    end: int
    paragraph: int
    kind: Kind = "prose"


def sentences(text: str, *, language: str = UNKNOWN) -> tuple[Span, ...]:
    """All sentences of `text` in order, headings, links and furniture among them, each by its kind. A text in a
    language that is not known is cut by the rules for English.

    Offsets count characters (code points), are exact and never include surrounding white space.
    """
    seen = visible(text)
    if seen.isspace():
        seen = text.replace("\r", " ")  # all of it is emoji or the like
    spans: list[Span] = []
    furniture = Recogniser(seen)
    for paragraph, block in enumerate(blocks(seen)):
        spans += _block_spans(seen, block, paragraph, "en" if language == UNKNOWN else language, furniture)
    return tuple(_with_captions_alike(seen, _without_chance_captions(seen, spans)))


def prose(text: str, *, language: str = UNKNOWN) -> tuple[Span, ...]:
    """The sentences that a model reads: prose, and labels, which may be some. In a text that has none of them,
    everything but links."""
    spans = sentences(text, language=language)
    return tuple(span for span in spans if span.kind in READ) or tuple(span for span in spans if span.kind != "link")


def _block_spans(seen: str, block: Block, paragraph: int, language: str, furniture: Recogniser) -> list[Span]:
    start = block.start
    if block.kind == "prose" and (opening := OPENING.match(seen, block.start, block.end)):
        rest = seen[opening.end() : block.end]
        start = opening.end() if any(map(str.isalnum, rest)) else start  # a line that is nothing else is kept
    bounds = boundaries(seen[start : block.end], language)
    spans = [Span(start + a, start + b, paragraph, block.kind) for a, b in bounds]
    if block.kind not in READ:
        return spans
    spans = [_recognised(seen, _without_opening(seen, span), furniture) for span in spans]
    if spans and spans[-1].kind == "caption" and len(seen[block.start : block.end].split()) <= CAPTION_MAX_WORDS:
        spans = [replace(span, kind="caption") for span in spans]
    return spans


def _without_opening(seen: str, span: Span) -> Span:
    """The span behind a live report's time or a bullet."""
    opening = INNER_OPENING.match(seen, span.start, span.end)
    return replace(span, start=opening.end()) if opening else span


def _recognised(seen: str, span: Span, furniture: Recogniser) -> Span:
    pattern = furniture(seen[span.start : span.end])
    return replace(span, kind=pattern.kind) if pattern else span


def _without_chance_captions(seen: str, spans: Sequence[Span]) -> Sequence[Span]:
    """The spans; where hardly any or many end with a space and a full stop, or commas have a space too, such are no
    captions."""
    spaced = [seen[span.end - 1] == "." and seen[span.end - 2].isspace() for span in spans]
    if 1 < sum(spaced) <= MANY_SPACED_ENDS * len(spans) and not SPACED_COMMA.search(seen):
        return spans
    return [
        replace(span, kind="prose") if alike and span.kind == "caption" else span
        for span, alike in zip(spans, spaced, strict=True)
    ]


def _with_captions_alike(seen: str, spans: Sequence[Span]) -> Sequence[Span]:
    """The spans; what has the form of a caption of the same text is one, unless several begin alike (an interview)."""
    if not any(span.kind == "caption" for span in spans):
        return spans
    for form in CAPTION_FORMS:
        found = [form.match(seen, span.start, span.end) for span in spans]
        heads = [match["head"] if match else "" for match in found]
        occurrences = Counter(heads)
        if any(head and span.kind == "caption" for head, span in zip(heads, spans, strict=True)):
            spans = [
                replace(span, kind="caption") if head and span.kind in READ and occurrences[head] == 1 else span
                for head, span in zip(heads, spans, strict=True)
            ]
    return spans
