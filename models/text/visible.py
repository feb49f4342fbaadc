"""A text as its reader sees it, at the same offsets: what is markup or invisible is blanked, so that rules for lines
and sentences need not know of it."""

import html
import re

INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e007f]"
)
"""Controls, soft hyphens, zero-width and directional marks, byte-order marks, variation selectors."""
EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\u3030\u303d\U0001f000-\U0001faff]")
FOOTNOTE = re.compile(
    r"(?<=\S)(?:\[(?:\d{1,3}(?:\s?[-–,]\s?\d{1,3})*|[a-z]|(?:note|nb) \d+|(?:citation|clarification) needed)\])+"
    r"|(?<=[.,;:!?\"”’)])[¹²³⁰⁴-⁹]+"
)
"""`[3]`, `[1 - 3]`, `[citation needed]` and superscript figures, close behind a word; not a year, `[2004]`."""
LINE_BREAK = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
LINE_BREAKS = frozenset("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
MARKDOWN_MARKS, FOOTNOTE_MARKS = frozenset("*_~`#>=+"), frozenset("[¹²³⁰⁴⁵⁶⁷⁸⁹")
MARKED = re.compile(INVISIBLE.pattern + r"|[\n<&*_~`#\[]|[-=+] ?[-=+]")
"""What `readable` may have to remove; most sentences hold none of it."""
LINE_END_HYPHEN = re.compile(r"(?<=[a-zà-ÿ])[-\u00ad\u2010]\r?\n(?=[a-zà-ÿ])")

MARKDOWN = re.compile(
    r"!\[[^\]\n]*\]\([^)\s]*\)"  # a picture
    r"|(?<=\])\([^)\s]*\)|\[(?=[^\]\n]+\]\([^)\s]*\))|(?<=[^\]\n])\](?=\()"  # a link's address and brackets
    r"|(?<![\w*])\*{1,3}(?=[^\s*])|(?<=[^\s*])\*{1,3}(?![\w*])"  # emphasis
    r"|(?<![\w_])_{1,3}(?=\w)|(?<=[\w.!?”\"])_{1,3}(?![\w_])|~~|`{1,3}"
    r"|^[ \t]*(?:[-*_=~#+][ \t]?){3,}[ \t]*$"  # a rule
    r"|^[ \t]*(?:#{1,6}|(?:>[ \t]?)+)(?=[ \t]|\S)(?!#?\w)",  # a heading, a quotation
    re.MULTILINE,
)
HTML = re.compile(
    r"</?(?:p|br|div|span|a|b|i|em|strong|h[1-6]|[uo]l|li|t[rdh]|table|fig\w+|img|blockquote)\b[^<>]*>", re.I
)
HIDDEN_HTML = re.compile(r"<!--.*?-->|<(script|style|noscript|template)\b[^<>]*>.*?</\1\s*>", re.DOTALL | re.I)
TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)\b[^<>]*>", re.I)
INLINE_TAGS = frozenset(
    ("a", "abbr", "b", "cite", "code", "del", "em", "font", "i", "img", "ins", "mark", "q", "s", "small", "span",
     "strong", "sub", "sup", "time", "u", "wbr")
)  # fmt: skip
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,31});")


def visible(text: str) -> str:
    """`text` with spaces for what no reader sees, and every line break as one newline; as long as `text`.

    A tag that begins a new paragraph in HTML becomes newlines; a word parted at the end of its line is closed up by
    letters, so that it reads as one.
    """
    seen = text
    characters = set(text)  # to look for a pattern where none of its characters stands would take most of the time
    if not LINE_BREAKS.isdisjoint(characters):
        seen = LINE_BREAK.sub(lambda found: " " * (len(found.group()) - 1) + "\n", seen)
    if "<" in characters and HTML.search(seen):
        seen = _without_html(seen)
    if "\n" in seen:
        seen = LINE_END_HYPHEN.sub(lambda found: "x" * len(found.group()), seen)
    unique = "".join(characters)
    if INVISIBLE.search(unique):
        seen = INVISIBLE.sub(_spaces, seen)
    if EMOJI.search(unique):
        seen = EMOJI.sub(_spaces, seen)
    if not MARKDOWN_MARKS.isdisjoint(characters) or "---" in seen or "](" in seen:
        seen = MARKDOWN.sub(_spaces, seen)
    if not FOOTNOTE_MARKS.isdisjoint(characters):
        seen = FOOTNOTE.sub(_spaces, seen)
    return seen


def readable(fragment: str) -> str:
    """A part of a text as plain words: without markup and invisible characters, on one line."""
    if not MARKED.search(fragment):
        return " ".join(fragment.split())
    if "<" in fragment and HTML.search(fragment):
        fragment = TAG.sub(" ", fragment)
    fragment = ENTITY.sub(lambda entity: html.unescape(entity.group()), fragment)
    fragment = LINE_END_HYPHEN.sub("", fragment)
    return " ".join(MARKDOWN.sub("", INVISIBLE.sub("", fragment)).split())


def _without_html(text: str) -> str:
    text = HIDDEN_HTML.sub(_newlines, text)
    text = TAG.sub(lambda tag: _spaces(tag) if tag.group(2).lower() in INLINE_TAGS else _newlines(tag), text)
    return ENTITY.sub(lambda entity: html.unescape(entity.group())[:1] * len(entity.group()), text)


def _spaces(found: re.Match[str]) -> str:
    return " " * len(found.group())


def _newlines(found: re.Match[str]) -> str:
    return "\n" * len(found.group())
