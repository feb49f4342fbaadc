"""The routes. They translate between HTTP and the digest path."""

import json
import time
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from models import memory, vocabulary
from models.catalog import list_models
from models.errors import UnknownModel
from models.options import TASKS, Task
from models.text.language import language_of
from models.text.sentences import sentences as read_sentences
from seeds.article_rows import ArticleTopic
from seeds.errors import StoreError
from seeds.records import Article, check_text
from seeds.search import Filters
from seeds.store import Result
from service import __version__
from service.archive import listing
from service.digest import DigestOptions
from service.errors import InvalidRequest, NotReady, TooLarge, UnknownRun
from service.http import article_schemas, model_schemas, openai, schemas, status_schemas
from service.http.state import Drain, Running, Service

health = APIRouter(tags=["health"])
v1 = APIRouter(prefix="/v1")
ArticleId = Annotated[str, Path(description="Of a seed record, its file's name without .txt")]
RunName = Annotated[str, Path(description="The name of the run's output")]
DAY = r"^\d{4}-\d\d-\d\d$"


@health.get("/healthz")
async def healthz(request: Request) -> status_schemas.Health:
    """Alive: the process answers, and its worker works. A busy service is alive; one whose worker hangs for good is
    not, and should be restarted."""
    _check_worker(getattr(request.app.state, "service", None))
    return status_schemas.Health(status="ok")


@health.get("/readyz")
async def readyz(request: Request, service: Running) -> status_schemas.Health:
    """Ready to take work: the models are loaded, the store is open and the worker works. A service that is about to
    stop is not ready: it still answers, but should be sent no more."""
    drain: Drain = request.app.state.drain
    if drain.started:
        raise NotReady("The service is about to stop. Send requests to another replica.")
    _check_worker(service)
    await run_in_threadpool(service.store.check)
    return status_schemas.Health(status="ok")


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
    return schemas.json_response(answer.results["summary"].value, warnings=answer.warnings)


@v1.post("/tag", tags=["digest"], response_model=schemas.Topics)
async def tag(request: schemas.TagRequest, service: Running, client: Request) -> Response:
    """The topics of one article."""
    options = DigestOptions(
        topics_model=request.model or service.settings.topics_model, topics=schemas.topics_options(request)
    )
    article = schemas.ArticleFields(text=request.text, title=request.title).article()
    answer = await service.digest_one(article, options, client=client)
    return schemas.json_response(f'{{"topics":{answer.results["topics"].value}}}', warnings=answer.warnings)


@v1.post("/sentences", tags=["digest"])
async def sentences(request: schemas.ReadRequest, service: Running) -> schemas.ReadText:
    """How a text is read: its sentences by their place, and what each is. No model runs."""
    limit = service.settings.max_article_characters
    if len(request.text) > limit:
        raise TooLarge(
            f"The text has {len(request.text):,} characters; the limit is {limit:,}. Split it, or raise "
            "DATELINE_MAX_ARTICLE_CHARACTERS."
        )
    check_text(request.text)
    language = await run_in_threadpool(language_of, request.text, request.language)
    spans = await run_in_threadpool(read_sentences, request.text, language=language)
    return schemas.ReadText(language=language, sentences=[schemas.ReadSentence.model_validate(span) for span in spans])


