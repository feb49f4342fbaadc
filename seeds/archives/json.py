"""JSON documents: one item, a list of them, or an object that holds such a list (a ninjs feed, a JSON Feed, an API's
reply)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from seeds.archives.ninjs import row_record
from seeds.archives.source import ReadOptions, Record, Skipped, Source, failed
from seeds.archives.stream import not_utf8, read_whole
from seeds.errors import RecordError, UnreadableRecord

LISTS = ("items", "articles", "results", "data", "records", "documents", "entries", "stories", "_items")
SPACE = re.compile(r"[\s,\x1e]*")


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """One record an item. Values that follow one another are read one by one."""
    try:
        content = read_whole(source)
        text = content.decode(
            options.encoding or ("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        )
    except UnicodeDecodeError as error:
        yield failed(source.name, not_utf8(source.name, content, error))
        return
    except RecordError as error:
        yield failed(source.name, error)
        return
    number = 0
    alone = True
    for value, last in _values(text, source.name):
        if isinstance(value, RecordError):
            yield failed(f"{source.name}:{number + 1}" if number else source.name, value)
            return
        items = _items(value)
        alone = alone and last and len(items) == 1
        for item in items:
            number += 1
            yield _item(item, source.name if alone else f"{source.name}:{number}", options)


def _values(text: str, name: str) -> Iterator[tuple[Any, bool]]:
    """The JSON values in a text, each with whether it is the last; what is none comes as an error, and ends it."""
    decoder = json.JSONDecoder()
    position = SPACE.match(text, 0).end()  # type: ignore[union-attr]
    if position == len(text):
        yield UnreadableRecord(f"{name} is empty."), True
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            yield UnreadableRecord(f"{name} is not JSON ({str(error)[:200]})."), True
            return
        position = SPACE.match(text, position).end()  # type: ignore[union-attr]
        yield value, position == len(text)


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        lists = (value[name] for name in LISTS if isinstance(value.get(name), list))
        if (found := next(lists, None)) and all(isinstance(item, dict) for item in found[:1]):
            return list(found)
    return [value]


def _item(item: Any, place: str, options: ReadOptions) -> Record:
    if isinstance(item, dict):
        return row_record(item, place, options)
    problem = UnreadableRecord(f"{place} holds {type(item).__name__}, not an object with fields.")
    return failed(place, problem)
