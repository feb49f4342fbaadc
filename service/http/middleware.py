"""ASGI middleware that every request passes, outermost first: headers of the reply, the API key (before anything is
read), and a limit on the body."""

import base64
import hmac
import re
import uuid
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import KeyMissing, KeyRefused, TooLarge
from service.http.problems import problem_response
from service.settings import Settings

REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
NEEDS_KEY = re.compile(r"/(?:v1|models|article|concept)(?:/|$)")


class ReplyHeaders:
    """Echoes `X-Request-ID`, or makes one, and puts it into the request's state. Closes each connection after its next
    reply once the service drains, so that a client's next request goes to another replica, and none is sent to a
    connection that is about to be closed."""

    def __init__(self, app: ASGIApp, *, is_draining: Callable[[], bool]) -> None:
        self._app = app
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent_id = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = sent_id if REQUEST_ID.fullmatch(sent_id) else uuid.uuid4().hex.encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"x-request-id", request_id)]
                if self._is_draining():
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)


class ApiKeys:
    """Lets a request pass if it carries one of the configured keys, as a bearer token or a password. The body is not
    read before that. The page and Miniflux's webhook, which is signed, need none."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._keys = [key.get_secret_value().encode() for key in settings.api_keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and NEEDS_KEY.match(scope["path"].removeprefix(scope.get("root_path", ""))):
            try:
                self._check([value for name, value in scope["headers"] if name == b"authorization"])
            except (KeyMissing, KeyRefused) as error:
                response = problem_response(error, path=scope["path"], settings=self._settings)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, headers: list[bytes]) -> None:
        if len(headers) > 1:
            raise KeyRefused("The request has several Authorization headers. Send one.")
        scheme, _, key = (headers or [b""])[0].partition(b" ")
        if scheme.lower() == b"basic":  # as Superdesk sends it: any name, and the key
            key = _password(key)
        elif scheme.lower() != b"bearer":
            key = b""
        if not key:
            raise KeyMissing("This service wants an API key. Send the header 'Authorization: Bearer <key>'.")
        if not any([hmac.compare_digest(key.strip(), known) for known in self._keys]):  # noqa: C419 - in equal time
            raise KeyRefused("The API key is not valid here. Check it, or ask whoever runs this service.")


def _password(encoded: bytes) -> bytes:
    """Of HTTP's basic authentication; nothing where it cannot be read."""
    try:
        return base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return b""


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
