"""Records that say nearly the same: found in any part, told in the output, digested once where that is asked for."""

import random
from pathlib import Path
from typing import Any

import pytest

from models.text.duplicates import ALIKE, families, firsts, signatures
from seeds.archives import ReadOptions
from tests.archives import archive_run, contents, rows, write_jsonl
from tests.articles import BUDGET, FOOTBALL, HARBOUR
from tests.doubles import Counting
from tests.integration.test_archive_run import Breaking

SMALL = ReadOptions(slice_records=40, slice_bytes=30_000)
WORDS = sorted({word.strip('.,"') for text in (HARBOUR, FOOTBALL, BUDGET) for word in text.split()})


def article(number: int) -> str:
    """Some 120 words in an order of its own."""
    chance = random.Random(number)
    return ". ".join(" ".join(chance.choices(WORDS, k=15)).capitalize() for _ in range(8)) + "."


def archive(folder: Path) -> Path:
    """300 records; every tenth from the hundredth on is a copy, with more furniture, of the one 100 before it."""
    texts = [article(n) if expected(n) is None else article(n % 100) + " Follow us." * (n // 100) for n in range(300)]
    return write_jsonl(folder / "in.jsonl", [{"id": f"r{n}", "text": text} for n, text in enumerate(texts)])


def expected(number: int) -> str | None:
    """The chain leads back to the first hundred."""
    return f"r{number % 100}" if number >= 100 and number % 10 == 0 else None


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        (HARBOUR, HARBOUR, True),
        (HARBOUR, HARBOUR.upper().replace(" ", "  "), True),
        (article(1), article(1) + " Read more on our website. All rights reserved.", True),
        (article(1), article(1)[: len(article(1)) // 2], False),
        (HARBOUR, FOOTBALL, False),
        ("Rain", "Rain", True),
        ("Rain", "Sun", False),
        ("市议会周二投票决定从明年春天开始扩建港口", "市议会周二投票决定从明年春天开始扩建港口。", True),
        ("市议会周二投票决定从明年春天开始扩建港口", "国家队在雨中以二比一战胜了邻国进入决赛", False),
    ],
)  # fmt: skip
def test_what_is_alike(first: str, second: str, alike: bool) -> None:
    assert firsts(signatures([BUDGET, first, second])).tolist() == [0, 1, 1 if alike else 2]


def test_versions_that_move_away_from_the_first_begin_anew_and_stay_one_family() -> None:
    words = article(1).split() + article(2).split()
    versions = [" ".join(words[start : start + 100]) for start in range(0, 100, 10)]
    found = signatures([*versions, "...", "🎉🎉", "..."])
    first = firsts(found)
    assert len(set(first[:10])) > 2
    assert all((found[first[n]] == found[n]).mean() >= ALIKE for n in range(13))
    assert first[10:].tolist() == [10, 11, 10]
    assert families(found).tolist() == [*[0] * 10, 10, 11, 10]


def test_of_no_text_and_of_many(tmp_path: Path) -> None:
    assert firsts(signatures([])).tolist() == []
    found = firsts(signatures([article(n) for n in range(1000)] * 2))
    assert found.tolist() == [*range(1000), *range(1000)]


@pytest.mark.parametrize("duplicates", ["mark", "skip"])
def test_duplicates_are_told_and_digested_once_where_that_is_asked_for(tmp_path: Path, duplicates: Any) -> None:
    model = Counting()
    run = archive_run(archive(tmp_path), tmp_path / "o.jsonl", model=model, read=SMALL, duplicates=duplicates)
    counts = run.go().counts
    found = rows(tmp_path / "o.jsonl")
    assert [row["duplicate_of"] for row in found] == [expected(n) for n in range(300)]
    assert (counts.records, counts.failed, counts.duplicates) == (300, 0, 20)
    made = [row["summary"] is not None and row["topics"] is not None for row in found]
    assert made == [duplicates == "mark" or expected(n) is None for n in range(300)]
    assert len({work.document.text for work in model.seen}) == sum(made)


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv.gz", "o.parquet"])
def test_an_interrupted_run_finds_the_same_and_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    source = archive(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = archive_run(source, tmp_path / "a" / name, read=SMALL, duplicates="skip").go()
    interruptions = 0
    while True:
        model = Breaking()
        model.left = 130
        try:
            report = archive_run(source, tmp_path / "b" / name, model=model, read=SMALL, duplicates="skip").go()
            break
        except KeyboardInterrupt:
            interruptions += 1
    assert interruptions
    assert contents(tmp_path / "a" / name) == contents(tmp_path / "b" / name)
    assert report.counts == whole.counts
    left = {path.name for path in (tmp_path / "b").iterdir() if ".results.db" not in path.name}
    assert left == {name, f"{name}.run.json"}
    if name.endswith(".parquet"):
        assert all(path.name.endswith(".parquet") for path in (tmp_path / "b" / name).iterdir())


def test_of_a_sample_and_a_limit_only_the_chosen_are_compared(tmp_path: Path) -> None:
    source = archive(tmp_path)
    archive_run(source, tmp_path / "o.jsonl", read=SMALL, duplicates="mark", sample=20, limit=12).go()
    assert [(row["id"], row["duplicate_of"]) for row in rows(tmp_path / "o.jsonl")] == [
        (f"r{n}", expected(n)) for n in range(0, 240, 20)
    ]


def test_records_that_fail_are_like_no_other(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [{"id": "a", "text": ""}, {"id": "b"}, {"id": "c", "text": HARBOUR}])
    counts = archive_run(source, tmp_path / "o.jsonl", duplicates="skip").go().counts
    assert (counts.failed, counts.duplicates) == (2, 0)
    archive_run(write_jsonl(tmp_path / "no.jsonl", [{"id": "b"}]), tmp_path / "n.jsonl", duplicates="skip").go()
    assert [row["duplicate_of"] for row in rows(tmp_path / "n.jsonl")] == [None]
