"""Web pages: saved as files, or taken out of a WARC."""

import re
from collections.abc import Iterator
from dataclasses import replace

from seeds.archives.page import read_page
from seeds.archives.source import ReadOptions, Record, Skipped, Source
from seeds.archives.stream import read_whole
from seeds.errors import RecordError, UnreadableRecord
from seeds.records import Article, check_text

MAX_PAGE_BYTES = 10 * 1024**2
"""A larger page is no article, and its many elements would take minutes."""
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """The one article in a saved page; its id is the file's path from the input's root."""
    article = Article(text="", id=source.name)
    charset = f"charset={options.encoding}" if options.encoding else ""
    try:
        yield page_record(read_whole(source), article, source.name, content_type=charset)
    except RecordError as error:
        yield Record(source.name, article, error)


def page_record(body: bytes, article: Article, place: str, *, content_type: str) -> Record:
    """The main text of a page, with its title, date and language."""
    if len(body) > MAX_PAGE_BYTES:
        return Record(place, article, UnreadableRecord(f"{place} is a page of more than {MAX_PAGE_BYTES:,} bytes."))
    charset = CHARSET.search(content_type)
    page = read_page(body, charset=charset[1] if charset else None)
    article = replace(article, title=page.title, date=page.date, language=page.language)
    try:
        if not page.text:
            raise UnreadableRecord(f"{place} is a page without a main text." if body.strip() else f"{place} is empty.")
        check_text(page.text, what=f"The page of {place}")
    except RecordError as error:
        return Record(place, article, error)
    return Record(place, replace(article, text=page.text))
