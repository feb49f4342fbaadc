"""ASGI middleware that remembers the replies to requests whose every result came from the store: the same bytes asked
again get the same bytes back, without being parsed. Bounded."""

import hashlib
from collections import OrderedDict
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_REQUEST_BYTES = 256 * 1024
MAX_REMEMBERED_BYTES = 32 * 1024**2
ENTRY_BYTES = 1024
"""What an entry takes beside its body."""


class Replies:
    """Answers what was answered before.

    A route says that a reply may be remembered by setting `repeatable` in the request's state. The key is the path, the
    content type and the body; whether the request may ask was checked before.

    Args:
        max_request_bytes: replies to longer requests are not remembered.
    """

    def __init__(self, app: ASGIApp, *, max_request_bytes: int) -> None:
        self._app = app
        self._max_request_bytes = min(max_request_bytes, MAX_REQUEST_BYTES)
        self._replies: OrderedDict[bytes, tuple[list[Message], Any]] = OrderedDict()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_candidate(scope):
            await self._app(scope, receive, send)
            return
        read = [await receive()]
        while read[-1].get("more_body"):
            read.append(await receive())
        key = self._key(scope, read)
        if reply := self._recall(key):
            messages, scope["route"] = reply
            for message in messages:
                await send(message)
            return
        sent: list[Message] = []

        async def replay() -> Message:
            return read.pop(0) if read else await receive()

        async def watched(message: Message) -> None:
            sent.append(message)
            await send(message)

        await self._app(scope, replay, watched)
        if scope.get("state", {}).get("repeatable"):
            self._remember(key, sent, scope.get("route"))

    def _is_candidate(self, scope: Scope) -> bool:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/v1/"):
            return False
        length = dict(scope["headers"]).get(b"content-length", b"")
        return length.isdigit() and int(length) <= self._max_request_bytes

    @staticmethod
    def _key(scope: Scope, read: list[Message]) -> bytes:
        headers = dict(scope["headers"])
        digest = hashlib.sha256(b"\0".join((scope["path"].encode(), headers.get(b"content-type", b""))))
        for message in read:
            digest.update(message.get("body", b""))
        return digest.digest()

    def _recall(self, key: bytes) -> tuple[list[Message], Any] | None:
        if key in self._replies:
            self._replies.move_to_end(key)
        return self._replies.get(key)

    def _remember(self, key: bytes, sent: list[Message], route: Any) -> None:
        if key in self._replies:
            return
        self._replies[key] = (sent, route)
        self._bytes += _size(sent)
        while self._bytes > MAX_REMEMBERED_BYTES:
            _, (dropped, _) = self._replies.popitem(last=False)
            self._bytes -= _size(dropped)


def _size(messages: list[Message]) -> int:
    return ENTRY_BYTES + sum(len(message.get("body", b"")) for message in messages)
