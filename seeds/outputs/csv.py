"""CSV that every reader agrees on (RFC 4180 with bare LF between rows)."""

from collections.abc import Sequence

from seeds.outputs.row import Row

QUOTED = frozenset('",;\t\r\n')
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets (OWASP, CSV injection)."""


def columns(fields: Sequence[str]) -> list[str]:
    """The columns for some fields: `summary` has one more that says whether the article was read whole; provenance,
    which is an object, has none."""
    chosen = [name for name in fields if name != "provenance"]
    if "summary" in chosen:
        chosen.insert(chosen.index("summary") + 1, "truncated")
    return chosen


def header(fields: Sequence[str]) -> bytes:
    return (",".join(columns(fields)) + "\n").encode()


def encode(rows: Sequence[Row], fields: Sequence[str], *, guard: bool) -> bytes:
    names = columns(fields)
    lines = (",".join(_cell(_value(row, name), guard=guard) for name in names) for row in rows)
    return "".join((line or '""') + "\n" for line in lines).encode()  # a blank line is no row to most readers


def _value(row: Row, name: str) -> object:
    if name == "summary":
        return (row.summary or {}).get("text")
    if name == "truncated":
        return (row.summary or {}).get("truncated")
    if name == "topics":  # as `qcode or label=score`, with semicolons
        return "; ".join(f"{topic['qcode'] or topic['name']}={topic['score']}" for topic in row.topics or ())
    if name == "error":
        return (row.error or {}).get("detail")
    return getattr(row, name)


def _cell(value: object, *, guard: bool) -> str:
    """A lone CR is quoted too: Python's own writer leaves it bare before 3.11.9, and half a row is lost."""
    text = "" if value is None else str(value)
    if guard and text.startswith(FORMULA):
        text = "'" + text
    if QUOTED.isdisjoint(text) and text == text.strip():
        return text
    return '"' + text.replace('"', '""') + '"'
