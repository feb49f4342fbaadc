"""WARC, as CC-NEWS holds it: the main text of every HTML response, by resiliparse."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seeds.errors import NoRecords, RecordError, UnreadableRecord
from seeds.readers.archive import MAX_RECORD_BYTES, Record
from seeds.readers.fields import Fields
from seeds.records import CONTROL, Article, check_text

DATE_PROPERTIES = ("article:published_time", "datePublished", "date", "dc.date", "pubdate", "og:published_time")


def read_warc(name: str, fields: Fields) -> Iterator[Record]:
    """One record an HTML response; requests, metadata and pictures are none.

    Raises:
        NoRecords: the reader is not installed.
    """
    try:
        from fastwarc.warc import ArchiveIterator, WarcRecordType
    except ModuleNotFoundError as error:
        raise NoRecords("Reading WARC needs fastwarc and resiliparse. Run: pip install 'dateline[warc]'") from error
    short = Path(name).name
    with open(name, "rb") as data:
        responses = ArchiveIterator(data, record_types=WarcRecordType.response, parse_http=True, auto_decode="all")
        for number, record in enumerate(responses, start=1):  # fmt: skip
            place = f"{short}:{number}"
            try:
                if (article := _article(record, place)) is not None:
                    yield Record(place, article)
            except RecordError as error:
                yield Record(place, error=error)


def _article(record: Any, place: str) -> Article | None:
    """The article in a response; None where it is no web page.

    Raises:
        UnreadableRecord: it is one, but not readable.
    """
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import detect_encoding
    from resiliparse.parse.html import HTMLTree

    if record.http_headers is None:
        raise UnreadableRecord(f"{place} holds no HTTP response.")
    kind = (record.http_content_type or "").lower()
    if (kind and "html" not in kind) or record.http_headers.status_code not in (None, 200):
        return None
    body = record.reader.read(MAX_RECORD_BYTES + 1)
    if len(body) > MAX_RECORD_BYTES:
        raise UnreadableRecord(f"{place} has more than {MAX_RECORD_BYTES:,} bytes.")
    if not body.strip():
        raise UnreadableRecord(f"{place} has an empty body.")
    tree = HTMLTree.parse_from_bytes(body, record.http_charset or detect_encoding(body) or "utf-8")
    text = CONTROL.sub(
        "", extract_plain_text(tree, main_content=True, alt_texts=False, links=False, list_bullets=False)
    )
    text = re.sub(r"\n{2,}", "\n\n", re.sub(r"\n", "\n\n", text.strip()))
    check_text(text, what=f"The page of {place}")
    url = record.headers.get("WARC-Target-URI")
    return Article(
        text=text,
        id=url or record.record_id or place,
        title=_title(tree),
        date=_date(tree) or record.headers.get("WARC-Date"),
        url=url,
        language=_language(tree),
    )


def _language(tree: Any) -> str | None:
    root = tree.document.query_selector("html")
    return (root.getattr("lang") or None) if root else None


def _title(tree: Any) -> str | None:
    told = tree.document.query_selector('meta[property="og:title"]')
    title = told.getattr("content") if told else tree.title
    return title.strip() or None if title else None


def _date(tree: Any) -> str | None:
    for name in DATE_PROPERTIES:
        for attribute in ("property", "name", "itemprop"):
            if (found := tree.document.query_selector(f'meta[{attribute}="{name}"]')) and found.getattr("content"):
                return str(found.getattr("content"))
    return None
