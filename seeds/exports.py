"""Writes rows of results: JSON lines, CSV, Parquet, ninjs. Appends in blocks, so that a run that was cut short can be
taken up at the last block, and every block depends on its rows alone. Knows nothing of how results are made."""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from seeds.errors import NoRecords

OutputFormat = Literal["jsonl", "csv", "parquet", "ninjs"]
SUFFIXES: dict[str, OutputFormat] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".ninjs": "ninjs",
}  # fmt: skip
PART_ROWS = 50_000
"""Rows of a Parquet part."""
NINJS_SCHEMA = "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json"
CSV_COLUMNS = ("id", "title", "date", "url", "summary", "topics", "truncated", "error", "text")
PARTIAL = ".partial"

Row = Mapping[str, Any]
"""One record: id, title, date, url, language, text where wanted, summary, topics, cached, provenance, error."""
Position = dict[str, int]
"""How much of an output is written for good."""


class Writer(Protocol):
    """Appends blocks of rows beside the final name, and moves the whole there at the end."""

    def write(self, rows: Sequence[Row]) -> None:
        """Append a block, and make it last: when this returns, it survives a power cut."""
        ...

    def position(self) -> Position: ...

    def finish(self) -> None:
        """Put the output under its final name. May be called again after an interruption."""
        ...

    def close(self) -> None:
        """Let go of the files, finished or not."""
        ...


def output_format(path: Path) -> OutputFormat:
    """The format that a name tells.

    Raises:
        NoRecords: it tells none.
    """
    name = path.name.removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".ninjs.jsonl"):
        return "ninjs"
    found = SUFFIXES.get(Path(name).suffix.casefold())
    if found is None:
        raise NoRecords(
            f"What to write to {str(path)!r} cannot be told by its name. End it in .jsonl, .csv, .parquet or "
            ".ninjs.jsonl (with .gz or .zst behind), or say --output-format."
        )
    return found


def open_writer(path: Path, format: OutputFormat, *, position: Position | None) -> Writer:
    """A writer that goes on at `position`, or starts anew where that is None.

    Raises:
        OSError: the place cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if format == "parquet":
        return ParquetWriter(path, position=position)
    encode: dict[str, Callable[[Sequence[Row]], str]] = {"jsonl": jsonl, "ninjs": ninjs, "csv": csv_rows}
    return LineWriter(path, encode[format], header=csv_header() if format == "csv" else "", position=position)


class LineWriter:
    """Text formats: one file, each block a gzip member or zstd frame of its own where the name asks for that."""

    def __init__(
        self, path: Path, encode: Callable[[Sequence[Row]], str], *, header: str, position: Position | None
    ) -> None:
        self._path = path
        self._partial = path.with_name(path.name + PARTIAL)
        self._encode = encode
        self._written = 0
        self._file = None if position and path.exists() else _open_at(self._partial, position)
        if self._file is not None:
            self._written = self._file.tell()
        if position is None and header:
            self._append(header)

    def write(self, rows: Sequence[Row]) -> None:
        self._append(self._encode(rows))

    def position(self) -> Position:
        return {"bytes": self._written}

    def finish(self) -> None:
        if self._file is not None:
            self._file.close()
            self._partial.replace(self._path)
        _sync_folder(self._path.parent)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _append(self, text: str) -> None:
        assert self._file is not None, "the output is finished"
        self._file.write(_compressed(text.encode(), self._path.name))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._written = self._file.tell()


class ParquetWriter:
    """A folder of parts of `PART_ROWS` rows. Rows wait in a spool until a part is full: a Parquet file cannot be taken
    up half-way."""

    def __init__(self, path: Path, *, position: Position | None) -> None:
        self._path = path
        self._partial = path.with_name(path.name + PARTIAL)
        self._parts = position["parts"] if position else 0
        self._spooled = position["rows"] if position else 0
        self._finished = position is not None and path.exists()
        if self._finished:
            return
        self._partial.mkdir(exist_ok=True)
        for part in self._partial.glob("part-*"):
            if int(part.stem.split("-")[1].split(".")[0]) >= self._parts:
                part.unlink()
        self._spool = _open_at(self._spool_path(self._parts), {"bytes": position["bytes"]} if position else None)

    def _spool_path(self, part: int) -> Path:
        return self._path.with_name(f"{self._path.name}.spool-{part:05}{PARTIAL}")

    def _remove_spools(self, *, below: int) -> None:
        for found in self._path.parent.glob(f"{self._path.name}.spool-*{PARTIAL}"):
            if int(found.name.removesuffix(PARTIAL)[-5:]) < below:
                found.unlink()

    def write(self, rows: Sequence[Row]) -> None:
        self._remove_spools(below=self._parts)  # the checkpoint since has their part: nobody will ask for them again
        for start, end in self._blocks(len(rows)):
            self._spool.write(jsonl(rows[start:end]).encode())
            self._spooled += end - start
            if self._spooled == PART_ROWS:
                self._write_part()
        self._spool.flush()
        os.fsync(self._spool.fileno())

    def _blocks(self, count: int) -> Iterator[tuple[int, int]]:
        start = 0
        while start < count:
            end = min(count, start + PART_ROWS - self._spooled)
            yield start, end
            start = end

    def position(self) -> Position:
        return {"parts": self._parts, "rows": self._spooled, "bytes": self._spool.tell()}

    def finish(self) -> None:
        if not self._finished:
            if self._spooled or self._parts == 0:
                self._write_part()
            self._spool.close()
            self._partial.replace(self._path)
        self._remove_spools(below=self._parts + 1)
        _sync_folder(self._path.parent)

    def close(self) -> None:
        if not self._finished:
            self._spool.close()

    def _write_part(self) -> None:
        import pyarrow
        from pyarrow import parquet

        self._spool.flush()
        with self._spool_path(self._parts).open("rb") as lines:
            rows = [json.loads(line) for line in lines]
        target = self._partial / f"part-{self._parts:05}.parquet"
        table = pyarrow.Table.from_pylist([_flat(row) for row in rows], schema=_schema())
        temporary = target.with_suffix(".writing")
        parquet.write_table(table, temporary, compression="zstd")
        _sync(temporary)
        temporary.replace(target)
        self._parts += 1
        self._spooled = 0
        self._spool.close()
        self._spool = _open_at(self._spool_path(self._parts), None)


def jsonl(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def csv_header() -> str:
    return _csv_line(CSV_COLUMNS)


def csv_rows(rows: Sequence[Row]) -> str:
    """Topics as `qcode or label=score`, with semicolons."""
    return "".join(
        _csv_line(
            [
                row.get("id"),
                row.get("title"),
                row.get("date"),
                row.get("url"),
                (row.get("summary") or {}).get("text"),
                "; ".join(f"{topic['qcode'] or topic['name']}={topic['score']}" for topic in row.get("topics") or ()),
                (row.get("summary") or {}).get("truncated"),
                (row.get("error") or {}).get("detail"),
                row.get("text"),
            ]
        )
        for row in rows
    )


def _csv_line(values: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def ninjs(rows: Sequence[Row]) -> str:
    """One ninjs 3.1 item a line. A record that failed has none: ninjs knows no errors."""
    return "".join(json.dumps(ninjs_item(row), ensure_ascii=False) + "\n" for row in rows if not row.get("error"))


def ninjs_item(row: Row) -> dict[str, Any]:
    """The row as an item of IPTC's ninjs 3.1: topics as subjects, the summary as a description."""
    item: dict[str, Any] = {
        "uri": _uri(row),
        "standard": {"name": "ninjs", "version": "3.1", "schema": NINJS_SCHEMA},
        "type": "text",
    }
    if row.get("language"):
        item["language"] = row["language"]
    if row.get("title"):
        item["headlines"] = [{"role": "main", "value": row["title"]}]
    if row.get("text"):
        item["bodies"] = [{"role": "main", "contentType": "text/plain", "value": row["text"]}]
    if row.get("summary"):
        item["descriptions"] = [{"role": "summary", "contentType": "text/plain", "value": row["summary"]["text"]}]
    made = (row.get("provenance") or {}).get("topics") or {}
    creator = f"{made.get('model', 'dateline')}@{made.get('revision', '')}".rstrip("@")
    item["subjects"] = [_subject(topic, creator) for topic in row.get("topics") or ()]
    return item


