"""Windows over tokenised sentences."""

from itertools import chain

from models.extractive.windows import cut, first_windows


def test_whole_sentences_fill_windows() -> None:
    windows = cut([[1, 2], [3], [4, 5, 6]], opening=100, closing=101, size=6)
    assert windows.sequences == ((100, 1, 2, 3, 101), (100, 4, 5, 6, 101))
    assert windows.sentence_of == (-1, 0, 0, 1, -1, -1, 2, 2, 2, -1)


def test_no_token_of_a_long_sentence_is_left_out() -> None:
    windows = cut([list(range(1, 12))], opening=100, closing=101, size=6)
    assert [token for token in chain.from_iterable(windows.sequences) if token < 100] == list(range(1, 12))
    assert {number for number in windows.sentence_of if number >= 0} == {0}
    assert max(map(len, windows.sequences)) == 6


def test_no_sentences_make_no_windows() -> None:
    assert cut([], opening=100, closing=101).sequences == ()


def test_first_windows_keep_their_sentences() -> None:
    windows = cut([[1], [2], [3]], opening=100, closing=101, size=3)
    assert first_windows(windows, 2).sentence_of == (-1, 0, -1, -1, 1, -1)
