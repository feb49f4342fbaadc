"""Opens an archive: finds its files, tells their formats by name and content, and gives their records in order."""

import csv
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from glob import glob, has_magic
from importlib import import_module
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any

from seeds.archives.source import FORMATS, STDIN, Format, ReadOptions, Record, Skipped, Source, failed
from seeds.archives.stream import DAMAGE, bare_name, open_bytes, read_whole
from seeds.errors import BrokenOff, NoRecords, RecordError
from seeds.records import SURROGATE

SUFFIXES: dict[str, Format] = {
    ".txt": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".jl": "jsonl", ".csv": "csv", ".tsv": "csv", ".tab": "csv",
    ".parquet": "parquet", ".pq": "parquet", ".json": "json", ".ninjs": "json", ".warc": "warc", ".wet": "warc",
    ".rss": "xml", ".atom": "xml", ".rdf": "xml", ".xml": "xml", ".nitf": "xml", ".html": "html", ".htm": "html",
}  # fmt: skip
FIRST_LINE_BYTES = 2**20
NEEDS_TRAFILATURA = {"warc", "html"}
NEEDS_FILES = {"warc", "parquet"}
MAX_PATH_CHARACTERS = 4096

log = logging.getLogger("dateline")


def find_sources(name: str, *, format: Format | None = None, unread: list[str] | None = None) -> list[Source]:
    """The files at a path or glob, in order, whole; or standard input for `-`. What cannot be opened, a folder too, is
    among them, for its reader to say so.

    Args:
        unread: takes the names of files in folders whose format cannot be told.

    Raises:
        NoRecords: there is nothing there, or nothing of a format that can be told.
    """
    if name == STDIN:
        return [_standard_input(format or "jsonl")]
    if not name:
        raise NoRecords("The input is empty. Give a file, a folder, a glob in quotes, or - for standard input.")
    if len(name) > MAX_PATH_CHARACTERS:
        raise NoRecords(f"There is no file of so long a name: {name[:60]!r}…")
    if os.path.exists(name) and not os.path.isfile(name) and not os.path.isdir(name):
        raise NoRecords(
            f"{name!r} is a pipe or a device, which can be read but once. Feed it in: dateline archive - < {name}"
        )
    paths = [Path(name)] if os.path.lexists(name) or not has_magic(name) else _globbed(name)
    root = _fixed_part(name) if len(paths) != 1 or paths[0] != Path(name) else None
    sources: list[Source] = []
    for path in paths:
        if path.is_dir():
            sources += _in_folder(path, root or path, format, unread if unread is not None else [])
        elif os.path.lexists(path):
            file_format = format or format_of(path.name)
            if file_format is None:
                raise NoRecords(
                    f"The name {str(path)!r} does not tell what it holds. Say it with --format: {', '.join(FORMATS)}."
                )
            sources.append(_source(path, root or path.parent, file_format))
    if any(source.format in NEEDS_TRAFILATURA for source in sources) and not find_spec("trafilatura"):
        raise NoRecords("Reading web pages needs trafilatura and brotli. Run: pip install 'dateline[warc]'")
    if not sources:
        raise NoRecords(
            f"There is nothing to read at {name!r}. Give a file, a folder, a glob in quotes, or - for standard input."
        )
    return list({source.path: source for source in sources}.values())  # ** matches a folder and what is in it


def _standard_input(format: Format) -> Source:
    if sys.stdin is None:
        raise NoRecords("Standard input is closed. Give a file, a folder or a glob, or feed something in.")
    if format in NEEDS_FILES:
        raise NoRecords(f"The format {format} cannot be read from standard input. Save it to a file, and give that.")
    return Source(STDIN, "stdin", format)


def _globbed(name: str) -> list[Path]:
    return [Path(path) for path in sorted(glob(name, recursive=True))]


def _fixed_part(name: str) -> Path:
    """The folder that a glob's matches are named from: what stands before its first wildcard."""
    return Path(*takewhile(lambda part: not has_magic(part), Path(name).parts[:-1]))


def _in_folder(top: Path, root: Path, format: Format | None, unread: list[str]) -> list[Source]:
    """The files below a folder, sorted by their paths; hidden ones are left out."""
    sources: list[Source] = []

    def cannot_open(error: OSError) -> None:
        folder = Path(str(error.filename))
        damage = f"the folder cannot be opened ({error.strerror})"
        sources.append(Source(str(folder), _name(folder, root), "text", damage=damage))

    for folder, folders, names in os.walk(top, onerror=cannot_open):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            if name.startswith(".") or not (path.is_symlink() or path.is_file()):
                continue
            file_format = format or format_of(name)
            if file_format is None:
                unread.append(_name(path, root))
            else:
                sources.append(_source(path, root, file_format))
    return sorted(sources, key=lambda source: Path(source.path))


