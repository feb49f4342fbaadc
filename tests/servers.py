"""Servers on real sockets that stand for others in tests; one that is OpenAI-compatible and behaves as a test says."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANGS_SECONDS = 8.0


class Quiet(BaseHTTPRequestHandler):
    """Answers without a word in the log."""

    def read_json(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def reply(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """JSON; HTML where the body is a text."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("content-type", "text/html" if isinstance(body, str) else "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # a client that gave up
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with a handler; gives the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class FakeServer:
    """`mood`: "well", "hangs", "garbage", "empty", "busy" (429), "refuses" (400), "broken" (500), "html". `text` is what
    it writes; a text that holds `refused` it does not take."""

    base_url: str = ""
    mood: str = "well"
    text: str = "The harbour town held a drill. About 4,000 residents took part."
    finish_reason: str = "stop"
    refused: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    state = FakeServer()

    class Handler(Quiet):
        def do_POST(self) -> None:
            body = self.read_json()
            state.seen.append(body)
            state.keys.append(self.headers.get("authorization"))
            if state.mood == "hangs":
                time.sleep(HANGS_SECONDS)
            if state.mood == "busy":
                self.reply(429, {"error": {"message": "busy"}}, {"retry-after": "0"})
            elif state.mood == "refuses" or (state.refused and state.refused in body["messages"][0]["content"]):
                self.reply(400, {"error": {"message": "content policy"}})
            elif state.mood == "broken":
                self.reply(500, {"error": {"message": "out of memory"}})
            elif state.mood == "garbage":
                self.reply(200, {"answer": 42})
            elif state.mood == "html":
                self.reply(200, "<html>Welcome</html>")
            else:
                text = "" if state.mood == "empty" else state.text
                choice = {
                    "index": 0,
                    "finish_reason": state.finish_reason,
                    "message": {"role": "assistant", "content": text},
                }
                self.reply(
                    200, {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
                )

    with serving(Handler) as url:
        state.base_url = f"{url}/v1"
        yield state
