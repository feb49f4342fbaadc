"""The output formats: which one a file's name tells, and how it encodes rows."""

import gzip
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from seeds.errors import NoRecords
from seeds.outputs.row import Row

OutputFormat = Literal["jsonl", "csv", "parquet", "ninjs"]
FORMATS: tuple[OutputFormat, ...] = ("jsonl", "csv", "parquet", "ninjs")
SUFFIXES: dict[str, OutputFormat] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".ninjs": "ninjs",
}  # fmt: skip
COMPRESSIONS = (".gz", ".zst")


def output_format(path: Path) -> OutputFormat:
    """The format that a name tells.

    Raises:
        NoRecords: it tells none.
    """
    name = path.name.casefold()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    if name.endswith(".ninjs.jsonl"):
        return "ninjs"
    format = SUFFIXES.get(Path(name).suffix)
    if format is None:
        raise NoRecords(
            f"The name {str(path)!r} does not tell what to write. End it in .jsonl, .csv, .parquet or .ninjs.jsonl "
            "(also with .gz or .zst), or say --output-format."
        )
    return format


def suffix_of(path: Path, format: OutputFormat) -> str:
    """The suffix of a part's file: that of the format, and of the compression that the output's name tells."""
    if format == "parquet":
        return ".parquet"
    packed = path.suffix.casefold()
    return f".{format}" + (packed if packed in COMPRESSIONS else "")


def encode(
    rows: Sequence[Row], format: OutputFormat, fields: Sequence[str], *, suffix: str, guard: bool = True
) -> bytes:
    """The rows as bytes that stand for themselves: encoded parts put one behind the other are an output (Parquet: the
    parts of a folder). They depend on the arguments alone.

    Args:
        fields: which fields of the rows to write, in order.
        suffix: as `suffix_of` says.
        guard: whether a CSV cell that a spreadsheet would run as a formula is disarmed.
    """
    encoder: Any = import_module(f"seeds.outputs.{format}")
    data: bytes = encoder.encode(rows, fields, guard=guard) if format == "csv" else encoder.encode(rows, fields)
    return data if format == "parquet" else _compressed(data, suffix)


def header(format: OutputFormat, fields: Sequence[str], *, suffix: str) -> bytes:
    """What an output begins with."""
    if format != "csv":
        return b""
    from seeds.outputs import csv

    return _compressed(csv.header(fields), suffix)


def _compressed(data: bytes, suffix: str) -> bytes:
    if suffix.endswith(".gz"):
        return gzip.compress(data, compresslevel=6, mtime=0)
    if suffix.endswith(".zst"):
        import pyarrow

        packed: bytes = pyarrow.compress(data, codec="zstd", asbytes=True)
        return packed
    return data
