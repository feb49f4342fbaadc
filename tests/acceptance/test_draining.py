"""The service stops without losing a request, however busy it is."""

import json
import signal
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.acceptance.test_serve import serving
from tests.patience import until

BODY = json.dumps({"text": "The harbour was closed on Monday. Nobody was hurt."})
CLIENTS = 16


class Load:
    """Clients that ask without a pause until no connection is let in; some keep theirs, some open one each time."""

    def __init__(self, port: int) -> None:
        self.answered = Counter[int]()
        self.lost: list[str] = []
        self._port = port
        self._threads = [threading.Thread(target=self._ask, args=[number % 2 == 0]) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=60)
            assert not thread.is_alive()

    def _ask(self, keeps: bool) -> None:
        while connection := self._connect():
            try:
                while self._is_answered(connection) and keeps:
                    pass
            except (OSError, HTTPException) as error:
                self.lost.append(repr(error))
            finally:
                connection.close()

    def _connect(self) -> HTTPConnection | None:
        """A connection; None where it is refused, or not answered: nothing was accepted then."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.connect()
        except OSError:
            return None
        return connection

    def _is_answered(self, connection: HTTPConnection) -> bool:
        """Ask once; whether the connection may be used again."""
        connection.request("POST", "/v1/summarise", BODY, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        self.answered[reply.status] += 1
        return reply.headers.get("Connection", "") != "close"


def drain_under_load(seeds: Path) -> None:
    with serving(seeds, DATELINE_SUMMARY_MODEL="lead", DATELINE_DRAIN_SECONDS="0.5") as (url, process):
        load = Load(int(url.rsplit(":", 1)[1]))
        until(lambda: load.answered[200] > 50, seconds=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == -signal.SIGTERM
        load.join()
    assert load.lost == []
    assert set(load.answered) == {200}


def test_nothing_is_lost_when_the_service_stops(seeds_folder: Path) -> None:
    drain_under_load(seeds_folder)


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(50))
def test_nothing_is_lost_fifty_times(seeds_folder: Path, turn: int) -> None:
    drain_under_load(seeds_folder)


def test_readiness_fails_before_the_listener_closes(seeds_folder: Path) -> None:
    with serving(seeds_folder, DATELINE_DRAIN_SECONDS="2") as (url, process):
        port = int(url.rsplit(":", 1)[1])
        process.send_signal(signal.SIGTERM)
        until(lambda: status(port, "/readyz") == 503)
        assert status(port, "/healthz") == 200
        assert status(port, "/v1/articles") == 200
        started = time.monotonic()
        assert process.wait(timeout=20) == -signal.SIGTERM
        assert time.monotonic() - started < 15


def status(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
