"""Errors as `application/problem+json` (RFC 9457), with the headers that belong to them; on the routes of OpenAI's wire
in its own form."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from service.errors import Overloaded, problem_fields, problem_of
from service.settings import Settings

OPENAI = re.compile(r"/v1/chat/")


def problem_response(
    error: Exception, *, path: str, settings: Settings, headers: dict[str, str] | None = None
) -> Response:
    """The error as a response with its status."""
    fields, problem = problem_fields(error, instance=path), problem_of(error)
    headers = _headers(error, settings) | (headers or {})
    if OPENAI.search(path):
        status = 400 if problem.status == 422 else problem.status  # as OpenAI's service answers, and its clients know
        return JSONResponse({"error": _openai_error(fields, status)}, status_code=status, headers=headers)
    return JSONResponse(fields, status_code=problem.status, headers=headers, media_type="application/problem+json")


def _openai_error(fields: Mapping[str, Any], status: int) -> dict[str, Any]:
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status)
    kind = kind or ("invalid_request_error" if status < 500 else "server_error")
    return {"message": fields["detail"], "type": kind, "param": None, "code": fields["error_type"]}


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
