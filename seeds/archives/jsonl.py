"""JSON lines."""

import codecs
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from seeds.archives.lines import cut
from seeds.archives.ninjs import row_record
from seeds.archives.source import BLANK, STDIN, ReadOptions, Record, Skipped, Source, failed
from seeds.archives.stream import DAMAGE, MAX_RECORD_BYTES, lines, not_utf8, open_bytes, sample
from seeds.errors import RecordError, UnreadableRecord


def slices(source: Source, options: ReadOptions) -> Iterator[Source]:
    """The slices of the file, each of whole lines."""
    recode = options.encoding
    if recode is None and source.path != STDIN and sample(source, 4)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        recode = "utf-16"
    return cut(source, options, recode=recode)


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """One record a line; blank lines are none."""
    with open_bytes(source) as data:
        size = source.end - source.start if source.end is not None and source.data is None else None
        for number, line in enumerate(lines(data, size=size), start=source.first):
            yield _record(line, f"{source.name}:{number}", options) if line.strip() else BLANK


def read_rows(source: Source) -> Iterator[Mapping[str, Any]]:
    """The objects themselves, one a line; blank lines are none.

    Raises:
        UnreadableRecord: the file, or a line of it, cannot be read.
    """
    try:
        with open_bytes(source) as data:
            for number, line in enumerate(lines(data), start=1):
                if line.strip():
                    row, problem = _parsed(line, f"{source.path}, line {number}")
                    if problem:
                        raise problem
                    yield row
    except DAMAGE as error:
        raise UnreadableRecord(
            f"{source.path!r} cannot be read ({error}). Check the path, or that it is whole."
        ) from error


def _record(line: bytes, place: str, options: ReadOptions) -> Record:
    try:
        if len(line) > MAX_RECORD_BYTES:
            raise UnreadableRecord(f"{place} has more than {MAX_RECORD_BYTES:,} bytes. Split it, or leave it out.")
        row, error = _parsed(line, place)
    except RecordError as refusal:
        return failed(place, refusal)
    record = row_record(row, place, options)
    return replace(record, article=replace(record.article, text=""), error=error) if error else record


def _parsed(line: bytes, place: str) -> tuple[Mapping[str, Any], RecordError | None]:
    """The row, and why its text cannot be trusted, if so: its id and title are wanted even then."""
    error: RecordError | None = None
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as refusal:
        text, error = line.decode("utf-8-sig", errors="replace"), not_utf8(place, line, refusal)
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as refusal:
        raise error or UnreadableRecord(f"{place} is not JSON ({str(refusal)[:200]}).") from refusal
    if not isinstance(row, dict):
        raise UnreadableRecord(f"{place} holds {type(row).__name__}, not an object with fields.")
    return row, error
