"""The values that finding, cutting and reading an archive share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seeds.archives.fields import Fields
from seeds.errors import RecordError
from seeds.records import Article

Format = Literal["text", "jsonl", "csv", "parquet", "json", "warc", "xml", "html"]
FORMATS: tuple[Format, ...] = ("text", "jsonl", "csv", "parquet", "json", "warc", "xml", "html")
STDIN = "-"
SLICE_BYTES = 8 * 1024**2
SLICE_RECORDS = 2_000
"""Sizes of a slice. Two thousand records are some minutes of the embedded model and a second of the
lead: little to repeat after an interruption, much to compute between two writes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a CSV file is written: the names in its first row, and its dialect."""

    columns: tuple[str, ...]
    delimiter: str
    quoted: bool
    encoding: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, or a slice of one.

    `name` is its path from the input's root, which places and default ids begin with. `start` and `end` count bytes,
    in Parquet rows; `first` is the number of the first line or row in the slice. `data` holds the bytes of a slice of
    what can be read only once. `count` is how many lines or rows the slice was cut to hold, where that is known.
    `damage` says why the file breaks off where this slice would begin.
    """

    path: str
    name: str
    format: Format
    start: int = 0
    end: int | None = None
    first: int = 1
    size: int = 0
    count: int | None = None
    data: bytes | None = None
    layout: Layout | None = None
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller says of the input; None leaves it to be found out. `more`: fields to keep beside the article. A
    slice ends at the first of its two sizes."""

    fields: Fields = field(default_factory=Fields)
    delimiter: str | None = None
    encoding: str | None = None
    keep_markup: bool = False
    more: tuple[str, ...] = ()
    slice_records: int = SLICE_RECORDS
    slice_bytes: int = SLICE_BYTES


@dataclass(frozen=True, slots=True)
class Record:
    """One record. With an `error` its article has no text, but what else is known of it. `place` is its position in
    the input (`2024/news.jsonl:17`), `more` the other fields that were asked for."""

    place: str
    article: Article
    error: RecordError | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the input that is no record: a request in a WARC, say. `kind` names what it is."""

    kind: str


BLANK = Skipped("blank line")


def failed(place: str, error: RecordError) -> Record:
    """A record of which nothing but its place is known."""
    return Record(place, Article(text="", id=place), error)