def _uri(row: Row) -> str:
    id = str(row.get("url") or row.get("id") or "unknown")
    return id if ":" in id and " " not in id else "urn:dateline:" + "".join(c if c.isalnum() else "-" for c in id)


def _subject(topic: Row, creator: str) -> dict[str, Any]:
    found = {"name": topic["name"], "rel": "classifies", "creator": creator, "confidence": round(100 * topic["score"])}
    if topic.get("qcode"):
        found |= {"uri": topic["uri"], "literal": topic["qcode"]}
    return found


def _flat(row: Row) -> dict[str, Any]:
    return {**row, "provenance": json.dumps(row["provenance"]) if row.get("provenance") else None}


def _schema() -> Any:
    import pyarrow as pa

    sentence = pa.struct([("text", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
    topic = pa.struct([("qcode", pa.string()), ("uri", pa.string()), ("name", pa.string()), ("score", pa.float64())])
    summary = pa.struct(
        [
            ("text", pa.string()),
            ("sentences", pa.list_(sentence)),
            ("model", pa.string()),
            ("revision", pa.string()),
            ("input_tokens", pa.int64()),
            ("used_tokens", pa.int64()),
            ("truncated", pa.bool_()),
        ]
    )
    return pa.schema(
        [
            ("id", pa.string()),
            ("title", pa.string()),
            ("date", pa.string()),
            ("url", pa.string()),
            ("language", pa.string()),
            ("text", pa.string()),
            ("summary", summary),
            ("topics", pa.list_(topic)),
            ("cached", pa.struct([("summary", pa.bool_()), ("topics", pa.bool_())])),
            ("provenance", pa.string()),
            ("error", pa.struct([("error_type", pa.string()), ("detail", pa.string())])),
        ]
    )


def _open_at(path: Path, position: Position | None) -> Any:
    """The file, cut to the position and ready to append to; empty where there is none."""
    size = position["bytes"] if position else 0
    if size and (not path.exists() or path.stat().st_size < size):
        raise OSError(f"{str(path)!r} is shorter than its checkpoint says. Start over with --restart")
    file = path.open("r+b" if size else "w+b")
    file.truncate(size)
    file.seek(0, os.SEEK_END)
    return file


def _compressed(data: bytes, name: str) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(data, mtime=0)
    if name.endswith(".zst"):
        import pyarrow

        packed: bytes = pyarrow.compress(data, codec="zstd", asbytes=True)
        return packed
    return data


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
