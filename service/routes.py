"""The routes. They translate between HTTP and the digest path and hold no logic of their own."""

import asyncio
import hmac
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from models import vocabulary
from models.catalog import known_models
from models.types import TASKS, Model
from seeds.records import Article, SeedFolder
from seeds.store import Store
from service import schemas
from service.admission import Cancellation
from service.digest import Digest, Digester, ModelSource, Waiting, Wanted
from service.errors import KeyMissing, KeyRefused, NotReady, TooLarge
from service.scheduler import Scheduler
from service.settings import Settings

SPARE_THREADS = 64
"""Beside the threads of those that wait for a model, and of those that wait for what these compute: so that cached
answers always find one."""


class Rooms:
    """What the routes share while the service runs."""

    def __init__(self, settings: Settings, models: ModelSource, store: Store) -> None:
        self.settings = settings
        self.seeds = SeedFolder(settings.seeds)
        self.models = models
        self.scheduler = Scheduler(
            max_queue_seconds=settings.max_queue_seconds,
            max_waiting=settings.max_waiting,
            deadline_seconds=settings.deadline_seconds,
            stuck_seconds=settings.stuck_seconds,
        )
        self._limiter = CapacityLimiter(2 * settings.max_waiting + SPARE_THREADS)
        self.digester = Digester(
            models,
            store,
            scheduler=self.scheduler,
            max_article_characters=settings.max_article_characters,
            max_followers=settings.max_waiting,
        )

    async def model(self, id: str) -> Model:
        """The model of that id, loaded if need be.

        Raises:
            As `Shelf.get`.
        """
        return await anyio.to_thread.run_sync(self.models.get, id, limiter=self._limiter)

    async def digest(self, articles: Sequence[Article], wanted: Wanted, *, client: Request) -> list[Digest]:
        """Digest off the event loop, on threads of its own: requests that wait for a model must not keep others from
        theirs. A client that leaves takes its waiting work along.

        Raises:
            As `Digester.digest`.
        """
        cancellation = Cancellation()
        watch = asyncio.create_task(_leaves(client, cancellation))
        try:
            found = await anyio.to_thread.run_sync(
                partial(self.digester.digest, articles, wanted, waits=Waiting(cancellation=cancellation)),
                limiter=self._limiter,
            )
        finally:
            watch.cancel()
        client.state.repeatable = all(digest.error is None and all(digest.cached.values()) for digest in found)
        return found


async def _leaves(client: Request, cancellation: Cancellation) -> None:
    """Cancel when the client disconnects. The body has been read: nothing else can come."""
    while (await client.receive())["type"] != "http.disconnect":
        pass
    await run_in_threadpool(cancellation.cancel)


async def rooms(request: Request) -> Rooms:
    """The running service.

    Raises:
        NotReady: it is starting or stopping.
    """
    found = getattr(request.app.state, "dateline", None)
    if not isinstance(found, Rooms):
        raise NotReady("The service is starting or stopping. Try again in a few seconds; GET /readyz tells when.")
    return found


Running = Annotated[Rooms, Depends(rooms)]


async def check_key(request: Request, running: Running) -> None:
    """Let the request pass if it carries one of the configured keys, or none is configured.

    Raises:
        KeyMissing, KeyRefused: it does not.
    """
    keys = running.settings.api_keys
    if not keys:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise KeyMissing("This service wants an API key. Send the header 'Authorization: Bearer <key>'.")
    if not any(hmac.compare_digest(given.encode(), key.get_secret_value().encode()) for key in keys):
        raise KeyRefused("The API key is not valid here. Check it, or ask whoever runs this service.")


health = APIRouter(tags=["health"])
v1 = APIRouter(prefix="/v1", dependencies=[Depends(check_key)])
ArticleId = Annotated[str, Path(description="The seed file's name without .txt")]


@health.get("/healthz")
async def healthz(request: Request) -> schemas.Health:
    """Alive: the process answers, and its worker works. A busy service is alive; one whose worker hangs for good is
    not, and should be restarted."""
    _check_worker(getattr(request.app.state, "dateline", None))
    return schemas.Health(status="ok")


@health.get("/readyz")
async def readyz(running: Running) -> schemas.Health:
    """Ready to take work: the models are loaded, the store is open and the worker works."""
    _check_worker(running)
    return schemas.Health(status="ok")


def _check_worker(running: Rooms | None) -> None:
    if running and (ailment := running.scheduler.ailment()):
        raise NotReady(f"The service is not well: {ailment}")


