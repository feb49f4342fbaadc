"""The page at `/` and the API's description at `/docs`: static files, under a strict policy of what a browser may load
and run. Their addresses are relative, so that they work under any prefix."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "img-src 'self'", "img-src 'self' data:"
)
"""Swagger UI sets styles and pictures inline; it runs no inline script."""
CACHED = "no-cache"
"""Ask each time whether a file changed: after an upgrade no old one meets a new one."""

router = APIRouter(include_in_schema=False)


class Guarded:
    """Serves files under the page's policy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = {**_headers(POLICY), "Cache-Control": CACHED}
                pairs = [(name.lower().encode(), value.encode()) for name, value in added.items()]
                message = {**message, "headers": [*message.get("headers", ()), *pairs]}
            await send(message)

        await self._app(scope, receive, send_guarded)


def mounts() -> list[Mount]:
    """The files that the pages load."""
    return [
        Mount("/assets", Guarded(StaticFiles(packages=[("service.web", "assets")])), name="assets"),
        Mount("/docs", Guarded(StaticFiles(packages=[("fastapi_offline", "static")])), name="docs"),
    ]


@router.api_route("/", methods=["GET", "HEAD"])
async def page() -> HTMLResponse:
    return HTMLResponse(_read("index.html"), headers=_headers(POLICY))


@router.get("/docs")
async def docs() -> HTMLResponse:
    return HTMLResponse(_read("docs.html"), headers=_headers(DOCS_POLICY))


def _headers(policy: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def _read(name: str) -> str:
    return files("service.web").joinpath(name).read_text(encoding="utf-8")
