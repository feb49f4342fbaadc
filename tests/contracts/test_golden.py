"""What the embedded model and the lead answer about the seed article. Where this test fails and the change is meant,
raise RESULT_VERSION in service/keys.py, so that stored results are computed again, and write the new answers here."""

import pytest

from models.options import SummaryOptions, TopicsOptions
from models.types import Document, Work
from seeds.records import parse_seed
from service.keys import RESULT_VERSION
from tests.conftest import SEED_FILE
from tests.doubles import load_model

GOLDEN_VERSION = 3
SENTENCES = {"news-minilm": [(0, 214), (216, 513)], "lead": [(0, 214), (216, 513), (515, 681)]}
TOPICS = {"medtop:16000000": 0.9826, "medtop:11000000": 0.6088, "medtop:02000000": 0.1274, "medtop:14000000": 0.0106}


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