def _source(path: Path, root: Path, format: Format) -> Source:
    try:
        return Source(str(path), _name(path, root), format, size=path.stat().st_size)
    except OSError as error:  # a link that leads nowhere, say
        return Source(str(path), _name(path, root), format, damage=f"it cannot be opened ({error.strerror})")


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def format_of(name: str) -> Format | None:
    """The format that a file's name tells, whatever it is compressed with, in any case of letters."""
    return SUFFIXES.get(PurePath(bare_name(name)).suffix.casefold())


def slices(source: Source, options: ReadOptions) -> Iterator[Source]:
    """The slices that a file can be read in, in order; the file itself where it cannot be cut. One that is so damaged
    that nothing can be told of it comes whole, for its reader to say so; one that breaks off later ends in a slice that
    says where.
    """
    if source.damage:
        yield source
        return
    source = _by_content(source)
    last: Source | None = None
    try:
        cut = getattr(_module(source.format), "slices", None)
        if cut is None:
            yield replace(source, data=read_whole(source)) if source.path == STDIN else source
            return
        for last in cut(source, options):
            yield last
        if last is None:
            yield replace(source, data=b"")  # empty: its reader finds nothing, and that is counted
    except Exception as error:  # noqa: BLE001 - as in open_records
        yield replace(source, damage=_reason(error), first=last.first if last else 0)


def open_records(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """The records of a slice, in order. Whatever it holds, what cannot be read is a record with an error."""
    last = ""
    try:
        if source.damage:
            raise BrokenOff(source.damage)
        nothing = True
        for record in _module(source.format).read(source, options):
            nothing = False
            if isinstance(record, Record):
                last = record.place
                record = _printable(record)
            yield record
        if nothing:
            yield Skipped(f"{source.format} file or slice without records")
    except Exception as error:
        if not isinstance(error, (*DAMAGE, RecordError, csv.Error)):
            log.debug("reading %s failed unexpectedly", source.name, exc_info=True)
        where = f" any further after {last}" if last else ""
        problem = BrokenOff(f"{source.name} cannot be read{where}: {_reason(error)}. What follows in it is lost.")
        yield _printable(failed(f"{source.name}:end", problem))


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error or "").split()) or type(error).__name__


def _module(format: Format) -> Any:
    """The module that reads a format: `read`, and `slices` where a file can be cut."""
    return import_module(f"seeds.archives.{'texts' if format == 'text' else format}")


def _by_content(source: Source) -> Source:
    """The source with the format that its content shows: JSON lines and JSON documents go by each other's names."""
    if source.format not in ("json", "jsonl"):
        return source
    first, second = _first_lines(source)
    if source.format == "json" and second and first not in (b"[", b"{") and (_is_object(first) or _is_object(second)):
        return replace(source, format="jsonl")
    if source.format == "jsonl" and _opens_document(first, second):
        return replace(source, format="json")
    return source


def _first_lines(source: Source) -> tuple[bytes, bytes]:
    """The first two lines that are not blank; empty where there are none, or they cannot be seen."""
    if source.path == STDIN:
        return b"", b""
    try:
        with open_bytes(source) as data:
            lines = (
                line.removeprefix(b"\xef\xbb\xbf").strip()
                for line in iter(lambda: data.readline(FIRST_LINE_BYTES), b"")
            )
            written = filter(None, lines)
            return next(written, b""), next(written, b"")
    except DAMAGE:
        return b"", b""


def _opens_document(first: bytes, second: bytes) -> bool:
    """Whether two lines begin one JSON value over several lines: a list of objects, or an object that is not closed."""
    if first == b"[" or (first[:1] == b"[" and first[1:].lstrip()[:1] == b"{"):
        return True
    return first[:1] == b"{" and first[-1:] in b"{[," and bool(second) and not _is_object(second)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _printable(record: Record) -> Record:
    """The record without unpaired surrogates (half an emoji in a title, a file name of another encoding), which no
    output can hold. The text has been refused if it has any. Of the error only its message is kept: what its frames
    hold must not wait in memory for the rest of the slice."""
    article, error = record.article, record.error
    values = {name: getattr(article, name) for name in ("id", "title", "date", "url", "language")}
    if any(value and not value.isascii() and SURROGATE.search(value) for value in values.values()):
        article = replace(article, **{name: value and SURROGATE.sub("\ufffd", value) for name, value in values.items()})
    if error is not None:
        error = type(error)(SURROGATE.sub("\ufffd", str(error)))
    place = record.place if record.place.isascii() else SURROGATE.sub("\ufffd", record.place)
    return Record(place, article, error, record.more)
