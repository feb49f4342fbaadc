"""Opens an archive by what its name says it is, and gives its records in order."""

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path
from typing import BinaryIO, Literal

from seeds.errors import NoRecords, RecordError, UnreadableRecord
from seeds.readers.fields import Fields
from seeds.records import SURROGATE, Article

Format = Literal["text", "jsonl", "csv", "parquet", "ninjs", "warc", "feed"]
FORMATS: tuple[Format, ...] = ("text", "jsonl", "csv", "parquet", "ninjs", "warc", "feed")
SUFFIXES: dict[str, Format] = {
    ".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".jl": "jsonl", ".csv": "csv", ".tsv": "csv",
    ".parquet": "parquet", ".json": "ninjs", ".warc": "warc", ".rss": "feed", ".atom": "feed", ".xml": "feed",
}  # fmt: skip
COMPRESSIONS = (".gz", ".zst")
MAX_RECORD_BYTES = 64 * 1024**2
"""A longer record is refused unread, so that memory stays bounded whatever a file holds."""
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its article, or why it cannot be read. `place` says where it stood (`news.jsonl:17`)."""

    place: str
    article: Article | None = None
    error: RecordError | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """What will be read: the files, in order, and of what format each is."""

    files: tuple[tuple[str, Format], ...]
    fields: Fields

    def without(self, out: Path) -> "Archive":
        """The archive, less what a run that writes to `out` puts there: it may stand in the input's own folder."""
        own = out.absolute()

        def foreign(name: str) -> bool:
            path = Path(name).absolute()
            beside = path.parent == own.parent and path.name.startswith(own.name + ".")
            return name == STDIN or not (path == own or beside or own in path.parents)

        return replace(self, files=tuple(entry for entry in self.files if foreign(entry[0])))

    def __iter__(self) -> Iterator[Record]:
        for name, format in self.files:
            yield from _records(name, format, self.fields)

    def state(self) -> list[list[object]]:
        """What tells a changed input: every file's name, size and time of change."""
        found: list[list[object]] = []
        for name, _ in self.files:
            if name == STDIN:
                found.append([name])
            else:
                told = Path(name).stat()
                found.append([name, told.st_size, told.st_mtime_ns])
        return found


def open_archive(name: str, *, format: Format | None = None, fields: Fields | None = None) -> Archive:
    """The archive at a path, a glob, or `-` for standard input.

    Raises:
        NoRecords: there is nothing there, or nothing of a format that can be told.
    """
    if name == STDIN:
        return Archive(((STDIN, format or "jsonl"),), fields or Fields())
    paths = [Path(found) for found in sorted(glob(name, recursive=True))] if has_magic(name) else [Path(name)]
    files: list[tuple[str, Format]] = []
    for path in paths:
        if path.is_dir():
            members = sorted(member for member in path.rglob("*") if member.is_file() and not _hidden(member, path))
            files += [(str(member), found) for member in members if (found := format or format_of(member.name))]
        elif path.exists():
            found = format or format_of(path.name)
            if found is None:
                raise NoRecords(
                    f"What {str(path)!r} holds cannot be told by its name. Say it with --format: {', '.join(FORMATS)}."
                )
            files.append((str(path), found))
    if not files:
        raise NoRecords(
            f"There is nothing to read at {name!r}. Give a file, a folder, a glob in quotes, or - for stdin."
        )
    return Archive(tuple(files), fields or Fields())


def format_of(name: str) -> Format | None:
    """The format that a file's name tells, whatever it is compressed with."""
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    return SUFFIXES.get(Path(name).suffix.casefold())


def open_file(name: str) -> BinaryIO:
    """The bytes of a file, decompressed; of standard input, as they come.

    Raises:
        OSError: it cannot be opened. While it is read: OSError or EOFError where it is damaged.
    """
    if name == STDIN:
        return sys.stdin.buffer
    if name.endswith(".gz"):
        return gzip.open(name)  # type: ignore[return-value]
    if name.endswith(".zst"):
        import pyarrow

        return io.BufferedReader(pyarrow.input_stream(name, compression="zstd"))
    return open(name, "rb")


def _hidden(path: Path, top: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(top).parts)


def _records(name: str, format: Format, fields: Fields) -> Iterator[Record]:
    """The records of one file; where it breaks off, an error as the last of them."""
    read = _reader(format)
    last = name
    try:
        for record in read(name, fields):
            last = record.place
            record = _printable(record)
            if record.error is not None:  # records go from thread to thread; what an error's frames hold must not
                record.error.__traceback__ = record.error.__cause__ = record.error.__context__ = None
            yield record
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        problem = UnreadableRecord(f"{name} cannot be read any further after {last}: {reason}. What follows is lost.")
        yield _printable(Record(f"{name}:end", error=problem))


def _printable(record: Record) -> Record:
    """The record without unpaired surrogates (half an emoji in a title, a file name of another encoding), which no
    output can hold. The text has been refused if it has any."""
    article, error = record.article, record.error
    if article is not None:
        told = {name: getattr(article, name) for name in ("id", "title", "date", "url", "language")}
        if any(value and not value.isascii() and SURROGATE.search(value) for value in told.values()):
            article = replace(
                article, **{name: value and SURROGATE.sub("\ufffd", value) for name, value in told.items()}
            )
    if error is not None and SURROGATE.search(str(error)):
        error = type(error)(SURROGATE.sub("\ufffd", str(error)))
    if article is record.article and error is record.error and not SURROGATE.search(record.place):
        return record
    return Record(SURROGATE.sub("\ufffd", record.place), article, error)


def _reader(format: Format) -> Callable[[str, Fields], Iterator[Record]]:
    if format == "text":
        from seeds.readers.texts import read_text as reader
    elif format == "jsonl":
        from seeds.readers.lines import read_jsonl as reader
    elif format == "csv":
        from seeds.readers.lines import read_csv as reader
    elif format == "parquet":
        from seeds.readers.columns import read_parquet as reader
    elif format == "ninjs":
        from seeds.readers.ninjs import read_ninjs as reader
    elif format == "warc":
        from seeds.readers.webs import read_warc as reader
    else:
        from seeds.readers.feeds import read_feed as reader
    return reader
