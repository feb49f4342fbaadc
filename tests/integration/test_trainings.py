"""Trainings over HTTP: real processes beside the service, one at a time, told how they stand."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.http.app import create_app
from service.settings import Settings
from tests.integration.test_own_topics import examples

SECONDS = 120


@pytest.fixture
def client(tmp_path: Path, seeds_folder: Path) -> Iterator[TestClient]:
    settings = Settings(
        seeds=seeds_folder, store=str(tmp_path / "results.db"), models=tmp_path / "models", summary_model="lead"
    )
    with TestClient(create_app(settings)) as client:
        yield client


def labelled(count: int) -> list[dict[str, Any]]:
    return [{"id": row.place, "text": row.article.text, "labels": sorted(row.labels)} for row in examples(count)]


def ended(client: TestClient, name: str) -> dict[str, Any]:
    """The training once it has ended."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        state: dict[str, Any] = client.get(f"/v1/trainings/{name}").json()
        if state["state"] != "running":
            return state
        time.sleep(0.2)
    raise AssertionError(state)


def test_a_model_is_learnt_beside_the_service_and_tags_at_once(client: TestClient) -> None:
    articles = [*labelled(30), {"text": " ", "labels": ["courts"]}]
    begun = client.post("/v1/trainings", json={"name": "desks", "articles": articles})
    assert (begun.status_code, begun.headers["location"]) == (202, "/v1/trainings/desks")
    assert begun.json()["state"] == "running"
    busy = client.post("/v1/trainings", json={"name": "other", "articles": articles})
    assert (busy.status_code, busy.json()["error_type"]) == (429, "overloaded")
    assert int(busy.headers["retry-after"]) >= 1
    state = ended(client, "desks")
    assert (state["state"], state["error"]) == ("done", None)
    assert state["progress"] == {"done": 31, "total": 31}
    assert state["report"]["skipped"] == {"unreadable_text": 1}
    assert (state["report"]["rows"], len(state["report"]["labels"])) == (30, 3)
    text = "The judge heard the case of the stolen car. The jury found the driver guilty."
    [first, *_] = client.post("/v1/tag", json={"text": text, "model": "desks"}).json()["topics"]
    assert first["name"] == "courts"
    assert [entry["name"] for entry in client.get("/v1/trainings").json()["trainings"]] == ["desks"]
    taken = client.post("/v1/trainings", json={"name": "desks", "articles": articles})
    assert (taken.status_code, taken.json()["error_type"]) == (422, "invalid_option")


def test_feedback_is_learnt_from(client: TestClient) -> None:
    rows = examples(12)
    sent = [{"id": row.place, "text": row.article.text} for row in rows]
    assert client.post("/v1/articles", json={"articles": sent}).status_code == 201
    for row in rows:
        client.post("/v1/feedback", json={"article": row.place, "topics": sorted(row.labels)}).raise_for_status()
    client.post("/v1/trainings", json={"name": "corrected", "from_feedback": True}).raise_for_status()
    assert ended(client, "corrected")["report"]["rows"] == 12


def test_a_training_that_cannot_learn_says_why_and_may_be_sent_again(client: TestClient, tmp_path: Path) -> None:
    one = [{**row, "labels": ["all"]} for row in labelled(4)]
    assert client.post("/v1/trainings", json={"name": "desks", "articles": one}).status_code == 202
    state = ended(client, "desks")
    assert (state["state"], state["report"], state["error"]["error_type"]) == ("failed", None, "invalid_option")
    assert "Every row has the label 'all'" in state["error"]["detail"]
    client.post("/v1/trainings", json={"name": "none", "from_feedback": True}).raise_for_status()
    assert ended(client, "none")["error"]["error_type"] == "no_records"
    assert not (tmp_path / "models").exists() or not list((tmp_path / "models").iterdir())
    client.post("/v1/trainings", json={"name": "desks", "articles": labelled(9)}).raise_for_status()
    assert ended(client, "desks")["state"] == "done"


def test_a_training_is_cancelled_and_leaves_nothing(client: TestClient, tmp_path: Path) -> None:
    client.post("/v1/trainings", json={"name": "desks", "articles": labelled(300)}).raise_for_status()
    assert client.delete("/v1/trainings/desks").json()["state"] == "cancelled"
    assert client.delete("/v1/trainings/desks").json()["state"] == "cancelled"
    assert ended(client, "desks")["state"] == "cancelled"
    client.post("/v1/trainings", json={"name": "desks", "articles": labelled(9)}).raise_for_status()
    assert ended(client, "desks")["state"] == "done"
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["desks"]


@pytest.mark.parametrize(
    ("body", "status", "error_type"),
    [
        ({"name": "desks"}, 422, "invalid_request"),
        ({"name": "desks", "from_feedback": True, "articles": labelled(3)}, 422, "invalid_request"),
        ({"name": "desks", "articles": [{"text": "Rain."}]}, 422, "invalid_request"),
        ({"name": "../desks", "articles": labelled(9)}, 422, "invalid_option"),
        ({"name": "lead", "articles": labelled(9)}, 422, "invalid_option"),
        ({"name": "desks", "articles": labelled(9), "aim": "fame"}, 422, "invalid_option"),
        ({"name": "desks", "articles": labelled(9), "vocabulary": "none"}, 404, "unknown_model"),
        ({"name": "desks", "articles": [{"text": "x" * 400_001, "labels": ["a"]}]}, 413, "too_large"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_is_refused(client: TestClient, body: Any, status: int, error_type: str) -> None:
    refused = client.post("/v1/trainings", json=body)
    assert (refused.status_code, refused.json()["error_type"]) == (status, error_type)
    assert client.get("/v1/trainings").json() == {"trainings": []}
    assert client.get("/v1/trainings/desks").json()["error_type"] == "unknown_training"
