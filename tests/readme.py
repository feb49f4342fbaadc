"""The parts of the documentation that are made, not written: `python -m tests.readme` makes them anew."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.testclient import TestClient

from service.http.app import create_app
from service.settings import Settings, table

ROOT = Path(__file__).parent.parent
README, API, OPERATIONS = ROOT / "README.md", ROOT / "docs" / "api.md", ROOT / "docs" / "operations.md"


def section(text: str, name: str) -> str:
    found = re.search(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    assert found, f"there is no section {name!r}"
    return found[1]


def replace(text: str, name: str, content: str) -> str:
    opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    return text.replace(opening + section(text, name) + closing, opening + content + "\n" + closing)


def request(text: str) -> dict[str, Any]:
    """The body that the README's curl sends."""
    body = re.search(r"-d '(.*?)'\n```", section(text, "request"), re.DOTALL)
    assert body
    return json.loads(body[1])  # type: ignore[no-any-return]


def reply(text: str) -> dict[str, Any]:
    """What the service answers to it."""
    with TemporaryDirectory() as folder, TestClient(create_app(Settings(seeds=Path(folder)))) as client:
        return client.post("/v1/digest", json=request(text)).json()  # type: ignore[no-any-return]


def help_text() -> str:
    environment = os.environ | {"COLUMNS": "110", "NO_COLOR": "1", "TERM": "dumb"}
    command = [str(Path(sys.executable).parent / "dateline"), "digest", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return "\n".join(line.rstrip() for line in shown.strip().splitlines())


def main() -> None:
    text = README.read_text(encoding="utf-8")
    made_reply = f"```json\n{json.dumps(reply(text), indent=2, ensure_ascii=False)}\n```"
    for path, name, content in (
        (README, "reply", made_reply),
        (API, "help", f"```\n{help_text()}\n```"),
        (OPERATIONS, "settings", table()),
    ):
        path.write_text(replace(path.read_text(encoding="utf-8"), name, content), encoding="utf-8")


if __name__ == "__main__":
    main()
