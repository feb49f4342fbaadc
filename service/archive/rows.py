"""Turns a record and its digest into the row of the output."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from models.text.language import UNKNOWN
from seeds.archives import Record
from seeds.outputs import Row
from seeds.records import Article
from seeds.store import Result
from service.digest import Digest
from service.errors import problem_of

SCORE_DIGITS = 4
"""Digits of a score that are the same on every machine."""


def to_row(record: Record, digest: Digest | None, *, duplicate_of: str | None = None) -> Row:
    """The row of a record that was digested, or failed before that, or was left out as a duplicate."""
    error = record.error or (digest.error if digest else None)
    row = row_of(record.article, digest.results.values() if digest else (), id=row_id(record))
    row = replace(row, duplicate_of=duplicate_of)
    if error:
        return replace(row, error={"error_type": problem_of(error).error_type, "detail": str(error)})
    return row


def row_id(record: Record) -> str:
    """The id that a record has in the output."""
    return record.article.id or record.place


def row_of(article: Article, made: Iterable[Result], *, id: str) -> Row:
    """The row of an article and its results."""
    results = {result.task: result for result in made}
    return Row(
        id=id,
        title=article.title,
        date=article.date,
        url=article.url,
        language=article.language or _language(results.values()),
        text=article.text or None,
        summary=json.loads(results["summary"].value) if "summary" in results else None,
        topics=_topics(results["topics"]) if "topics" in results else None,
        provenance={task: _provenance(result) for task, result in results.items()} if results else None,
    )


def _language(results: Iterable[Result]) -> str | None:
    """What the text was read as; None where that could not be told."""
    found = next((json.loads(result.parameters).get("language") for result in results), None)
    return None if found == UNKNOWN else found


def _topics(result: Result) -> list[dict[str, Any]]:
    return [
        {name: topic[name] for name in ("qcode", "uri", "name")} | {"score": round(topic["score"], SCORE_DIGITS)}
        for topic in json.loads(result.value)
    ]


def _provenance(result: Result) -> dict[str, str]:
    return {"model": result.model, "revision": result.revision, "key": result.key}
