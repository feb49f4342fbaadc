"""Where sentences end within a paragraph: sentencex (Wikimedia's splitter, 200+ languages) and what news needs beside
it. Quotation marks are hidden from sentencex, which keeps a quotation whole and so loses a paragraph to one apostrophe;
what belongs together is joined again here."""

import re
from collections.abc import Iterator
from importlib.metadata import version

import sentencex

SPLITTER = f"sentencex {version('sentencex')}"
"""What found the boundaries; part of every key, because another release may find others."""

WHOLE_QUOTE_WORDS = 30
"""A quotation of several sentences stays whole up to so many words."""

QUOTE = re.compile(r"[\"“”„«»‹›'’‘‚`](?:(?<=[\"“”„«»‹›])|(?<![^\W_].)|(?![^\W_]))")
"""A double quotation mark, or a single one at the edge of a word (or an apostrophe there: which of them it is matters
only where a sentence ends beside it)."""
OPENING_QUOTES, CLOSING_QUOTES = "\"“„«‹‘‚'`", "\"”»›’'“"
BULLETS = re.compile("[•▪◦●○■□►▶]")
GLUED = re.compile(
    r"[.?!](?:(?<=[a-z]{3}.)(?=[A-Z][a-zà-ÿ]*[ ,]|\d{1,2}[:.]\d\d\s?[ap]\.?m\.)|(?<=[ap]\.m\.)(?=[A-Z]))"
)
"""`police say.All schools`: the space was lost where two lines were put together."""
GLUED_POST = re.compile(
    r"(?:\bpic\.twitter\.com/|//t\.co/)\w{10}(?=[A-Z\d])"
    r"|\(@\w{2,20}\)\s{1,2}[A-Z][a-z]{2,8} \d{1,2}, \d{4}(?=[^\s,.;)])"
)
"""The end of a post of a social network, an address of ten characters or a name and a date, that the story goes on
behind without a space."""
LONGEST_POST_END = 60
BYLINE = re.compile(r"(?:By|BY)\s?\.?")
ADDRESS = re.compile(r"[@/]|www|\w\.\w")
FIRST_UNSPACED = 0x0900
"""From this character on, scripts may set no space between sentences."""
PARENTHESIS = re.compile(r"[.?!]\)(?=\s+[A-Z])")
TIME = re.compile(r"\b[ap]\.\s?m\.$", re.IGNORECASE)
AFTER_TIME = re.compile(
    r"(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day|\.)"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b"
    r"|January|February|March|April|May|June|July|August|September|October|November|December"
    r"|[A-Z]{1,3}[SD]?T\b|GMT|UTC|Eastern|Central|Mountain|Pacific|Universal|Greenwich|Local|\(|[–—-])"
)
TITLES = frozenset(
    (
        "Adm", "Amb", "Archbp", "Assemb", "Assoc", "Asst", "Atty", "Brig", "Bros", "Capt", "Cmdr", "Cmdre",
        "Col", "Comdr", "Cpl", "Cpt", "Ct", "Del", "Det", "Dr", "Drs", "Ed", "Est", "Fr", "Ft", "Gen", "Gov",
        "Govs", "Hon", "Insp", "Lieut", "Lt", "Maj", "Mdm", "Messrs", "Mgr", "Mlle", "Mme", "Mr", "Mrs", "Ms",
        "Msgr", "Mt", "Mx", "Ofc", "Pfc", "Pres", "Prof", "Pvt", "Rep", "Reps", "Rev", "Sec", "Sen", "Sens",
        "Sgt", "Spc", "Sr", "St", "Ste", "Supt", "Tpr", "Treas", "V", "Vol", "Vols", "Vs", "est", "v", "vs",
    )
)  # fmt: skip
"""Abbreviations that a name follows."""
BEFORE_NUMBER = frozenset(
    (
        "Apr", "Art", "Aug", "B", "C", "Ca", "Ch", "D", "Dec", "Est", "Feb", "Fig", "Figs", "Jan", "Jul", "Jun",
        "Mar", "No", "Nos", "Nov", "Oct", "Op", "P", "Pp", "Rs", "Sec", "Sep", "Sept", "Vol", "approx", "art",
        "b", "c", "ca", "ch", "d", "est", "fig", "figs", "no", "nos", "p", "pp", "sec", "vol",
    )
)  # fmt: skip
"""Abbreviations that a number follows."""
ABBREVIATED = re.compile(
    r"(?:^[A-Z][a-z]{0,5}|\.[A-Za-z]{1,3}|\b(?:[b-hj-z]|al|approx|cf|dept|eg|etc|ft|hr|hrs|ie|in|kg|km|lb|lbs|min"
    r"|mins|mph|oz|pp|sq|vs|yr|yrs))\.$"
)
"""The end of an abbreviation, as far as its shape tells; only asked where the next word is lower case."""
NAME = re.compile(r"[A-Z][\w'’-]*[?!]")
"""`Yahoo!`, `Jeopardy!`: a name that ends like a sentence."""
ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.)]$")
INITIAL = re.compile(r"[A-Z][a-z]?\.")
INITIALS = re.compile(r"[A-Z]\.\s?(?:[A-Z]\.|[A-Z][a-z])")
TRAILING = re.compile(
    r"[:;=8][-o']?[)(DPp3/|\]]+(?=\s|$)|<3(?=\s|$)|\^_*\^"
    r"|(?:\[(?:\d{1,3}(?:\s?[-–,]\s?\d{1,3})*|[a-z]+ needed|\.{3}|…)\]\s?)+"
)
"""An emoticon or a footnote mark: it belongs to what stands before it."""
BRAND = re.compile(r"[a-z]{1,3}[A-Z]")
"""`iPhone`: a word that opens a sentence in lower case."""
SAYS = (
    r"(?:add|admit|agree|announce|argue|ask|assert|bark|beam|begin|boast|call|caution|claim|comment|complain|conclude|confirm"
    r"|cr(?:y|ie)|declare|demand|enquire|exclaim|explain|gasp|growl|inquire|insist|joke|laugh|muse|murmur|mutter|note|observe"
    r"|plead|promise|quip|recall|remark|remember|repl(?:y|ie)|respond|roar|scream|shout|sigh|snap|state|suggest|tweet"
    r"|urge|wail|warn|whisper|wonder|yell)(?:s|d|ed)?|says?|said|tells?|told|thinks?|thought|writes?|wrote|asks|went|goes"
)
ATTRIBUTION = re.compile(
    r"(?:(?:I|[Hh]e|[Ss]he|[Tt]hey|[Ww]e|[Tt]he [a-z-]+(?: [a-z-]+)?"
    r"|[A-Z][\w'’-]*\.?(?: (?:[A-Z][\w'’-]*\.?|de|van|der|al|bin|the|of)){0,5})"
    rf",? (?:\w+ly )?(?:{SAYS})\b)"
)
"""Who says it, behind a quotation that ends with a question or exclamation mark."""
WORD = re.compile(r"\w")


