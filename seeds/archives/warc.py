"""WARC (0.18 to 1.1), as CC-NEWS, Heritrix, wget and Common Crawl's WET files hold it: one record a web page.

Records are framed in frames.py, one at a time. warcio and FastWARC were tried: both lose what follows a damaged gzip
member or a body in an encoding they do not know, and warcio says so on stderr at most."""

import re
from collections.abc import Iterator
from dataclasses import replace

from seeds.archives.body import decoded, split_http
from seeds.archives.frames import Frame, frames, has_members, next_start
from seeds.archives.html import page_record
from seeds.archives.source import STDIN, ReadOptions, Record, Skipped, Source
from seeds.archives.stream import compression, packing
from seeds.errors import RecordError, UnreadableRecord
from seeds.records import CONTROL, Article, check_text

PAGES = ("http://", "https://")
SKIPPED_TYPES = {"warcinfo", "request", "metadata", "revisit", "continuation"}


def slices(source: Source, options: ReadOptions) -> Iterator[Source]:
    """The slices of the file, each beginning where a record does; the whole of a file that cannot be cut.

    Raises:
        OSError: the file cannot be read.
    """
    divisible = source.path != STDIN and (has_members(source.path) or not is_packed(source.path))
    start: int | None = 0
    while start is not None:
        end = next_start(source, start + options.slice_bytes) if divisible else None
        size = (source.size if end is None else end) - start
        yield replace(source, start=start, end=end, size=size)
        start = end


def is_packed(path: str) -> bool:
    return compression(path) is not None or packing(path) is not None


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """One record a web page or converted text; the number in a place is the record's offset, as indexes have it."""
    for frame in frames(source):
        place = f"{source.name}:{frame.position}"
        url = (frame.headers.get("WARC-Target-URI") or "").strip().removeprefix("<").removesuffix(">")
        article = Article(text="", id=url or (frame.headers.get("WARC-Record-ID") or place), url=url or None)
        try:
            yield _record(frame, article, place)
        except RecordError as error:
            yield Record(place, article, error)


def _record(frame: Frame, article: Article, place: str) -> Record | Skipped:
    """The record in a frame, or why it is none.

    Raises:
        UnreadableRecord: it is one, but damaged.
    """
    kind = (frame.headers.get("WARC-Type") or "").strip().casefold()
    if kind in SKIPPED_TYPES:
        return Skipped(f"WARC {kind}")
    if frame.problem:
        raise UnreadableRecord(f"{place} is damaged: {frame.problem}.")
    if not (article.url or "").casefold().startswith(PAGES):
        return Skipped("WARC record that is not from the web")
    if kind == "conversion":
        return Record(place, _converted(frame.block, article, place))
    if kind == "resource":
        content_type, body = frame.headers.get("Content-Type") or "", frame.block
    elif (http := split_http(frame.block)) is None:
        return Skipped("WARC response that is not HTTP")
    else:
        status, headers, body = http
        if status != 200:
            return Skipped(f"HTTP status {status}")
        content_type = headers.get("Content-Type") or ""
        if not _is_page(content_type, body, headers.get("Content-Encoding")):
            return Skipped("not a web page")
        body = decoded(body, headers, place)
    if not _is_page(content_type, body, None):
        return Skipped("not a web page")
    return page_record(body, article, place, content_type=content_type)


def _is_page(content_type: str, body: bytes, encoding: str | None) -> bool:
    """Whether it is HTML, by its type; without one by how it begins, once it is decoded."""
    if content_type.strip():
        return "html" in content_type.casefold()
    return encoding is not None or bool(re.match(rb"\s*<(?:!doctype html|html|head)", body[:512], re.IGNORECASE))


def _converted(block: bytes, article: Article, place: str) -> Article:
    """The text of a WET record, whose lines are the blocks of the page."""
    text = CONTROL.sub("", block.decode("utf-8", errors="replace"))
    text = "\n\n".join(line.strip() for line in text.splitlines() if line.strip())
    check_text(text, what=f"The text of {place}")
    return replace(article, text=text)
