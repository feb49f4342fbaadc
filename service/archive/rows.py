"""Turns a record and its digest into the row of the output."""

import json
from typing import Any

from models.text.language import UNKNOWN
from seeds.archives import Record
from seeds.outputs import Row
from seeds.store import Result
from service.digest import Digest
from service.errors import problem_of

SCORE_DIGITS = 4
"""Digits of a score that are the same on every machine."""


def to_row(record: Record, digest: Digest | None) -> Row:
    """The row of a record that was digested, or failed before that."""
    article = record.article
    results = digest.results if digest else {}
    error = record.error or (digest.error if digest else None)
    return Row(
        id=article.id or record.place,
        title=article.title,
        date=article.date,
        url=article.url,
        language=article.language or (digest.language if digest and digest.language != UNKNOWN else None),
        text=article.text or None,
        summary=json.loads(results["summary"].value) if "summary" in results else None,
        topics=_topics(results["topics"]) if "topics" in results else None,
        provenance={task: _provenance(result) for task, result in results.items()} if results else None,
        error={"error_type": problem_of(error).error_type, "detail": str(error)} if error else None,
    )


def _topics(result: Result) -> list[dict[str, Any]]:
    return [
        {name: topic[name] for name in ("qcode", "uri", "name")} | {"score": round(topic["score"], SCORE_DIGITS)}
        for topic in json.loads(result.value)
    ]


def _provenance(result: Result) -> dict[str, str]:
    return {"model": result.model, "revision": result.revision, "key": result.key}