def boundaries(seen: str, language: str) -> list[tuple[int, int]]:
    """Start and end of each sentence in a paragraph, given as its reader sees it, in order, without white space around.

    Every character that is no white space is in one of them.
    """
    parts: list[tuple[int, int]] = []
    for start, end in _pieces(seen, language):
        if mark := parts and TRAILING.match(seen, start):
            parts[-1] = (parts[-1][0], start + len(mark.group().rstrip()))
            parts += _trimmed(seen, mark.end(), end)
        elif parts and _belongs(seen, parts[-1], (start, end)):
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    quotes = any(mark in seen for mark in '"“„')
    return list(_whole_quotations(seen, parts)) if quotes else parts


def _pieces(seen: str, language: str) -> Iterator[tuple[int, int]]:
    """The parts of the paragraph between all boundaries that may be some. To sentencex a bullet makes all that follows
    one item; a dash does not."""
    bare = QUOTE.sub(" ", seen).replace("\n", " ")
    if not bare.isascii():
        bare = BULLETS.sub("-", bare)
    cuts = {boundary["end_index"] for boundary in sentencex.get_sentence_boundaries(language, bare)}
    cuts |= {found.end() for pattern in (GLUED, GLUED_POST, PARENTHESIS) for found in pattern.finditer(bare)}
    start = 0
    for cut in sorted(cuts | {len(seen)}):
        end = _past_closing_quotes(seen, bare, start, cut)
        yield from _trimmed(seen, start, end)
        start = max(start, end)


def _past_closing_quotes(seen: str, bare: str, start: int, cut: int) -> int:
    """Where the part really ends: with the marks that stand close behind its last character."""
    last = len(bare[start:cut].rstrip()) + start
    while last < len(seen) and seen[last] in CLOSING_QUOTES and bare[last] == " ":
        if seen[last] in "\"'`" and last + 1 < len(seen) and WORD.match(seen[last + 1]):
            break  # it opens the next
        last += 1
    return last


