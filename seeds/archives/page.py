"""The main text of a web page, with its title, date and language.

The text comes from trafilatura; what it lets through is then checked against what the page says of itself: its
headline,
and the article's body in its JSON-LD. Chosen by measurement, see docs/archives.md."""

import codecs
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seeds.records import CONTROL

ASIDE = re.compile(
    r"""^(?:read\ (?:more|next|also)|(?:more|also|watch|related|credit|supported\ by|see\ also)\b
        |(?:images?|photos?)(?:\ credits?|\ by)?:|advertisement|share\ (?:this|on)|sign\ up|subscribe
        |follow\ (?:us|her|him|me)|©|copyright|tags?:|filed\ under|skip\ to|published|updated|click\ here|comments?$
        |recommended|get\ the\ latest|have\ a\ tip|editor.s\ picks|story\ continues|disclaimer)
    |getty\ images|all\ rights\ reserved|subject\ to\ copyright|contributed\ to\ this\ report|if\ you\ purchase
    |terms\ of\ (?:use|service)|privacy\ policy|newsletter|your\ inbox|support\ (?:our|us)\b|\w@\w+\.\w
    |\bis\ an?\ (?:\w+\ )?(?:reporter|editor|writer|columnist|correspondent)\b""",
    re.VERBOSE | re.IGNORECASE,
)
"""Short paragraphs that newsrooms put around and between those of an article."""
ASIDE_MAX_CHARACTERS = 400
BODY_MIN_CHARACTERS = 500
"""A shorter articleBody is a teaser."""
META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
CONTROL_REFERENCE = re.compile(
    r"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|x0*(?:[0-8bcef]|1[\da-f]|fff[ef]));", re.IGNORECASE
)
NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""lxml refuses them, as characters and as references."""
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+ ?(?:Z|[+-]\d\d:?\d\d)?)?")
DATE_NAMES = (
    "article:published_time", "og:article:published_time", "datepublished", "og:published_time", "parsely-pub-date",
    "sailthru.date", "dc.date.issued", "dcterms.date", "dc.date", "pubdate", "publishdate", "publish-date",
    "publish_date", "published", "date",
)  # fmt: skip
ARTICLE_TYPE = re.compile("Article|BlogPosting|Report")

logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it reports every page without a text as an error


@dataclass(frozen=True, slots=True)
class Page:
    """What a page holds: paragraphs with blank lines between, empty where there are none. `date` is ISO 8601, as the
    page states it; `language` a BCP 47 tag."""

    text: str
    title: str | None = None
    date: str | None = None
    language: str | None = None


def read_page(body: bytes, *, charset: str | None) -> Page:
    """Read a page, whatever it is; one that is no page has an empty text.

    Args:
        charset: what the HTTP header says of its encoding.
    """
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        source = NOT_IN_XML.sub("", CONTROL_REFERENCE.sub("", decode_page(body, charset)))
        root = lxml_html.document_fromstring(source.encode("utf-8", errors="replace"), parser=parser)
    except (etree.LxmlError, ValueError):
        return Page("")
    facts = list(_json_ld(root))
    meta = _meta(root)
    title = _title(root, facts, meta)
    date, language = _date(root, facts, meta), _language(root)
    stated = max(_strings(facts, "articleBody"), key=len, default="")
    return Page(
        _main_text(root, title, stated), title, date, language
    )  # last, because trafilatura takes the tree apart


def decode_page(body: bytes, charset: str | None) -> str:
    """A byte order mark outranks the HTTP header, and that the page's own claim, as browsers have it; a claim that
    gives
    no text is not believed. Control characters are left out."""
    declared = META_CHARSET.search(body, 0, 4096)
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    marked = next((name for mark, name in marks.items() if body.startswith(mark)), None)
    names = (marked, charset, declared[1].decode("ascii", "replace") if declared else None, "utf-8")
    for name in filter(None, names):
        # On the web "iso-8859-1" means windows-1252 (WHATWG Encoding, 4.2).
        encoding = "cp1252" if name.strip().lower() in {"iso-8859-1", "latin-1", "latin1", "ascii"} else name.strip()
        try:
            text = body.decode(encoding, errors="replace")
        except (LookupError, ValueError):
            continue
        sample = text[:65_536]
        if len(CONTROL.findall(sample)) + sample.count("\ufffd") <= len(sample) / 50:
            return CONTROL.sub("", text)
    return _detected(body)


def _detected(body: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(body[:65_536]).best()
    return CONTROL.sub("", body.decode(best.encoding, errors="replace")) if best else ""


def _main_text(root: Any, title: str | None, stated_body: str) -> str:
    from trafilatura import extract

    extracted = extract(root, fast=True, include_comments=False, include_tables=False) or ""
    paragraphs = list(dict.fromkeys(line.strip() for line in extracted.splitlines() if line.strip()))
    if paragraphs and title and _letters(paragraphs[0]) == _letters(title):
        del paragraphs[0]
    blocks = [text for text in paragraphs if len(text) >= ASIDE_MAX_CHARACTERS or not ASIDE.search(text)]
    return "\n\n".join(CONTROL.sub("", text) for text in _within(blocks, stated_body))


def _within(paragraphs: list[str], stated_body: str) -> list[str]:
    """The paragraphs from the first to the last that the publisher's own article body has, if it has most of them."""
    if len(stated_body) < BODY_MIN_CHARACTERS:
        return paragraphs
    body = _letters(re.sub(r"<[^>]+>", " ", stated_body))
    keys = [_letters(text) for text in paragraphs]
    numbers = [number for number, key in enumerate(keys) if key[:40] in body or key[-40:] in body]
    if sum(len(paragraphs[number]) for number in numbers) <= len(body) / 2:
        return paragraphs
    return paragraphs[numbers[0] : numbers[-1] + 1]


