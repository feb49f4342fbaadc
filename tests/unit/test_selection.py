"""Which sentences make a summary."""

import re
from itertools import pairwise

import pytest

from models.errors import InvalidOption
from models.extractive.lead import INFO
from models.extractive.selection import (
    LEAD_DEFAULTS,
    Candidate,
    Limits,
    candidates_of,
    leans_on_predecessor,
    limits_of,
    select,
)
from models.options import SummaryOptions
from models.parameters import key_parameters
from models.text.sentences import prose

SENTENCES = [
    "The council of Vik approved the bridge on Monday.",
    "It will cost 40 million crowns, said mayor Eva Holm.",
    "Builders from three countries made offers for the work.",
    "But nobody knows when it will open to the public.",
    "The council of Vik approved the bridge after two years.",
    "Additional reporting by Ann Lee.",
    '"We waited a long time for this moment to come."',
]
TEXT = " ".join(SENTENCES)


def chosen(salience: list[float], *, sentences: int | None = None, max_words: int | None = None) -> list[str]:
    starts = [TEXT.index(sentence) for sentence in SENTENCES]
    candidates = [
        Candidate(start, start + len(sentence), score)
        for start, sentence, score in zip(starts, SENTENCES, salience, strict=True)
    ]
    found = select(TEXT, candidates, limits=limits_of(SummaryOptions(sentences, max_words), LEAD_DEFAULTS))
    assert all(TEXT[s.start : s.end] == s.text for s in found)
    return [sentence.text for sentence in found]


def test_the_most_salient_come_in_the_order_of_the_article() -> None:
    assert chosen([3, 0, 5, 0, 0, 0, 0], sentences=2) == [SENTENCES[0], SENTENCES[2]]


def test_a_sentence_that_repeats_one_taken_is_passed_over() -> None:
    assert chosen([5, 0, 3, 0, 4, 0, 0], sentences=2) == [SENTENCES[0], SENTENCES[2]]


def test_a_sentence_that_leans_back_brings_the_one_before_it() -> None:
    assert chosen([0, 9, 1, 0, 0, 0, 0], sentences=2) == SENTENCES[:2]


def test_a_sentence_that_leans_back_is_left_out_where_the_pair_does_not_fit() -> None:
    assert chosen([0, 9, 1, 0, 0, 0, 0], sentences=1) == [SENTENCES[2]]


def test_a_label_is_taken_only_where_there_is_nothing_else() -> None:
    text = "In this article we see: Prose stands here for all to read."
    candidates = [Candidate(0, 23, 9.0, label=True), Candidate(24, len(text), 1.0)]
    assert [found.start for found in select(text, candidates, limits=Limits(3))] == [24]
    assert [found.start for found in select(text, candidates[:1], limits=Limits(3))] == [0]


def test_as_many_sentences_as_were_asked_for_where_the_article_has_them() -> None:
    text = (
        "The Bank of England raised rates on Thursday. Economists had expected the Bank of England to wait. "
        "But it did not wait. It said so at noon. The pound rose after the Bank of England spoke."
    )
    candidates = candidates_of(spans := prose(text), range(len(spans)))
    assert len(spans) == 5
    assert len(select(text, candidates, limits=Limits(5))) == 5


def test_a_correction_is_never_given_without_its_right_half() -> None:
    wrong, right = "An article on 4 May said that the tram would cost £2.1bn.", "The correct figure is £1.2bn."
    text = f"{wrong} {right}\n\nThe tram opens in June, the council said on Monday."
    candidates = candidates_of(prose(text), [9.0, 0.0, 1.0])
    assert [found.text for found in select(text, candidates, limits=Limits(1))] == [text[89:]]
    assert [found.text for found in select(text, candidates, limits=Limits(2))] == [wrong, right]


def test_what_has_no_end_is_cut() -> None:
    text = "word " * 1000
    (found,) = select(text, candidates_of(prose(text), [1.0]), limits=Limits(1))
    assert len(found.text.split()) == 100
    assert text[found.start : found.end] == found.text


def test_max_words_is_honoured() -> None:
    assert chosen([5, 0, 4, 0, 0, 0, 0], max_words=12) == [SENTENCES[0]]


def test_the_target_of_words_holds_from_the_second_sentence_on() -> None:
    text = "One two three four five six seven. Eight nine ten eleven twelve."
    candidates = [Candidate(0, 34, 2.0), Candidate(35, len(text), 1.0)]
    assert [s.end for s in select(text, candidates, limits=Limits(target_words=5))] == [34]
    assert len(select(text, candidates, limits=Limits(target_words=12))) == 2


def test_max_words_alone_may_take_more_than_the_default_number() -> None:
    assert len(chosen([7, 6, 5, 4, 3, 2, 1], max_words=200)) > 3


def test_where_no_sentence_fits_the_best_is_cut_after_a_word() -> None:
    assert chosen([0, 0, 9, 0, 0, 0, 0], max_words=4) == ["Builders from three countries"]


def test_when_everything_leans_the_best_sentence_stands_whole() -> None:
    text = "He said the war is over in the north. She agreed with him at once."
    candidates = [Candidate(0, 37, 1.0), Candidate(38, len(text), 2.0)]
    only = select(text, candidates[1:], limits=Limits(3))
    assert [s.text for s in only] == ["She agreed with him at once."]


def test_ten_thousand_sentences_are_chosen_from_at_once() -> None:
    text = " ".join(f"Sentence{n} met river{n} near hill{n} on day{n}." for n in range(10_000))
    starts = [match.start() for match in re.finditer("Sentence", text)]
    candidates = [Candidate(a, b - 1, -a) for a, b in pairwise([*starts, len(text) + 1])]
    assert len(select(text, candidates, limits=Limits(None, max_words=50_000))) > 5_000


@pytest.mark.parametrize("options", [SummaryOptions(sentences=0), SummaryOptions(max_words=-1)])
def test_numbers_below_one_are_refused(options: SummaryOptions) -> None:
    with pytest.raises(InvalidOption, match="must lie between 1 and"):
        key_parameters("summary", options, INFO)


@pytest.mark.parametrize(
    ("sentence", "leans"),
    [
        ("He left the party in May.", True),
        ("However, the vote was close.", True),
        ("The pair met in Oslo.", True),
        ('"I will not resign."', True),
        ('"I will not resign," Prime Minister Holt said.', False),
        ("It is unclear who fired first.", False),
        ("This week the court sits again.", False),
        ("The decision to close the mine was wrong.", False),
        ("The former was fined.", True),
        ("The former mayor of Vik was fined.", False),
        ("The couple behind the bakery were jailed.", False),
        ("Rovers won.", False),
    ],
)
def test_leaning(sentence: str, *, leans: bool) -> None:
    assert leans_on_predecessor(sentence) is leans
