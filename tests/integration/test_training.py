"""The recipe, whole, on some fifty documents and a tiny encoder."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from models.options import SummaryOptions, TopicsOptions
from models.text.sentences import sentences
from models.training import recipe
from models.training.corpus import Pair, clean_article, clean_reference, hold_back, same_story
from models.training.oracle import oracle
from models.training.topics import SOURCES, Labelled, targets
from models.training.train import OtherRun, Plan
from models.types import Document, Work
from models.vocabulary import TOP_LEVEL
from tests.articles import long_article
from tests.doubles import load_folder

PLAN = Plan(epochs=1, frozen_layers=1, batch_tokens=1024, opening=2, closing=3)


def article(number: int) -> str:
    """Some 150 words that share no eight with another number's."""
    words = long_article(200).split()
    return " ".join(f"{word} x{number}" if i % 6 == 0 else word for i, word in enumerate(words))


def make_data(folder: Path) -> Path:
    (folder / "summaries").mkdir(parents=True)
    (folder / "topics").mkdir()
    for name, count in (
        ("cnn_dailymail", 20),
        ("cnn_dailymail_aligned", 6),
        ("inshorts_news_summary", 12),
        ("xsum", 12),
    ):
        rows: list[dict[str, object]] = [
            {"id": f"{name}-{i}", "article": article(i), "summary": "\n".join(article(i).split(". ")[:2])}
            for i in range(count)
        ]
        write(folder / "summaries" / f"{name}.jsonl.gz", rows)
    write(folder / "topics" / "read_labels.jsonl.gz", [read_row(i) for i in range(20)])
    write(folder / "summaries" / "editor_choices.jsonl.gz", [chosen_row(i) for i in range(12)])
    for name in ("newts", "macsum"):
        several: dict[str, object] = {
            "id": name,
            "same_as": None,
            "article": article(4000),
            "summaries": [article(4000)[:200]] * 2,
        }
        write(folder / "summaries" / f"{name}.jsonl.gz", [several])
    concepts = [
        {"qcode": qcode, "name": "name", "definition": "All about it", "retired": None, "level": 1 + i % 2}
        for i, qcode in enumerate(TOP_LEVEL)
    ]
    (folder / "topics" / "mediatopics.json").write_text(json.dumps(concepts))
    for number, source in enumerate(SOURCES):
        rows = [
            {
                "id": f"{source}-{i}", "title": f"News of section {(number + i) % 17} from {source} today",
                "text": article(1000 + 10 * number + i)[: 300 if i % 2 else 2000], "date_if_known": f"20{i:02}-01-01",
                "source_labels": ["news"], "iptc": [f"medtop:{(number + i) % 17 + 1:02}000000"],
            }
            for i in range(12)
        ]  # fmt: skip
        write(folder / "topics" / f"{source}.jsonl.gz", rows)
    return folder


def read_row(number: int) -> dict[str, object]:
    """An article with all its topics."""
    main, also, maybe = (f"medtop:{(number + i) % 17 + 1:02}000000" for i in range(3))
    labels: dict[str, object] = {"main": main, "also": [also], "maybe": [maybe]}
    names: dict[str, object] = {"id": f"read-{number}", "source": "tests", "source_id": f"read-{number}"}
    return names | labels | {"title": "A title of its own" if number % 2 else "", "text": article(2000 + number)}


