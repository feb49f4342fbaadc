"""Counts of what became of an archive's records."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from seeds.outputs import Row

MONTH = re.compile(r"\d{4}-\d\d")
WORD_STEPS = (50, 200, 500, 1000, 5000)


@dataclass(slots=True)
class Counts:
    """`records` are rows of the output, `left_out` those that its format cannot hold, `duplicates` those that say
    nearly what an earlier one says. `skipped`: what was in the input but is no record, by kind; `kinds`: failures by
    type; `topics`: records by topic; `months`: records by Media Topic and month of publication, as `2024-05 sport`;
    `words`: records by length."""

    records: int = 0
    failed: int = 0
    cached: int = 0
    left_out: int = 0
    duplicates: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        for name in ("records", "failed", "cached", "left_out", "duplicates"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("skipped", "kinds", "topics", "months", "words"):
            getattr(self, name).update(getattr(other, name))

    def count(self, row: Row, *, cached: bool) -> None:
        """Count one row in."""
        self.records += 1
        self.duplicates += row.duplicate_of is not None
        if row.error:
            self.failed += 1
            self.kinds[row.error["error_type"]] += 1
        elif cached:
            self.cached += 1
        self.topics.update(topic["name"] for topic in row.topics or ())
        if row.date and MONTH.match(row.date):  # a caller's own labels may be too many to be counted so
            self.months.update(f"{row.date[:7]} {topic['name']}" for topic in row.topics or () if topic["qcode"])
        if row.text:
            self.words[_length(row.text)] += 1

    def to_json(self) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Counts":
        counted: dict[str, Any] = {
            name: Counter(value[name]) if isinstance(value[name], dict) else value[name]
            for name in (field.name for field in fields(cls))
            if name in value
        }
        return cls(**counted)


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that failed: its number among its part's rows, from 1, and what its row says."""

    record: int
    place: str
    id: str
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PartReport:
    """What became of one part. `read` counts the records that were looked at, also those that a sample leaves out;
    `size` the bytes written; `checksum` is of what was read from standard input."""

    counts: Counts
    read: int
    size: int
    checksum: str | None
    failures: Sequence[Failure] = ()

    def to_json(self) -> str:
        value = {
            "counts": self.counts.to_json(), "read": self.read, "size": self.size, "checksum": self.checksum,
            "failures": [asdict(failure) for failure in self.failures],
        }  # fmt: skip
        return json.dumps(value, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "PartReport":
        value = json.loads(text)
        counts = Counts.from_json(value.pop("counts"))
        failures = tuple(Failure(**failure) for failure in value.pop("failures"))
        return cls(counts=counts, failures=failures, **value)


@dataclass(slots=True)
class Report:
    """How far a run has come: the counts of the parts that are done, how many records were compared to find duplicates,
    about how many were digested of the parts under way, how many were done before it began, and how it stands."""

    counts: Counts = field(default_factory=Counts)
    compared: int = 0
    under_way: int = 0
    resumed_at: int = 0
    finished: bool = False
    already_finished: bool = False
    bytes_done: int = 0
    bytes_total: int = 0

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            **self.counts.to_json(), "resumed_at": self.resumed_at, "finished": self.finished,
            "already_finished": self.already_finished,
        }  # fmt: skip


def _length(text: str) -> str:
    words = text.count(" ") + 1
    return next((f"under {most}" for most in WORD_STEPS if words < most), f"{WORD_STEPS[-1]} and more")
