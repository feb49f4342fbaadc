"""Errors as `application/problem+json` (RFC 9457), with the headers that belong to them."""

from starlette.responses import JSONResponse, Response

from service.errors import Overloaded, problem_fields, problem_of
from service.settings import Settings


def problem_response(
    error: Exception, *, path: str, settings: Settings, headers: dict[str, str] | None = None
) -> Response:
    """The error as a response with its status."""
    fields = problem_fields(error, instance=path)
    return JSONResponse(
        fields,
        status_code=problem_of(error).status,
        headers=_headers(error, settings) | (headers or {}),
        media_type="application/problem+json",
    )


def _headers(error: Exception, settings: Settings) -> dict[str, str]:
    """What a client has to know beside the body: how to authenticate, or when to come back (RFC 9110's Retry-After, and
    the RateLimit fields of draft-ietf-httpapi-ratelimit-headers)."""
    if isinstance(error, Overloaded):
        seconds = error.retry_after_seconds
        return {
            "Retry-After": str(seconds),
            "RateLimit": f'"default";r=0;t={seconds}',
            "RateLimit-Policy": f'"default";q={settings.max_waiting};w={round(settings.max_queue_seconds)}',
        }
    return {"WWW-Authenticate": "Bearer"} if problem_of(error).status == 401 else {}
