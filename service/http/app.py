"""The HTTP service: `create_app(settings)` gives the ASGI application, with its lifespan and its answers to errors."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from seeds.store import Store
from service import __version__
from service.errors import InvalidRequest, MethodNotAllowed, UnknownRoute, expected, problem_of
from service.http import huggingface, openai, pages, routes, schemas, trainings, wires
from service.http.metrics import Metrics
from service.http.middleware import ApiKeys, LimitBody, ReplyHeaders
from service.http.problems import problem_response
from service.http.replies import Replies
from service.http.state import LOOKUP_THREADS, Drain, Service
from service.queue.worker import Models
from service.settings import Settings, model_cache

log = logging.getLogger("dateline")

DESCRIPTION = """Summarises news articles and tags their topics. Every result says which model made it and is stored:
asked for again, it comes from the store. Errors are `application/problem+json` (RFC 9457)."""
PROBLEM = {
    "description": "Problem",
    "content": {"application/problem+json": {"schema": schemas.ProblemReply.model_json_schema()}},
}


def create_app(
    settings: Settings,
    *,
    models: Models | None = None,
    open_store: Callable[[str], Store] = Store,
    drain: Drain | None = None,
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        models: where models come from; by default the presets and what was pulled.
        open_store: opens the result store; called when the application starts.
        drain: says when the service is about to stop.
    """
    metrics, drain = Metrics(), drain or Drain()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = LOOKUP_THREADS
        cache = models or model_cache(settings)
        store = await run_in_threadpool(open_store, settings.store_url)
        for id in {settings.summary_model, settings.topics_model}:
            await run_in_threadpool(cache.get, await run_in_threadpool(cache.info, id))
        service = Service(settings, cache, store)
        metrics.watch(service.worker)
        await run_in_threadpool(service.library.refresh)
        app.state.service = service
        log.info("records in %s, results in %s", settings.seeds, store.name)
        yield
        del app.state.service
        await run_in_threadpool(service.trainings.close)
        if service.miniflux:
            await run_in_threadpool(service.miniflux.close)
        await run_in_threadpool(service.worker.close)
        await run_in_threadpool(store.close)

    app = FastAPI(
        title="Dateline",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        responses={"default": PROBLEM},
        docs_url=None,  # ours loads nothing from elsewhere
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.drain = drain
    app.add_middleware(LimitBody, most=settings.max_body_bytes)  # the last one added is the outermost
    app.add_middleware(Replies, max_request_bytes=settings.max_body_bytes)
    if settings.api_keys:
        app.add_middleware(ApiKeys, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=["*"]
        )
    app.add_middleware(ReplyHeaders, is_draining=lambda: drain.started)
    app.add_middleware(metrics.middleware)
    app.include_router(routes.health)
    app.include_router(metrics.router())
    app.include_router(routes.v1)
    app.include_router(trainings.router)
    app.include_router(openai.router)
    app.include_router(wires.router)
    app.include_router(huggingface.router)
    app.include_router(pages.router)
    app.router.routes += pages.mounts()
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
    for kind in expected():
        app.add_exception_handler(kind, _expected)
    return app


def _problem(request: Request, error: Exception, *, headers: dict[str, str] | None = None) -> Response:
    return problem_response(error, path=request.url.path, settings=request.app.state.settings, headers=headers)


async def _expected(request: Request, error: Exception) -> Response:
    if problem_of(error).status >= 500:
        log.error("%s %s [%s]: %s", request.method, request.url.path, request.state.request_id, error)
    return _problem(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    request_id = request.state.request_id  # this reply is made outside the middleware that would add the header
    log.error("%s %s [%s] failed", request.method, request.url.path, request_id, exc_info=error)
    return _problem(request, error, headers={"X-Request-ID": request_id})


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    detail = schemas.describe(error.errors())
    content_type = request.headers.get("content-type", "no content type")
    if request.method == "POST" and "json" not in content_type:
        detail += f" It was sent as {content_type!r}; send the header 'Content-Type: application/json'."
    return _problem(request, InvalidRequest(detail))


async def _http_error(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such route, a method not allowed, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    cause = error.__cause__ or error.__context__
    if isinstance(cause, expected()):
        return await _expected(request, cause)
    if isinstance(cause, UnicodeDecodeError):
        detail = f"The body is not UTF-8: byte 0x{cause.object[cause.start]:02X} at offset {cause.start:,}."
        return _problem(request, InvalidRequest(f"{detail} Send JSON encoded as UTF-8."))
    if error.status_code == 404:
        return _problem(request, UnknownRoute(f"There is no route {request.url.path}. /docs lists the routes."))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.url.path} does not take {request.method}; use {allowed}."
        return _problem(request, MethodNotAllowed(detail), headers=dict(error.headers or {}))
    return _problem(request, InvalidRequest(f"The request cannot be read: {error.detail}. Send JSON."))
