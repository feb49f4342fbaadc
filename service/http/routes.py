"""The routes. They translate between HTTP and the digest path."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models import vocabulary
from models.catalog import list_models
from models.options import TASKS
from seeds.records import Article
from service.digest import DigestOptions
from service.errors import NotReady, TooLarge
from service.http import schemas
from service.http.state import Drain, Running, Service

health = APIRouter(tags=["health"])
v1 = APIRouter(prefix="/v1")
ArticleId = Annotated[str, Path(description="The seed file's name without .txt")]


@health.get("/healthz")
async def healthz(request: Request) -> schemas.Health:
    """Alive: the process answers, and its worker works. A busy service is alive; one whose worker hangs for good is
    not, and should be restarted."""
    _check_worker(getattr(request.app.state, "service", None))
    return schemas.Health(status="ok")


@health.get("/readyz")
async def readyz(request: Request, service: Running) -> schemas.Health:
    """Ready to take work: the models are loaded, the store is open and the worker works. A service that is about to
    stop is not ready: it still answers, but should be sent no more."""
    drain: Drain = request.app.state.drain
    if drain.started:
        raise NotReady("The service is about to stop. Send requests to another replica.")
    _check_worker(service)
    return schemas.Health(status="ok")


def _check_worker(service: Service | None) -> None:
    if service and (fault := service.worker.fault()):
        raise NotReady(f"The service is not well: {fault}")


@v1.post("/digest", tags=["digest"], response_model=schemas.DigestReplies)
async def digest(request: schemas.DigestRequest, service: Running, client: Request) -> Response:
    """Summary and topics of a list of articles: one result per article, in order."""
    settings = service.settings
    if len(request.articles) > settings.max_articles:
        raise TooLarge(
            f"{len(request.articles):,} articles were sent; the limit is {settings.max_articles:,}. Send them in "
            "several requests, or raise DATELINE_MAX_ARTICLES."
        )
    options = request.digest_options(summary_model=settings.summary_model, topics_model=settings.topics_model)
    readable = [fields.article() for fields in request.articles if isinstance(fields, schemas.ArticleFields)]
    digests = iter(await service.digest(readable, options, client=client))
    results = [
        next(digests) if isinstance(fields, schemas.ArticleFields) else fields.digest() for fields in request.articles
    ]
    return schemas.json_response(f'{{"results":[{",".join(result.to_json() for result in results)}]}}')


@v1.post("/summarise", tags=["digest"], response_model=schemas.Summary)
async def summarise(request: schemas.SummariseRequest, service: Running, client: Request) -> Response:
    """The summary of one article."""
    options = DigestOptions(
        summary_model=request.model or service.settings.summary_model, summary=schemas.summary_options(request)
    )
    answer = await service.digest_one(Article(request.text), options, client=client)
    return schemas.json_response(answer.results["summary"].value)


@v1.post("/tag", tags=["digest"], response_model=schemas.Topics)
async def tag(request: schemas.TagRequest, service: Running, client: Request) -> Response:
    """The topics of one article."""
    options = DigestOptions(
        topics_model=request.model or service.settings.topics_model, topics=schemas.topics_options(request)
    )
    article = schemas.ArticleFields(text=request.text, title=request.title).article()
    answer = await service.digest_one(article, options, client=client)
    return schemas.json_response(f'{{"topics":{answer.results["topics"].value}}}')


@v1.get("/articles", tags=["articles"])
async def articles(
    service: Running,
    offset: Annotated[int, Query(ge=0, description="Articles to skip")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Articles on the page, at most")] = 100,
) -> schemas.ArticlePage:
    """The ids of the seed records, in order."""
    ids = await run_in_threadpool(service.seeds.ids)
    page = [schemas.ArticleEntry(id=id) for id in ids[offset : offset + limit]]
    return schemas.ArticlePage(articles=page, total=len(ids), offset=offset, limit=limit)


@v1.get("/articles/{article_id}", tags=["articles"])
async def article(article_id: ArticleId, service: Running) -> schemas.ArticleReply:
    """One seed record. Offsets in its digest refer to this text."""
    return schemas.ArticleReply.model_validate(await run_in_threadpool(service.seeds.get, article_id))


@v1.get("/articles/{article_id}/digest", tags=["articles"], response_model=schemas.DigestReply)
async def article_digest(article_id: ArticleId, service: Running, client: Request) -> Response:
    """The digest of one seed record, from the store or computed now."""
    record = await run_in_threadpool(service.seeds.get, article_id)
    settings = service.settings
    options = DigestOptions(summary_model=settings.summary_model, topics_model=settings.topics_model)
    answer = await service.digest_one(record, options, client=client)
    return schemas.json_response(answer.to_json())


@v1.get("/models", tags=["models"])
async def models(service: Running) -> schemas.ModelList:
    """The models that can be asked for: presets, and what was pulled or dropped into the folder of models."""
    settings = service.settings
    defaults = {"summary": settings.summary_model, "topics": settings.topics_model}
    entries = [
        schemas.ModelEntry(
            id=entry.id,
            description=entry.description,
            tasks=list(entry.tasks),
            languages=list(entry.languages),
            licence=entry.licence,
            repo=entry.repo,
            ready=entry.ready,
            default_for=[task for task in TASKS if defaults[task] in (entry.id, entry.repo)],
        )
        for entry in await run_in_threadpool(list_models, settings.models_folder)
    ]
    return schemas.ModelList(models=entries)


@v1.get("/topics", tags=["models"])
async def topics() -> schemas.Vocabulary:
    """The vocabulary, with its release: every concept, retired ones included."""
    return schemas.Vocabulary(
        release=vocabulary.RELEASE,
        credit=vocabulary.CREDIT,
        topics=[schemas.ConceptEntry.model_validate(concept) for concept in vocabulary.concepts().values()],
    )
