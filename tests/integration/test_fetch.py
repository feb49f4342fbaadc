"""Fetching from a hub, with the real client, in a process of its own: it reads its endpoint when it is imported."""

import os
import subprocess
import sys
from pathlib import Path

from tests.hub import COMMIT, hub

MODEL = "acme/news-tiny"
SCRIPT = """
import sys
from pathlib import Path
from models import loading
from models.errors import ModelError
try:
    print(loading.fetch(sys.argv[1], revision=sys.argv[2], folder=Path(sys.argv[3])))
except ModelError as error:
    print(type(error).__name__, error)
"""


def fetch(cache: Path, endpoint: str, *, model: str = MODEL, revision: str = "main", offline: str = "0") -> str:
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": offline, "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", SCRIPT, model, revision, str(cache)]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, timeout=60
    ).stdout.strip()


def test_a_model_is_fetched_once_at_its_commit_and_then_served_offline(tiny_folder: Path, tmp_path: Path) -> None:
    with hub(tiny_folder, model_id=MODEL) as (endpoint, asked):
        folder = Path(fetch(tmp_path, endpoint))
        downloads = [path for path in asked if path.startswith("GET") and "/resolve/" in path]
        assert folder.name == COMMIT
        assert (folder / "model.safetensors").read_bytes() == (tiny_folder / "model.safetensors").read_bytes()
        assert len(downloads) == len(set(downloads)) == 5  # all but SHA256SUMS, which serving does not take from a hub
        fetch(tmp_path, endpoint, revision=COMMIT)
        assert len([path for path in asked if path.startswith("GET") and "/resolve/" in path]) == 5
    assert Path(fetch(tmp_path, "http://127.0.0.1:9", revision=COMMIT, offline="1")) == folder


def test_missing_and_unreachable_are_different_errors(tiny_folder: Path, tmp_path: Path) -> None:
    with hub(tiny_folder, model_id=MODEL) as (endpoint, _):
        missing = fetch(tmp_path, endpoint, model="acme/nobody")
    assert missing.startswith("UnknownModel")
    unreachable = fetch(tmp_path, "http://127.0.0.1:9", offline="1")
    assert unreachable.startswith("ModelUnavailable")
    assert "network" in unreachable
