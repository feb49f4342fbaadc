"""The HTTP service: `create_app(settings)` gives the ASGI application, with its lifespan and its answers to errors."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from models.errors import ModelLoading
from models.shelf import Shelf
from seeds.store import Store
from service import __version__, huggingface, routes, schemas
from service.digest import ModelSource
from service.errors import InvalidRequest, MethodNotAllowed, Overloaded, UnknownRoute, expected, problem_of
from service.limits import LimitBody, RequestIds
from service.metrics import Metrics
from service.replies import Replies
from service.settings import Settings

log = logging.getLogger("dateline")

LOADING_SECONDS = "5"
"""What most models take to load, about; nothing tells how far one is."""

DESCRIPTION = """Summarises news articles and tags their topics. Every result says which model made it and is kept:
asked again, it comes from the store. Errors are `application/problem+json` (RFC 9457)."""


def create_app(
    settings: Settings, *, models: ModelSource | None = None, open_store: Callable[[str], Store] = Store
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        models: where models come from; by default the presets, loaded when the application starts.
        open_store: opens the result store; called when the application starts.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        shelf = models or shelf_of(settings)
        store = await run_in_threadpool(open_store, settings.store_url)
        for id in {settings.summary_model, settings.topics_model}:
            await run_in_threadpool(shelf.get, id)
        running = routes.Rooms(settings, shelf, store)
        metrics.watch(running.scheduler)
        app.state.dateline = running
        log.info("records in %s, results in %s", settings.seeds, store.name)
        yield
        del app.state.dateline
        await run_in_threadpool(running.scheduler.close)
        await run_in_threadpool(store.close)

    metrics = Metrics()
    app = FastAPI(
        title="Dateline",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        responses={
            "default": {
                "description": "Problem",
                "content": {"application/problem+json": {"schema": schemas.ProblemReply.model_json_schema()}},
            }
        },
    )
    app.state.settings = settings
    app.add_middleware(
        Replies,
        generation=lambda: getattr(getattr(getattr(app.state, "dateline", None), "models", None), "generation", 0),
        max_request_bytes=settings.max_body_bytes,
    )
    app.add_middleware(LimitBody, most=settings.max_body_bytes)
    app.add_middleware(RequestIds)
    app.add_middleware(metrics.middleware)
    app.include_router(routes.health)
    app.include_router(metrics.router())
    app.include_router(routes.v1)
    app.include_router(huggingface.router)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
    for kind in expected():
        app.add_exception_handler(kind, _expected)
    return app


def shelf_of(settings: Settings) -> Shelf:
    """The models that the settings allow."""
    return Shelf(
        settings.models_folder,
        dtype=settings.dtype,
        engine=settings.engine,
        max_loaded=settings.max_loaded_models,
    )


def problem_response(request: Request, error: Exception, *, headers: dict[str, str] | None = None) -> Response:
    """The error as application/problem+json, with its status."""
    reply = schemas.problem_reply(error, instance=request.url.path)
    return JSONResponse(
        reply.model_dump(), status_code=reply.status, headers=headers, media_type="application/problem+json"
    )


async def _expected(request: Request, error: Exception) -> Response:
    status = problem_of(error).status
    if status >= 500:
        log.error("%s %s [%s]: %s", request.method, request.url.path, request.state.request_id, error)
    return problem_response(request, error, headers=_headers(request, error, status))


def _headers(request: Request, error: Exception, status: int) -> dict[str, str] | None:
    """What a client has to know beside the body: how to authenticate, or when to come back (RFC 9110's Retry-After, and
    the RateLimit fields of draft-ietf-httpapi-ratelimit-headers)."""
    if isinstance(error, Overloaded):
        settings = request.app.state.settings
        seconds = error.retry_after_seconds
        return {
            "Retry-After": str(seconds),
            "RateLimit": f'"default";r=0;t={seconds}',
            "RateLimit-Policy": f'"default";q={settings.max_waiting};w={round(settings.max_queue_seconds)}',
        }
    if isinstance(error, ModelLoading):
        return {"Retry-After": LOADING_SECONDS}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else None


async def _unexpected(request: Request, error: Exception) -> Response:
    request_id = request.state.request_id  # this reply is made outside the middleware that would add the header
    log.error("%s %s [%s] failed", request.method, request.url.path, request_id, exc_info=error)
    return problem_response(request, error, headers={"X-Request-ID": request_id})


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    detail = schemas.describe(error.errors())
    kind = request.headers.get("content-type", "no content type")
    if request.method == "POST" and "json" not in kind:
        detail += f" It was sent as {kind!r}; send the header 'Content-Type: application/json'."
    return problem_response(request, InvalidRequest(detail))


async def _http_error(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such route, a method not allowed, a body that cannot be read."""
    assert isinstance(error, HTTPException)
    cause = error.__cause__ or error.__context__
    if isinstance(cause, expected()):
        return await _expected(request, cause)
    if isinstance(cause, UnicodeDecodeError):
        detail = f"The body is not UTF-8: byte 0x{cause.object[cause.start]:02X} at offset {cause.start:,}."
        return problem_response(request, InvalidRequest(f"{detail} Send JSON encoded as UTF-8."))
    if error.status_code == 404:
        return problem_response(
            request, UnknownRoute(f"There is nothing at {request.url.path}. /docs lists the routes.")
        )
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.url.path} does not take {request.method}; use {allowed}."
        return problem_response(request, MethodNotAllowed(detail), headers=dict(error.headers or {}))
    return problem_response(request, InvalidRequest(f"The request cannot be read: {error.detail}. Send JSON."))
