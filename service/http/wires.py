"""Other services' wires: Miniflux's webhook, and article analysis as Superdesk asks iMatrics for it."""

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from models import vocabulary
from models.types import Topic
from seeds.archives.markup import plain_text
from seeds.records import Article
from service.digest import DigestOptions
from service.errors import InvalidRequest, UnknownRoute
from service.http.schemas import WARNINGS, warnings_header
from service.http.state import Running
from service.miniflux import entries_of

router = APIRouter(tags=["other wires"])
FOUND_AT_MOST = 10
CATEGORY = "category"
"""What iMatrics calls a topic of a vocabulary; Superdesk takes it for a Media Topic."""


@router.post("/webhooks/miniflux", status_code=202)
async def miniflux(request: Request, service: Running) -> dict[str, int]:
    """New entries of a Miniflux reader: signed by it, digested later, written back to it by its API."""
    if service.miniflux is None:
        raise UnknownRoute(
            "No Miniflux is set up here. Set DATELINE_MINIFLUX_URL, DATELINE_MINIFLUX_TOKEN and "
            "DATELINE_MINIFLUX_SECRET."
        )
    body = await request.body()
    service.miniflux.check(body, request.headers.get("x-miniflux-signature", ""))
    try:
        entries = entries_of(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest(
            "The body is no event of Miniflux. Send new_entries or save_entry as Miniflux does, from 2.0.48 on."
        ) from error
    return {"accepted": service.miniflux.accept(entries)}


class Analysis(BaseModel):
    """What Superdesk sends; what else it says is passed over."""

    model_config = ConfigDict(extra="allow")

    headline: str | None = None
    body: str | list[str] | None = None
    body_html: str | None = None
    abstract: str | None = None
    language: str | None = Field(None, max_length=35)

    def article(self) -> Article:
        paragraphs = [self.body] if isinstance(self.body, str) else self.body or []
        marked = [plain_text(part) for part in (self.body_html, self.abstract) if part]
        text = "\n\n".join(part.strip() for part in (*paragraphs, *marked) if part.strip())
        headline = plain_text(self.headline or "").strip()
        return Article(text or headline, title=headline if text and headline else None, language=self.language or None)


@router.post("/article/analysis")
async def analysis(request: Analysis, service: Running, client: Request, response: Response) -> dict[str, Any]:
    """The topics of an article, as iMatrics tells them to Superdesk: `concepts`, and those above them in `broader`; the
    same as Superdesk's own subjects in `subject`."""
    article = request.article()
    if not article.text:
        return {"concepts": [], "broader": [], "subject": []}
    digest = await service.digest_one(article, DigestOptions(topics_model=service.settings.topics_model), client=client)
    topics = digest.topics or ()
    above = _above([topic.qcode for topic in topics if topic.qcode])
    if digest.warnings:
        response.headers[WARNINGS] = warnings_header(digest.warnings)
    return {
        "concepts": [_concept(topic) for topic in topics],
        "broader": [_vocabulary_concept(one) for one in above],
        "subject": [_subject(topic) for topic in topics],
    }


class Search(BaseModel):
    """What Superdesk looks for: a title, or a concept by its id."""

    model_config = ConfigDict(extra="allow")

    title: str | None = Field(None, max_length=512)
    uuid: str | None = Field(None, max_length=512)


@router.post("/concept/get")
async def concepts(request: Search) -> dict[str, Any]:
    """The Media Topics whose name holds a word, or the one of an id."""
    if request.uuid:
        found = vocabulary.find(request.uuid)
        return {"result": [_vocabulary_concept(found)] if found else []}
    wanted = (request.title or "").casefold().strip()
    named = [
        one for one in vocabulary.concepts().values() if wanted and not one.retired and wanted in one.name.casefold()
    ]
    named.sort(key=lambda one: (not one.name.casefold().startswith(wanted), len(one.name)))
    return {"result": [_vocabulary_concept(one) for one in named[:FOUND_AT_MOST]]}


@router.post("/concept/create")
async def create() -> dict[str, Any]:
    """Refused in iMatrics' own form: the vocabulary is IPTC's."""
    return {
        "error": True,
        "response": "The vocabulary is IPTC's; no concept can be added. Load one of your own instead.",
    }


def _above(qcodes: Sequence[str]) -> list[vocabulary.Concept]:
    """The concepts above some, without these."""
    found: dict[str, vocabulary.Concept] = {}
    for qcode in qcodes:
        known = vocabulary.concepts().get(qcode)
        broader = known.broader if known else None
        while broader and broader not in found and broader not in qcodes:
            found[broader] = vocabulary.concept(broader)
            broader = found[broader].broader
    return list(found.values())


def _concept(topic: Topic) -> dict[str, Any]:
    if topic.qcode and topic.qcode in vocabulary.concepts():
        return {**_vocabulary_concept(vocabulary.concept(topic.qcode)), "weight": _weight(topic)}
    return {
        "uuid": topic.qcode or topic.name,
        "title": topic.name,
        "type": CATEGORY,
        "weight": _weight(topic),
        "links": [],
    }


def _vocabulary_concept(one: vocabulary.Concept) -> dict[str, Any]:
    return {
        "uuid": one.qcode,
        "title": one.name,
        "type": CATEGORY,
        "broader": one.broader or "",
        "aliases": [],
        "author": "iptc",
        "links": [{"source": "IPTC", "relationType": "exactMatch", "id": one.qcode, "uri": one.uri}],
    }


def _subject(topic: Topic) -> dict[str, Any]:
    known = vocabulary.concepts().get(topic.qcode or "")
    return {
        "name": topic.name,
        "qcode": (topic.qcode or topic.name).removeprefix("medtop:"),
        "parent": known.broader.removeprefix("medtop:") if known and known.broader else None,
        "scheme": "mediatopic" if known else None,
        "weight": _weight(topic),
    }


def _weight(topic: Topic) -> float:
    """iMatrics weighs from 0 to 100."""
    return round(100 * min(max(topic.score, 0.0), 1.0), 1)