def _trimmed(seen: str, start: int, end: int) -> list[tuple[int, int]]:
    part = seen[start:end]
    stripped = part.strip()
    start += len(part) - len(part.lstrip())
    return [(start, start + len(stripped))] if stripped else []


def _belongs(seen: str, left: tuple[int, int], right: tuple[int, int]) -> bool:
    """Whether `right` goes on with the sentence of `left`."""
    before, after = seen[left[0] : left[1]], seen[right[0] : right[1]]
    if not (before[0].isalnum() or WORD.search(before)) or not (after[0].isalnum() or WORD.search(after)):
        return True
    if after[0] in CLOSING_QUOTES and after[1].isspace():
        return True  # a space was set before the closing mark
    if BYLINE.fullmatch(before):
        return True
    if left[1] == right[0] and not _may_be_glued(seen, left[1]):
        return True
    if before.endswith(" .") and before.count(" ") == 1:
        return True  # `On . February 21`: a mark that the source left behind one word
    closed = before.rstrip(CLOSING_QUOTES + " ")
    opened = after.lstrip(OPENING_QUOTES + " ([")
    quoted = len(closed) < len(before)
    last = closed[closed.rfind(" ") + 1 :].lstrip(OPENING_QUOTES + "(")
    if before[-1] == "." and before[-2:-1] in "mM" and TIME.search(before[-6:]):
        follows = AFTER_TIME.match(after) or opened[:1].islower() or opened[:1].isdigit()
        return after[0] not in OPENING_QUOTES and bool(follows)
    if opened[:1].islower() and not BRAND.match(opened):
        return quoted or _may_go_on(closed, last)
    if quoted:
        return closed[-1:] in "?!…" and bool(ATTRIBUTION.match(after))
    return _abbreviates(before, last, after)


def _may_go_on(closed: str, last: str) -> bool:
    """Whether a sentence may go on in lower case behind its last word."""
    if closed[-1:] not in ".?!" or closed.endswith(" ."):
        return True
    return bool(ABBREVIATED.search(last)) or (last != closed and bool(NAME.fullmatch(last)))


def _abbreviates(before: str, last: str, after: str) -> bool:
    """Whether the last word is short for something that what follows is part of."""
    if last[-1:] not in ".)":
        return False
    if last[:-1] in TITLES or ENUMERATOR.fullmatch(before):
        return True
    if after[0].isdigit():
        return last[:-1] in BEFORE_NUMBER
    return bool(INITIAL.fullmatch(last) and INITIALS.match(after))


def _may_be_glued(seen: str, at: int) -> bool:
    """Whether a sentence may end where no space follows: in scripts without spaces, or where one was lost."""
    if ord(seen[at]) > FIRST_UNSPACED or ord(seen[at - 1]) > FIRST_UNSPACED:
        return True
    if any(post.end() == at for post in GLUED_POST.finditer(seen, max(at - LONGEST_POST_END, 0), at + 1)):
        return True
    word = seen[seen.rfind(" ", 0, at) + 1 : at]
    return bool(GLUED.match(seen, at - 1)) and (bool(TIME.search(word)) or not ADDRESS.search(word))


def _whole_quotations(seen: str, parts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The parts, those of one short quotation put together again; one that is long, or never ends, stays in parts."""
    number = 0
    while number < len(parts):
        start, end = parts[number]
        last = number
        while _is_open(seen[start:end]) and last + 1 < len(parts) and _words(seen, start, end) <= WHOLE_QUOTE_WORDS:
            last += 1
            end = parts[last][1]
        if _is_open(seen[start:end]) or _words(seen, start, end) > WHOLE_QUOTE_WORDS:
            last, end = number, parts[number][1]
        yield start, end
        number = last + 1


def _is_open(text: str) -> bool:
    """Whether a double quotation mark in the text still waits for its fellow."""
    straight, low = text.count('"'), text.count("„")  # German and its neighbours close with what English opens with
    return (text.count("“") > text.count("”") if not low else low > text.count("“") + text.count("”")) or (
        straight % 2 == 1 and text.rstrip()[-1] != '"'
    )


def _words(seen: str, start: int, end: int) -> int:
    return len(seen[start:end].split())
