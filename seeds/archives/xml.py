"""News in XML, told apart by the root element: RSS and Atom feeds (by feedparser), NewsML-G2 and NITF."""

import calendar
import io
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import escape, unescape
from typing import Any
from xml.etree import ElementTree

from seeds.archives.fields import clean_title
from seeds.archives.markup import looks_marked_up, plain_text
from seeds.archives.source import ReadOptions, Record, Skipped, Source, failed
from seeds.archives.stream import read_whole
from seeds.errors import BrokenOff, RecordError, UnreadableRecord
from seeds.records import CONTROL, Article, check_text

FEEDS = {"rss", "feed", "rdf", "channel"}
NEWS_ITEMS = {"newsitem", "newsmessage", "packageitem", "itemset"}
ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
ROOT_END = re.compile(rb"</(?:[\w.-]+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
FOREIGN_ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)(\w*;?)")
COMMENT = re.compile(r"<!--.*?(?:-->|$)|<\?.*?\?>|<!DOCTYPE[^>\[]*(?:\[.*?\])?[^>]*>", re.DOTALL)


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """One record an item of a feed, a newsItem or a NITF document."""
    try:
        content = read_whole(source)
        items = _kind(content, source.name)
        yield from items(content, source.name, options)
    except RecordError as error:
        yield failed(source.name, error)


def _kind(content: bytes, name: str) -> Callable[[bytes, str, ReadOptions], Iterator[Record]]:
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:8]
    head = content[: 2**16].decode("utf-16" if wide else "latin-1", errors="replace")
    match = ROOT.search(COMMENT.sub("", head))
    root = match[1] if match else ""
    if root.casefold() in FEEDS:
        return _feed_items
    if root.casefold() in NEWS_ITEMS or root == "nitf":
        return _news_items
    told = f"its root element is <{root}>" if root else "it holds no element"
    raise UnreadableRecord(f"{name} is neither a feed (RSS, Atom) nor NewsML-G2 or NITF: {told}.")


def _feed_items(content: bytes, name: str, options: ReadOptions) -> Iterator[Record]:
    import feedparser

    feed = feedparser.parse(io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False)
    if feed.bozo and not feed.entries:
        reason = str(feed.get("bozo_exception", "it cannot be parsed"))[:200]
        raise UnreadableRecord(f"{name} cannot be read as a feed ({reason}).")
    for number, entry in enumerate(feed.entries, start=1):
        yield _entry(entry, f"{name}:{number}", feed.feed.get("language"), options)
    if b"\0" not in content[:8] and not ROOT_END.search(content[-1000:]):
        yield failed(
            f"{name}:end", BrokenOff(f"{name} is cut off: its root element is never closed. What follows is lost.")
        )


def _entry(entry: Any, place: str, language: str | None, options: ReadOptions) -> Record:
    title = entry.get("title")
    article = Article(
        text="",
        id=entry.get("id") or entry.get("link") or place,
        title=clean_title(title, keep_markup=options.keep_markup) if title else None,
        date=_iso(entry.get("published_parsed") or entry.get("updated_parsed"))
        or entry.get("published")
        or entry.get("updated"),
        url=link if "://" in (link := entry.get("link") or "") else None,  # feedparser takes the id where there is none
        language=language,
    )
    bodies = [*entry.get("content", ()), entry.get("summary_detail") or {"value": entry.get("summary", "")}]
    text = max((_plain(body, options) for body in bodies), key=len)
    return _with_text(article, text, place, missing="has neither content nor description")


def _plain(body: Any, options: ReadOptions) -> str:
    value = body.get("value") or ""
    marked = body.get("type") != "text/plain" and looks_marked_up(value)
    return CONTROL.sub("", plain_text(value) if marked and not options.keep_markup else value)


def _iso(parsed: time.struct_time | None) -> str | None:
    if parsed is None:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def _with_text(article: Article, text: str, place: str, *, missing: str) -> Record:
    """The article with its text, as a record; where there is none, with what is missing as the error."""
    try:
        if not text.strip():
            raise UnreadableRecord(f"{place} {missing}.")
        check_text(text, what=f"The text of {place}")
    except RecordError as error:
        return Record(place, article, error)
    return Record(place, Article(text.strip(), article.id, article.title, article.date, article.url, article.language))


def _news_items(content: bytes, name: str, options: ReadOptions) -> Iterator[Record]:
    try:
        root = _parsed(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise BrokenOff(f"{name} is not well-formed XML ({error}).") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    items = [root] if root.tag == "nitf" else list(root.iter("newsItem"))
    if not items:
        raise UnreadableRecord(f"{name} holds no newsItem.")
    for number, item in enumerate(items, start=1):
        place = name if len(items) == 1 else f"{name}:{number}"
        yield (_nitf if item.tag == "nitf" else _news_item)(item, place)


def _parsed(content: bytes) -> ElementTree.Element:
    """The document; where it is not well-formed, without what is most often wrong: entities of HTML, bare ampersands,
    control characters, white space before the declaration."""
    try:
        return ElementTree.fromstring(content.lstrip())
    except ElementTree.ParseError:
        text = CONTROL.sub("", content.decode("utf-8-sig", errors="replace")).replace("\x0b", "").replace("\x0c", "")
        text = FOREIGN_ENTITY.sub(lambda match: escape(unescape(match[0])), text)
        return ElementTree.fromstring(re.sub(r"^\s*<\?xml.*?\?>", "", text))


def _news_item(item: ElementTree.Element, place: str) -> Record:
    """A NewsML-G2 newsItem: the text of its inline XML (NITF or XHTML) or plain inline data."""
    language = item.find("contentMeta/language")
    nitf = item.find("contentSet/inlineXML//nitf")
    inline = nitf.find("body/body.content") if nitf is not None else _first(item, "contentSet/inlineXML")
    text = _element_text(inline) if inline is not None else (item.findtext("contentSet/inlineData") or "")
    article = Article(
        text="",
        id=item.get("guid") or place,
        title=_line(_first(item, "contentMeta/headline", "itemMeta/title")),
        date=_value(item, "contentMeta/contentCreated", "itemMeta/firstCreated", "itemMeta/versionCreated"),
        url=None,
        language=language.get("tag") if language is not None else item.get(XML_LANG),
    )
    return _with_text(article, text, place, missing="has no text inline; it may be a picture")


XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def _nitf(item: ElementTree.Element, place: str) -> Record:
    number, issued = item.find("head/docdata/doc-id"), item.find("head/docdata/date.issue")
    article = Article(
        text="",
        id=(number.get("id-string") if number is not None else None) or place,
        title=_line(_first(item, "body/body.head/hedline/hl1", "head/title")),
        date=issued.get("norm") if issued is not None else None,
        url=None,
        language=item.get(XML_LANG),
    )
    content = item.find("body/body.content")
    text = _element_text(content) if content is not None else ""
    return _with_text(article, text, place, missing="has no text in body.content")


def _first(item: ElementTree.Element, *paths: str) -> ElementTree.Element | None:
    return next((element for path in paths if (element := item.find(path)) is not None), None)


def _value(item: ElementTree.Element, *paths: str) -> str | None:
    return next((text.strip() for path in paths if (text := item.findtext(path)) and text.strip()), None)


def _line(element: ElementTree.Element | None) -> str | None:
    return clean_title(" ".join("".join(element.itertext()).split())) if element is not None else None


def _element_text(element: ElementTree.Element) -> str:
    return CONTROL.sub("", plain_text(f"<div>{ElementTree.tostring(element, encoding='unicode')}</div>"))
