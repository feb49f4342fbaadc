"""Miniflux's webhook and Superdesk's article analysis, spoken to as those programs speak."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

import service.miniflux
from service.http.app import create_app
from service.settings import InvalidSettings, Settings, read_settings
from tests.articles import BUDGET, HARBOUR
from tests.patience import until
from tests.servers import Quiet, serving

SECRET, TOKEN = "c4fdaf87900b", "reader-token"


@dataclass
class FakeMiniflux:
    """A reader with entries. `fails` is how many requests it refuses first; `redirects` sends them elsewhere."""

    url: str = ""
    entries: dict[int, str] = field(default_factory=dict)
    updated: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0
    fails: int = 0
    redirects: bool = False


@contextmanager
def fake_miniflux() -> Iterator[FakeMiniflux]:
    state = FakeMiniflux()

    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            id = int(self.path.removeprefix("/v1/entries/"))
            if self.headers.get("x-auth-token") != TOKEN or id not in state.entries:
                self.reply(404, {})
            else:
                self.reply(200, {"id": id, "content": state.entries[id]})

        def do_PUT(self) -> None:  # noqa: N802 - the name that http.server calls
            body = self.read_json()
            state.asked += 1
            if self.headers.get("x-auth-token") != TOKEN:
                self.reply(401, {})
            elif state.redirects:
                self.reply(307, {}, {"location": f"{state.url}/elsewhere"})
            elif state.asked <= state.fails:
                self.reply(503, {})
            else:
                state.updated[int(self.path.removeprefix("/v1/entries/"))] = body
                self.reply(201, {})

    with serving(Handler) as url:
        state.url = url
        yield state


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMiniflux]:
    monkeypatch.setattr(service.miniflux, "PAUSE_SECONDS", 0.05)
    with fake_miniflux() as reader:
        yield reader


@pytest.fixture
def client(reader: FakeMiniflux, seeds_folder: Path, tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        seeds=seeds_folder, store=str(tmp_path / "r.db"), miniflux_url=reader.url, miniflux_token=SecretStr(TOKEN),
        miniflux_secret=SecretStr(SECRET),
    )  # fmt: skip
    with TestClient(create_app(settings)) as client:
        yield client


def html(text: str) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))


def entry(id: int, content: str, title: str = "A story") -> dict[str, Any]:
    return {"id": id, "user_id": 1, "feed_id": 3, "status": "unread", "title": title, "content": content, "tags": []}


def new(reader: FakeMiniflux, *entries: dict[str, Any]) -> dict[str, Any]:
    """The event of new entries, which the reader has."""
    reader.entries |= {one["id"]: one["content"] for one in entries}
    return {"event_type": "new_entries", "feed": {"id": 3}, "entries": list(entries)}


def send(client: TestClient, payload: Any, *, secret: str = SECRET, event: str = "new_entries") -> Any:
    body = json.dumps(payload).encode() if not isinstance(payload, bytes) else payload
    headers = {
        "content-type": "application/json",
        "user-agent": "Miniflux/2.2.9",
        "x-miniflux-event-type": event,
        "x-miniflux-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return client.post("/webhooks/miniflux", content=body, headers=headers)


def test_new_entries_get_summary_and_topics(client: TestClient, reader: FakeMiniflux) -> None:
    entries = [entry(1, html(HARBOUR)), entry(2, html(BUDGET), "Budget passed"), entry(3, "<img src='x.png'>")]
    reply = send(client, new(reader, *entries))
    assert (reply.status_code, reply.json()) == (202, {"accepted": 3})
    until(lambda: len(reader.updated) == 2)
    content = reader.updated[1]["content"]
    assert content.startswith('<div class="dateline-digest"><p><strong>The harbour town of Easter Quay')
    assert content.endswith(html(HARBOUR))
    assert "economy" in reader.updated[2]["content"]
    saved = entry(4, html(BUDGET))
    reader.entries[4] = html(BUDGET)
    assert send(client, {"event_type": "save_entry", "entry": saved}, event="save_entry").status_code == 202
    until(lambda: 4 in reader.updated)
    again = entry(5, content)
    send(client, new(reader, again, entry(6, html(HARBOUR))))
    until(lambda: 6 in reader.updated)
    assert 5 not in reader.updated


def test_what_miniflux_did_not_sign_is_refused(client: TestClient, reader: FakeMiniflux) -> None:
    payload = {"event_type": "new_entries", "entries": [entry(1, html(HARBOUR))]}
    assert send(client, payload, secret="guessed").status_code == 403
    assert client.post("/webhooks/miniflux", json=payload).status_code == 403
    for wrong in (b"[]", b"{}", b"[1]", b"", b"not json", b'{"event_type": "new_entries", "entries": [{}]}'):
        reply = send(client, wrong)
        assert (reply.status_code, reply.json()["error_type"]) == (422, "invalid_request")
    assert reader.asked == 0


def test_a_reader_that_is_away_for_a_moment_is_tried_again(client: TestClient, reader: FakeMiniflux) -> None:
    reader.fails = 2
    event = new(reader, entry(404, html(HARBOUR)), entry(8, html(HARBOUR)))
    del reader.entries[404]
    send(client, event)
    until(lambda: 8 in reader.updated)
    assert (reader.asked, set(reader.updated)) == (3, {8})


def test_a_redirect_is_not_followed(client: TestClient, reader: FakeMiniflux) -> None:
    reader.redirects = True
    send(client, new(reader, entry(1, html(HARBOUR))))
    until(lambda: reader.asked == 3)
    assert reader.updated == {}


def test_more_entries_than_may_wait_are_not_taken(
    client: TestClient, reader: FakeMiniflux, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.miniflux, "MOST_WAITING", 2)
    reply = send(client, new(reader, *(entry(n, html(HARBOUR)) for n in range(3))))
    assert (reply.status_code, reply.json()) == (202, {"accepted": 2})
    monkeypatch.setattr(service.miniflux, "MOST_WAITING", 0)
    reply = send(client, new(reader, entry(9, html(HARBOUR))))
    assert (reply.status_code, reply.json()["error_type"]) == (429, "overloaded")


def test_what_was_changed_meanwhile_is_kept(client: TestClient, reader: FakeMiniflux) -> None:
    event = new(reader, entry(1, html(HARBOUR)))
    reader.entries[1] = html(BUDGET)  # fetched in full by the reader
    send(client, event)
    until(lambda: 1 in reader.updated)
    assert reader.updated[1]["content"].endswith(html(BUDGET))


@pytest.mark.parametrize("missing", ["TOKEN", "SECRET"])
def test_no_secret_is_shown_where_settings_are_wrong(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("DATELINE_MINIFLUX_URL", "http://reader")
    monkeypatch.setenv("DATELINE_API_KEYS", "top-secret")
    for name in {"TOKEN", "SECRET"} - {missing}:
        monkeypatch.setenv(f"DATELINE_MINIFLUX_{name}", "top-secret")
    monkeypatch.setenv(
        "DATELINE_ENGINES", '[{"id": "a", "base_url": "http://x/v1", "model": "m", "api_key": "top-secret"}]'
    )
    with pytest.raises(InvalidSettings) as error:
        read_settings()
    assert "top-secret" not in str(error.value)


def test_without_a_miniflux_there_is_no_webhook(seeds_folder: Path) -> None:
    with TestClient(create_app(Settings(seeds=seeds_folder))) as client:
        reply = send(client, {})
        assert reply.status_code == 404
        assert "DATELINE_MINIFLUX_SECRET" in reply.json()["detail"]


def test_a_miniflux_needs_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATELINE_MINIFLUX_URL", "http://reader")
    with pytest.raises(InvalidSettings, match="DATELINE_MINIFLUX_TOKEN"):
        read_settings()


# ---- Superdesk


def superdesk(item: dict[str, Any], client: TestClient, *, key: str = "key") -> Any:
    """As Superdesk's client of iMatrics asks."""
    fields = "uuid,title,type,shortDescription,aliases,source,author,weight,broader,links"
    return client.post("/article/analysis", params={"conceptFields": fields}, json=item, auth=("desk", key))


