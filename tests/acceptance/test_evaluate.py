"""Evaluation over files, through the command."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.evaluation import topics as topic_measures
from models.evaluation.summaries import compare
from tests import articles
from tests.acceptance.test_cli import run

LEAD = "The harbour town of Easter Quay held its first tsunami drill on Saturday, with sirens sounding along the front."


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_a_system_is_compared_on_the_same_articles() -> None:
    outputs = {"good": ["a cat sat\non a mat", "the dog ran"], "lead": ["nothing alike", "the dog ran"]}
    lead, good = compare(outputs, ["a cat sat\non a mat", "the dog ran"], baseline="lead")
    assert (lead.name, good.name) == ("lead", "good")
    assert good.measures["rouge1"].mean == pytest.approx(100)
    assert good.difference["rouge1"].mean == pytest.approx(50)
    assert lead.difference["rouge2"] == lead.difference["rougeLsum"]


def test_topic_measures() -> None:
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)
    scores = np.array([[0.9, 0.1], [0.4, 0.3], [0.2, 0.8], [0.7, 0.1]])
    found = topic_measures.score(truth, scores, scores >= 0.5, names=["a", "b"])
    assert found.precision == pytest.approx(2 / 3)
    assert found.coverage == 0.75
    assert found.top_right == pytest.approx(2 / 3)
    assert [label.recall for label in found.labels] == [0.5, 0.5]
    assert found.micro_f1 == pytest.approx(4 / 7)


def test_calibration_error_of_honest_scores_is_small() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(size=20_000)
    right = random.uniform(size=20_000) < scores
    bins = topic_measures.reliability(scores, right)
    assert max(abs(found.score - found.right) for found in bins) < 0.04


def test_summaries_from_a_file(tmp_path: Path) -> None:
    rows = [
        {"article": articles.HARBOUR, "summary": LEAD, "systems": {"oracle": LEAD, "noise": "cheese"}},
        {"article": articles.FOOTBALL, "summary": "Rovers won the cup.", "systems": {"oracle": "Rovers won the cup.", "noise": "x y"}},
    ]  # fmt: skip
    done = run("evaluate", "summaries", write(tmp_path / "rows.jsonl", rows), "--json", "--report", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    found = {system["name"]: system for system in json.loads(done.stdout)["systems"]}
    assert set(found) == {"lead", "news-minilm", "oracle", "noise"}
    assert found["oracle"]["measures"]["rouge1"]["mean"] == pytest.approx(100)
    assert found["noise"]["difference"]["rouge1"]["high"] < 0
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.count("data:image/png;base64,") == 2


@pytest.mark.slow
def test_topics_from_a_file(tmp_path: Path) -> None:
    rows = [
        {"text": text, "title": "", "iptc": [code], "source": "tests"}
        for text, code in (
            (articles.FOOTBALL, "medtop:15000000"),
            (articles.BUDGET, "medtop:11000000"),
            (articles.HARBOUR, "medtop:03000000"),
        )
        for _ in range(4)
    ]
    path = write(tmp_path / "rows.jsonl.gz", rows)
    done = run("evaluate", "topics", path, "--json", "--report", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["model"]["rows"] == 12
    assert found["model"]["coverage"] > 0.6
    assert set(found["sources"]) == {"tests"}
    table = run("evaluate", "topics", path).stdout
    assert "macro-F1" in table
    assert "sport" in table


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "needs a field"),
        (b"{}\n", "needs a field"),
        (b"{}\nnot json\n", "line 2 is not JSON"),
        (b"[1]\n", "line 1 holds list, not an object"),
        (b'{"text": "caf\xe9"}\n', "UTF-8"),
        (gzip.compress(b'{"text": "x"}\n' * 1000)[:40], "is not JSON|cannot be read"),
    ],
)
def test_a_bad_file_is_told(tmp_path: Path, content: bytes, says: str) -> None:

    path = tmp_path / ("rows.jsonl.gz" if content[:2] == b"\x1f\x8b" else "rows.jsonl")
    path.write_bytes(content)
    done = run("evaluate", "summaries", path)
    assert done.returncode == 1
    assert re.search(says, done.stderr)
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    done = run("evaluate", "topics", tmp_path / "none.jsonl")
    assert (done.returncode, "none.jsonl" in done.stderr) == (1, True)
