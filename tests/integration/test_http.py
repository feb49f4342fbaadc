"""The HTTP service through its real lifespan, on the tiny model's double or the shipped model."""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from models.extractive.lead import Lead
from models.types import Model, ModelInfo
from seeds.store import Store
from service.archive.report import Counts, Failure, PartReport
from service.http.app import create_app
from service.http.server import OneLineFormatter
from service.settings import InvalidSettings, Settings, read_settings
from tests import articles
from tests.conftest import SEED_FILE, SEED_ID
from tests.doubles import INFO, Counting, SomeModels

PROBLEM = "application/problem+json"


@pytest.fixture
def model() -> Counting:
    return Counting()


def settings(folder: Path, **values: Any) -> Settings:
    return Settings(seeds=folder, summary_model="counting", topics_model="counting", **values)


@pytest.fixture
def client(seeds_folder: Path, model: Counting) -> Iterator[TestClient]:
    app = create_app(settings(seeds_folder, max_body_bytes=8_000_000), models=SomeModels({INFO.id: model}))
    with TestClient(app) as client:
        yield client


def test_an_article_is_digested(client: TestClient) -> None:
    reply = client.post("/v1/digest", json={"articles": [{"id": "harbour", "text": articles.HARBOUR}]})
    assert reply.status_code == 200
    [result] = reply.json()["results"]
    assert result["id"] == "harbour"
    assert result["cached"] == {"summary": False, "topics": False}
    assert result["error"] is None
    assert set(result["summary"]) == {
        "text", "sentences", "model", "revision", "input_tokens", "used_tokens", "truncated",
    }  # fmt: skip
    assert all(articles.HARBOUR[s["start"] : s["end"]] == s["text"] for s in result["summary"]["sentences"])
    assert [set(topic) for topic in result["topics"]] == [{"qcode", "uri", "name", "score"}]
    made = result["provenance"]["summary"]
    assert (made["model"], made["revision"], made["parameters"]["engine"]) == ("counting", "r1", "python")


def test_one_task_alone(client: TestClient, model: Counting) -> None:
    reply = client.post("/v1/digest", json={"articles": [{"text": articles.HARBOUR}], "tasks": ["topics"]})
    assert reply.json()["results"][0]["summary"] is None
    assert [work.summary for work in model.seen] == [None]


def test_summarise_and_tag(client: TestClient) -> None:
    summary = client.post("/v1/summarise", json={"text": articles.HARBOUR, "sentences": 1})
    assert len(summary.json()["sentences"]) == 1
    tagged = client.post("/v1/tag", json={"text": articles.HARBOUR, "title": "A drill"})
    assert [topic["name"] for topic in tagged.json()["topics"]] == ["e"]


def test_in_a_list_of_ten_with_two_bad_eight_are_answered(client: TestClient) -> None:
    sent: list[Any] = [{"id": str(number), "text": f"Story {number} has this one sentence."} for number in range(10)]
    sent[2] = {"id": "2", "text": 5}
    sent[6] = {"id": "6", "text": "  "}
    reply = client.post("/v1/digest", json={"articles": sent})
    assert reply.status_code == 200
    results = reply.json()["results"]
    assert [result["id"] for result in results] == [str(number) for number in range(10)]
    assert [result["id"] for result in results if result["summary"]] == list("01345789")
    assert [result["error"]["error_type"] for result in results if result["error"]] == [
        "invalid_request",
        "unreadable_text",
    ]


