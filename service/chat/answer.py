"""The answer to a chat request, in the form that was asked for."""

import json
from collections.abc import Sequence

from models.types import Summary, Topic
from service.chat.asked import Asked
from service.chat.schema import Field


def written(asked: Asked, summary: Summary | None, topics: Sequence[Topic], best: Topic | None) -> str:
    """The content of the answer.

    Args:
        topics: those that hold, in the model's order.
        best: the surest of all, for a key that takes exactly one.
    """
    values = {name: _value(field, summary, topics, best) for name, field in asked.fields.items()}
    if asked.form == "object":
        return json.dumps(values, ensure_ascii=False)
    [value] = values.values()
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False) if asked.form == "array" else ", ".join(value)
    return value or ""


def _value(
    field: Field, summary: Summary | None, topics: Sequence[Topic], best: Topic | None
) -> str | list[str] | None:
    text = summary.text if summary else ""
    match field.part:
        case "tags":
            return [topic.name for topic in topics if not field.allowed or topic.name in field.allowed][: field.most]
        case "tag":
            return best.name if best else None
        case "summary":
            return text
        case "summaries":
            return [text]
        case "null":
            return None
