"""JSON lines: one object for each row."""

import json
from collections.abc import Sequence
from typing import Any

from seeds.outputs.row import Row

LINE_ENDS = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"})
"""Valid inside JSON strings, but line ends to some readers of lines (Python's `splitlines`, JavaScript before 2019)."""


def json_line(value: Any) -> str:
    """A value as one line of JSON, whoever counts the lines."""
    line = json.dumps(value, ensure_ascii=False)
    return (line if line.isascii() else line.translate(LINE_ENDS)) + "\n"


def encode(rows: Sequence[Row], fields: Sequence[str]) -> bytes:
    return "".join(json_line({name: getattr(row, name) for name in fields}) for row in rows).encode()