def test_the_seed_article_over_http(client: TestClient) -> None:
    before = (SEED_FILE.read_bytes(), SEED_FILE.stat().st_mtime_ns)
    listed = client.get("/v1/articles").json()
    assert [(entry["id"], entry["date"]) for entry in listed["articles"]] == [(SEED_ID, "2021-07-15")]
    assert (listed["next"], listed["total"]) == (None, 1)
    record = client.get(f"/v1/articles/{SEED_ID}").json()
    assert record["date"] == "2021-07-15"
    digest = client.get(f"/v1/articles/{SEED_ID}/digest").json()
    assert digest["cached"] == {"summary": False, "topics": False}
    assert all(record["text"][s["start"] : s["end"]] == s["text"] for s in digest["summary"]["sentences"])
    posted = client.post("/v1/digest", json={"articles": [{"text": record["text"]}]}).json()["results"][0]
    assert posted["cached"] == {"summary": True, "topics": True}
    assert (SEED_FILE.read_bytes(), SEED_FILE.stat().st_mtime_ns) == before


def test_a_restart_forgets_nothing(seeds_folder: Path) -> None:
    models = [Counting(), Counting()]
    replies = []
    stamp = (seeds_folder / f"{SEED_ID}.txt").stat().st_mtime_ns
    for model in models:
        with TestClient(create_app(settings(seeds_folder), models=SomeModels({INFO.id: model}))) as client:
            replies.append(client.get(f"/v1/articles/{SEED_ID}/digest").json())
    assert [model.runs for model in models] == [1, 0]
    assert replies[1] == replies[0] | {"cached": {"summary": True, "topics": True}}
    assert (seeds_folder / f"{SEED_ID}.txt").stat().st_mtime_ns == stamp


def test_models_and_topics_are_listed(client: TestClient) -> None:
    assert {entry["id"] for entry in client.get("/v1/models").json()["models"]} >= {"news-minilm", "lead"}
    vocabulary = client.get("/v1/topics").json()
    assert vocabulary["release"].startswith("iptc-mediatopics-")
    assert sum(entry["broader"] is None for entry in vocabulary["topics"]) == 17


def test_pages(client: TestClient, seeds_folder: Path) -> None:
    for number in range(5):
        (seeds_folder / f"x{number}.txt").write_text("Text.")
    first = client.get("/v1/articles", params={"limit": 3}).json()
    second = client.get("/v1/articles", params={"limit": 3, "after": first["next"]}).json()
    assert [entry["id"] for page in (first, second) for entry in page["articles"]] == [
        SEED_ID,
        "x0",
        "x1",
        "x2",
        "x3",
        "x4",
    ]
    assert (first["total"], second["next"]) == (6, None)
    client.post("/v1/feedback", json={"article": "x1", "topics": ["sport"]})
    assert client.get("/v1/articles?topic=sport").json()["total"] == 1
    assert client.get("/v1/articles?topic=sport&q=text").json()["total"] is None


SENT = {
    "id": "flood",
    "title": "Flood in Vik",
    "date": "2024-05-08",
    "text": "The river took the mill. Nobody was hurt.",
}


def test_an_article_is_kept_digested_found_and_corrected(client: TestClient) -> None:
    assert client.post("/v1/articles", json={"articles": [SENT]}).json() == {"articles": ["flood"], "added": 1}
    assert client.post("/v1/articles", json={"articles": [SENT]}).json() == {"articles": ["flood"], "added": 0}
    assert client.get("/v1/articles/flood").json() == {"url": None, "language": None} | SENT
    client.get("/v1/articles/flood/digest")
    [entry] = client.get("/v1/articles", params={"q": "mill"}).json()["articles"]
    assert [topic["name"] for topic in entry["topics"]] == ["e"]
    kept = client.get("/v1/articles/flood/results").json()["results"]
    assert {(result["task"], result["provenance"]["model"]) for result in kept} == {
        ("summary", "counting"),
        ("topics", "counting"),
    }
    said = {"article": "flood", "topics": ["medtop:03000000", "the mill"], "who": "Ann", "note": "It is a flood."}
    corrected = client.post("/v1/feedback", json=said)
    assert corrected.status_code == 201
    assert [topic["qcode"] for topic in corrected.json()["topics"]] == ["medtop:03000000", None]
    client.get("/v1/articles/flood/digest")  # what the model says does not undo it
    for topic in ("medtop:03000000", "the mill"):
        [entry] = client.get(
            "/v1/articles", params={"topic": topic, "since": "2024-05-01", "until": "2024-05-08"}
        ).json()["articles"]
        assert {found["name"] for found in entry["topics"]} == {"disaster, accident and emergency incident", "the mill"}
    assert client.get("/v1/articles", params={"topic": "e"}).json()["articles"] == []
    assert client.get("/v1/topics/counts").json()["topics"]["the mill"] == {"2024-05": 1}
    assert [entry["note"] for entry in client.get("/v1/feedback").json()["corrections"]] == ["It is a flood."]


