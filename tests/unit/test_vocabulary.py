"""IPTC Media Topics."""

import pytest

from models import vocabulary
from models.errors import InvalidOption


def test_there_are_seventeen_top_levels_under_their_present_names() -> None:
    names = [vocabulary.concept(qcode).name for qcode in vocabulary.TOP_LEVEL]
    assert len(names) == 17
    assert names[10] == "politics and government"
    assert names[15] == "conflict, war and peace"


def test_every_concept_has_its_broader_one() -> None:
    concepts = vocabulary.concepts()
    assert len(concepts) == 1372
    assert {known.broader for known in concepts.values() if known.broader} <= set(concepts)
    assert sum(known.broader is None for known in concepts.values()) == 17


def test_uris_carry_the_code() -> None:
    assert vocabulary.concept("medtop:16000000").uri == "http://cv.iptc.org/newscodes/mediatopic/16000000"


def test_an_unknown_code_says_what_codes_look_like() -> None:
    with pytest.raises(InvalidOption, match="medtop:04000000"):
        vocabulary.concept("medtop:99")
