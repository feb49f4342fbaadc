"""Pulling models from a hub with the real client, as `dateline models pull` does, in a process of its own: the client
reads its endpoint when it is imported."""

import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from models.errors import ModelCorrupt
from models.folder import commit_of
from models.options import SummaryOptions
from models.types import Document, Work
from tests.articles import HARBOUR
from tests.doubles import load_model
from tests.hub import COMMIT, Fault, hub
from tests.pretrained import as_pickled, make_classifier, make_seq2seq

MODEL = "acme/tiny-bart"


@pytest.fixture(scope="module")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_seq2seq("bart", tmp_path_factory.mktemp("hub") / "bart")
    (folder / "flax_model.msgpack").write_bytes(b"not needed")
    (folder / "README.md").write_text("A tiny model.")
    return folder


def dateline(*arguments: str, root: Path, endpoint: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = {
        "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HUB_ETAG_TIMEOUT": "5", "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "DATELINE_MODELS": str(root), "HF_HOME": str(root / ".hf"),
    }  # fmt: skip
    return subprocess.run(
        [Path(sys.executable).parent / "dateline", *arguments],
        capture_output=True, text=True, env=os.environ | told | environment, timeout=120, check=False,
    )  # fmt: skip


def pull(root: Path, endpoint: str, *options: str, model: str = MODEL, **environment: str) -> str:
    done = dateline("models", "pull", model, *options, root=root, endpoint=endpoint, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def refusal(root: Path, endpoint: str, *options: str, model: str = MODEL, **environment: str) -> str:
    done = dateline("models", "pull", model, *options, root=root, endpoint=endpoint, **environment)
    assert done.returncode in {1, 2}
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def summary_of(root: Path, model: str = MODEL) -> str:
    [outcome] = load_model(model, root, dtype="float32", engine="torch").run(
        [Work(Document(HARBOUR), SummaryOptions())]
    )
    assert outcome.summary is not None, outcome.error
    return outcome.summary.text


def test_a_model_is_pulled_once_and_serves_without_network(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL) as served:
        told = pull(tmp_path, served.endpoint)
        assert MODEL in told
        assert COMMIT[:12] in told
        assert {path.rsplit("/", 1)[-1] for path in served.downloads()} == {
            "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
            "README.md",
        }  # fmt: skip
        before = len(served.downloads())
        assert "already here" in pull(tmp_path, served.endpoint)
        assert len(served.downloads()) == before
    assert "already here" in pull(tmp_path, "http://127.0.0.1:9", HF_HUB_OFFLINE="1")
    info = load_model(MODEL, tmp_path).info
    assert (info.id, info.revision) == (MODEL, COMMIT)
    listed = dateline("models", "list", root=tmp_path, endpoint="http://127.0.0.1:9").stdout.splitlines()
    assert next(json.loads(line)["ready"] for line in listed if MODEL in line)
    shown = json.loads(dateline("models", "show", MODEL, root=tmp_path, endpoint="http://127.0.0.1:9").stdout)
    assert (shown["commit"], shown["engines"]) == (COMMIT, ["torch", "ctranslate2"])


@pytest.mark.slow
def test_pickled_weights_become_safetensors(bart: Path, tmp_path: Path) -> None:
    pickled = as_pickled(bart, tmp_path / "pickled")
    with hub(bart, model_id="acme/new") as new, hub(pickled, model_id="acme/old") as old:
        pull(tmp_path / "models", new.endpoint, "--engine", "torch", model="acme/new")
        pull(tmp_path / "models", old.endpoint, "--engine", "torch", model="acme/old")
    folder = tmp_path / "models" / "acme" / "old"
    assert (folder / "model.safetensors").exists()
    assert not list(folder.glob("*.bin"))
    assert summary_of(tmp_path / "models", "acme/old") == summary_of(tmp_path / "models", "acme/new")


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("touch /tmp/dateline-was-here",))


def test_a_pickle_that_would_run_code_is_refused(bart: Path, tmp_path: Path) -> None:
    hostile = as_pickled(bart, tmp_path / "hostile")
    with zipfile.ZipFile(hostile / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Hostile(), protocol=2))
        archive.writestr("archive/version", "3\n")
    with hub(hostile, model_id=MODEL) as served:
        assert "would run code" in refusal(tmp_path / "models", served.endpoint)
    assert not Path("/tmp/dateline-was-here").exists()
    assert not (tmp_path / "models" / MODEL).exists()


def test_a_cut_connection_is_taken_up_where_it_broke(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL, faults={"model.safetensors": "cut"}) as served:
        done = dateline("models", "pull", MODEL, "--engine", "torch", root=tmp_path, endpoint=served.endpoint)
        if done.returncode:  # the client may give up, or try again by itself
            assert "Pull again" in done.stderr
            pull(tmp_path, served.endpoint, "--engine", "torch")
        assert len(served.downloads("model.safetensors")) == 2
    assert summary_of(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_with_another_hash_is_refused_and_fetched_again(bart: Path, tmp_path: Path, name: str) -> None:
    with hub(bart, model_id=MODEL, faults={name: "damaged"}) as served:
        assert "damaged" in refusal(tmp_path, served.endpoint)
        assert not (tmp_path / MODEL).exists()
        served.faults.clear()
        pull(tmp_path, served.endpoint, "--engine", "torch")
    assert summary_of(tmp_path)


@pytest.mark.slow
def test_pickled_weights_that_lack_some_are_refused(tmp_path: Path) -> None:
    pickled = as_pickled(make_classifier("multi-label", tmp_path / "whole"), tmp_path / "pickled")
    weights = torch.load(pickled / "pytorch_model.bin")
    del weights["classifier.weight"]
    torch.save(weights, pickled / "pytorch_model.bin")
    with hub(pickled, model_id="acme/topics") as served:
        assert "lacks the weights ['classifier.weight']" in refusal(
            tmp_path / "models", served.endpoint, model="acme/topics"
        )


def test_two_pulls_at_once_fetch_the_model_once(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL, faults={"model.safetensors": "slow"}) as served, ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda _: pull(tmp_path, served.endpoint, "--engine", "torch"), range(3)))
        assert len(served.downloads("model.safetensors")) == 1
    assert sorted("already here" in line for line in told) == [False, True, True]
    assert summary_of(tmp_path)


