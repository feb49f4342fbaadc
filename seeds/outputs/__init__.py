"""Writes rows of results: JSON lines, CSV, Parquet, ninjs. A part is encoded and written whole or not at all; parts are
put together at the end.

    row.py    one record's results      parts.py   files: written, synced, put together
    one encoder for each format: jsonl, csv, parquet, ninjs
"""

from seeds.outputs.formats import FORMATS, OutputFormat, encode, header, output_format, suffix_of
from seeds.outputs.row import FIELDS, Row

__all__ = ["FIELDS", "FORMATS", "OutputFormat", "Row", "encode", "header", "output_format", "suffix_of"]
