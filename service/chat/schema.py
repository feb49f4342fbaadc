"""Which answer a JSON schema asks for: lists of tags, one of several tags, a summary."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from service.errors import InvalidRequest

Part = Literal["tags", "tag", "summary", "summaries", "null"]
"""What is put under a key: a list of tags, the best tag, the summary, a list that holds it, or nothing."""
SUMMARY_KEY = re.compile(r"summar|abstract|descri|tldr|digest|excerpt|suggestion|^text$", re.I)
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the answer. `allowed`: the tags to choose from; `most`: how many at most."""

    part: Part
    allowed: tuple[str, ...] = ()
    most: int | None = None


def fields_of(schema: Mapping[str, Any], *, wants_summary: bool) -> dict[str, Field]:
    """What to put under each key of an object of this schema.

    Args:
        wants_summary: whether the instruction asks for a summary: then a list of texts is one of summaries.

    Raises:
        InvalidRequest: the schema asks for what is neither tags nor a summary.
    """
    root = _resolved(schema, schema)
    properties = root.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise InvalidRequest("The schema names no properties. Ask for an object with `tags`, `summary` or both.")
    named = root.get("required")
    required = named if isinstance(named, list) else []
    fields: dict[str, Field] = {}
    for name, value in properties.items():
        field = _field(name, _resolved(value, schema), schema, wants_summary)
        if field is not None:
            fields[name] = field
        elif name in required:
            raise InvalidRequest(
                f"The schema requires {name!r}, which is neither tags (a list of strings, or an enum) nor a summary (a "
                "string called so). Dateline answers with these alone."
            )
    if not any(field.part != "null" for field in fields.values()):
        raise InvalidRequest("The schema asks for neither tags nor a summary. Dateline answers with these alone.")
    return fields


def _field(name: str, value: Mapping[str, Any], root: Mapping[str, Any], wants_summary: bool) -> Field | None:
    stated = value.get("type")
    kinds = stated if isinstance(stated, list) else [stated]
    if "array" in kinds:
        items = _resolved(value.get("items") or {}, root)
        allowed, most = _enum(items), value.get("maxItems")
        if items.get("type") == "string" or allowed:
            part: Part = (
                "summaries" if wants_summary and not allowed and not re.search("tag|label|topic", name) else "tags"
            )
            return Field(part, allowed, most if isinstance(most, int) and most >= 0 else None)
    elif allowed := _enum(value):
        return Field("tag", allowed, 1)
    elif "string" in kinds and SUMMARY_KEY.search(name):
        return Field("summary")
    return Field("null") if "null" in kinds else None


def _enum(schema: Mapping[str, Any]) -> tuple[str, ...]:
    named = schema.get("enum")
    values = named if isinstance(named, list) else [schema.get("const")]
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str)))


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a `$ref` within the document names, or the one of `anyOf` that is not null."""
    for _ in range(DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        if isinstance(reference := schema.get("$ref"), str):
            schema = _at(root, reference)
        elif isinstance(options := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"), list):
            others = [_resolved(one, root) for one in options]
            real = [one for one in others if one.get("type") != "null"]
            if len(real) != 1:
                return {"type": "null"} if len(real) < len(others) else {}
            kinds = real[0].get("type")
            nullable = [*(kinds if isinstance(kinds, list) else [kinds]), "null"] if len(real) < len(others) else kinds
            return {**real[0], "type": nullable}
        else:
            return schema
    return {}


def _at(root: Mapping[str, Any], reference: str) -> Any:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found


def narrowed(fields: Mapping[str, Field], allowed: tuple[str, ...], most: int | None) -> dict[str, Field]:
    """The fields, with what the instruction says of tags, which and how many, where the schema says nothing."""
    return {
        name: replace(field, allowed=field.allowed or allowed, most=most if field.most is None else field.most)
        if field.part in ("tags", "tag")
        else field
        for name, field in fields.items()
    }