def test_superdesk_gets_its_subjects(client: TestClient) -> None:
    item = {
        "uuid": "tag:1", "pubStatus": False, "headline": "Budget passed", "language": "en",
        "body": BUDGET.split("\n\n"),
    }  # fmt: skip
    reply = superdesk(item, client)
    assert reply.status_code == 200
    found = reply.json()
    assert [concept["type"] for concept in found["concepts"]] == ["category"] * len(found["concepts"])
    politics = next(concept for concept in found["concepts"] if concept["uuid"] == "medtop:11000000")
    assert politics["title"] == "politics and government"
    assert 0 < politics["weight"] <= 100
    assert politics["links"][0] | {"uri": ""} == {
        "source": "IPTC", "relationType": "exactMatch", "id": "medtop:11000000", "uri": "",
    }  # fmt: skip
    assert found["broader"] == []
    subject = next(subject for subject in found["subject"] if subject["qcode"] == "11000000")
    assert (subject["name"], subject["parent"], subject["scheme"]) == ("politics and government", None, "mediatopic")
    body = {"headline": "<b>Budget passed</b>", "body_html": html(BUDGET), "language": "en"}
    assert superdesk(body, client).json()["subject"] == found["subject"]
    nothing = superdesk({"uuid": "tag:2", "headline": "", "body": [], "language": "en"}, client)
    assert nothing.json() == {"concepts": [], "broader": [], "subject": []}


def test_superdesk_finds_concepts(client: TestClient) -> None:
    found = client.post("/concept/get", params={"operation": "title_type"}, json={"title": "Tax", "type": "all"}).json()
    assert found["result"]
    assert all("tax" in concept["title"] for concept in found["result"])
    concept = next(concept for concept in found["result"] if concept["broader"])
    above = client.post("/concept/get", params={"operation": "id"}, json={"uuid": concept["broader"]}).json()["result"]
    assert above[0]["uuid"] == concept["broader"]
    assert client.post("/concept/get", json={"title": ""}).json() == {"result": []}
    assert client.post("/concept/create", json={"title": "x", "type": "topic"}).json()["error"]


def test_superdesk_sends_the_key_as_a_password(seeds_folder: Path) -> None:
    settings = Settings(seeds=seeds_folder, api_keys=(SecretStr("sesame"),))
    with TestClient(create_app(settings)) as client:
        item = {"headline": "Budget passed", "body": [BUDGET], "language": "en"}
        assert superdesk(item, client, key="sesame").status_code == 200
        assert superdesk(item, client, key="wrong").status_code == 403
        assert client.post("/article/analysis", json=item).status_code == 401
        encoded = base64.b64encode(b"no colon").decode()
        for header in (f"Basic {encoded}", "Basic ???", "Basic"):
            assert client.post("/article/analysis", json=item, headers={"authorization": header}).status_code == 401