@v1.get("/articles", tags=["articles"])
async def articles(
    service: Running,
    q: Annotated[str | None, Query(description="Words that all stand in title or text", max_length=500)] = None,
    topic: Annotated[str | None, Query(description="A topic's qcode or name", max_length=512)] = None,
    since: Annotated[str | None, Query(description="First day of publication", pattern=DAY)] = None,
    until: Annotated[str | None, Query(description="Last day of publication", pattern=DAY)] = None,
    model: Annotated[str | None, Query(description="Id of a model that made a result", max_length=512)] = None,
    after: Annotated[str | None, Query(description="`next` of the page before", max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Articles on the page, at most")] = 100,
) -> article_schemas.ArticlePage:
    """The articles that are kept, seed records and those that were sent: the latest first; where words are searched,
    those added last."""
    name = _tag(topic).name if topic else None
    filters = Filters(words=q or None, topic=name, since=_day(since), until=_day(until), model=model or None)
    library = service.library
    page = await run_in_threadpool(library.page, filters, after=after, limit=limit)
    counted = filters == Filters(topic=filters.topic)  # of other filters nothing is counted beforehand
    total = await run_in_threadpool(library.total, filters.topic or "") if counted else None
    entries = [article_schemas.ArticleEntry.model_validate(entry) for entry in page.entries]
    return article_schemas.ArticlePage(articles=entries, next=page.next, total=total)


@v1.post("/articles", tags=["articles"], status_code=201)
async def add_articles(request: schemas.AddRequest, service: Running) -> article_schemas.AddedArticles:
    """Keep articles beside their results: all of them, or none. One that is kept already is left as it is."""
    limit = service.settings.max_article_characters
    if len(request.articles) > service.settings.max_articles:
        raise TooLarge(
            f"{len(request.articles):,} articles were sent; the limit is {service.settings.max_articles:,}. Send them "
            "in several requests, or raise DATELINE_MAX_ARTICLES."
        )
    sent = [fields.article() for fields in request.articles]
    for article in sent:
        check_text(article.text, what=f"The text of article {article.id!r}")
        if len(article.text) > limit:
            raise TooLarge(
                f"Article {article.id!r} has {len(article.text):,} characters; the limit is {limit:,}. Split it, or "
                "raise DATELINE_MAX_ARTICLE_CHARACTERS."
            )
    added = await run_in_threadpool(service.library.add, sent)
    return article_schemas.AddedArticles(articles=[str(article.id) for article in sent], added=len(added))


@v1.get("/articles/{article_id:path}/digest", tags=["articles"], response_model=schemas.DigestReply)
async def article_digest(
    article_id: ArticleId,
    service: Running,
    client: Request,
    summary_model: Annotated[str | None, Query(description="The default when absent", max_length=512)] = None,
    topics_model: Annotated[str | None, Query(description="The default when absent", max_length=512)] = None,
) -> Response:
    """The digest of one article, from the store or computed now."""
    settings = service.settings
    options = DigestOptions(
        summary_model=summary_model or settings.summary_model, topics_model=topics_model or settings.topics_model
    )
    answer = await service.digest_kept(article_id, options, client=client)
    return schemas.json_response(answer.to_json())


@v1.get("/articles/{article_id:path}/results", tags=["articles"])
async def article_results(article_id: ArticleId, service: Running) -> article_schemas.KeptResults:
    """Every result that was made of an article by its id, the newest first."""
    kept = await run_in_threadpool(service.library.results, article_id)
    return article_schemas.KeptResults(results=[_kept(result) for result in kept])


def _kept(result: Result) -> article_schemas.KeptResult:
    fields = {**asdict(result), "parameters": json.loads(result.parameters)}
    return article_schemas.KeptResult(
        task=cast(Task, result.task), value=json.loads(result.value), provenance=schemas.Provenance(**fields)
    )


@v1.get("/articles/{article_id:path}", tags=["articles"])
async def article(article_id: ArticleId, service: Running) -> article_schemas.ArticleReply:
    """One article. Offsets in its digest refer to this text."""
    return article_schemas.ArticleReply.model_validate(await run_in_threadpool(service.library.get, article_id))


@v1.post("/feedback", tags=["articles"], status_code=201)
async def feedback(request: schemas.FeedbackRequest, service: Running) -> article_schemas.CorrectionReply:
    """Keep what the topics of an article are, beside what a model found. The article is listed under them."""
    tags = [_tag(written) for written in request.topics]
    kept = await run_in_threadpool(service.library.correct, request.article, tags, who=request.who, note=request.note)
    return article_schemas.CorrectionReply.model_validate(kept)


def _tag(written: str) -> ArticleTopic:
    concept = vocabulary.find(written)
    if concept is None and written.startswith("medtop:"):
        vocabulary.concept(written)  # says that there is no such code
    return ArticleTopic(concept.name, concept.qcode) if concept else ArticleTopic(_named(written))


def _day(written: str | None) -> str | None:
    try:
        return date.fromisoformat(written).isoformat() if written else None
    except ValueError as error:
        raise InvalidRequest(f"There is no day {written}. Send one as 2024-05-08.") from error


def _named(written: str) -> str:
    if not (name := " ".join(written.split())):
        raise InvalidRequest("A topic has no name. Send its qcode or its name.")
    return name


@v1.get("/feedback", tags=["articles"])
async def corrections(
    service: Running,
    article: Annotated[str | None, Query(description="Of this article alone", max_length=512)] = None,
    after: Annotated[int, Query(ge=0, le=2**62, description="The last id of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Corrections on the page, at most")] = 100,
) -> article_schemas.Corrections:
    """What was sent as feedback, in the order it came."""
    kept = await run_in_threadpool(service.library.corrections, article, limit=limit, after_id=after)
    return article_schemas.Corrections(
        corrections=[article_schemas.CorrectionReply.model_validate(entry) for entry in kept]
    )


@v1.get("/status", tags=["health"])
async def status(request: Request, service: Running) -> status_schemas.Status:
    """How the service is, at a glance. For measurements over time there is /metrics."""
    load, drain = service.worker.load(), request.app.state.drain
    fault = service.worker.fault()
    return status_schemas.Status(
        version=__version__,
        ready=not (fault or drain.started),
        fault=fault,
        up_seconds=time.monotonic() - service.started,
        queue=status_schemas.QueueStatus(
            requests=load.requests, articles=load.articles, seconds=load.waiting_seconds, refused=load.refused
        ),
        tasks={
            task: status_schemas.TaskStatus(stored=service.answered[task, True], computed=service.answered[task, False])
            for task in TASKS
        },
        models=service.loaded_models(),
        paces=load.paces,
        memory_bytes=memory.resident_memory(),
        articles=await run_in_threadpool(_total, service),
    )


def _total(service: Service) -> int | None:
    try:
        return service.library.total()
    except StoreError:  # it has its own answer elsewhere; here the rest is wanted
        return None


@v1.get("/runs", tags=["archive runs"])
async def runs(service: Running) -> status_schemas.Runs:
    """The archive runs of the command line in the folder DATELINE_RUNS, the latest first."""
    folder = service.settings.runs
    found = await run_in_threadpool(listing.runs, folder) if folder else []
    return status_schemas.Runs(
        folder=folder is not None, runs=[status_schemas.Run.model_validate(run) for run in found]
    )


@v1.get("/runs/{name}", tags=["archive runs"])
async def run(name: RunName, service: Running) -> status_schemas.Run:
    """How one run stands."""
    return status_schemas.Run.model_validate(await run_in_threadpool(listing.run, _runs_folder(service), name))


@v1.get("/runs/{name}/failures", tags=["archive runs"])
async def run_failures(
    name: RunName,
    service: Running,
    after: Annotated[int, Query(ge=0, le=2**53, description="Failures to skip")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Failures on the page, at most")] = 100,
) -> status_schemas.RunFailures:
    """The records of a run that failed, and why."""
    found = await run_in_threadpool(listing.failures, _runs_folder(service), name, after=after, limit=limit)
    return status_schemas.RunFailures(failures=[status_schemas.RunFailure.model_validate(failure) for failure in found])


@v1.get("/runs/{name}/output", tags=["archive runs"], response_class=FileResponse)
async def run_output(name: RunName, service: Running) -> FileResponse:
    """The file that a finished run wrote."""
    path = await run_in_threadpool(listing.output, _runs_folder(service), name)
    return FileResponse(path, filename=path.name)


def _runs_folder(service: Service) -> FilePath:
    if service.settings.runs is None:
        raise UnknownRun("No runs are shown here. Set DATELINE_RUNS to the folder that dateline archive writes to.")
    return service.settings.runs


@v1.get("/models", tags=["models"])
async def models(service: Running) -> model_schemas.ModelList:
    """The models that can be asked for: presets, and what was pulled or dropped into the folder of models."""
    settings = service.settings
    defaults = {"summary": settings.summary_model, "topics": settings.topics_model}
    entries = [
        model_schemas.ModelEntry(
            id=entry.id,
            description=entry.description,
            tasks=list(entry.tasks),
            languages=list(entry.languages),
            licence=entry.licence,
            repo=entry.repo,
            ready=entry.ready,
            default_for=[task for task in TASKS if defaults[task] in (entry.id, entry.repo)],
        )
        for entry in await run_in_threadpool(partial(list_models, settings.models_folder, servers=settings.engines))
    ]
    return model_schemas.ModelList(models=entries, data=openai.listed(entries))


@v1.get("/topics", tags=["models"])
async def topics(
    service: Running,
    levels: Annotated[int | None, Query(ge=1, le=10, description="Levels of the tree; all when absent")] = None,
    vocabulary: Annotated[
        str | None, Query(description="A vocabulary that was loaded, or a model trained here, by its name")
    ] = None,
) -> model_schemas.VocabularyReply:
    """The Media Topics, with their release: every concept, retired ones too, and how well the default model knows it.
    Or the vocabulary of that name."""
    if vocabulary is None:
        card = await service.model_card(service.settings.topics_model)
        return model_schemas.media_topics(card, levels=levels)
    info = await service.model_info(vocabulary)
    if info.kind != "own":
        raise UnknownModel(f"{vocabulary!r} is no vocabulary of your own. Leave `vocabulary` out for the Media Topics.")
    card = await service.model_card(vocabulary)
    return model_schemas.own_topics(card, name=vocabulary, revision=info.revision, levels=levels)


@v1.get("/topics/counts", tags=["articles"])
async def topic_counts(service: Running) -> article_schemas.TopicCounts:
    """How many of the articles kept are listed under each topic, by month of publication."""
    counted = await run_in_threadpool(service.library.counts)
    return article_schemas.TopicCounts(months=counted.pop("", {}), topics=counted)