def chosen_row(number: int) -> dict[str, object]:
    """An article with an editor's choice of its sentences."""
    text = article(3000 + number)
    spans = [{"start": span.start, "end": span.end} for span in sentences(text)]
    choice: dict[str, object] = {
        "best": [2, 1, 3],
        "one": 2,
        "good": [4],
        "furniture": [5],
        "badcut": [],
        "lead": "news",
    }
    names: dict[str, object] = {"id": f"chosen-{number}", "source": "tests", "source_id": f"chosen-{number}"}
    return names | choice | {"text": text, "sentences": spans}


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def test_the_whole_recipe(tiny_folder: Path, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data")
    recipe.run(data, tiny_folder, tmp_path / "model", plan=PLAN, most=40)
    model = load_folder(tmp_path / "model", "trial", dtype="float32")
    [outcome] = model.run([Work(Document(article(1)), SummaryOptions(), TopicsOptions(threshold=0))])
    assert outcome.summary is not None
    assert outcome.summary.sentences
    assert outcome.topics is not None
    assert len(outcome.topics) == 17


def test_the_same_seed_gives_the_same_weights_and_a_finished_run_is_not_trained_again(
    tiny_folder: Path, tmp_path: Path
) -> None:
    data = make_data(tmp_path / "data")
    revisions = []
    for name in ("one", "two"):
        recipe.run(data, tiny_folder, tmp_path / name, plan=PLAN, most=12)
        revisions.append(load_folder(tmp_path / name, "x").info.revision)
    (tmp_path / "one" / "SHA256SUMS").unlink()
    recipe.run(data, tiny_folder, tmp_path / "one", plan=PLAN, most=12)
    revisions.append(load_folder(tmp_path / "one", "x").info.revision)
    assert len(set(revisions)) == 1


def test_a_checkpoint_of_another_plan_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    data = make_data(tmp_path / "data")
    recipe.run(data, tiny_folder, tmp_path / "model", plan=PLAN, most=12)
    with pytest.raises(OtherRun, match="Delete it"):
        recipe.run(data, tiny_folder, tmp_path / "model", plan=replace(PLAN, seed=PLAN.seed + 1), most=12)


@pytest.mark.slow
def test_training_learns(tiny_folder: Path, tmp_path: Path) -> None:
    """Texts whose one word names their topic: after some epochs the topic is read off it."""
    from tokenizers import Tokenizer

    from models.checkpoint import load_encoder
    from models.extractive.network import NewsMiniLM
    from models.training.examples import topic_examples
    from models.training.refine import encoded
    from models.training.train import fit

    tokenizer = Tokenizer.from_file(str(tiny_folder / "tokenizer.json"))
    words = {15: "cup striker penalty", 11: "parliament budget minister", 3: "tsunami flood sirens"}
    rows = [
        Labelled(f"{i}", "tests", "train", "", f"{words[topic]} number {i}.", frozenset({topic}), "", weak=False, truncated=False)
        for i in range(120) for topic in words
    ]  # fmt: skip
    examples = topic_examples(rows, tokenizer, max_tokens=50, random=Random(0))
    torch.manual_seed(0)
    model = NewsMiniLM(load_encoder(tiny_folder, dtype="float32"), topics=17)
    plan = replace(PLAN, head_rate=5e-3, frozen_layers=0)
    fit(model, [], examples * 20, plan=plan, checkpoint=tmp_path / "checkpoint")
    with torch.inference_mode():
        found = model.topics(encoded(model, examples, plan=plan)).holds.argmax(1).tolist()
    assert np.mean([place + 1 == next(iter(row.topics)) for place, row in zip(found, rows, strict=True)]) > 0.95


def test_the_oracle_finds_the_best_set() -> None:
    sentences = ["The cat sat on the mat.", "Nothing else happened at all.", "A dog ran home quickly."]
    assert oracle(sentences, "The cat sat on the mat. A dog ran home.").best == [0, 2]


def test_articles_that_share_text_are_held_back_together() -> None:
    pairs = [Pair(str(i), "cnn_dailymail", article(i), "x") for i in range(30)]
    twin = Pair("twin", "cnn_dailymail", article(7) + " And one more sentence at the end.", "x")
    held = hold_back([*pairs, twin], most=15)
    assert ("7" in held) == ("twin" in held)
    assert 14 <= len(held) <= 17


def test_other_stories_are_not_the_same() -> None:
    assert same_story({"a": article(1)}, {"b": article(2)}) == []
    assert same_story({"a": article(1)}, {"b": article(1)}) == [("a", "b")]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("LONDON, England (CNN) -- Rain fell .", "Rain fell."),
        ("(CNN)Police said it was n't him .", "Police said it wasn't him."),
        ("By . Ann Lee . PUBLISHED: . 10:01 EST, 3 June 2013 . Rain fell.", "Rain fell."),
        ("Scroll down for video Rain fell.", "Rain fell."),
    ],
)
def test_furniture_of_the_corpus_is_cleaned_away(raw: str, clean: str) -> None:
    assert clean_article(raw) == clean


def test_references_are_cleaned() -> None:
    assert clean_reference("NEW: Rain fell\nCLICK HERE for more\nThe sun shone.") == "Rain fell.\nThe sun shone."


def test_a_missing_code_is_not_a_negative() -> None:
    row = Labelled("1", "allsides_abp", "train", "", "Union strike.", frozenset({2}), "", weak=False, truncated=False)
    wanted, believed = targets(row)
    assert wanted.tolist() == pytest.approx([0, 1] + [0] * 8 + [0.3] + [0] * 6)
    assert believed[[1, 8, 10, 15]].tolist() == pytest.approx([0.8, 0.0, 0.5, 0.1])
    assert believed[14] == 1
