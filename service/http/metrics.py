"""Counts what the service does, for Prometheus at /metrics."""

import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.queue.admission import Load
from service.queue.lanes import Lanes
from service.queue.worker import Worker

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
"""Whatever else a client calls a method is counted together: every label is a time series for ever."""
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The measurements of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "dateline_requests", "Requests answered", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "dateline_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=self._registry
        )

    def watch(self, worker: Worker | Lanes) -> None:
        """Show how busy the worker is, read when asked."""
        shown: tuple[tuple[str, str, Callable[[Load], float]], ...] = (
            ("dateline_waiting_requests", "Requests admitted and not answered", lambda load: load.requests),
            ("dateline_waiting_articles", "Articles queued or running", lambda load: load.articles),
            ("dateline_waiting_seconds", "Estimated time to do what waits", lambda load: load.waiting_seconds),
            ("dateline_refused_requests", "Requests refused with 429 since the start", lambda load: load.refused),
            ("dateline_abandoned_threads", "Threads hanging in a model given up", lambda load: load.abandoned_threads),
        )
        for name, meaning, read in shown:
            Gauge(name, meaning, registry=self._registry).set_function(lambda read=read: float(read(worker.load())))  # type: ignore[misc]  # a default binds the loop's value

    def router(self) -> APIRouter:
        router = APIRouter(tags=["health"])

        @router.get("/metrics", response_class=Response)
        async def metrics() -> Response:
            """Measurements in Prometheus' text format."""
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

        return router

    def middleware(self, app: ASGIApp) -> ASGIApp:
        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            started = time.perf_counter()
            status = 500

            async def watched(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, watched)
            finally:
                route: Any = scope.get("route")
                path = getattr(route, "path", "none")
                method = scope["method"] if scope["method"] in METHODS else "other"
                self._requests.labels(path, method, str(status)).inc()
                self._seconds.labels(path).observe(time.perf_counter() - started)

        return counted
