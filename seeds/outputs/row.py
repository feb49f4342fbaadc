"""The row that an archive's output has for each record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = Mapping[str, Any]
"""A JSON object: a stored result, or a part of one, as the service returns it."""

FIELDS = ("id", "title", "date", "url", "language", "summary", "topics", "provenance", "error")
"""What a row has; `text` and `duplicate_of` besides where they are asked for."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record's results. A task that was not asked for, or failed, is None; `error` says why.
    `duplicate_of` is the id of an earlier row that says nearly the same."""

    id: str
    title: str | None = None
    date: str | None = None
    url: str | None = None
    language: str | None = None
    text: str | None = None
    summary: Value | None = None
    topics: Sequence[Value] | None = None
    provenance: Value | None = None
    error: Value | None = None
    duplicate_of: str | None = None
