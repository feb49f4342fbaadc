"""Every architecture from end to end: pulled from a hub by the command, served over HTTP, as transformers computes it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from service.http.app import create_app
from service.settings import Settings
from tests.hub import COMMIT, hub
from tests.integration.test_pretrained import SHORT, TEXTS, plainly_generated
from tests.integration.test_pulling import pull
from tests.pretrained import CLASSIFIERS, SEQ2SEQ, make


def pulled(kind: str, folder: Path) -> Path:
    """The checkpoint as the hub held it; pulled into `folder / "models"`."""
    made = make(kind, folder / "hub" / kind)
    with hub(made, model_id=f"acme/{kind}") as served:
        pull(folder / "models", served.endpoint, "--engine", "torch", model=f"acme/{kind}")
    return made


def ask(folder: Path, store: str, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of each request's articles, from a service with a store of that name."""
    settings = Settings(
        seeds=folder, store=str(folder / store), models=folder / "models", dtype="float32", engine="torch"
    )
    with TestClient(create_app(settings)) as client:
        replies = [client.post("/v1/digest", json=request) for request in requests]
    assert [reply.status_code for reply in replies] == [200] * len(requests)
    return [result for reply in replies for result in reply.json()["results"]]


def articles(*texts: str, **options: Any) -> dict[str, Any]:
    return {"articles": [{"text": text} for text in texts], **options}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEQ2SEQ)
def test_a_summariser_is_pulled_served_and_writes_what_generate_writes(kind: str, tmp_path: Path) -> None:
    made = pulled(kind, tmp_path)
    options: dict[str, Any] = {"tasks": ["summary"], "summary": {"model": f"acme/{kind}"}}
    together = ask(tmp_path, "a.db", [articles(*TEXTS, **options)])
    alone = ask(tmp_path, "b.db", [articles(text, **options) for text in TEXTS])
    assert [result["summary"] for result in together] == [result["summary"] for result in alone]
    written = together[TEXTS.index(SHORT)]["summary"]
    assert written["revision"] == COMMIT
    assert written["text"]
    assert " ".join(plainly_generated(made, SHORT).split()).startswith(written["text"])


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_classifier_is_pulled_served_and_scores_as_its_logits_say(kind: str, tmp_path: Path) -> None:
    made = pulled(kind, tmp_path)
    labels = ["rain", "money"] if kind == "nli" else []
    options = {"tasks": ["topics"], "topics": {"model": f"acme/{kind}", "threshold": 0, "labels": labels}}
    together = ask(tmp_path, "a.db", [articles(*TEXTS, **options)])
    alone = ask(tmp_path, "b.db", [articles(text, **options) for text in TEXTS])
    for one, other in zip(together, alone, strict=True):
        assert [topic["score"] for topic in one["topics"]] == pytest.approx(
            [topic["score"] for topic in other["topics"]], abs=1e-5
        )
    model = AutoModelForSequenceClassification.from_pretrained(made).eval()
    tokenizer = AutoTokenizer.from_pretrained(made)
    pairs = {"text_pair": [f"This text is about {label}." for label in labels]} if labels else {}
    with torch.inference_mode():
        logits = model(**tokenizer([SHORT] * max(len(labels), 1), **pairs, padding=True, return_tensors="pt")).logits
    if kind == "nli":
        expected = logits[:, [0, 2]].softmax(-1)[:, 1]
    else:
        expected = (logits.softmax(-1) if kind == "single-label" else logits.sigmoid())[0]
    found = [topic["score"] for topic in together[TEXTS.index(SHORT)]["topics"]]
    assert found == pytest.approx(sorted(expected.tolist(), reverse=True), abs=1e-5)
