"""Cuts tokenised sentences into windows that an encoder can read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WINDOW_TOKENS = 256
"""Tokens of a window, special tokens included. Attention's cost grows with the window; context beyond it reaches a
sentence through the transformer over sentences."""


@dataclass(frozen=True, slots=True)
class Windows:
    """`sequences`: the token ids of each window, special tokens included. `sentence_of`: for every token of every
    window, in order, the number of its sentence; -1 for special tokens."""

    sequences: tuple[tuple[int, ...], ...]
    sentence_of: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return len(self.sentence_of)


def cut(sentences: Sequence[Sequence[int]], *, opening: int, closing: int, size: int = WINDOW_TOKENS) -> Windows:
    """Fill windows with whole sentences, in order; a sentence longer than a window is cut into pieces, so that
    no token is left out.

    Args:
        sentences: token ids of each sentence, without special tokens.
        opening, closing: ids of the special tokens around a window.
        size: most tokens in a window.
    """
    sequences: list[tuple[int, ...]] = []
    sentence_of: list[int] = []
    for window in _fill(sentences, size - 2):
        sequences.append((opening, *(token for _, piece in window for token in piece), closing))
        sentence_of += [-1, *(number for number, piece in window for _ in piece), -1]
    return Windows(tuple(sequences), tuple(sentence_of))


def _fill(sentences: Sequence[Sequence[int]], room: int) -> Iterator[list[tuple[int, Sequence[int]]]]:
    window: list[tuple[int, Sequence[int]]] = []
    used = 0
    for number, sentence in enumerate(sentences):
        for start in range(0, len(sentence), room):
            piece = sentence[start : start + room]
            if used + len(piece) > room:
                yield window
                window, used = [], 0
            window.append((number, piece))
            used += len(piece)
    if window:
        yield window


def first_windows(windows: Windows, count: int) -> Windows:
    """The first `count` windows alone."""
    sequences = windows.sequences[:count]
    return Windows(sequences, windows.sentence_of[: sum(map(len, sequences))])
