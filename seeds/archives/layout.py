"""Finds out how a CSV file is written (delimiter, quoting, encoding, names of its columns) from its first lines."""

import codecs
import csv
import io
from collections.abc import Sequence

from seeds.archives.source import Layout, ReadOptions
from seeds.archives.stream import BOMS, MAX_RECORD_BYTES
from seeds.errors import UnreadableRecord

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 50
EMPTY = ',;|"\t\r\n \0'
"""Characters of a row without values."""
NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


def sniff(sample: bytes, options: ReadOptions) -> Layout:
    """The layout of the file that begins with `sample`; what the options name is not questioned.

    Raises:
        UnreadableRecord: there is no first row with names.
    """
    csv.field_size_limit(MAX_RECORD_BYTES)
    encoding = options.encoding or sniff_encoding(sample)
    rows = list(io.StringIO(sample.decode(encoding, errors="replace"), newline="\n" if b"\n" in sample else "\r"))
    if len(rows) > 1 and not rows[-1].endswith("\n"):
        rows = rows[:-1]  # the sample may end inside a row
    rows = [row for row in rows if row.strip(EMPTY)][: SAMPLE_ROWS + 1]
    hint = rows[0].lstrip("\ufeff").strip("\r\n ") if rows else ""
    if hint.casefold().startswith("sep=") and len(hint) == 5:  # Excel's own
        options = ReadOptions(options.fields, options.delimiter or hint[4], options.encoding)
        rows = rows[1:]
    if not rows:
        raise UnreadableRecord("it has no first row that names the columns")
    chosen = options.delimiter
    delimiter = NAMES.get(chosen.casefold(), chosen) if chosen else _delimiter(rows)
    quoted = _is_quoted(rows, delimiter)
    columns = _first(rows, delimiter) if quoted else rows[0].rstrip("\r\n").split(delimiter)
    return Layout(tuple(column.lstrip("\ufeff").strip() for column in columns), delimiter, quoted, encoding)


def sniff_encoding(sample: bytes) -> str:
    """UTF-8 where any line that is not ASCII is; else what a byte-order mark or the bytes themselves tell."""
    for mark, name in BOMS.items():
        if sample.startswith(mark):
            return name
    if sample[1::2].count(0) > len(sample) / 5:
        return "utf-16-le"
    if sample[0::2].count(0) > len(sample) / 5:
        return "utf-16-be"
    telling = [line for line in sample.split(b"\n")[:-1] or [sample] if not line.isascii()]
    if not telling or any(map(_is_utf8, telling)):
        return "utf-8"
    return _single_byte(b"\n".join(telling))


def _single_byte(sample: bytes) -> str:
    """The likeliest of the encodings before Unicode. Where the letters are Latin, that is nearly always Windows-1252,
    which detectors take for its rarer sisters on short samples."""
    from charset_normalizer import from_bytes

    best = from_bytes(sample[:20_000]).best()
    if best is None or any("latin" in alphabet.casefold() for alphabet in best.alphabets):
        return "windows-1252"
    return codecs.lookup(best.encoding).name


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_delimiter(written: str) -> bool:
    """Whether values can be told apart by it: one character that is no quotation mark or line end."""
    chosen = NAMES.get(written.casefold(), written)
    return len(chosen) == 1 and chosen not in '"\r\n'


def _delimiter(rows: Sequence[str]) -> str:
    """The delimiter under which the rows agree best on a number of columns, at least two; then the most columns."""
    best, chosen = (0.0, 0), ","
    for delimiter in DELIMITERS:
        width = len(_first(rows, delimiter))
        if width < 2:
            continue
        agreeing = sum(len(row) == width for row in _parsed(rows[1:], delimiter))
        score = ((agreeing + 1) / len(rows), width)
        if score > best:
            best, chosen = score, delimiter
    return chosen


def _is_quoted(rows: Sequence[str], delimiter: str) -> bool:
    """Whether quotation marks enclose fields. Tab-separated files are often written without, and a mark is a mark: then
    more lines are rows by themselves than with their marks taken for quotation."""
    if delimiter != "\t" or not any('"' in row for row in rows):
        return True
    width = len(_first(rows, delimiter))
    parsed = _parsed(rows, delimiter)
    quoted = sum(len(row) == width for row in parsed)
    bare = sum(len(row.rstrip("\r\n").split(delimiter)) == width for row in rows)
    if quoted == bare:
        return not any('"' in value[:1] for row in parsed for value in row)  # no mark was left over
    return quoted > bare or len(parsed) - quoted < len(rows) - bare


def _parsed(rows: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(rows, delimiter=delimiter) if row]
    except csv.Error:
        return []


def _first(rows: Sequence[str], delimiter: str) -> list[str]:
    """The first row, which may go over several lines."""
    try:
        return next(csv.reader(rows, delimiter=delimiter), [])
    except csv.Error:
        return []
