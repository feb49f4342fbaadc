"""ASGI middleware that every request passes: a request id, and a limit on the body. Knows nothing of routes."""

import re
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import TooLarge

REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class RequestIds:
    """Echoes `X-Request-ID`, or makes one, and puts it into the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex.encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", request_id)]}
            await send(message)

        await self._app(scope, receive, send_with_id)


class LimitBody:
    """Refuses a body of more than `most` bytes, whether or not its length was announced.

    Raises:
        TooLarge: while the body is read.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise TooLarge(
                    f"The request body is over {self._most:,} bytes. Send fewer or shorter articles, or raise "
                    "DATELINE_MAX_BODY_BYTES."
                )
            return message

        await self._app(scope, counted, send)
