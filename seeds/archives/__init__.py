"""Reads archives: any format people hold them in, as a stream of records in order. A record that cannot be read is an
error in its place, never an end.

    open.py     finds the files, tells their formats, cuts them into slices    source.py   the values they share
    stream.py   bytes: compression, limits, encodings                          fields.py   which field holds what
    markup.py   plain text of marked-up prose                                  page.py     main text of a web page
    one reader for each format: texts, jsonl, csv, parquet, json, xml (feeds, NewsML-G2, NITF), warc
"""

from seeds.archives.fields import Fields
from seeds.archives.open import find_sources, open_records, slices
from seeds.archives.source import FORMATS, Format, ReadOptions, Record, Skipped, Source

__all__ = [
    "FORMATS", "Fields", "Format", "ReadOptions", "Record", "Skipped", "Source",
    "find_sources", "open_records", "slices",
]  # fmt: skip
