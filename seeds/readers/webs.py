"""WARC, as CC-NEWS holds it: the main text of every HTML response, by resiliparse."""

import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from seeds.errors import NoRecords, RecordError, UnreadableRecord
from seeds.readers.archive import MAX_RECORD_BYTES, Record
from seeds.readers.fields import Fields
from seeds.records import CONTROL, Article, check_text

GZIP_MAGIC = b"\x1f\x8b"
MAX_HEADER_BYTES = 2**16
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
    latest: Record | None = None  # held back: the reader ends at a cut without a word
    place, start = short, 0
    with open(name, "rb") as data:
        responses = ArchiveIterator(data, record_types=WarcRecordType.response, parse_http=True, auto_decode="all")
        for number, record in enumerate(_until_damage(responses), start=1):
            if isinstance(record, Exception):
                if latest:
                    yield latest
                raise record
            if latest:
                yield latest
            latest = None
            place, start = f"{short}:{number}", record.stream_pos
            try:
                article = _article(record, place)
                latest = Record(place, article) if article else None
            except RecordError as error:
                latest = Record(place, error=error)
    whole, ends = _ending(name, start)
    if not whole:
        problem = UnreadableRecord(f"{place} is cut off: the file ends inside it. What follows is lost.")
        yield Record(place, error=problem)
        return
    if latest:
        yield latest
    if not ends:
        yield Record(f"{short}:end", error=UnreadableRecord(f"{short} is cut off after {place}. What follows is lost."))


def _until_damage(records: Any) -> Iterator[Any]:
    """The records; where they cannot be read any further, what the reader raised as the last."""
    try:
        yield from records
    except (OSError, EOFError, zlib.error) as error:
        yield error


def _ending(name: str, start: int) -> tuple[bool, bool]:
    """Whether the record at `start` is whole, and whether all of the file is from there on."""
    with open(name, "rb") as data:
        magic = data.read(5)
        zipped = magic.startswith(GZIP_MAGIC)
        if not data.seekable() or not (zipped or magic == b"WARC/"):  # a pipe, or another compression
            return True, True
        data.seek(start)
        if zipped and data.read(2) != GZIP_MAGIC:  # one gzip member for all records: only its end can tell
            start = 0
        data.seek(start)
        walked = list((_members if zipped else _blocks)(data))
    return all(walked[:1]), all(walked)


def _members(data: BinaryIO) -> Iterator[bool]:
    """Whether each gzip member, up to the end, is whole."""
    member, rest = zlib.decompressobj(31), b""
    begun = False
    while chunk := rest or data.read(2**16):
        begun = True
        try:
            member.decompress(chunk)
        except zlib.error:
            break
        rest = member.unused_data
        if member.eof:
            yield True
            member, begun = zlib.decompressobj(31), False
    if begun:
        yield False


def _blocks(data: BinaryIO) -> Iterator[bool]:
    """Whether each uncompressed record, up to the end, is whole."""
    size = os.fstat(data.fileno()).st_size
    while line := data.readline(MAX_HEADER_BYTES):
        if not line.strip():
            continue
        length: int | None = None
        while (line := data.readline(MAX_HEADER_BYTES)).strip():
            field, _, value = line.partition(b":")
            if field.strip().lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
        whole = length is not None and line.endswith(b"\n") and data.tell() + length <= size
        yield whole
        if not whole:
            return
        data.seek(length or 0, os.SEEK_CUR)


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
