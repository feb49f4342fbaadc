"""Sentence boundaries, headings and links."""

from itertools import pairwise
from random import Random

import pytest

from models.text.sentences import blocks, sentences
from tests.articles import HARBOUR
from tests.conftest import SEED_FILE


def split(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Holt left. Dr. Lund stayed.", ["Mr. Holt left.", "Dr. Lund stayed."]),
        ("The U.S. economy grew 1.5 percent. It fell.", ["The U.S. economy grew 1.5 percent.", "It fell."]),
        ("Fruit, e.g. plums, was scarce. So was fish.", ["Fruit, e.g. plums, was scarce.", "So was fish."]),
        ("J. K. Moe wrote it. We read it.", ["J. K. Moe wrote it.", "We read it."]),
        ('"Go home," she said. "It is late."', ['"Go home," she said.', '"It is late."']),
        ("Er sagte: „Es ist gut.“ Dann ging er.", ["Er sagte: „Es ist gut.“", "Dann ging er."]),
        ("今日は雨です。明日は晴れます。", ["今日は雨です。", "明日は晴れます。"]),
        ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("  Padded.\t\n\n \n Twice.  ", ["Padded.", "Twice."]),
        ("One.\r\n\r\nTwo.", ["One.", "Two."]),
        ("• Rain fell.\n\n• Snow fell too.", ["Rain fell.", "Snow fell too."]),
        ("WASHINGTON (Reuters) - The Senate met.", ["The Senate met."]),
        ("LONDON, England (CNN) -- Rain fell.", ["Rain fell."]),
        ("The agency (AP) said so.", ["The agency (AP) said so."]),
        ("", []),
        (" \n\n \t ", []),
    ],
)
def test_boundaries(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_offsets_are_exact_and_ordered() -> None:
    text = "Ünïcode 🌊 first. " + HARBOUR + " 中文句子。Last one"
    spans = sentences(text)
    assert [text[s.start : s.end] for s in spans] == [text[s.start : s.end].strip() for s in spans]
    assert all(a.end <= b.start for a, b in pairwise(spans))


def test_headings_and_links_hold_no_sentence() -> None:
    found = split(HARBOUR)
    assert "A long way home" not in found
    assert not any("READ MORE" in sentence for sentence in found)
    assert len(found) == 9


def test_the_seed_article_is_read_as_what_it_is() -> None:
    text = SEED_FILE.read_text(encoding="utf-8")
    kinds = [(block.kind, text[block.start : block.end]) for block in blocks(text) if block.kind != "prose"]
    assert kinds == [
        ("heading", "Taliban's speedy advance"),
        ("link", "READ MORE:Afghanistan neighbours wary of new refugee crisis as Taliban advances"),
        ("heading", "Strategic border crossing closed"),
        ("link", "READ MORE:Hundreds of Afghans flee to Tajikistan as Taliban advances"),
    ]


def test_wrapped_lines_are_one_paragraph() -> None:
    text = "The county council met on Tuesday to talk about the harbour and\nits future, and about money.\nIt agreed."
    assert split(text) == [text[:92], "It agreed."]


def test_a_lone_headline_is_the_article() -> None:
    assert split("Harbour town holds first drill") == ["Harbour town holds first drill"]


def test_a_long_quotation_is_split_inside() -> None:
    quotation = (
        '"' + " ".join(f"This is sentence number {number} of a long speech." for number in range(20)) + '" he said.'
    )
    found = split(quotation)
    assert len(found) >= 20
    assert max(len(sentence.split()) for sentence in found) < 20


@pytest.mark.parametrize("seed", range(40))
def test_sentences_of_quote_heavy_text_do_not_overlap(seed: int) -> None:
    random = Random(seed)
    pieces = [
        '"',
        "“",
        "”",
        "'",
        "Yes?",
        "Mr. Holt left the U.S.",
        "The vote went on for many hours.",
        "No!",
        "he said.",
        "—",
    ]
    text = " ".join(random.choice(pieces) for _ in range(120)) + '"'
    spans = sentences(text)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    covered = "".join(text[s.start : s.end] for s in spans)
    assert [c for c in covered if c.isalpha()] == [c for c in text if c.isalpha()]


def test_a_missing_quotation_mark_does_not_swallow_the_article() -> None:
    text = 'He said "yes. ' + " ".join(f"The vote number {number} went on for hours." for number in range(30))
    assert len(split(text)) >= 30


def test_paragraphs_of_languages_without_full_stops_are_prose() -> None:
    thai = "เมืองท่าจัดการฝึกซ้อมรับมือสึนามิครั้งแรกเมื่อวันเสาร์ โดยมีเสียงไซเรนดังไปทั่วชายฝั่ง และประชาชนเดินขึ้นที่สูง"
    heading = "การฝึกซ้อมครั้งแรก"
    text = f"{heading}\n\n{thai}\n\n{thai}\n\nShe said: “It went well.”"
    assert [block.kind for block in blocks(text)] == ["heading", "prose", "prose", "prose"]
