"""The service as a process: started by its command, asked over a socket, stopped by a signal."""

import json
import os
import re
import signal
import subprocess
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_cli import DATELINE
from tests.conftest import SEED_ID


@contextmanager
def serving(seeds: Path, **variables: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start the service on a free port and give its address once it is ready."""
    environment = os.environ | {"DATELINE_SEEDS": str(seeds), "HF_HUB_OFFLINE": "1"} | variables
    process = subprocess.Popen([DATELINE, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    reader: threading.Thread | None = None
    try:
        for line in process.stderr:
            if found := re.search(r"ready on (http://\S+)", line):
                reader = threading.Thread(target=deque, args=[process.stderr, 0])
                reader.start()  # read on, or the service would wait for room in the pipe
                yield found[1], process
                break
        else:
            pytest.fail("the service did not start")
    finally:
        process.kill()
        process.wait(timeout=10)
        if reader:
            reader.join()
        process.stderr.close()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return json.load(reply)


def test_the_seed_article_is_kept_over_a_restart(seeds_folder: Path) -> None:
    with serving(seeds_folder) as (url, process):
        assert get(f"{url}/readyz") == {"status": "ok"}
        first = get(f"{url}/v1/articles/{SEED_ID}/digest")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == -signal.SIGTERM  # drained, then ended as the signal asks
    with serving(seeds_folder) as (url, _):
        again = get(f"{url}/v1/articles/{SEED_ID}/digest")
    assert first["topics"][0]["qcode"] == "medtop:16000000"
    assert first["cached"] == {"summary": False, "topics": False}
    assert again == first | {"cached": {"summary": True, "topics": True}}


def test_a_result_survives_sigkill(seeds_folder: Path) -> None:
    with serving(seeds_folder, DATELINE_SUMMARY_MODEL="lead") as (url, process):
        get(f"{url}/v1/articles/{SEED_ID}/digest")
        process.kill()
        process.wait(timeout=10)
    with serving(seeds_folder, DATELINE_SUMMARY_MODEL="lead") as (url, _):
        assert get(f"{url}/v1/articles/{SEED_ID}/digest")["cached"] == {"summary": True, "topics": True}


def test_an_address_in_use_is_told(seeds_folder: Path) -> None:
    with serving(seeds_folder, DATELINE_TOPICS_MODEL="news-minilm") as (url, _):
        port = url.rsplit(":", 1)[1]
        second = subprocess.run(
            [DATELINE, "serve", "--port", port], capture_output=True, text=True, timeout=60,
            env=os.environ | {"DATELINE_SEEDS": str(seeds_folder)},
        )  # fmt: skip
    assert second.returncode == 1
    assert "in use" in second.stderr


def test_a_start_that_cannot_succeed_ends_at_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [DATELINE, "serve", "--port", "0"], capture_output=True, text=True, timeout=60,
        env=os.environ | {"DATELINE_SEEDS": str(tmp_path / "nowhere")},
    )  # fmt: skip
    assert done.returncode == 1
    assert "DATELINE_SEEDS" in done.stderr
    assert "Traceback" not in done.stderr


def test_two_services_may_share_a_store(seeds_folder: Path) -> None:
    with serving(seeds_folder) as (one, _), serving(seeds_folder) as (other, _):
        get(f"{one}/v1/articles/{SEED_ID}/digest")
        assert get(f"{other}/v1/articles/{SEED_ID}/digest")["cached"] == {"summary": True, "topics": True}
