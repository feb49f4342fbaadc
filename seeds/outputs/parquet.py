"""Parquet: each part is a file of its own."""

import io
import json
from collections.abc import Sequence
from typing import Any

from seeds.outputs.row import Row


def encode(rows: Sequence[Row], fields: Sequence[str]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, _types()[name]) for name in fields])
    table = pyarrow.Table.from_pylist([_flat(row, fields) for row in rows], schema=schema)
    data = io.BytesIO()
    parquet.write_table(table, data, compression="zstd")
    return data.getvalue()


def _flat(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in fields}
    if values.get("provenance"):
        values["provenance"] = json.dumps(values["provenance"])
    return values


def _types() -> dict[str, Any]:
    import pyarrow as pa

    place = [("start", pa.int32()), ("end", pa.int32())]
    evidence = pa.struct([*place, ("score", pa.float64())])
    support = pa.struct(
        [("score", pa.float64()), ("evidence", pa.list_(evidence)), ("unfounded", pa.list_(pa.string()))]
    )
    sentence = pa.struct([("text", pa.string()), *place, ("support", support)])
    topic = pa.struct([("qcode", pa.string()), ("uri", pa.string()), ("name", pa.string()), ("score", pa.float64())])
    summary = pa.struct(
        [
            ("text", pa.string()), ("sentences", pa.list_(sentence)), ("model", pa.string()), ("revision", pa.string()),
            ("input_tokens", pa.int64()), ("used_tokens", pa.int64()), ("truncated", pa.bool_()),
        ]
    )  # fmt: skip
    texts = dict.fromkeys(("id", "title", "date", "url", "language", "text", "provenance", "duplicate_of"), pa.string())
    error = pa.struct([("error_type", pa.string()), ("detail", pa.string())])
    return {**texts, "summary": summary, "topics": pa.list_(topic), "error": error}
