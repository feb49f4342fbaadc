"""ninjs, IPTC's news in JSON: versions 1.x (`body_text`, `headline`), 2.x and 3.x (`bodies`, `headlines`)."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seeds.errors import RecordError, UnreadableRecord
from seeds.readers.archive import MAX_RECORD_BYTES, Record, open_file
from seeds.readers.fields import Fields
from seeds.readers.markup import plain_text
from seeds.records import Article, check_text

MARKS = {"bodies", "headlines", "body_text", "body_xhtml", "body_html", "versioncreated", "pubstatus"}


def is_ninjs(row: Mapping[str, Any]) -> bool:
    """Whether a JSON object looks like a ninjs item."""
    standard = row.get("standard")
    named = isinstance(standard, dict) and standard.get("name") == "ninjs"
    return named or ("uri" in row and bool(MARKS & row.keys()))


def read_ninjs(name: str, fields: Fields) -> Iterator[Record]:
    """The items of one JSON file: an item, a list, or a feed with `items`. Other JSON is read by its fields."""
    short = Path(name).name
    with open_file(name) as data:
        content = data.read(MAX_RECORD_BYTES + 1)
    try:
        if len(content) > MAX_RECORD_BYTES:
            raise UnreadableRecord(
                f"{short} has more than {MAX_RECORD_BYTES:,} bytes. Turn it into JSON lines: jq -c '.[]'"
            )
        read = json.loads(content.decode("utf-8-sig"))
    except RecordError as error:
        yield Record(short, error=error)
        return
    except (ValueError, RecursionError) as error:
        yield Record(short, error=UnreadableRecord(f"{short} is not JSON in UTF-8: {str(error)[:200]}."))
        return
    listed = read.get("items", [read]) if isinstance(read, dict) else read
    items = listed if isinstance(listed, list) else [listed]
    for number, item in enumerate(items, start=1):
        place = short if len(items) == 1 else f"{short}:{number}"
        try:
            if not isinstance(item, dict):
                raise UnreadableRecord(f"{place} holds {type(item).__name__}, not an object with fields.")
            found = (
                ninjs_article(item, place=place) if is_ninjs(item) else fields.guessed(item).article(item, place=place)
            )
        except RecordError as error:
            yield Record(place, error=error)
        else:
            yield Record(place, found)


def ninjs_article(item: Mapping[str, Any], *, place: str) -> Article:
    """The article of an item: the plain text of its body, its main headline.

    Raises:
        UnreadableRecord: it has no body of text.
    """
    text = (
        item.get("body_text") or _best(item.get("bodies")) or _marked(item.get("body_xhtml") or item.get("body_html"))
    )
    if not isinstance(text, str) or not text:
        raise UnreadableRecord(f"{place} has no body of text (bodies, body_text, body_xhtml); it may be a picture.")
    check_text(text, what=f"The text of {place}")
    title = item.get("headline") or _best(item.get("headlines")) or item.get("title")
    return Article(
        text=text,
        id=str(item.get("uri") or place),
        title=title if isinstance(title, str) else None,
        date=_text(
            item.get("firstcreated")
            or item.get("firstCreated")
            or item.get("versioncreated")
            or item.get("versionCreated")
        ),
        url=_text(item.get("canonicalUrl")),
        language=_text(item.get("language")),
    )


def _best(values: object) -> str | None:
    """The value of the main entry (`role` main, or without one) of a 2.x list; plain text before markup."""
    entries = [entry for entry in values if isinstance(entry, dict)] if isinstance(values, list) else []
    entries.sort(
        key=lambda entry: (
            entry.get("role") not in (None, "main"),
            "plain" not in str(entry.get("contentType", entry.get("contenttype", "plain"))),
        )
    )
    for entry in entries:
        value = entry.get("value")
        if isinstance(value, str) and value.strip():
            kind = str(entry.get("contentType", entry.get("contenttype", "text/plain")))
            return _marked(value) if "html" in kind or "xml" in kind else value
    return None


def _marked(value: object) -> str | None:
    return plain_text(value) if isinstance(value, str) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