def test_an_id_may_hold_anything_that_can_be_shown(client: TestClient) -> None:
    id = "archive/2024 #1?.txt"
    client.post("/v1/articles", json={"articles": [{"id": id, "text": "Rain fell."}]})
    place = "/v1/articles/" + quote(id, safe="")
    assert client.get(place).json()["id"] == client.get(f"{place}/digest").json()["id"] == id
    assert len(client.get(f"{place}/results").json()["results"]) == 2


@pytest.mark.parametrize("title", ["Le maire dit\u00a0: non", "می\u200cخواهم", "👩\u200d👩\u200d👧", "Two\nlines"])
def test_a_title_in_any_script_is_kept(client: TestClient, title: str) -> None:
    reply = client.post("/v1/articles", json={"articles": [{"id": "a", "title": title, "text": "Rain fell."}]})
    assert reply.status_code == 201
    assert client.get("/v1/articles/a").json()["title"].split() == title.split()


def test_an_article_without_an_id_gets_one(client: TestClient) -> None:
    [id] = client.post("/v1/articles", json={"articles": [{"text": "Rain fell."}]}).json()["articles"]
    assert client.post("/v1/articles", json={"articles": [{"text": "Rain fell."}]}).json() == {
        "articles": [id],
        "added": 0,
    }
    assert client.get(f"/v1/articles/{id}").json()["text"] == "Rain fell."


def test_how_a_text_is_read(client: TestClient) -> None:
    text = "Rain fell on Vik on Monday, the mayor said.\n\nREAD MORE: Storm nears the coast"
    read = client.post("/v1/sentences", json={"text": text}).json()
    assert [(text[s["start"] : s["end"]], s["kind"]) for s in read["sentences"]] == [
        ("Rain fell on Vik on Monday, the mayor said.", "prose"), ("READ MORE: Storm nears the coast", "link"),
    ]  # fmt: skip
    assert read["language"] == "en"


def test_keys_hold_under_a_root_path(seeds_folder: Path) -> None:
    app = create_app(settings(seeds_folder, api_keys="secret"), models=SomeModels({INFO.id: Counting()}))
    with TestClient(app, root_path="/news") as client:
        assert client.get("/news/v1/articles").status_code == 401
        assert client.get("/v1/articles").status_code == 401
        assert client.get("/news/readyz").status_code == 200


def test_archive_runs_are_shown(seeds_folder: Path, tmp_path: Path) -> None:
    run = {
        "dateline_archive": 2,
        "stage": "running",
        "started_at": "2024-05-08T00:00:00",
        "identity": {"input": [["in.csv"]], "models": {"topics": {"id": "lead"}}},
    }
    (tmp_path / "out.csv.run.json").write_text(json.dumps(run))
    (tmp_path / "bad.run.json").write_text("{")
    odd = run | {"stage": "finished", "counts": {"later": 5}, "output_size": 1, "parts": 1, "identity": {"models": []}}
    (tmp_path / "odd.run.json").write_text(json.dumps(odd))
    (tmp_path / "out.csv.parts").mkdir()
    failure = Failure(2, "in.csv:2", "b", {"error_type": "unreadable_text", "detail": "It is empty."})
    report = PartReport(Counts(records=3, failed=1), read=3, size=10, checksum=None, failures=[failure])
    for number in range(2):
        (tmp_path / "out.csv.parts" / f"part-{number:05}.report.json").write_text(report.to_json())
    with TestClient(
        create_app(settings(seeds_folder, runs=tmp_path), models=SomeModels({INFO.id: Counting()}))
    ) as client:
        [shown] = client.get("/v1/runs").json()["runs"]
        assert (shown["name"], shown["stage"], shown["counts"]["records"]) == ("out.csv", "running", 6)
        assert client.get("/v1/runs/out.csv").json() == shown
        failures = client.get("/v1/runs/out.csv/failures", params={"after": 1}).json()["failures"]
        assert [found["place"] for found in failures] == ["in.csv:2"]
        for name in ("out.csv/output", "nothing", "..%2Fout.csv", "bad", "odd", "x" * 300):
            assert client.get(f"/v1/runs/{name}").status_code == 404, name


