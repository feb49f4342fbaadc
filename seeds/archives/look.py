"""Looks at the beginning of an archive, to say aloud how it will be read."""

import json
from dataclasses import asdict, dataclass
from itertools import islice

from seeds.archives.open import open_records, slices
from seeds.archives.source import STDIN, Layout, ReadOptions, Record, Source
from seeds.archives.stream import open_bytes


@dataclass(frozen=True, slots=True)
class Look:
    """How a file of rows will be read: which column each field is taken from, and for CSV its layout."""

    fields: dict[str, str]
    layout: Layout | None = None


def look(source: Source, options: ReadOptions) -> Look | None:
    """How a file will be read, as far as its first row tells; None for a file of no rows, or where nothing can be
    told."""
    if source.path == STDIN:
        return None
    try:
        first = next(slices(source, options), source)
        columns = _columns(first)
    except Exception:  # noqa: BLE001 - whatever is wrong, reading will say it
        return None
    if not columns:
        return None
    guessed = asdict(options.fields.guessed(columns))
    return Look({name: column for name, column in guessed.items() if column}, first.layout)


def _columns(source: Source) -> list[str]:
    if source.damage:
        return []
    if source.layout:
        return list(source.layout.columns)
    if source.format == "parquet":
        from pyarrow import parquet

        return list(parquet.read_schema(source.path).names)
    if source.format != "jsonl":
        return []
    with open_bytes(source) as data:
        row = json.loads(data.readline(2**20).decode("utf-8-sig"))
    return list(row) if isinstance(row, dict) else []


def first_records(sources: list[Source], options: ReadOptions, *, most: int = 5) -> list[Record]:
    """The first records, to look at."""
    found = (
        record
        for source in sources
        for piece in slices(source, options)
        for record in open_records(piece, options)
        if isinstance(record, Record)
    )
    return list(islice(found, most))
