"""Replies that are remembered: the same to the byte, and never another's."""

from pathlib import Path

from starlette.testclient import TestClient

from seeds.store import Store
from service.http.app import create_app
from service.http.replies import MAX_REQUEST_BYTES
from service.settings import Settings
from tests.articles import FOOTBALL, HARBOUR
from tests.doubles import INFO, Counting, SomeModels


class Looked(Store):
    """Counts how often it is asked."""

    looks = 0

    def find(self, keys: object) -> object:  # type: ignore[override]
        self.looks += 1
        return super().find(keys)  # type: ignore[arg-type]


def service(folder: Path, **values: object) -> tuple[TestClient, Looked, SomeModels]:
    store, shelf = Looked(f"sqlite:///{folder}/r.db"), SomeModels({INFO.id: Counting()})
    settings = Settings(seeds=folder, summary_model=INFO.id, topics_model=INFO.id, **values)  # type: ignore[arg-type]
    return TestClient(create_app(settings, models=shelf, open_store=lambda _: store)), store, shelf


def body(text: str) -> dict[str, object]:
    return {"articles": [{"id": "x", "text": text}]}


def test_a_cached_reply_is_remembered_and_the_store_not_asked_again(tmp_path: Path) -> None:
    client, store, _ = service(tmp_path)
    with client:
        first = client.post("/v1/digest", json=body(HARBOUR)).json()
        second = client.post("/v1/digest", json=body(HARBOUR))
        looks = store.looks
        third = client.post("/v1/digest", json=body(HARBOUR), headers={"X-Request-ID": "mine"})
        assert store.looks == looks
        assert first["results"][0]["cached"] == {"summary": False, "topics": False}
        assert second.json()["results"][0]["cached"] == {"summary": True, "topics": True}
        assert third.content == second.content
        assert third.headers["content-type"] == second.headers["content-type"]
        assert (third.headers["x-request-id"], third.headers.get_list("x-request-id")) == ("mine", ["mine"])
        assert (
            'dateline_requests_total{method="POST",route="/v1/digest",status="200"} 3.0' in client.get("/metrics").text
        )


def test_another_body_path_or_task_is_another_reply(tmp_path: Path) -> None:
    client, _, _ = service(tmp_path)
    with client:
        for _ in range(3):
            assert (
                client.post("/v1/digest", json=body(HARBOUR)).json()["results"][0]["summary"]["text"][:11]
                == "The harbour"
            )
            assert (
                client.post("/v1/digest", json=body(FOOTBALL)).json()["results"][0]["summary"]["text"][:6] == "Brenna"
            )
            assert (
                client.post("/v1/digest", json=body(HARBOUR) | {"tasks": ["topics"]}).json()["results"][0]["summary"]
                is None
            )
            assert client.post("/v1/tag", json={"text": HARBOUR}).json()["topics"]
            assert client.post("/v1/summarise", json={"text": HARBOUR}).json()["sentences"]
            assert (
                client.post("/v1/digest", json=body(" ")).json()["results"][0]["error"]["error_type"]
                == "unreadable_text"
            )


def test_a_key_is_asked_for_however_often_another_was_answered(tmp_path: Path) -> None:
    client, _, _ = service(tmp_path, api_keys="right")
    with client:
        for _ in range(3):
            assert (
                client.post("/v1/digest", json=body(HARBOUR), headers={"Authorization": "Bearer right"}).status_code
                == 200
            )
            assert client.post("/v1/digest", json=body(HARBOUR)).status_code == 401
            assert (
                client.post("/v1/digest", json=body(HARBOUR), headers={"Authorization": "Bearer wrong"}).status_code
                == 403
            )


def test_long_and_oversized_requests_pass_by(tmp_path: Path) -> None:
    client, store, _ = service(tmp_path, max_body_bytes=MAX_REQUEST_BYTES * 2)
    long = body(HARBOUR * (MAX_REQUEST_BYTES // len(HARBOUR) + 1))
    with client:
        assert client.post("/v1/digest", json=long).status_code == 200
        before = store.looks
        for looks in (1, 2):
            assert client.post("/v1/digest", json=long).status_code == 200
            assert store.looks == before + looks
        assert client.post("/v1/digest", json=body("a" * MAX_REQUEST_BYTES * 3)).status_code == 413