def test_without_a_folder_of_runs_none_is_shown(client: TestClient) -> None:
    assert client.get("/v1/runs").json() == {"folder": False, "runs": []}
    assert "DATELINE_RUNS" in client.get("/v1/runs/out.csv").json()["detail"]


def test_the_status(client: TestClient) -> None:
    for _ in range(2):
        client.get(f"/v1/articles/{SEED_ID}/digest")
    status = client.get("/v1/status").json()
    assert (status["ready"], status["models"], status["articles"]) == (True, ["counting"], 1)
    assert status["tasks"] == {task: {"stored": 1, "computed": 1} for task in ("summary", "topics")}
    assert status["memory_bytes"] > 10_000_000
    assert set(status["paces"]) == {"counting"}


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_not_ready_before_the_start(seeds_folder: Path) -> None:
    client = TestClient(create_app(settings(seeds_folder), models=SomeModels({INFO.id: Counting()})))
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    reply = client.post("/v1/digest", json={"articles": [{"text": "Text."}]})
    assert (reply.status_code, reply.json()["error_type"]) == (503, "not_ready")


Send = Callable[[TestClient], Any]
JSON = {"Content-Type": "application/json"}
TEXT = {"text": articles.HARBOUR}


@pytest.mark.parametrize(
    ("send", "status", "error_type", "says"),
    [
        (lambda c: c.post("/v1/summarise", json={"text": ""}), 422, "unreadable_text", "Send the article's text"),
        (lambda c: c.post("/v1/summarise", json={"text": " \n\t"}), 422, "unreadable_text", "empty"),
        (lambda c: c.post("/v1/summarise", json={"text": "a" * 5_000_000}), 413, "too_large", "400,000"),
        (lambda c: c.post("/v1/summarise", json={"text": "a" * 9_000_000}), 413, "too_large", "MAX_BODY_BYTES"),
        (lambda c: c.post("/v1/summarise", json={"text": "a\0b"}), 422, "unreadable_text", r"U\+0000 at character 1"),
        (lambda c: c.post("/v1/summarise", content=b'{"text": "caf\xe9"}', headers=JSON), 422, "invalid_request", "not UTF-8.*0xE9"),
        (lambda c: c.post("/v1/summarise", content=b'{"text": "\\ud800"}', headers=JSON), 422, "unreadable_text", r"surrogate U\+D800"),
        (lambda c: c.post("/v1/summarise", content=b"{", headers=JSON), 422, "invalid_request", "not JSON.*character 1"),
        (lambda c: c.post("/v1/summarise", content=b""), 422, "invalid_request", "required"),
        (lambda c: c.post("/v1/summarise", content=b'{"text": "A story."}'), 422, "invalid_request", "no content type"),
        (lambda c: c.post("/v1/summarise", data=TEXT), 422, "invalid_request", "Content-Type: application/json"),
        (lambda c: c.post("/v1/summarise", json=[1]), 422, "invalid_request", "dictionary|object"),
        (lambda c: c.post("/v1/summarise", json={"text": 5}), 422, "invalid_request", "text: input should be a valid string"),
        (lambda c: c.post("/v1/summarise", json={}), 422, "invalid_request", "text: field required"),
        (lambda c: c.post("/v1/summarise", json=TEXT | {"max_word": 5}), 422, "invalid_request", "'max_word' is not an option"),
        (lambda c: c.post("/v1/summarise", json=TEXT | {"sentences": 0}), 422, "invalid_request", "greater than or equal to 1"),
        (lambda c: c.post("/v1/summarise", json=TEXT | {"sentences": True}), 422, "invalid_request", "integer"),
        (lambda c: c.post("/v1/tag", json=TEXT | {"title": "t" * 5_000}), 413, "too_large", "title has 5,000"),
        (lambda c: c.post("/v1/summarise", json=TEXT | {"truncation": "x"}), 422, "invalid_request", "'chunk'"),
        (lambda c: c.post("/v1/summarise", json=TEXT | {"model": "gpt"}), 404, "unknown_model", "gpt"),
        (lambda c: c.post("/v1/digest", json={"articles": [TEXT], "tasks": ["translate"]}), 422, "invalid_request", "'topics'"),
        (lambda c: c.post("/v1/digest", json={"articles": []}), 422, "invalid_request", "at least 1 item"),
        (lambda c: c.post("/v1/digest", json={"articles": [TEXT] * 300}), 413, "too_large", "300 articles.*256"),
        (lambda c: c.get("/v1/articles/" + "a" * 300), 404, "unknown_article", "so long"),
        (lambda c: c.get("/v1/articles/nobody"), 404, "unknown_article", "nobody"),
        (lambda c: c.get("/v1/articles/nobody/digest"), 404, "unknown_article", "/v1/articles"),
        (lambda c: c.get("/v1/articles/..%2f..%2fetc%2fpasswd"), 404, "unknown_", ""),
        (lambda c: c.get("/v1/articles?limit=x"), 422, "invalid_request", "limit"),
        (lambda c: c.get("/v1/articles?after=x"), 422, "invalid_request", "cursor"),
        (lambda c: c.get("/v1/articles?q=%3F%21"), 422, "invalid_request", "no word"),
        (lambda c: c.get("/v1/articles?since=yesterday"), 422, "invalid_request", "since"),
        (lambda c: c.post("/v1/articles", json={"articles": [{"id": SEED_ID, "text": "Another."}]}), 409, "article_exists", "of its own"),
        (lambda c: c.post("/v1/articles", json={"articles": [{"text": "Rain.", "date": "2024-02-31"}]}), 422, "invalid_request", "date"),
        (lambda c: c.post("/v1/articles", json={"articles": [{"id": "x/digest", "text": "Rain."}]}), 422, "invalid_request", "address"),
        (lambda c: c.post("/v1/articles", json={"articles": [{"id": "a\0", "text": "Rain."}]}), 422, "invalid_request", "U.0000"),
        (lambda c: c.get("/v1/articles?since=2024-02-30"), 422, "invalid_request", "no day 2024-02-30"),
        (lambda c: c.post("/v1/articles", json={"articles": [{"text": " "}]}), 422, "unreadable_text", "empty"),
        (lambda c: c.get("/v1/articles/nobody/results"), 404, "unknown_article", "nobody"),
        (lambda c: c.post("/v1/feedback", json={"article": "nobody", "topics": []}), 404, "unknown_article", "nobody"),
        (lambda c: c.post("/v1/feedback", json={"article": SEED_ID, "topics": ["medtop:99"]}), 422, "invalid_option", "medtop:99"),
        (lambda c: c.post("/v1/feedback", json={"article": SEED_ID, "topics": [" "]}), 422, "invalid_request", "no name"),
        (lambda c: c.post("/v1/sentences", json={"text": ""}), 422, "unreadable_text", "empty"),
        (lambda c: c.get("/nowhere"), 404, "unknown_route", "/docs"),
        (lambda c: c.get("/v1/digest"), 405, "method_not_allowed", "POST"),
    ],
)  # fmt: skip
def test_bad_input(client: TestClient, send: Send, status: int, error_type: str, says: str) -> None:
    reply = send(client)
    problem = reply.json()
    assert (reply.status_code, reply.headers["content-type"]) == (status, PROBLEM)
    assert problem["error_type"].startswith(error_type)
    assert re.search(says, problem["detail"], re.DOTALL), problem["detail"]
    assert problem["error"] == problem["detail"]
    assert {"type", "title", "status", "detail", "instance"} <= set(problem)


