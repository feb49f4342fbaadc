"""Sentence boundaries, headings and links."""

import textwrap
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.text.furniture import PATTERNS, Pattern, furniture
from models.text.lines import blocks
from models.text.sentences import OPENING, prose, sentences
from models.text.visible import readable, visible
from tests.articles import HARBOUR
from tests.conftest import SEED_FILE


def split(text: str) -> list[str]:
    return [text[span.start : span.end] for span in prose(text)]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in sentences(text)]


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
    assert [found for found in kinds(text) if found[0] != "prose"] == [
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
    assert [kind for kind, _ in kinds(text)] == ["heading", "prose", "prose", "prose"]


LEAD = "The council of Vik approved the bridge on Monday."
BODY = "The state pays half of its cost, which was first put at forty million crowns."


@pytest.mark.parametrize(
    "lead",
    [
        LEAD + "[1]",
        LEAD + "\u200b",
        LEAD + " 🎉",
        f"**{LEAD}**",
        LEAD + " (NTB)",
        f"> {LEAD}",
        f"<p>{LEAD}</p>",
        f"- {LEAD}",
    ],
)
def test_marks_and_what_is_invisible_are_seen_through(lead: str) -> None:
    assert split(f"{lead}\n\n{BODY}")[:2] == [LEAD, BODY]


def test_what_is_visible_is_as_long_as_the_text() -> None:
    text = "<p>So&#8230; it\u00adis **bold**[1]\r\nand parted by a hy-\nphen 🎉</p>"
    assert len(visible(text)) == len(text)
    assert readable("So&#8230; a hy-\nphen, **bold** and <b>strong</b>") == "So… a hyphen, bold and strong"


@pytest.mark.parametrize("width", [24, 32, 40, 60, 72])
def test_wrapped_at_any_width_it_is_the_same_text(width: int) -> None:
    article = (
        "The council of Vik met on Monday to talk about the bridge and its cost. After four hours it voted for the plan "
        "by nine votes to six. Mr. Brandt, who led the opposition, called for a vote of the whole town."
    )
    wrapped = textwrap.fill(article, width)
    assert [" ".join(sentence.split()) for sentence in split(wrapped)] == split(article)


def test_lines_that_are_no_wrapped_prose() -> None:
    assert split(
        "The river took the town,\nThe river took the mill,\nAnd all that night the bells\nRang out upon the hill."
    ) == ["The river took the town,\nThe river took the mill,\nAnd all that night the bells\nRang out upon the hill."]
    assert split("What to bring.\n- A coat of good wool.\n- Boots that keep\nthe water out.") == [
        "What to bring.",
        "A coat of good wool.",
        "Boots that keep\nthe water out.",
    ]
    listed = f"{LEAD}\n\n1. Come early\n\n{BODY}\n\n2. Leave the dog at home\n\n{BODY}"
    assert [text for kind, text in kinds(listed) if kind == "heading"] == ["1. Come early", "2. Leave the dog at home"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He was held at 9 p.m. Thursday in Vik. He is 40.", ["He was held at 9 p.m. Thursday in Vik.", "He is 40."]),
        ('It ended before 11 p.m. "We won," he said.', ["It ended before 11 p.m.", '"We won," he said.']),
        ("Atty. Gen. Rob Hale met Spc. Poe near Ft. Worth. It rained.", ["Atty. Gen. Rob Hale met Spc. Poe near Ft. Worth.", "It rained."]),
        ("Poe of Tacoma, Wash. was held. He left.", ["Poe of Tacoma, Wash. was held.", "He left."]),
        ("The '90s fair opened. Get 'em hot. The cleaners' pay rose.", ["The '90s fair opened.", "Get 'em hot.", "The cleaners' pay rose."]),
        ("'Did you miss it? ' he asked. Nobody spoke.", ["'Did you miss it? ' he asked.", "Nobody spoke."]),
        ('"Is it safe?" Mayor Roth asked. "No!" Poe said. She left.', ['"Is it safe?" Mayor Roth asked.', '"No!" Poe said.', "She left."]),
        ("Shares of Yahoo! rose. They fell later.", ["Shares of Yahoo! rose.", "They fell later."]),
        ("Yan et al. [2004] looked at the sea. It rose.", ["Yan et al. [2004] looked at the sea.", "It rose."]),
        ("The post said: pic.twitter.com/sY0H3xzXl3And so the bridge opened.", ["And so the bridge opened."]),
        ("It rose.— Ann Lee (@annlee) July 15, 2017Earlier, it fell.", ["It rose.", "Earlier, it fell."]),
        ("Sam Roe (@samroe) April 26, 20179.02 am: The party leads.", ["9.02 am: The party leads."]),
        ("She wrote (@annlee) May 8, 2024, of the bridge.", ["She wrote (@annlee) May 8, 2024, of the bridge."]),
        ("On . February 21, 2008, he was arrested.", ["On . February 21, 2008, he was arrested."]),
        ("Two shelters opened, the council says.All schools stay shut.", ["Two shelters opened, the council says.", "All schools stay shut."]),
        ("See www.example.com/a.Page for it. It is free.", ["See www.example.com/a.Page for it.", "It is free."]),
        ("VIK, Oct 14 (Reuters) - Rain fell.", ["Rain fell."]),
        ("(CNN)Rain fell.", ["Rain fell."]),
        ("SALT LAKE CITY — Rain fell.", ["Rain fell."]),
        ("NEW YORK, Oct. 14, 2025 /PRNewswire/ -- Rain fell.", ["Rain fell."]),
        ("It rained. • Snow fell in Vik. It melted. • Hail fell.", ["It rained.", "Snow fell in Vik.", "It melted.", "Hail fell."]),
        ("A film called the . bridge opened. It ran.", ["A film called the . bridge opened.", "It ran."]),
        ("WATCH: A driver was saved in Vik. He is well.", ["WATCH: A driver was saved in Vik.", "He is well."]),
    ],
)  # fmt: skip
def test_boundaries_of_news_style(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@pytest.mark.parametrize("pattern", PATTERNS, ids=[pattern.example for pattern in PATTERNS])
def test_every_pattern_recognises_its_example(pattern: Pattern) -> None:
    found = furniture(pattern.example)
    assert found is not None
    assert found.kind == pattern.kind


@pytest.mark.parametrize(
    "sentence",
    [
        "The minister contributed to the debate.",
        "By Monday, the water had gone.",
        "Read the law before you vote, he said.",
        "Arvo declined to comment on Monday on reports that it will cut 10,000 jobs.",
        "Click on the wrong link, and your savings are gone, police said on Monday.",
        "Subscribe to three streaming services, and you now pay more than for cable.",
        "More from the fund will go to village schools, the minister said.",
        "The senator (R-Texas) spoke for an hour about the photo.",
        "He said that the copyright law was out of date.",
        "Brandt told the court he had been at the .",
        '"We saw nothing of the kind," said the captain of the ferry .',
        "@annlee wrote: The bridge is late.",
        "Fights in the arena are to be shown at 21:00.",
        "Ann Lee is a reporter who was jailed for her work.",
        "Cons: it is thick and heavy, and its screen breaks.",
        "Anyone who calls the crisis a hoax should visit the wards, she said.",
    ],
)
def test_prose_is_no_furniture(sentence: str) -> None:
    assert furniture(sentence) is None


def test_a_paragraph_that_ends_in_a_credit_is_a_caption() -> None:
    text = f"{LEAD}\n\nThe bridge at low tide on Sunday. Photograph: Ann Lee/Harbour Press\n\n{BODY}"
    assert [kind for kind, _ in kinds(text)] == ["prose", "caption", "caption", "prose"]
    assert split(text) == [LEAD, BODY]


def test_short_lines_behind_the_last_paragraph_lead_elsewhere() -> None:
    article = "\n\n".join([LEAD, BODY] * 3)
    lead_elsewhere = "A guide to the harbours of the coast\n\nJoin Ann Lee on a tour of the hills"
    assert [kind for kind, _ in kinds(f"{article}\n\n{lead_elsewhere}")][-2:] == ["link", "link"]
    for kept in ("The winners are:\n\nAnn Lee\n\nBo Park", "- Vik\n\n- Oslo\n\n- Bergen"):
        assert not any(kind == "link" for kind, _ in kinds(f"{article}\n\n{kept}"))


def test_a_sentence_in_the_form_of_the_captions_is_one() -> None:
    captions = "Proud: The mayor opens the bridge .\n\nMuddy: A boat lies on the bank of the river ."
    other = "Empty: The market of Vik was closed."
    article = f"{LEAD}\n\n{BODY}\n\n{other}\n\n{BODY}"
    assert ("prose", other) in kinds(article)
    assert ("caption", other) in kinds(f"{article}\n\n{captions}")


def test_where_nothing_but_furniture_stands_it_is_read() -> None:
    assert split("Follow us on Facebook.") == ["Follow us on Facebook."]
    assert split("READ MORE: Storm nears the coast") == []


@given(
    st.text(alphabet=st.sampled_from(list("aB. \n\r!?\"'“”()[]<>p/*_-#&;:,1\u200b\u00ad🎉中。"))),
    st.sampled_from(["en", "zh", "xx"]),
)
@settings(max_examples=500, deadline=None)
def test_any_text_is_cut_without_overlap_or_loss(text: str, language: str) -> None:
    spans = sentences(text, language=language)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(span.start < span.end and text[span.start : span.end].strip() for span in spans)
    seen = visible(text)
    assert len(seen) == len(text)
    letters = {i for i, character in enumerate(seen) if character.isalpha()}
    for block in blocks(seen):
        if opening := OPENING.match(seen, block.start, block.end):
            letters -= set(range(opening.start(), opening.end()))
    covered = {i for span in spans for i in range(span.start, span.end)}
    assert letters <= covered
