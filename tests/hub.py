"""A hub on this machine: serves the files of one folder as a model, the way the real client asks for them."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub(folder: Path, *, model_id: str) -> Iterator[tuple[str, list[str]]]:
    """Serve `folder` as `model_id`; gives the endpoint and the list of paths asked for, which grows."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            asked.append(f"{self.command} {self.path}")
            path = self.path.split("?")[0]
            name = path.rsplit("/", 1)[-1]
            if path.startswith(f"/api/models/{model_id}/revision/"):
                siblings = [{"rfilename": file.name} for file in sorted(folder.iterdir())]
                self.send(json.dumps({"id": model_id, "sha": COMMIT, "siblings": siblings}).encode(), body=body)
            elif path == f"/api/models/{model_id}/tree/{COMMIT}":
                files = [
                    {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": COMMIT}
                    for file in folder.iterdir()
                ]
                self.send(json.dumps(files).encode(), body=body)
            elif path == f"/{model_id}/resolve/{COMMIT}/{name}" and (folder / name).is_file():
                self.send((folder / name).read_bytes(), body=body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def send(self, data: bytes, *, body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
