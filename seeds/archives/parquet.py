"""Parquet: a file or a folder of parts. Values are turned into text by Arrow; one that is no text costs its own row."""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from seeds.archives.fields import Fields
from seeds.archives.source import ReadOptions, Record, Skipped, Source, failed
from seeds.archives.stream import MAX_RECORD_BYTES
from seeds.errors import BrokenOff, UnreadableRecord

WRITTEN_TIME = re.compile(r"(-?\d+-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?)(\.\d+)?(Z|[+-]\d{4})?")
UUID_BYTES = 16
BATCH_ROWS = 8
"""Rows decoded at a time: a column of one repeated value may be many times larger in memory than in the file."""


def slices(source: Source, options: ReadOptions) -> Iterator[Source]:
    """The slices of the file: runs of row groups of some `slice_records` rows, larger groups by ranges of their rows.

    Raises:
        OSError: it is no readable Parquet file.
    """
    with _opened(source) as file:
        metadata = file.metadata
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        if sum(sizes) != metadata.num_rows:
            raise OSError(f"its footer promises {metadata.num_rows:,} rows, its row groups {sum(sizes):,}")
    start = row = 0
    for size in sizes:
        row += size
        while row - start >= options.slice_records:
            end = row if row - start < 2 * options.slice_records else start + options.slice_records
            yield _slice(source, start, end, sum(sizes))
            start = end
    if row > start:
        yield _slice(source, start, row, sum(sizes))


def _slice(source: Source, start: int, end: int, rows: int) -> Source:
    share = source.size * (end - start) // max(rows, 1)
    return replace(source, start=start, end=end, first=start + 1, count=end - start, size=share)


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """One record a row. A row group that cannot be read is one error, and the next follows."""
    import pyarrow

    end = source.end if source.end is not None else 2**63
    with _opened(source) as file:
        names = file.schema_arrow.names
        fields = options.fields.guessed(names)
        columns = _named(fields, options.more)
        first = 0
        for group in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            numbers = range(max(source.start, first), min(end, first + size))
            first += size
            try:
                for number, row in _rows(file, columns, group, numbers, first - size) if numbers else ():
                    yield _record(row, fields, f"{source.name}:{number + 1}", options)
            except (pyarrow.ArrowException, OSError) as error:
                reason = " ".join(str(error).split())[:200]
                problem = BrokenOff(f"{source.name}: rows of its row group {group} cannot be read ({reason}).")
                yield failed(f"{source.name}:{numbers.start + 1}-{numbers.stop}", problem)


def _opened(source: Source) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(source.path)
    except pyarrow.ArrowException as error:
        raise OSError(f"not readable as Parquet ({error})") from error


def _rows(
    file: Any, wanted: Sequence[str], group: int, numbers: range, first: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows with these numbers of a row group whose first has the number `first`, as Arrow scalars by column.

    Raises:
        ArrowException, OSError: they cannot be read.
    """
    names = file.schema_arrow.names
    columns = [name for name in wanted if name in names] or names[:12]
    number = first
    for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], columns=columns):
        for index in range(max(numbers.start - number, 0), min(batch.num_rows, numbers.stop - number)):
            yield number + index, {name: batch.column(batch.schema.names.index(name))[index] for name in columns}
        number += batch.num_rows
        if number >= numbers.stop:
            return
    raise OSError(f"row {number + 1:,} is not there, though its footer promises it")


def _named(fields: Fields, more: Sequence[str]) -> list[str]:
    named = (fields.text, fields.title, fields.id, fields.date, fields.url, fields.language, *more)
    return [column for column in named if column]


def _record(row: dict[str, Any], fields: Fields, place: str, options: ReadOptions) -> Record:
    values: dict[str, Any] = {}
    problem = None
    for name, scalar in row.items():
        try:
            values[name] = _value(scalar, is_text=name == fields.text)
        except (ValueError, OverflowError) as error:
            values[name] = None
            problem = UnreadableRecord(f"{place}: column {name!r} cannot be read ({str(error)[:200]}).")
    article, refusal = fields.article(values, place=place, keep_markup=options.keep_markup)
    if problem:
        return Record(place, replace(article, text=""), problem)
    return Record(place, article, refusal, {name: values[name] for name in options.more if name in values})


def _value(scalar: Any, *, is_text: bool) -> Any:
    """The scalar as text, or as lists and dicts of text where it is nested.

    Raises:
        ValueError: it is no text, or too long.
    """
    import pyarrow
    import pyarrow.compute as pc

    if not scalar.is_valid:
        return None
    kind = scalar.type
    if isinstance(kind, pyarrow.BaseExtensionType):
        return _value(scalar.value, is_text=is_text)
    if pyarrow.types.is_dictionary(kind):
        return _value(scalar.dictionary[scalar.index.as_py()], is_text=is_text)
    if pyarrow.types.is_timestamp(kind):
        return _timestamp(scalar)
    if pyarrow.types.is_fixed_size_binary(kind) and kind.byte_width == UUID_BYTES:
        return str(uuid.UUID(bytes=scalar.as_py()))
    if hasattr(scalar, "as_buffer"):  # text and binary of every width
        data = scalar.as_buffer()
        if data.size > MAX_RECORD_BYTES:
            raise ValueError(f"it has {data.size:,} bytes; the limit is {MAX_RECORD_BYTES:,}")
        return data.to_pybytes().decode()
    if pyarrow.types.is_nested(kind) or pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind):
        return scalar.as_py()
    if is_text:
        return scalar.as_py()
    return pc.cast(scalar, pyarrow.string()).as_py()


def _timestamp(scalar: Any) -> str:
    """ISO 8601, to the second where nothing finer is told.

    Raises:
        ValueError: it lies outside what Arrow can write.
    """
    import pyarrow
    import pyarrow.compute as pc

    written = pc.cast(scalar, pyarrow.string()).as_py()
    parts = WRITTEN_TIME.fullmatch(written)
    if parts is None:
        raise ValueError(written)
    day, time, fraction, zone = parts.groups()
    digits = (fraction or "").rstrip("0").rstrip(".")
    return f"{day}T{time}{digits}{zone[:3] + ':' + zone[3:] if zone and zone != 'Z' else zone or ''}"
