"""Replies about models, and about the topics that they answer with: the Media Topics, and those that were loaded or
learnt here."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Literal

from pydantic import Field

from models import vocabulary
from models.card import Card, Method
from models.options import Task
from models.vocabulary.own import Term
from service.http.schemas import Reply


class ModelEntry(Reply):
    id: str
    description: str
    tasks: list[Task]
    languages: list[str]
    licence: str
    repo: str | None = Field(description="The model's id on the hub, when it is not the id itself")
    ready: bool = Field(description="Whether it can be asked for now; if not, `dateline models pull` fetches it")
    default_for: list[Task]


class ModelCard(Reply):
    """A model as OpenAI's clients list it."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(0, description="Not recorded")
    owned_by: str = "dateline"


class ModelList(Reply):
    """The same models twice: as Dateline tells of them, and those that are ready as OpenAI's clients read them."""

    models: list[ModelEntry]
    object: Literal["list"] = "list"
    data: list[ModelCard]


class TopicQuality(Reply):
    """How well the model knows a topic, by its card."""

    articles: int
    precision: float
    recall: float
    f1: float


class ConceptEntry(Reply):
    qcode: str | None = Field(description="Its code; null for a topic that was learnt from examples under a name alone")
    uri: str | None
    name: str
    names: dict[str, str] | None = Field(None, description="By language, where a vocabulary of one's own has several")
    description: str | None = None
    broader: str | None
    retired: str | None
    threshold: float | None = Field(None, description="Lowest score with which the model answers it")
    quality: TopicQuality | None = None


class VocabularyReply(Reply):
    release: str
    credit: str | None = None
    method: Method = Field(
        description="How the model knows the topics: `names` are matched with the article, no example was needed; "
        "`examples` taught it; or both"
    )
    topics: list[ConceptEntry]


def media_topics(card: Card, *, levels: int | None) -> VocabularyReply:
    """The Media Topics, and what the model of the card knows of them."""
    entries = [
        _entry(card, concept.qcode, {**asdict(concept), "uri": concept.uri}) for concept in vocabulary.down_to(levels)
    ]
    return VocabularyReply(release=vocabulary.RELEASE, credit=vocabulary.CREDIT, method=card.method, topics=entries)


def own_topics(card: Card, *, name: str, revision: str, levels: int | None) -> VocabularyReply:
    """The topics of a model that was loaded or trained here."""
    if card.vocabulary is None:
        entries = [_entry(card, topic, _labelled(topic)) for topic in card.topics]
    else:
        entries = [_entry(card, term.code, _fields(term)) for term in _down_to(card.vocabulary.terms.values(), levels)]
    return VocabularyReply(release=f"{name}@{revision[:12]}", method=card.method, topics=entries)


def _entry(card: Card, code: str, fields: dict[str, object]) -> ConceptEntry:
    quality = card.quality.get(str(fields["name"]))
    measured = asdict(quality) if quality else None
    return ConceptEntry.model_validate({**fields, "threshold": card.thresholds.get(code), "quality": measured})


def _labelled(label: str) -> dict[str, object]:
    """The Media Topic that a label is the code of, or the label by itself."""
    concept = vocabulary.concepts().get(label)
    if concept:
        return {**asdict(concept), "uri": concept.uri}
    return {"qcode": None, "uri": None, "name": label, "broader": None, "retired": None}


def _fields(term: Term) -> dict[str, object]:
    return {
        "qcode": term.code, "uri": term.uri, "name": term.name, "names": dict(term.names),
        "description": term.description, "broader": term.broader, "retired": None,
    }  # fmt: skip


def _down_to(terms: Iterable[Term], levels: int | None) -> list[Term]:
    """The terms of the first levels, or of all, in their own order."""
    found = list(terms)
    if levels is None:
        return found
    kept: set[str | None] = {None}
    for _ in range(levels):
        kept |= {term.code for term in found if term.broader in kept}
    return [term for term in found if term.code in kept]
