"""What the embedded model and the lead answer about the seed article. Where this test fails and the change is meant,
raise RESULT_VERSION in service/keys.py, so that stored results are computed again, and write the new answers here."""

import hashlib
import json

import pytest

from models.options import SummaryOptions, TopicsOptions
from models.text.sentences import sentences
from models.types import Document, Work
from seeds.records import parse_seed
from service.keys import RESULT_VERSION
from tests.articles import HARBOUR
from tests.conftest import SEED_FILE
from tests.doubles import load_model

GOLDEN_VERSION = 6
SENTENCES = {"news-minilm": [(0, 214), (216, 513), (1751, 1882)], "lead": [(0, 214), (216, 513), (515, 681)]}
TOPICS = {"medtop:16000000": 1.0, "medtop:11000000": 0.9539, "medtop:17000000": 0.0, "medtop:15000000": 0.0005}

SAMPLES = [
    HARBOUR,
    'VIK, Oct 14 (AP) — The man was held at 9 p.m. Thursday.[1]\n\nPhoto: Ann Lee/AP\n\nHe is 40. "Is it safe?" Mayor Roth asked.',
    "The council of Vik met on Monday\nto talk about the bridge and\nits cost. It voted for the plan.\n\n- It costs 40 million.\n\nA label",
    "He spoke.— Ann Lee (@annlee) May 8, 2024Earlier, she had not. On . Friday she will.",
    "<p>So said the coastguard&#8230;</p><p>Follow us on Facebook</p><p>**It rose.** 今日は雨です。明日は晴れます。</p>",
]
READING = "16188c5ce88d8fb173b62c6207acb0cd00eb7b02b543a004c259d80866a5260f"
"""SHA-256 of how the samples are read: kinds and offsets."""


def test_the_reading_of_texts_changes_with_the_result_version_alone() -> None:
    assert RESULT_VERSION == GOLDEN_VERSION
    read = [[(span.kind, span.start, span.end) for span in sentences(text)] for text in SAMPLES]
    assert hashlib.sha256(json.dumps(read).encode()).hexdigest() == READING


def test_answers_change_with_the_result_version_alone() -> None:
    assert RESULT_VERSION == GOLDEN_VERSION
    text = parse_seed(SEED_FILE.read_bytes(), name=SEED_FILE.name).text
    for id, expected in SENTENCES.items():
        [outcome] = load_model(id, dtype="float32").run([Work(Document(text), SummaryOptions())])
        assert outcome.summary
        assert [(sentence.start, sentence.end) for sentence in outcome.summary.sentences] == expected
    [outcome] = load_model("news-minilm", dtype="float32").run(
        [Work(Document(text), topics=TopicsOptions(threshold=0))]
    )
    assert outcome.topics
    assert {topic.qcode: topic.score for topic in outcome.topics[:4]} == pytest.approx(TOPICS, abs=1e-3)
