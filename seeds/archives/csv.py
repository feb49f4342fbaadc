"""CSV and its relatives. A quotation mark that is never closed costs its own row at most, not the rows behind it."""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import cast

from seeds.archives.layout import sniff
from seeds.archives.lines import cut
from seeds.archives.source import BLANK, STDIN, Layout, ReadOptions, Record, Skipped, Source
from seeds.archives.stream import MAX_RECORD_BYTES, lines, open_bytes, sample
from seeds.errors import UnreadableRecord
from seeds.records import SURROGATE

RECORD_LINES = 20_000
"""Lines that a quoted field may go over, before its quotation mark counts as a stray one."""
ROW_SAMPLE_BYTES = 2**18
BOUNDARY_LINES = 500
"""Lines looked at, from the last one back, for one that begins a row."""


def slices(source: Source, options: ReadOptions) -> Iterator[Source]:
    """The slices of the file, each ending where a row does, and each with the layout of the whole.

    Raises:
        UnreadableRecord: the file has no first row with names.
        OSError, EOFError, ...: as `cut`.
    """
    opened = open_bytes(source) if source.path == STDIN else None  # cannot be opened again
    first = cast("io.BufferedReader", opened).peek() if opened else sample(source)
    layout = sniff(first, options)
    bare_cr = b"\n" not in first and b"\r" in first  # Excel's CSV for old Macs
    recode = layout.encoding if bare_cr or not _keeps_ascii(layout.encoding) else None
    if recode:
        layout = replace(layout, encoding="utf-8-sig")
    whole = replace(source, layout=layout)
    pieces = cut(whole, options, recode=recode, opened=opened, boundary=lambda buffer: _last_row_end(buffer, layout))
    for piece in pieces:
        yield replace(piece, count=None)  # a row may go over several lines


def _keeps_ascii(encoding: str) -> bool:
    """Whether a line end is one byte in an encoding, and that of ASCII."""
    return "\n".encode(encoding).removeprefix(codecs.BOM_UTF8) == b"\n"


def _last_row_end(buffer: bytearray, layout: Layout) -> int:
    """Where the last row ends that another is seen to follow: every quotation mark before is closed, and a whole row
    comes next. Where a stray mark makes their number tell nothing, the last line that is a whole row by itself."""
    ends = buffer.rfind(b"\n") + 1
    if not layout.quoted or not ends or b'"' not in buffer:
        return ends
    open_marks = buffer.count(b'"', 0, ends) % 2
    alone = 0
    for _ in range(BOUNDARY_LINES):
        before = buffer.rfind(b"\n", 0, ends - 1) + 1
        if not before:
            break
        open_marks = (open_marks + buffer.count(b'"', before, ends)) % 2
        if not open_marks and _begins_row(buffer, before, layout):
            return before
        if not alone and _is_row(bytes(buffer[before:ends]), layout):
            alone = before
        ends = before
    return alone


def _begins_row(buffer: bytearray, start: int, layout: Layout) -> bool:
    """Whether the lines from `start` on begin with a whole row."""
    return _is_row(bytes(buffer[start : start + ROW_SAMPLE_BYTES]), layout)


def _is_row(data: bytes, layout: Layout) -> bool:
    lines = io.StringIO(data.decode(layout.encoding, errors="replace"), newline="\n")
    try:
        values = next(csv.reader(lines, delimiter=layout.delimiter, strict=True), [])
    except csv.Error:
        return False
    return len(_trimmed(values, layout)) == len(layout.columns)


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """One record a row under the names in the first row; empty rows are none."""
    layout = source.layout
    assert layout is not None, "a CSV file is read in slices"
    with open_bytes(source) as data:
        size = source.end - source.start if source.end is not None and source.data is None else None
        texts = (line.decode(layout.encoding, errors="surrogateescape") for line in lines(data, size=size))
        rows = _rows(texts, layout, first=source.first)
        if source.first == 1:
            _skip_header(rows)
        for number, values in rows:
            yield _record(values, layout, f"{source.name}:{number}", options) if any(values) else BLANK


def _skip_header(rows: Iterator[tuple[int, list[str]]]) -> None:
    """Go past the row of names, and Excel's `sep=;` before it."""
    for _, values in rows:
        if any(map(str.strip, values)) and not values[0].casefold().startswith("sep="):
            return


def _rows(texts: Iterable[str], layout: Layout, *, first: int) -> Iterator[tuple[int, list[str]]]:
    """The rows, each with the number of its first line."""
    source = iter(texts)
    ahead: deque[str] = deque()  # lines taken for the rest of a row that proved to be none
    number = first
    while (line := ahead.popleft() if ahead else next(source, None)) is not None:
        if not layout.quoted or '"' not in line:
            yield number, line.rstrip("\r\n").split(layout.delimiter)
            number += 1
            continue
        taken = [line]
        values = _quoted_row(taken, ahead, source, layout)
        if values is None:
            ahead.extendleft(reversed(taken[1:]))
            values = _bare_row(line, layout)
            del taken[1:]
        yield number, values
        number += len(taken)


def _quoted_row(taken: list[str], ahead: deque[str], source: Iterator[str], layout: Layout) -> list[str] | None:
    """The row that begins with the first line taken, and takes more lines while a quotation mark is open; None where
    it has not as many values as there are columns."""

    def feed() -> Iterator[str]:
        size = len(taken[0])
        yield taken[0]
        while len(taken) < RECORD_LINES and size < MAX_RECORD_BYTES:
            line = ahead.popleft() if ahead else next(source, None)
            if line is None:
                return
            taken.append(line)
            size += len(line)
            yield line

    try:
        values = next(csv.reader(feed(), delimiter=layout.delimiter, strict=True))
    except (csv.Error, StopIteration):
        return None
    return values if len(_trimmed(values, layout)) == len(layout.columns) else None


def _bare_row(line: str, layout: Layout) -> list[str]:
    """The values of one line whose quotation marks are no quotation: 5" nails, or a name in "quotes" at its end."""
    values = line.rstrip("\r\n").split(layout.delimiter)
    if values[-1].startswith('"') and not values[-1].endswith('"'):
        return values[:-1]  # opens a field that goes on behind this line: half a value is worse than none
    return [value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value for value in values]


def _trimmed(values: list[str], layout: Layout) -> list[str]:
    """The values without the empty ones that a delimiter at the end of each row makes."""
    more = values[len(layout.columns) :]
    return values[: len(layout.columns)] if more and not any(more) else values


def _record(values: list[str], layout: Layout, place: str, options: ReadOptions) -> Record:
    values = _trimmed(values, layout)
    pairs = reversed(list(zip(layout.columns, values, strict=False)))  # of two columns of one name the first counts
    row = {name: SURROGATE.sub("\ufffd", value) for name, value in pairs}
    fields = options.fields.guessed(layout.columns)
    article, error = fields.article(row, place=place, keep_markup=options.keep_markup)
    if any(SURROGATE.search(value) for value in values if not value.isascii()):
        error = UnreadableRecord(f"{place} is not in the encoding {layout.encoding}. Name another with --encoding.")
    if len(values) != len(layout.columns):
        error = UnreadableRecord(f"{place} has {len(values)} values under {len(layout.columns)} names.")
    more = {name: row[name] for name in options.more if name in row}
    return Record(place, replace(article, text="") if error else article, error, more)
