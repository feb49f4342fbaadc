"""Topics of one's own through real processes: loaded, taught, corrected, taught again, put back."""

import json
import os
import sqlite3
import subprocess
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.acceptance.test_cli import DATELINE
from tests.acceptance.test_serve import get, serving

ROWS = [
    ("The ferry left the quay of Vik after the storm, and the fishing fleet came back.", "harbour"),
    ("A tanker needs a deeper channel; the port will dredge it next year.", "harbour"),
    ("The container ship was towed to the pier by two tugs.", "harbour"),
    ("The judge sentenced a burglar to two years in prison.", "courts"),
    ("A jury found the driver guilty after a week of trial.", "courts"),
    ("The appeal court threw out the case of the stolen boat.", "courts"),
]
TEXT = "A crane fell on the pier, and the port was shut until the evening. Two tugs moved the ships."


def dateline(models: Path, seeds: Path, *arguments: object) -> str:
    environment = os.environ | {"DATELINE_MODELS": str(models), "DATELINE_SEEDS": str(seeds)}
    done = subprocess.run(
        [DATELINE, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tagged(url: str, model: str) -> Any:
    """The digest of the text, by topics alone."""
    topics = {"model": model, "threshold": 0}
    return post(f"{url}/v1/digest", {"articles": [{"text": TEXT}], "tasks": ["topics"], "topics": topics})["results"][0]


def post(url: str, values: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(values).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=60))


def test_feedback_restart_learn_and_rollback(tmp_path: Path, seeds_folder: Path) -> None:
    models, rows = tmp_path / "models", tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": text, "labels": [label]}) + "\n" for text, label in ROWS))
    (tmp_path / "desks.csv").write_text("code,name\nD1,Harbour\nD2,Courts\n")
    dateline(models, seeds_folder, "vocabulary", "load", tmp_path / "desks.csv", "--name", "desks")
    assert "D1" in dateline(models, seeds_folder, "vocabulary", "show", "desks")
    report = dateline(models, seeds_folder, "train", "topics", rows, "--vocabulary", "desks", "--name", "desk-model")
    assert "Harbour" in report

    with serving(seeds_folder, DATELINE_MODELS=str(models)) as (url, _):
        first = tagged(url, "desk-model")
        [kept] = post(f"{url}/v1/articles", {"articles": [{"text": TEXT}]})["articles"]
        post(f"{url}/v1/feedback", {"article": kept, "topics": ["D2"], "who": "Ann"})
    assert (first["topics"][0]["qcode"], first["cached"]["topics"]) == ("D1", False)

    taught = dateline(models, seeds_folder, "train", "learn", "desk-model", "--from-feedback")
    assert "kept as desk-model.1" in taught
    with serving(seeds_folder, DATELINE_MODELS=str(models)) as (url, _):
        second = tagged(url, "desk-model")
        before = tagged(url, "desk-model.1")
    assert second["provenance"]["topics"]["revision"] != first["provenance"]["topics"]["revision"]
    assert second["cached"]["topics"] is False
    assert second["topics"] != first["topics"]
    assert before["topics"] == first["topics"]

    assert first["provenance"]["topics"]["revision"] in dateline(
        models, seeds_folder, "train", "rollback", "desk-model"
    )
    with serving(seeds_folder, DATELINE_MODELS=str(models)) as (url, _):
        assert tagged(url, "desk-model") == first | {"cached": {"topics": True}}
        assert get(f"{url}/v1/topics?vocabulary=desk-model")["method"] in ("examples", "names and examples")
    revisions = [json.loads(line) for line in dateline(models, seeds_folder, "vocabulary", "list").splitlines()]
    assert [entry["name"] for entry in revisions] == ["desk-model", "desk-model.2", "desks"]


def test_an_archive_makes_anew_only_what_the_changed_model_makes(tmp_path: Path, seeds_folder: Path) -> None:
    models, out = tmp_path / "models", tmp_path / "digests.jsonl"
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text, _ in ROWS))
    made = []
    for names in ("Harbour\nCourts\n", "Harbour\nCourts\nWeather\n"):
        (tmp_path / "desks.csv").write_text("name\n" + names)
        dateline(models, seeds_folder, "vocabulary", "load", tmp_path / "desks.csv", "--name", "desks")
        dateline(
            models,
            seeds_folder,
            "archive",
            tmp_path / "rows.jsonl",
            "--out",
            out,
            "--topics-model",
            "desks",
            "--restart",
        )
        dateline(models, seeds_folder, "vocabulary", "remove", "desks")
        with closing(sqlite3.connect(f"{out}.results.db")) as store:
            made.append(dict(store.execute("SELECT task, count(*) FROM dateline_results GROUP BY task").fetchall()))
    assert made == [{"summary": 6, "topics": 6}, {"summary": 6, "topics": 12}]