def test_a_slow_hub_is_waited_for(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL, faults={"model.safetensors": "slow"}) as served:
        pull(tmp_path, served.endpoint, "--engine", "torch")
    assert summary_of(tmp_path)


@pytest.mark.parametrize(
    ("fault", "told"), [("refused", "HF_TOKEN"), ("broken", "500")]
)  # fmt: skip
def test_a_hub_that_refuses_is_told(bart: Path, tmp_path: Path, fault: Fault, told: str) -> None:
    with hub(bart, model_id=MODEL, faults={"": fault}) as served:
        assert told in refusal(tmp_path, served.endpoint)


def test_what_is_missing_and_what_is_unreachable_are_told_apart(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL) as served:
        assert "Check the spelling" in refusal(tmp_path, served.endpoint, model="acme/nobody")
        assert "no revision 'v9'" in refusal(tmp_path, served.endpoint, "--revision", "v9")
    assert "HF_HUB_OFFLINE" in refusal(tmp_path, "http://127.0.0.1:9", HF_HUB_OFFLINE="1")
    assert "cannot be" in refusal(tmp_path, "http://127.0.0.1:9")
    assert "no id of the hub" in refusal(tmp_path, "http://127.0.0.1:9", model="../etc")
    assert "ships with Dateline" in refusal(tmp_path, "http://127.0.0.1:9", model="news-minilm")


def test_a_model_that_the_disk_cannot_hold_is_not_begun(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL, faults={"model.safetensors": "huge"}) as served:
        assert "10000000.1 GB" in refusal(tmp_path, served.endpoint)
        assert not served.downloads()


def test_what_holds_no_weights_is_refused(bart: Path, tmp_path: Path) -> None:
    shutil.copytree(bart, tmp_path / "empty", ignore=shutil.ignore_patterns("*.safetensors"))
    with hub(tmp_path / "empty", model_id=MODEL) as served:
        assert "no weights" in refusal(tmp_path / "models", served.endpoint)


def test_serving_refuses_a_model_that_changed_on_disk(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL) as served:
        pull(tmp_path, served.endpoint, "--engine", "torch")
    config = tmp_path / MODEL / "generation_config.json"
    config.write_text(config.read_text().replace('"num_beams": 2', '"num_beams": 1'))
    with pytest.raises(ModelCorrupt, match="not the file that was recorded"):
        load_model(MODEL, tmp_path)
    with hub(bart, model_id=MODEL) as served:
        pull(tmp_path, served.endpoint, "--engine", "torch")  # what the message says to do
    assert load_model(MODEL, tmp_path)


@pytest.mark.slow
def test_a_conversion_that_is_damaged_is_refused_and_made_again(bart: Path, tmp_path: Path) -> None:
    with hub(bart, model_id=MODEL) as served:
        pull(tmp_path, served.endpoint)
        converted = tmp_path / MODEL / "ctranslate2" / "model.bin"
        converted.write_bytes(converted.read_bytes()[:-100])
        with pytest.raises(ModelCorrupt, match=r"model\.bin"):
            load_model(MODEL, tmp_path, engine="ctranslate2")
        pull(tmp_path, served.endpoint)
    assert load_model(MODEL, tmp_path, engine="ctranslate2").info.engine == "ctranslate2"


def test_another_commit_replaces_the_one_that_is_here(bart: Path, tmp_path: Path) -> None:
    other = make_seq2seq("bart", tmp_path / "other", seed=8)
    with hub(bart, model_id=MODEL) as served:
        pull(tmp_path / "models", served.endpoint, "--engine", "torch")
    first = summary_of(tmp_path / "models")
    with hub(other, model_id=MODEL, commit="f" * 40) as served:
        pull(tmp_path / "models", served.endpoint, "--engine", "torch", "--revision", "main")
    assert commit_of(tmp_path / "models" / MODEL) == "f" * 40
    assert summary_of(tmp_path / "models") != first


def test_a_classifier_is_pulled_too(tmp_path: Path) -> None:
    folder = make_classifier("multi-label", tmp_path / "classifier")
    with hub(folder, model_id="acme/topics") as served:
        pull(tmp_path / "models", served.endpoint, model="acme/topics")
    assert load_model("acme/topics", tmp_path / "models").info.tasks == ("topics",)


def test_a_weight_that_is_missing_is_named(bart: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(bart, tmp_path / MODEL)
    weights = load_file(bart / "model.safetensors")
    weights.pop(next(name for name in weights if "fc1" in name))
    save_file(weights, tmp_path / MODEL / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelCorrupt, match="fc1"):
        load_model(MODEL, tmp_path, dtype="float32")
    assert torch.isfinite(weights["final_logits_bias"]).all()
