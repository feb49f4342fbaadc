"""ninjs 3.1, IPTC's news in JSON: one item a line."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from seeds.outputs.jsonl import json_line
from seeds.outputs.row import Row, Value

SCHEMA = "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json"
URI = re.compile(r"(?:https?|ftp)://[^/\s]|(?:urn|tag|info|doi):[^\s:]", re.IGNORECASE)
OURS = "urn:dateline:"
LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def encode(rows: Sequence[Row], fields: Sequence[str]) -> bytes:
    """A record that failed has no item: ninjs knows no errors."""
    return "".join(json_line(item(row, fields)) for row in rows if not row.error).encode()


def item(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    """The row as an item: topics as subjects, the summary as a description."""
    made: dict[str, Any] = {
        "uri": uri(row), "standard": {"name": "ninjs", "version": "3.1", "schema": SCHEMA}, "type": "text",
    }  # fmt: skip
    if "language" in fields and row.language and LANGUAGE.fullmatch(row.language):
        made["language"] = row.language.replace("_", "-")
    if "title" in fields and row.title:
        made["headlines"] = [{"role": "main", "value": row.title}]
    if "text" in fields and row.text:
        made["bodies"] = [{"role": "main", "contentType": "text/plain", "value": row.text}]
    if "summary" in fields and row.summary:
        made["descriptions"] = [{"role": "summary", "contentType": "text/plain", "value": row.summary["text"]}]
    if "topics" in fields:
        made["subjects"] = [_subject(topic, _creator(row)) for topic in row.topics or ()]
    return made


def _creator(row: Row) -> str:
    model = (row.provenance or {}).get("topics") or {}
    return f"{model.get('model', 'dateline')}@{model.get('revision', '')}".rstrip("@")


def uri(row: Row) -> str:
    """The record's address, else its id where that is a URI, else a URN made of the id; no two ids share one."""
    for candidate in (row.url, row.id):
        address = (candidate or "").strip().strip("<>")
        if URI.match(address) and not address.startswith(OURS) and (encoded := _encoded(address)):
            return encoded
    return OURS + quote(row.id or "unknown", safe="")


def _encoded(address: str) -> str | None:
    """The address with every character percent-encoded that a URI may not hold; None where that cannot be."""
    address = LONE_PERCENT.sub("%25", address)
    if not address.casefold().startswith(("http", "ftp")):
        return quote(address, safe=":/?@!$&'()*+,;=%-._~")
    try:
        parts = urlsplit(address)
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except ValueError:
        return None
    if not re.fullmatch(r"[\w.~!$&'()*+,;=:@%\[\]-]+", host, re.ASCII):
        return None
    rest = (quote(part, safe="/:@!$&'()*+,;=%-._~?") for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, host, *rest))


def _subject(topic: Value, creator: str) -> dict[str, Any]:
    subject = {"name": topic["name"], "rel": "classifies", "creator": creator, "confidence": _percent(topic["score"])}
    if topic.get("qcode"):
        subject |= {"uri": topic["uri"], "literal": topic["qcode"]}
    return subject


def _percent(score: float) -> int:
    """A whole number from 0 to 100, as the schema has it; a logit may lie outside."""
    return round(100 * min(max(score, 0.0), 1.0))
