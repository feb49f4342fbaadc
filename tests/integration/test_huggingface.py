"""The Hugging Face routes, asked by the real `InferenceClient`."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from models.options import SummaryOptions, TopicsOptions
from models.types import Document, Work
from service.http.app import create_app
from service.settings import Settings
from tests.articles import BUDGET, FOOTBALL, HARBOUR, long_article
from tests.doubles import INFO, Counting, SomeModels, load_model
from tests.live import live
from tests.pretrained import make_classifier, make_seq2seq


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    make_seq2seq("bart", root / "acme" / "bart")
    for kind in ("single-label", "multi-label", "nli"):
        make_classifier(kind, root / "acme" / kind)
    return root


@pytest.fixture(scope="module")
def base(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    seeds = tmp_path_factory.mktemp("seeds")
    settings = Settings(seeds=seeds, models=models, dtype="float32", max_loaded_models=4, engine="torch")
    with live(create_app(settings)) as url:
        yield url


def at(base: str, model: str) -> str:
    return f"{base}/models/{model}"


def test_summarization(base: str, models: Path) -> None:
    found = InferenceClient().summarization(HARBOUR, model=at(base, "acme/bart"))
    [expected] = load_model("acme/bart", models, dtype="float32", engine="torch").run(
        [Work(Document(HARBOUR), SummaryOptions())]
    )
    assert expected.summary is not None
    assert found.summary_text == expected.summary.text
    assert found["truncated"] is False
    assert found["input_tokens"] == expected.summary.input_tokens


def test_summarization_with_parameters(base: str) -> None:
    client = InferenceClient(model=at(base, "acme/bart"))
    long = long_article(400)
    cut = client.summarization(long, truncation="only_first", clean_up_tokenization_spaces=True)
    assert cut["truncated"]
    assert cut["used_tokens"] < cut["input_tokens"]
    assert not client.summarization(long, truncation="do_not_truncate")["truncated"]
    short = client.summarization(long, generate_parameters={"max_new_tokens": 4, "num_beams": 1})
    assert len(short.summary_text.split()) <= 3


def test_sampling_is_refused_in_words(base: str) -> None:
    with pytest.raises(HfHubHTTPError, match="temperature"):
        InferenceClient().summarization(HARBOUR, model=at(base, "acme/bart"), generate_parameters={"temperature": 2})


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_text_classification(base: str, kind: str, models: Path) -> None:
    client = InferenceClient(model=at(base, f"acme/{kind}"))
    found = client.text_classification(FOOTBALL)
    assert {item.label for item in found} == {"sport", "politics", "weather", "gossip"}
    if kind == "single-label":
        assert sum(item.score for item in found) == pytest.approx(1, abs=1e-5)
    top = client.text_classification(FOOTBALL, top_k=2)
    assert [(item.label, item.score) for item in top] == [(item.label, item.score) for item in found[:2]]
    raw = client.text_classification(FOOTBALL, function_to_apply="none")
    assert [item.label for item in raw] == [item.label for item in found]


def test_zero_shot_classification(base: str, models: Path) -> None:
    labels = ["sport", "money", "rain"]
    client = InferenceClient(model=at(base, "acme/nli"))
    found = client.zero_shot_classification(BUDGET, labels)
    assert sum(item.score for item in found) == pytest.approx(1, abs=1e-5)
    alone = client.zero_shot_classification(BUDGET, labels, multi_label=True, hypothesis_template="It is {}.")
    options = TopicsOptions(labels=tuple(labels), multi_label=True, template="It is {}.")
    [expected] = load_model("acme/nli", models, dtype="float32").run([Work(Document(BUDGET), topics=options)])
    assert expected.topics is not None
    assert [item.label for item in alone] == [topic.name for topic in expected.topics]
    scores = [topic.score for topic in expected.topics]
    assert [item.score for item in alone] == pytest.approx(scores, abs=1e-5)


def test_the_embedded_model_does_all_three(base: str) -> None:
    client = InferenceClient(model=at(base, "news-minilm"))
    assert client.summarization(HARBOUR, generate_parameters={"max_new_tokens": 30}).summary_text in HARBOUR
    assert client.text_classification(FOOTBALL, top_k=1)[0].label == "sport"
    assert client.zero_shot_classification(FOOTBALL, ["football", "banking"])[0].label == "football"
    named = InferenceClient(model=at(base, "news-minilm") + "?task=text-classification")
    assert named.text_classification(FOOTBALL)[0].label == "sport"


def test_what_the_hosted_api_takes_is_taken(base: str) -> None:
    def ask(**parameters: object) -> httpx.Response:
        return httpx.post(at(base, "acme/bart"), json={"inputs": HARBOUR, "parameters": parameters}, timeout=60)

    assert ask(do_sample=False).status_code == 200
    short, nested = (
        ask(max_length=20, min_length=5, do_sample=False),
        ask(generate_parameters={"max_length": 20, "min_length": 5}),
    )
    assert short.status_code == 200
    assert short.json() == nested.json()
    assert ask(do_sample=True).status_code == 422


def test_a_model_of_several_tasks_is_not_guessed_at(base: str) -> None:
    client = InferenceClient(model=at(base, "news-minilm"))
    for call in (client.text_classification, client.summarization):
        with pytest.raises(HfHubHTTPError, match=r"\?task=summarization"):
            call(FOOTBALL)


def test_errors_reach_the_client_in_words(base: str) -> None:
    client = InferenceClient()
    with pytest.raises(HfHubHTTPError, match="There is no model 'acme/none' here"):
        client.summarization(HARBOUR, model=at(base, "acme/none"))
    with pytest.raises(HfHubHTTPError, match="dateline models pull bart-large-cnn"):
        client.summarization(HARBOUR, model=at(base, "bart-large-cnn"))
    with pytest.raises(HfHubHTTPError, match="The text is empty"):
        client.summarization(" ", model=at(base, "acme/bart"))
    with pytest.raises(HfHubHTTPError, match="does not do summary"):
        client.summarization(HARBOUR, model=at(base, "acme/nli") + "?task=summarization")
    with pytest.raises(HfHubHTTPError, match="does not take candidate_labels"):
        client.zero_shot_classification(HARBOUR, ["x"], model=at(base, "acme/bart") + "?task=summarization")


def test_health_and_info(base: str) -> None:
    client = InferenceClient(model=at(base, "acme/nli"), provider="hf-inference")
    assert client.health_check()
    info = client.get_endpoint_info()
    assert info["model_id"] == "acme/nli"
    assert info["tasks"] == ["zero-shot-classification"]
    assert info["max_input_length"] == 64
    assert not InferenceClient(model=at(base, "acme/none"), provider="hf-inference").health_check()


def test_lists_of_inputs_and_bad_bodies(models: Path, tmp_path: Path) -> None:
    app = create_app(Settings(seeds=tmp_path, models=models, dtype="float32"))
    with TestClient(app) as client:
        found = client.post("/models/acme/bart", json={"inputs": [HARBOUR, FOOTBALL]}).json()
        assert [set(item) for item in found] == [{"summary_text", "input_tokens", "used_tokens", "truncated"}] * 2
        assert len(client.post("/models/acme/multi-label", json={"inputs": [HARBOUR, FOOTBALL]}).json()) == 2
        for body in ({}, {"inputs": 3}, {"inputs": "x", "parameters": {"top_q": 1}}, {"inputs": ["x"] * 9999}):
            reply = client.post("/models/acme/bart", json=body)
            assert reply.status_code in {413, 422}
            assert reply.json()["error"]


def test_overload_is_told_as_the_client_understands_it(tmp_path: Path) -> None:
    gate = threading.Event()
    app = create_app(
        Settings(seeds=tmp_path, summary_model=INFO.id, topics_model=INFO.id, max_waiting=1),
        models=SomeModels({INFO.id: Counting(gate=gate)}),
    )
    with live(app) as base:
        client = InferenceClient(model=at(base, INFO.id) + "?task=summarization")
        first = threading.Thread(target=client.summarization, args=[HARBOUR])
        first.start()
        while app.state.service.worker.load().articles == 0:
            pass
        with pytest.raises(HfHubHTTPError) as refused:
            client.summarization(FOOTBALL)
        response = refused.value.response
        assert response.status_code == 429
        seconds = response.headers["Retry-After"]
        assert int(seconds) >= 1
        assert response.headers["RateLimit"] == f'"default";r=0;t={seconds}'
        assert response.headers["RateLimit-Policy"] == '"default";q=1;w=10'
        assert f"Retry after {seconds} seconds" in str(refused.value)
        gate.set()
        first.join(10)
        assert client.summarization(FOOTBALL).summary_text