def test_an_id_that_cannot_be_written_is_refused_alone(client: TestClient) -> None:
    sent = b'{"articles": [{"id": "\\ud800", "text": "One story."}, {"id": "b", "text": "Another story."}]}'
    results = client.post("/v1/digest", content=sent, headers=JSON).json()["results"]
    assert [(result["id"], result["error"] is None) for result in results] == [(None, False), ("b", True)]


def test_request_ids_are_echoed_or_made(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    made = {client.get("/healthz").headers["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert client.get("/nowhere").headers["x-request-id"]
    assert client.get("/healthz", headers={"X-Request-ID": "a\tb"}).headers["x-request-id"] != "a\tb"


def test_api_keys(seeds_folder: Path) -> None:
    app = create_app(settings(seeds_folder, api_keys="one,two"), models=SomeModels({INFO.id: Counting()}))
    with TestClient(app) as client:
        assert client.get("/healthz").status_code == 200
        missing = client.get("/v1/models")
        assert (missing.status_code, missing.json()["error_type"]) == (401, "key_missing")
        assert missing.headers["www-authenticate"] == "Bearer"
        wrong = client.get("/v1/models", headers={"Authorization": "Bearer three"})
        assert (wrong.status_code, wrong.json()["error_type"]) == (403, "key_refused")
        assert client.get("/v1/models", headers={"Authorization": "Bearer two"}).status_code == 200


def test_a_key_is_asked_for_before_the_body_is_read(seeds_folder: Path) -> None:
    app = create_app(settings(seeds_folder, api_keys="one"), models=SomeModels({INFO.id: Counting()}))
    read: list[bytes] = []

    async def ask() -> None:
        async def receive() -> Any:
            read.append(b"")
            return {"type": "http.request", "body": b"not json", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/v1/digest", "headers": [], "query_string": b"",
            "root_path": "", "scheme": "http", "server": ("x", 80), "http_version": "1.1", "asgi": {"version": "3.0"},
        }  # fmt: skip
        await app(scope, receive, send)

    sent: list[Any] = []
    with TestClient(app):
        asyncio.run(ask())
    assert sent[0]["status"] == 401
    assert read == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", "Bearer one"), ("Authorization", "Bearer wrong")], 403),
        ([("Authorization", "Bearer wrong"), ("Authorization", "Bearer one")], 403),
        ([("Authorization", b"Bearer sch\xfcssel")], 403),
        ([("Authorization", "Basic one")], 401),
        ([("Authorization", "bearer one")], 200),
    ],
)
def test_one_header_is_read_by_everyone(seeds_folder: Path, headers: Any, status: int) -> None:
    app = create_app(settings(seeds_folder, api_keys="one"), models=SomeModels({INFO.id: Counting()}))
    with TestClient(app) as client:
        assert [client.post("/v1/tag", json=TEXT, headers=headers).status_code for _ in range(3)] == [status] * 3


def test_keys_are_visible_ascii_and_never_printed() -> None:
    with pytest.raises(InvalidSettings) as refused:
        read_settings(api_keys="schlüssel")
    assert "DATELINE_API_KEYS" in str(refused.value)
    assert "schl" not in str(refused.value)


def test_a_method_that_a_client_invents_is_no_time_series_of_its_own(client: TestClient) -> None:
    for number in range(3):
        client.request(f"INVENTED{number}", "/healthz")
    shown = client.get("/metrics").text
    assert "INVENTED" not in shown
    assert 'method="other"' in shown


def test_what_a_client_sends_is_one_line_in_the_log() -> None:
    record = logging.LogRecord(
        "x", logging.ERROR, "x", 1, "%s failed", ("/v1\n2026-01-01 INFO all is well\n\tand more\x1b[2J",), None
    )
    line = OneLineFormatter("%(levelname)s %(message)s").format(record)
    assert line == "ERROR /v1\\n2026-01-01 INFO all is well\\n\tand more\\x1b[2J failed"


def test_what_a_model_is_is_told_without_loading_it(seeds_folder: Path) -> None:
    class Unloadable(SomeModels):
        def get(self, info: ModelInfo) -> Model:
            loads.append(info.id)
            return super().get(info)

    loads: list[str] = []
    app = create_app(settings(seeds_folder), models=Unloadable({INFO.id: Counting(), "lead": Lead()}))
    with TestClient(app) as client:
        loads.clear()
        assert client.get("/models/lead/info").json()["model_sha"] == "1"
        assert client.get("/models/lead/health").status_code == 200
        assert loads == []


def test_a_damaged_store_stops_the_start(seeds_folder: Path) -> None:
    (seeds_folder / "results.db").write_bytes(b"no database " * 100)
    app = create_app(settings(seeds_folder), models=SomeModels({INFO.id: Counting()}))
    with pytest.raises(Exception, match="Move the file away"), TestClient(app):
        pass


@pytest.mark.parametrize(("where", "error_type"), [("run", "model_failed"), ("info", "internal_error")])
def test_a_crash_inside_is_500_without_its_secrets(
    seeds_folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, error_type: str
) -> None:
    def crash(*_: object) -> Any:
        raise RuntimeError("secret of the house")

    models = SomeModels({INFO.id: Counting()})
    if where == "run":
        models = SomeModels({INFO.id: type("Broken", (Counting,), {"run": crash})()})
    with TestClient(create_app(settings(seeds_folder), models=models), raise_server_exceptions=False) as client:
        if where == "info":
            monkeypatch.setattr(models, "info", crash)
        reply = client.post("/v1/summarise", json=TEXT)
        assert (reply.status_code, reply.json()["error_type"]) == (500, error_type)
        assert "secret" not in reply.text
        assert reply.headers["x-request-id"]
        assert client.get("/readyz").status_code == 200


def test_tag_and_digest_share_their_results(client: TestClient, model: Counting) -> None:
    client.post("/v1/digest", json={"articles": [TEXT | {"title": " A drill "}], "tasks": ["topics"]})
    client.post("/v1/tag", json=TEXT | {"title": "A drill"})
    client.post("/v1/tag", json=TEXT | {"title": "  "})
    assert [work.document.title for work in model.seen] == ["A drill", None]


LONG_SENTENCES = "".join(f"Sentence{number} {'word ' * 100}ends. " for number in range(500))


def test_a_store_that_fails_later_is_told(seeds_folder: Path) -> None:
    app = create_app(settings(seeds_folder), models=SomeModels({INFO.id: Counting()}), open_store=_full)
    with TestClient(app) as client:
        reply = client.post("/v1/summarise", json={"text": LONG_SENTENCES, "sentences": 500})
        assert (reply.status_code, reply.json()["error_type"]) == (503, "store_unavailable")


def _full(url: str) -> Store:
    store = Store(url)
    event.listen(store._engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    store._engine.dispose()
    return store


def test_the_openapi_document_names_every_route(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert {"/v1/digest", "/v1/summarise", "/v1/tag", "/v1/articles", "/v1/articles/{article_id}",
            "/v1/articles/{article_id}/digest", "/v1/models", "/v1/topics", "/healthz", "/readyz"} <= set(document["paths"])  # fmt: skip
    fields = document["components"]["schemas"]["DigestRequest"]["properties"]
    assert json.dumps(fields["articles"]).count("ArticleFields") == 1
