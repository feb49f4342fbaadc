"""JSON documents: one item, a list of them, or an object that holds such a list (a ninjs feed, a JSON Feed, an API's
reply)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from seeds.archives.ninjs import is_ninjs, row_record
from seeds.archives.source import ReadOptions, Record, Skipped, Source, failed
from seeds.archives.stream import not_utf8, read_whole
from seeds.errors import RecordError, UnreadableRecord

LISTS = ("items", "articles", "results", "data", "records", "documents", "entries", "stories", "_items")
MAX_ITEMS = 100_000
"""Of one document, which is in memory as a whole."""
SPACE = re.compile(r"[\s,\x1e]*")


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """One record an item. Values that follow one another are read one by one."""
    try:
        content = read_whole(source)
        wide = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        # A byte that is not in the encoding becomes a surrogate, which costs the item that it stands in.
        text = content.decode(options.encoding or wide, errors="surrogateescape")
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
        items = _items(value, options)
        alone = alone and last and len(items) == 1
        for item in items:
            number += 1
            if number > MAX_ITEMS:
                message = f"{source.name} holds more than {MAX_ITEMS:,} items. Turn it into JSON lines: jq -c '.[]'"
                yield failed(f"{source.name}:{number}", UnreadableRecord(message))
                return
            yield _item(item, source.name if alone else f"{source.name}:{number}", options)


def _values(text: str, name: str) -> Iterator[tuple[Any, bool]]:
    """The JSON values in a text, each with whether it is the last; what is none comes as an error, and ends it."""
    decoder = json.JSONDecoder(strict=False)  # line ends inside strings are common, and harmless
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


def _items(value: Any, options: ReadOptions) -> list[Any]:
    """The entries of a list, or of the lists in an object that is no article itself."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and not is_ninjs(value) and options.fields.guessed(value).text not in value:
        lists = [value[name] for name in LISTS if isinstance(value.get(name), list)]
        items = [item for found in lists for item in found if isinstance(item, dict) or len(lists) == 1]
        if items:
            return items
    return [value]


def _item(item: Any, place: str, options: ReadOptions) -> Record:
    if isinstance(item, dict):
        return row_record(item, place, options)
    problem = UnreadableRecord(f"{place} holds {type(item).__name__}, not an object with fields.")
    return failed(place, problem)
