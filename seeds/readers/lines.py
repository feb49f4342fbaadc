"""JSON lines and CSV."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from seeds.errors import RecordError, UnreadableRecord
from seeds.readers.archive import MAX_RECORD_BYTES, STDIN, Record, open_file
from seeds.readers.fields import Fields
from seeds.readers.ninjs import is_ninjs, ninjs_article
from seeds.records import SURROGATE, Article

CSV_FIELD_CHARACTERS = MAX_RECORD_BYTES


def read_jsonl(name: str, fields: Fields) -> Iterator[Record]:
    """One record a line; blank lines are none. Columns are guessed anew for rows that lack those of the last one."""
    short = "stdin" if name == STDIN else Path(name).name
    found = Fields()
    with open_file(name) as data:
        for number, line in _lines(data):
            place = f"{short}:{number}"
            try:
                row = _parse(line, place)
                if is_ninjs(row) and fields.text is None:
                    article: Article = ninjs_article(row, place=place)
                else:
                    if found.text is None or found.text not in row:
                        found = fields.guessed(row)
                    article = found.article(row, place=place)
            except RecordError as error:
                yield Record(place, error=error)
            else:
                yield Record(place, article)


def _lines(data: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers from 1; of one that is too long, only the beginning."""
    number = 0
    while line := data.readline(MAX_RECORD_BYTES + 1):
        number += 1
        if len(line) > MAX_RECORD_BYTES and not line.endswith(b"\n"):
            while (rest := data.readline(MAX_RECORD_BYTES)) and not rest.endswith(b"\n"):
                pass
        if line.strip():
            yield number, line


def _parse(line: bytes, place: str) -> dict[str, object]:
    if len(line) > MAX_RECORD_BYTES:
        raise UnreadableRecord(f"{place} has more than {MAX_RECORD_BYTES:,} bytes. Split it, or leave it out.")
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableRecord(
            f"{place} is not UTF-8: byte 0x{line[error.start]:02X} at offset {error.start:,}. Convert the file first, "
            "for example with: iconv -f WINDOWS-1252 -t UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(f"{place} is not JSON: {str(error)[:200]}.") from error
    if not isinstance(row, dict):
        raise UnreadableRecord(f"{place} holds {type(row).__name__}, not an object with fields.")
    return row


def read_csv(name: str, fields: Fields) -> Iterator[Record]:
    """One record a row, under a row of names; tabs instead of commas in a .tsv."""
    short = "stdin" if name == STDIN else Path(name).name
    csv.field_size_limit(CSV_FIELD_CHARACTERS)
    with open_file(name) as data:
        # Bytes that are not UTF-8 become surrogates, so that one bad row does not end the file.
        lines = io.TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape", newline="")
        rows = csv.reader(lines, delimiter="\t" if ".tsv" in short else ",")
        columns = next(rows, [])
        found = fields.guessed(columns)
        number = 1
        while True:
            number += 1
            place = f"{short}:{number}"
            try:
                values = next(rows, None)
                if values is None:
                    return
                if not values:
                    continue
                yield Record(place, _article(values, columns, found, place))
            except csv.Error as error:
                yield Record(place, error=UnreadableRecord(f"{place} is not CSV: {error}."))
            except RecordError as error:
                yield Record(place, error=error)


def _article(values: list[str], columns: list[str], fields: Fields, place: str) -> Article:
    if any(SURROGATE.search(value) for value in values):
        raise UnreadableRecord(
            f"{place} is not UTF-8. Convert the file first, for example with: iconv -f WINDOWS-1252 -t UTF-8"
        )
    if len(values) != len(columns):
        raise UnreadableRecord(f"{place} has {len(values)} values under {len(columns)} names.")
    return fields.article(dict(zip(columns, values, strict=True)), place=place)
