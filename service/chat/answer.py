"""The answer to a chat request, in the form that was asked for."""

import json
from collections.abc import Sequence

from models.types import Summary, Topic
from service.chat.asked import Asked
from service.chat.schema import Field


def written(asked: Asked, summary: Summary | None, topics: Sequence[Topic], best: Topic | None) -> str:
    """The content of the answer.

    Args:
        topics: those that hold, the surest first.
        best: the surest of all, for a key that takes exactly one.
    """
    if asked.form == "text":
        assert summary is not None
        return summary.text
    if asked.form == "object":
        values = {name: _value(field, summary, topics, best) for name, field in asked.fields.items()}
        return json.dumps(values, ensure_ascii=False)
    tags = _tags(asked.tags, topics)
    return json.dumps(tags, ensure_ascii=False) if asked.form == "array" else ", ".join(tags)


def _value(field: Field, summary: Summary | None, topics: Sequence[Topic], best: Topic | None) -> object:
    text = summary.text if summary else None
    values = {
        "tags": _tags(field, topics), "tag": best.name if best else None, "summary": text, "summaries": [text],
        "null": None,
    }  # fmt: skip
    return values[field.part]


def _tags(field: Field, topics: Sequence[Topic]) -> list[str]:
    names = [topic.name for topic in topics if not field.allowed or topic.name in field.allowed]
    return names[: field.most]
