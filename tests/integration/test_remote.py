"""Models behind an OpenAI-compatible server: what it writes is a result like any other, and what goes wrong there costs
an extract and a warning."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import models.generative.remote
from models.cache import ModelCache
from models.errors import ServerFailed
from models.generative.remote import FAILURES, Breaker
from models.generative.servers import Server
from models.options import SummaryOptions
from models.types import Document, Work
from seeds.store import Store
from service.digest import Digester, DigestOptions
from service.http.app import create_app
from service.settings import InvalidSettings, Settings, read_settings
from tests.archives import story, write_jsonl
from tests.articles import BUDGET, FOOTBALL, HARBOUR, article, long_article
from tests.patience import until
from tests.servers import HANGS_SECONDS, FakeServer, fake_server

DEADLINE = 1.0
"""Seconds that the server has."""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server() as server:
        yield server


def engine(server: FakeServer, **more: Any) -> Server:
    return Server(
        id="desk-llm", base_url=server.base_url, model="llama-3", api_key="sesame",
        **{"timeout_seconds": DEADLINE, "retries": 1, **more},
    )  # fmt: skip


@pytest.fixture
def client(server: FakeServer, tmp_path: Path, seeds_folder: Path) -> Iterator[TestClient]:
    settings = Settings(
        seeds=seeds_folder, store=str(tmp_path / "r.db"), models=tmp_path, engines=(engine(server),),
    )  # fmt: skip
    with TestClient(create_app(settings)) as client:
        yield client


def digest(client: TestClient, text: str = HARBOUR, **summary: Any) -> dict[str, Any]:
    body = {"articles": [{"text": text}], "summary": {"model": "desk-llm", **summary}}
    reply = client.post("/v1/digest", json=body)
    assert reply.status_code == 200, reply.text
    [result] = reply.json()["results"]
    assert isinstance(result, dict)
    return result


def test_what_a_server_writes_is_a_result_like_any_other(client: TestClient, server: FakeServer) -> None:
    result = digest(client, sentences=2, max_words=40)
    assert result["summary"]["text"] == server.text
    assert result["topics"]
    assert result["warnings"] == []
    assert [sentence["support"]["unfounded"] for sentence in result["summary"]["sentences"]] == [[], []]
    made = result["provenance"]["summary"]
    assert (made["model"], made["revision"]) == ("desk-llm", "llama-3")
    assert made["parameters"]["server"] == server.base_url
    assert made["parameters"]["prompt"]
    assert made["parameters"]["temperature"] == 0
    [seen] = server.seen
    assert (seen["model"], seen["temperature"], seen["seed"]) == ("llama-3", 0, 0)
    assert "in at most 2 sentences and at most 40 words" in seen["messages"][0]["content"]
    assert server.keys == ["Bearer sesame"]
    again = digest(client, sentences=2, max_words=40)
    assert again["cached"]["summary"]
    assert len(server.seen) == 1
    entries = {entry["id"]: entry for entry in client.get("/v1/models").json()["models"]}
    assert entries["desk-llm"]["tasks"] == ["summary"]


@pytest.mark.parametrize("mood", ["hangs", "garbage", "empty", "busy", "refuses", "broken", "html"])
def test_a_server_that_fails_costs_an_extract_and_a_warning_and_nothing_wrong_is_stored(
    client: TestClient, server: FakeServer, mood: str
) -> None:
    server.mood = mood
    started = time.monotonic()
    result = digest(client)
    assert time.monotonic() - started < HANGS_SECONDS
    sentence = result["summary"]["sentences"][0]
    assert HARBOUR[sentence["start"] : sentence["end"]] == sentence["text"]
    assert result["error"] is None
    assert (result["provenance"]["summary"]["model"], result["cached"]["summary"]) == ("news-minilm", False)
    assert "This is an extract by 'news-minilm'; ask again later." in result["warnings"][0]
    plain = client.post("/v1/summarise", json={"text": HARBOUR, "model": "desk-llm"})
    assert "extract" in plain.headers["x-dateline-warnings"]
    server.mood = "well"
    assert digest(client)["summary"]["text"] == server.text


def test_while_a_server_hangs_other_models_answer(server: FakeServer, tmp_path: Path, seeds_folder: Path) -> None:
    server.mood = "hangs"
    patient = engine(server, timeout_seconds=HANGS_SECONDS + 10, retries=0)
    settings = Settings(seeds=seeds_folder, store=str(tmp_path / "r.db"), models=tmp_path, engines=(patient,))
    with TestClient(create_app(settings)) as client:
        waiting = threading.Thread(target=digest, args=(client,))
        waiting.start()
        until(lambda: bool(server.seen))
        assert client.post("/v1/summarise", json={"text": FOOTBALL}).status_code == 200
        assert waiting.is_alive()
        waiting.join()


def test_a_server_that_keeps_failing_is_left_alone_for_a_while(
    client: TestClient, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.generative.remote, "PAUSE_SECONDS", 0.6)
    server.mood = "broken"
    for number in range(FAILURES):
        digest(client, f"{HARBOUR} {number}")
    asked = len(server.seen)
    assert "left alone" in digest(client, f"{HARBOUR} again")["warnings"][0]
    assert len(server.seen) == asked
    server.mood = "well"
    time.sleep(0.7)
    assert digest(client, f"{HARBOUR} again")["warnings"] == []
    assert digest(client, f"{HARBOUR} at last")["warnings"] == []


def test_many_articles_for_a_server_that_hangs_cost_its_time_out_once(server: FakeServer, tmp_path: Path) -> None:
    server.mood = "hangs"
    found = cache(server, tmp_path)
    model = found.get(found.info("desk-llm"))
    outcomes = model.run([Work(Document(f"{HARBOUR} {n}", None, "en"), SummaryOptions()) for n in range(20)])
    assert all(outcome.summary and outcome.warning for outcome in outcomes)
    assert len(server.seen) <= 8  # four at once, each tried again


def test_a_breaker_lets_one_try_through_after_its_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.generative.remote, "PAUSE_SECONDS", 0.05)
    breaker = Breaker()
    for _ in range(FAILURES):
        assert breaker.allows()
        breaker.failed()
    assert not breaker.allows()
    time.sleep(0.06)
    assert breaker.allows()
    assert not breaker.allows()
    breaker.succeeded()
    assert breaker.allows()


def cache(server: FakeServer, tmp_path: Path, *, extracts: bool = True) -> ModelCache:
    return ModelCache(tmp_path, servers=(engine(server, context_tokens=1_500),), extracts=extracts)


def test_long_articles_are_read_in_parts_and_a_cut_answer_ends_at_a_sentence(
    server: FakeServer, tmp_path: Path
) -> None:
    server.text, server.finish_reason = "Officials met in Easter Quay. They discussed the", "length"
    found = cache(server, tmp_path)
    model = found.get(found.info("desk-llm"))
    [outcome] = model.run([Work(Document(long_article(1_200), None, "en"), SummaryOptions())])
    assert outcome.summary
    assert outcome.summary.text == "Officials met in Easter Quay."
    assert len(server.seen) > 2
    assert not outcome.summary.truncated


def test_where_no_extract_may_stand_in_the_failure_is_an_error(server: FakeServer, tmp_path: Path) -> None:
    server.mood = "broken"
    store = Store("sqlite://")
    digester = Digester(cache(server, tmp_path, extracts=False), store)
    with pytest.raises(ServerFailed, match="out of memory"):
        digester.ask([article()], DigestOptions(summary_model="desk-llm")).result()
    assert store.count() == 0


def test_an_archive_stops_where_its_server_does_and_goes_on_with_it(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from service.cli import main

    entry = {"id": "desk-llm", "base_url": server.base_url, "model": "llama-3", "timeout_seconds": 5, "retries": 0}
    monkeypatch.setenv("DATELINE_ENGINES", json.dumps([entry]))
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(4)])
    out = tmp_path / "o.jsonl"
    arguments = [
        "dateline", "archive", str(source), "--out", str(out), "--tasks", "summary", "--model", "desk-llm",
        "--executor", "local",
    ]  # fmt: skip
    monkeypatch.setattr("sys.argv", arguments)
    server.mood = "broken"
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "The server of 'desk-llm' at" in capsys.readouterr().err
    assert not out.exists()
    server.mood = "well"
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    assert [json.loads(line)["summary"]["text"] for line in out.read_text().splitlines()] == [server.text] * 4


def test_one_article_that_a_server_does_not_take_costs_the_others_nothing(server: FakeServer, tmp_path: Path) -> None:
    server.refused = "Brenna Rovers"
    digester = Digester(cache(server, tmp_path, extracts=False), Store("sqlite://"))
    asked = [article(), *[article(f"{FOOTBALL} {n}") for n in range(FAILURES)], article(BUDGET)]
    found = digester.ask(asked, DigestOptions(summary_model="desk-llm")).result()
    assert [digest.error is None for digest in found] == [True, *[False] * FAILURES, True]
    assert "content policy" in str(found[1].error)


@pytest.mark.parametrize(
    "value",
    ['[{"id": "lead", "base_url": "http://x/v1", "model": "m"}]', '[{"id": "a", "base_url": "x", "model": "m"}]',
     '[{"id": "a", "base_url": "http://me:pw@x/v1", "model": "m"}]', '[{"id": "a", "model": "m"}]', '[{"id": "a", "base_url": "http://x", "model": "m", "color": 1}]', "llama"],
)  # fmt: skip
def test_engines_that_cannot_be_used_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DATELINE_ENGINES", value)
    with pytest.raises(InvalidSettings, match="DATELINE_ENGINES"):
        read_settings()


def test_a_key_is_never_shown(server: FakeServer) -> None:
    assert "sesame" not in repr(engine(server))
    assert "sesame" not in repr(Server("a", "http://x/v1", "m", "sesame"))
