"""The service under load, over real sockets: refusals, clients that leave, models that fail."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from models.types import Outcome, Work
from service.http.app import create_app
from service.http.state import Service
from service.settings import Settings
from tests.acceptance.test_serve import serving
from tests.articles import FOOTBALL, HARBOUR, long_article
from tests.doubles import INFO, Awkward, Counting, SomeModels
from tests.live import live
from tests.patience import until


class Steady(Counting):
    """Takes a fixed time for every article, as a real model would."""

    def __init__(self, *, seconds: float = 0.004, **options: Any) -> None:
        super().__init__(**options)
        self.seconds = seconds

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        time.sleep(self.seconds * len(work))
        return super().run(work)


def settings(folder: Path, **values: object) -> Settings:
    return Settings(seeds=folder, summary_model=INFO.id, topics_model=INFO.id, **values)  # type: ignore[arg-type]


def body(text: str) -> dict[str, object]:
    return {"articles": [{"text": text}]}


def test_overload_is_answered_200_or_429_in_time_and_passes(tmp_path: Path) -> None:
    """Ten times what the model can do, for some seconds."""
    model = Steady(info=replace(INFO, characters_per_second=15_000), seconds=0.04)
    app = create_app(settings(tmp_path, max_queue_seconds=0.5, deadline_seconds=2), models=SomeModels({INFO.id: model}))
    seen: Counter[int] = Counter()
    seconds: list[float] = []
    end = time.monotonic() + 5

    def caller(base: str, number: int) -> None:
        with closing(HTTPConnection(base.removeprefix("http://"))) as connection:
            while time.monotonic() < end:
                ask(connection, number)

    def ask(connection: HTTPConnection, number: int) -> None:
        started = time.monotonic()
        sent = json.dumps(body(f"Story {random.random()} of caller {number} is told. {FOOTBALL}"))
        connection.request("POST", "/v1/digest", sent, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        read = json.load(reply)
        seen[reply.status] += 1
        if reply.status == 200:
            seconds.append(time.monotonic() - started)
            assert read["results"][0]["error"] is None
        else:
            assert int(reply.headers["Retry-After"]) >= 1
        time.sleep(random.random() * 0.8)

    with live(app) as base:
        with ThreadPoolExecutor(100) as pool:
            for done in [pool.submit(caller, base, number) for number in range(100)]:
                done.result()
        assert set(seen) == {200, 429}
        assert sorted(seconds)[int(0.99 * len(seconds))] < 2
        assert seen[200] > 25
        assert seen[429] > seen[200]
        assert httpx.post(f"{base}/v1/digest", json=body(HARBOUR)).status_code == 200
        assert app.state.service.worker.load().articles == 0
        shown = httpx.get(f"{base}/metrics").text
        assert f'dateline_requests_total{{method="POST",route="/v1/digest",status="429"}} {seen[429]}.0' in shown
        assert f"dateline_refused_requests {seen[429]}.0" in shown


def test_cached_answers_are_given_however_busy_the_model_is(tmp_path: Path) -> None:
    gate = threading.Event()
    gate.set()
    model = Counting(gate=gate)
    app = create_app(settings(tmp_path, max_waiting=1), models=SomeModels({INFO.id: model}))
    with live(app) as base:
        httpx.post(f"{base}/v1/digest", json=body(HARBOUR))
        gate.clear()
        busy = threading.Thread(target=httpx.post, args=[f"{base}/v1/digest"], kwargs={"json": body(FOOTBALL)})
        busy.start()
        until(lambda: app.state.service.worker.load().articles == 1)
        assert httpx.post(f"{base}/v1/digest", json=body("Something new is told.")).status_code == 429
        assert httpx.post(f"{base}/v1/digest", json=body(HARBOUR)).json()["results"][0]["cached"]["summary"]
        gate.set()
        busy.join(10)


def test_a_thousand_clients_that_leave_at_random_leave_no_work_behind(tmp_path: Path) -> None:
    model = Steady()
    app = create_app(settings(tmp_path, max_queue_seconds=1e6, max_waiting=240), models=SomeModels({INFO.id: model}))
    answered = 0

    async def caller(base: str, number: int) -> None:
        nonlocal answered
        host, port = base.removeprefix("http://").split(":")
        await asyncio.sleep(random.random() * 2)
        reader, writer = await asyncio.open_connection(host, int(port))
        data = f'{{"articles":[{{"text":"Story {number} is told here."}},{{"text":"And story {number} again."}}]}}'.encode()
        head = f"POST /v1/digest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        try:
            await asyncio.wait_for(reader.readuntil(b"\r\n"), timeout=random.random() * 0.8)
            answered += 1
        except TimeoutError:
            pass
        writer.close()

    async def everyone(base: str) -> None:
        await asyncio.gather(*(caller(base, number) for number in range(1000)))

    with live(app) as base:
        asyncio.run(everyone(base))
        running: Service = app.state.service
        done = -1
        while done != len(model.seen):  # the last requests are still on their way through the sockets
            done = len(model.seen)
            time.sleep(1)
            until(lambda: running.worker.load().articles == 0, seconds=30)
        assert (running.worker.load().articles, running.worker.load().requests) == (0, 0)
        assert done < 2000  # work of clients that left was dropped, not done
        assert 0 < answered < 1000
        assert httpx.post(f"{base}/v1/digest", json=body(HARBOUR)).status_code == 200


def test_what_another_request_waits_for_is_done_even_if_the_first_asker_leaves(tmp_path: Path) -> None:
    gate = threading.Event()
    model = Counting(gate=gate)
    app = create_app(settings(tmp_path), models=SomeModels({INFO.id: model}))
    with live(app) as base:
        blocker = threading.Thread(target=httpx.post, args=[f"{base}/v1/digest"], kwargs={"json": body(FOOTBALL)})
        blocker.start()
        running: Service = app.state.service
        until(lambda: running.worker.load().requests == 1)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{base}/v1/digest", json=body(HARBOUR), timeout=0.3)
        replies: list[httpx.Response] = []
        leaver = threading.Thread(target=_ask_and_leave, args=[base])
        leaver.start()
        until(lambda: running.worker.load().requests == 2)
        stays = threading.Thread(target=lambda: replies.append(httpx.post(f"{base}/v1/digest", json=body(HARBOUR))))
        stays.start()
        leaver.join(10)
        gate.set()
        stays.join(10)
        blocker.join(10)
    assert replies[0].json()["results"][0]["error"] is None
    assert replies[0].json()["results"][0]["summary"]


def test_many_requests_for_one_article_neither_escape_admission_nor_keep_cached_answers_waiting(tmp_path: Path) -> None:
    gate = threading.Event()
    gate.set()
    app = create_app(settings(tmp_path, max_waiting=8), models=SomeModels({INFO.id: Counting(gate=gate)}))
    client = httpx.Client(timeout=30, limits=httpx.Limits(max_connections=None))
    with live(app) as base, client, ThreadPoolExecutor(120) as pool:
        client.post(f"{base}/v1/summarise", json={"text": FOOTBALL})
        gate.clear()
        asked = [pool.submit(client.post, f"{base}/v1/digest", json=body(HARBOUR)) for _ in range(100)]
        until(lambda: sum(request.done() for request in asked) == 92)
        assert {request.result().status_code for request in asked if request.done()} == {429}
        assert client.post(f"{base}/v1/summarise", json={"text": FOOTBALL}).status_code == 200
        gate.set()
        assert sorted(request.result().status_code for request in asked) == [200] * 8 + [429] * 92


def _ask_and_leave(base: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{base}/v1/digest", json=body(HARBOUR), timeout=0.5)


@pytest.mark.parametrize("poison", ["raise", "exit", "nan"])
def test_the_service_serves_on_after_a_model_fails(tmp_path: Path, poison: str) -> None:
    app = create_app(settings(tmp_path), models=SomeModels({INFO.id: Awkward()}))
    with TestClient(app) as client:
        texts = [f"Article {n} is harmless." for n in range(63)] + [f"This will {poison}."]
        results = client.post("/v1/digest", json={"articles": [{"text": text} for text in texts]}).json()["results"]
        assert [n for n, result in enumerate(results) if result["error"]] == [63]
        assert results[63]["error"]["error_type"] == "model_failed"
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        assert client.post("/v1/tag", json={"text": f"This will {poison}."}).status_code == 500
        assert client.post("/v1/digest", json=body(HARBOUR)).json()["results"][0]["error"] is None


def test_a_model_that_hangs_is_noticed_and_healthz_tells_when_only_a_restart_helps(tmp_path: Path) -> None:
    model = Awkward()
    app = create_app(settings(tmp_path, stuck_seconds=0.3), models=SomeModels({INFO.id: model}))
    with TestClient(app) as client:
        for number in range(2):
            assert client.get("/healthz").status_code == 200
            reply = client.post("/v1/digest", json=body(f"Number {number} will hang."))
            assert "did not answer" in reply.json()["results"][0]["error"]["detail"]
            assert client.post("/v1/digest", json=body(f"Article {number}.")).json()["results"][0]["error"] is None
        for route in ("/healthz", "/readyz"):
            until(lambda route=route: client.get(route).status_code == 503)  # type: ignore[misc]
            assert "restart" in client.get(route).json()["detail"]
        model.release.set()
        until(lambda: client.get("/healthz").status_code == 200)


def test_200_waiting_requests_hold_few_threads(seeds_folder: Path) -> None:
    """Threads of the whole process, those of torch among them."""
    with serving(seeds_folder, DATELINE_MAX_QUEUE_SECONDS="1000000", DATELINE_DEADLINE_SECONDS="1000") as (
        url,
        process,
    ):
        port = int(url.rsplit(":", 1)[1])
        with ExitStack() as stack:
            for number in range(200):
                connection = stack.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=60)))
                text = f"Edition {number}. " + long_article(3_000)
                connection.request("POST", "/v1/digest", json.dumps(body(text)), {"Content-Type": "application/json"})
            until(lambda: waiting_requests(url) >= 190, seconds=60)
            status = Path(f"/proc/{process.pid}/status").read_text()
            threads = int(next(line.split()[1] for line in status.splitlines() if line.startswith("Threads:")))
    assert threads <= 12


def waiting_requests(url: str) -> float:
    shown = httpx.get(f"{url}/metrics").text
    return float(next(line.split()[1] for line in shown.splitlines() if line.startswith("dateline_waiting_requests ")))
