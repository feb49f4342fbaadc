"""Support of written sentences: where it stands in the article, and what the article has not."""

import json
from collections.abc import Sequence

import pytest

from models.errors import NothingSupported
from models.generative.support import is_supported, supported, with_support
from models.open import load_reader
from models.options import SummaryOptions
from models.text.numbers import is_founded, numbers, worth_of
from models.types import Document, Sentence, Summary, Support, Work
from service.queue.compute import summary_json
from tests.articles import BUDGET, FOOTBALL, HARBOUR

TRUE = "Residents of Easter Quay walked to higher ground in a first tsunami drill."


def support_of(written: str, text: str = HARBOUR, *, language: str = "en") -> Support:
    [found] = with_support([Sentence(written)], text, language=language, reader=load_reader())
    assert found.support
    return found.support


def test_a_sentence_of_the_article_is_supported_and_leads_to_where_it_stands() -> None:
    support = support_of(TRUE)
    assert support.score > 0.8
    best = support.evidence[0]
    assert HARBOUR[best.start : best.end].startswith(("The harbour town", "About 4,000 residents"))
    assert [evidence.score for evidence in support.evidence] == sorted(
        (evidence.score for evidence in support.evidence), reverse=True
    )
    assert support.unfounded == ()


@pytest.mark.parametrize("other", [FOOTBALL, BUDGET])
def test_a_sentence_of_another_article_is_not(other: str) -> None:
    assert support_of(TRUE, other).score < 0.3


@pytest.mark.parametrize(
    ("written", "unfounded"),
    [
        ("About four thousand residents took part in 2 homes.", ()),
        ("The wave of 1934 killed forty people.", ()),
        ("The wave of 1943 killed 41 people.", ("1943", "41")),
        ("The drill cost 85,000 crowns, or 0.085 million.", ()),
        ("The drill cost 850,000 crowns, said Mrs Olsen of Norrland's university.", ("850,000",)),
        ("Residents of Easter Quay met Karl Brandt on Monday.", ("Karl", "Brandt")),
        ("The alarm was heard in EQ.", ()),
        ("The alarm was heard by NATO.", ("NATO",)),
    ],
)
def test_numbers_and_names_that_the_article_has_not_are_told(written: str, unfounded: tuple[str, ...]) -> None:
    assert support_of(written).unfounded == unfounded


def test_words_of_other_scripts_are_no_names() -> None:
    text = "Парламент принял бюджет двумя голосами в четверг вечером после долгой ночи."
    assert support_of("Парламент утвердил документ о расходах государства.", text, language="ru").unfounded == ()
    assert (
        support_of("Le budget a été élu.", "Le parlement a voté le budget jeudi soir.", language="fr").unfounded == ()
    )


def test_german_nouns_are_no_names() -> None:
    text = "Der Rat beschloss am Montag den Bau einer neuen Schule am Hafen."
    assert support_of("Am Montag wurde die Planung beschlossen.", text, language="de").unfounded == ()


@pytest.mark.parametrize(
    ("written", "text", "has"),
    [
        ("1,200", "1200 people", True), ("1.200", "1,200 people", True), ("1,2", "1.2 points", True),
        ("12", "a dozen ships", True), ("25", "twenty-five ships", True), ("2500", "two thousand five hundred", True),
        ("1.5 billion", "1,500 million crowns", True), ("1.2m", "1.2 million", True), ("50m", "50m freestyle", True),
        ("12,000", "11,870 voters", True), ("120", "118 voters", False), ("2014", "in 2013", False),
        ("3", "a 3-1 win", True), ("300", "in 2012 300 came", True), ("9", "G20 and F16", False), ("20", "the G20", False),
        ("7", "seventh", True), ("50", "half of them", True), ("10.30", "at 10:31", False),
    ],
)  # fmt: skip
def test_what_a_number_is_worth(written: str, text: str, has: bool) -> None:
    [number] = numbers(written)
    assert is_founded(number, worth_of(text)) == has


def summary(*texts: str) -> Summary:
    sentences = tuple(map(Sentence, texts))
    return Summary(" ".join(texts), sentences, "writer", "r1", 90, 90, truncated=False)


def checked(texts: Sequence[str], *, drop: bool) -> Summary:
    work = Work(Document(HARBOUR, None, "en"), SummaryOptions(drop_unsupported=drop))
    return supported(summary(*texts), work, load_reader())


def test_the_careful_leave_out_what_is_not_supported() -> None:
    false = "Brenna Rovers beat Holt City 3-1 in the cup final."
    kept = checked([TRUE, false], drop=False)
    assert [is_supported(sentence) for sentence in kept.sentences] == [True, False]
    careful = checked([TRUE, false], drop=True)
    assert (careful.text, len(careful.sentences)) == (TRUE, 1)
    with pytest.raises(NothingSupported, match="Leave out drop_unsupported"):
        checked([false], drop=True)


def test_support_is_stored_and_that_of_a_sentence_from_the_article_is_not() -> None:
    fields = json.loads(summary_json(checked([TRUE], drop=False)))
    assert set(fields["sentences"][0]["support"]) == {"score", "evidence", "unfounded"}
    extract = Summary("a", (Sentence("a", 0, 1),), "lead", "1", 1, 1, truncated=False)
    assert json.loads(summary_json(extract))["sentences"] == [{"text": "a", "start": 0, "end": 1}]
