"""A hub on this machine: serves the files of one folder as a model, the way the real client asks for them, and can
misbehave as real networks do."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.servers import Quiet, serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
Fault = Literal["cut", "damaged", "slow", "refused", "huge", "broken"]


@dataclass
class Hub:
    """The endpoint, the paths asked for so far, and how the files misbehave (a fault `cut` happens once)."""

    endpoint: str
    asked: list[str] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)

    def downloads(self, name: str = "") -> list[str]:
        return [path for path in self.asked if path.startswith("GET") and "/resolve/" in path and path.endswith(name)]


@contextmanager
def hub(
    folder: Path, *, model_id: str, commit: str = COMMIT, faults: Mapping[str, Fault] | None = None
) -> Iterator[Hub]:
    """Serve `folder` as `model_id` at `commit`.

    Args:
        faults: what is wrong with a file, or with the whole model (under the name ""): `cut` breaks the connection
            half-way once, `damaged` sends other bytes, `slow` drips, `refused` wants a token, `huge` announces more
            than any disk holds, `broken` answers 500.
    """
    found = Hub("", faults=dict(faults or {}))

    class Handler(Quiet):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:  # noqa: N802 - the name that http.server calls
            self.answer(body=False)

        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = self.path.split("?")[0]
            found.asked.append(f"{self.command} {path}")
            name = path.rsplit("/", 1)[-1]
            if found.faults.get("") == "refused":
                self.fail(401, "GatedRepo")
            elif found.faults.get("") == "broken":
                self.fail(500, "")
            elif not path.startswith((f"/api/models/{model_id}/", f"/{model_id}/resolve/")):
                self.fail(404, "RepoNotFound")
            elif "/revision/" in path and name not in {"main", "v1", commit}:
                self.fail(404, "RevisionNotFound")
            elif "/revision/" in path:
                files = [entry(file, found.faults.get(file.name)) for file in sorted(folder.iterdir())]
                self.send(json.dumps({"id": model_id, "sha": commit, "siblings": files}).encode(), body=body)
            elif "/tree/" in path:
                tree = [
                    {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": git_sha1(file.read_bytes())}
                    for file in folder.iterdir()
                ]
                self.send(json.dumps(tree).encode(), body=body)
            elif path == f"/{model_id}/resolve/{commit}/{name}" and (folder / name).is_file():
                self.send((folder / name).read_bytes(), body=body, fault=found.faults.get(name), name=name)
            else:
                self.fail(404, "EntryNotFound")

        def fail(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def send(self, data: bytes, *, body: bool, fault: Fault | None = None, name: str = "") -> None:
            etag = hashlib.sha256(data).hexdigest()
            if fault == "damaged":
                data = data[:-1] + bytes([data[-1] ^ 1])
            first = 0
            if body and (asked := self.headers.get("Range")):
                first = int(asked.removeprefix("bytes=").split("-")[0])
            self.send_response(206 if first else 200)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(data) - first))
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if not body:
                return
            if fault == "cut":
                del found.faults[name]
                self.wfile.write(data[first : first + (len(data) - first) // 2])
                self.wfile.flush()
                self.connection.close()
            elif fault == "slow":
                for start in range(first, len(data), max(len(data) // 8, 1)):
                    self.wfile.write(data[start : start + max(len(data) // 8, 1)])
                    time.sleep(0.05)
            else:
                self.wfile.write(data[first:])

    with serving(Handler) as found.endpoint:
        yield found


def entry(file: Path, fault: Fault | None) -> dict[str, object]:
    """A file as the hub describes it; large ones by SHA-256, small ones by git's own hash."""
    data = file.read_bytes()
    size = 10**16 if fault == "huge" else len(data)
    described: dict[str, object] = {"rfilename": file.name, "size": size, "blobId": git_sha1(data)}
    if file.suffix in {".safetensors", ".bin"}:
        described["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 130}
    return described


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