@v1.post("/digest", tags=["digest"])
async def digest(request: schemas.DigestRequest, running: Running, client: Request) -> schemas.DigestReplies:
    """Summary and topics of a list of articles: one result per article, in order."""
    settings = running.settings
    if len(request.articles) > settings.max_articles:
        raise TooLarge(
            f"{len(request.articles):,} articles were sent; the limit is {settings.max_articles:,}. Send them in "
            "parts, or raise DATELINE_MAX_ARTICLES."
        )
    wanted = request.wanted(summary_model=settings.summary_model, topics_model=settings.topics_model)
    good = [fields.article() for fields in request.articles if isinstance(fields, schemas.ArticleFields)]
    digests = iter(await running.digest(good, wanted, client=client))
    return schemas.DigestReplies(
        results=[
            schemas.digest_reply(next(digests) if isinstance(fields, schemas.ArticleFields) else fields.digest())
            for fields in request.articles
        ]
    )


@v1.post("/summarise", tags=["digest"])
async def summarise(request: schemas.SummariseRequest, running: Running, client: Request) -> schemas.Summary:
    """The summary of one article."""
    wanted = Wanted(summary_model=request.model or running.settings.summary_model, summary=request.options())
    found = await one(running, Article(request.text), wanted, client=client)
    return schemas.Summary.model_validate(found.summary)


@v1.post("/tag", tags=["digest"])
async def tag(request: schemas.TagRequest, running: Running, client: Request) -> schemas.Topics:
    """The topics of one article."""
    wanted = Wanted(topics_model=request.model or running.settings.topics_model, topics=request.options())
    article = schemas.ArticleFields(text=request.text, title=request.title).article()
    found = await one(running, article, wanted, client=client)
    return schemas.Topics(topics=schemas.topic_replies(found.topics or ()))


@v1.get("/articles", tags=["articles"])
async def articles(
    running: Running,
    offset: Annotated[int, Query(ge=0, description="Articles to skip")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most articles on the page")] = 100,
) -> schemas.ArticlePage:
    """The ids of the seed records, in order."""
    ids = await run_in_threadpool(running.seeds.ids)
    page = [schemas.ArticleEntry(id=id) for id in ids[offset : offset + limit]]
    return schemas.ArticlePage(articles=page, total=len(ids), offset=offset, limit=limit)


@v1.get("/articles/{article_id}", tags=["articles"])
async def article(article_id: ArticleId, running: Running) -> schemas.ArticleReply:
    """One seed record. Offsets in its digest refer to this text."""
    return schemas.ArticleReply.model_validate(await run_in_threadpool(running.seeds.get, article_id))


@v1.get("/articles/{article_id}/digest", tags=["articles"])
async def article_digest(article_id: ArticleId, running: Running, client: Request) -> schemas.DigestReply:
    """The digest of one seed record, from the store or computed now."""
    record = await run_in_threadpool(running.seeds.get, article_id)
    settings = running.settings
    wanted = Wanted(summary_model=settings.summary_model, topics_model=settings.topics_model)
    return schemas.digest_reply(await one(running, record, wanted, client=client))


@v1.get("/models", tags=["models"])
async def models(running: Running) -> schemas.ModelList:
    """The models that can be asked for: presets, and what was pulled or dropped into the folder of models."""
    settings = running.settings
    defaults = {"summary": settings.summary_model, "topics": settings.topics_model}
    listed = await run_in_threadpool(known_models, settings.models_folder)
    return schemas.ModelList(
        models=[
            schemas.ModelEntry(
                **entry, default_for=[task for task in TASKS if defaults[task] in (entry["id"], entry["repo"])]
            )
            for entry in listed
        ]
    )


@v1.get("/topics", tags=["models"])
async def topics(running: Running) -> schemas.Vocabulary:
    """The vocabulary, with its release: every concept, retired ones included."""
    return schemas.Vocabulary(
        release=vocabulary.RELEASE,
        credit=vocabulary.CREDIT,
        topics=[schemas.ConceptEntry.model_validate(known) for known in vocabulary.concepts().values()],
    )


async def one(running: Rooms, article: Article, wanted: Wanted, *, client: Request) -> Digest:
    """The digest of one article.

    Raises:
        As `Rooms.digest`; and what is wrong with the article.
    """
    [found] = await running.digest([article], wanted, client=client)
    if found.error:
        raise found.error
    return found