def _letters(text: str) -> str:
    """Letters and digits alone: publishers space and punctuate two copies of a text differently."""
    return re.sub(r"\W+", "", text).lower()


def _json_ld(root: Any) -> Iterator[dict[str, Any]]:
    """Every object in the page's JSON-LD, outermost first."""
    for script in root.iter("script"):
        if "ld+json" not in (script.get("type") or ""):
            continue
        try:
            waiting = [json.loads(script.text or "", strict=False)]
        except (ValueError, RecursionError):
            continue
        for item in waiting:  # grows while it is walked
            if isinstance(item, dict):
                yield item
                waiting.extend(item.values())
            elif isinstance(item, list):
                waiting.extend(item)


def _strings(facts: Sequence[dict[str, Any]], key: str, *, of_articles: bool = False) -> list[str]:
    chosen = [fact for fact in facts if not of_articles or ARTICLE_TYPE.search(str(fact.get("@type")))]
    return [_line(fact[key]) for fact in chosen if isinstance(fact.get(key), str) and fact[key].strip()]


def _line(text: str) -> str:
    return " ".join(CONTROL.sub("", text).split())


def _meta(root: Any) -> dict[str, str]:
    contents: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        if content := _line(element.get("content") or ""):
            contents.setdefault(name.lower(), content)
    return contents


def _title(root: Any, facts: Sequence[dict[str, Any]], meta: dict[str, str]) -> str | None:
    """The h1 that readers see, where what the page says of itself bears it out (site names are left off by that); else
    what it says."""
    titles = [_line("".join(element.itertext())) for element in root.iter("title")][:1]
    stated = [text for text in (*_strings(facts, "headline", of_articles=True), meta.get("og:title"), *titles) if text]
    shown = [text for heading in root.iter("h1") if (text := _line("".join(heading.itertext())))]
    for heading in shown:
        if any(_letters(text).startswith(_letters(heading)[:40]) for text in stated if _letters(heading)):
            return heading
    if len(shown) == 1 and len(shown[0].split()) > 3:
        return shown[0]
    return next(iter([*stated, *shown]), None)


def _date(root: Any, facts: Sequence[dict[str, Any]], meta: dict[str, str]) -> str | None:
    """When the page says that it was published."""
    marked = [
        element.get("content") or element.get("datetime") or ""
        for element in root.iterfind(".//*[@itemprop='datePublished']")
    ]
    times = [element.get("datetime") or "" for element in root.iter("time")]
    stated = (
        *_strings(facts, "datePublished", of_articles=True), *_strings(facts, "datePublished"),
        *(meta.get(name, "") for name in DATE_NAMES), *marked, *times,
    )  # fmt: skip
    return next((match[0] for value in stated if (match := ISO_DATE.match(value.strip()))), None)


def _language(root: Any) -> str | None:
    declared = re.match(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*(?![A-Za-z])", root.get("lang") or "")
    return declared[0] if declared else None
