"""Articles that say nearly the same: copies of a wire story with other furniture, a corrected version, a shorter end.

The likeness of two texts is the share of their three-word sequences that both have (Jaccard), estimated by MinHash
(Broder 1997, by rensa). Pairs worth comparing are found by bands of the signatures: 0.99 of the pairs that are alike to
0.7 share one. The bands are sorted instead of kept in tables: ten million articles need a gigabyte for a moment."""

import re
from collections.abc import Sequence

import numpy as np

BANDS, ROWS = 25, 5
HASHES = BANDS * ROWS
SEED = 1
ROWS_AT_ONCE = 100_000
"""Compared together: it bounds the memory that they take."""
WORDS_A_SEQUENCE = 3
ALIKE = 0.7
"""News articles on one event that were written apart are alike to 0.2, rarely to 0.4; a copy with another lead, end or
furniture to 0.8 and more."""
WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|\w+")
"""A word, or a character of a script that puts no spaces between words."""


def signatures(texts: Sequence[str]) -> np.ndarray:
    """The MinHash signature of each text, `[texts, HASHES]` of 32 bits."""
    from rensa import RMinHash

    rows = RMinHash.digest_matrix_from_token_sets([_sequences(text) for text in texts], HASHES, SEED).to_rows()
    return np.array(rows, dtype=np.uint32).reshape(-1, HASHES)


def firsts(found: np.ndarray) -> np.ndarray:
    """For each signature of `found`, the number of the earliest text that it is alike to and that is like none before
    it; its own where there is none."""
    first = np.arange(len(found))
    for later, earlier in _alike(found):
        candidate = first[earlier]
        if first[later] == later and (candidate == earlier or _share(found[candidate], found[later]) >= ALIKE):
            first[later] = candidate
    return first


def families(found: np.ndarray) -> np.ndarray:
    """For each signature, the number of the earliest text of its family: texts that a chain of like ones joins."""
    above = np.arange(len(found))

    def top(text: int) -> int:
        while above[text] != text:
            above[text] = above[above[text]]
            text = above[text]
        return text

    for later, earlier in _alike(found):
        one, other = sorted((top(later), top(earlier)))
        above[other] = one
    return np.array([top(text) for text in range(len(found))], dtype=int)


def _alike(found: np.ndarray) -> np.ndarray:
    """Pairs of a text and an earlier one that is alike, `[pairs, 2]`, in order."""
    count = len(found)
    pairs = np.empty(0, dtype=int)  # as one number each, which sorts ten times as fast
    for band in range(BANDS):
        keys = _keys(found[:, band * ROWS : (band + 1) * ROWS])
        order = np.argsort(keys, kind="stable")
        begins = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]) if count else order
        leaders = np.empty(count, dtype=int)
        leaders[order] = np.repeat(order[begins], np.diff(np.r_[begins, count]))
        others = np.flatnonzero(leaders < np.arange(count))
        held = [pairs]
        for start in range(0, len(others), ROWS_AT_ONCE):
            some = others[start : start + ROWS_AT_ONCE]
            alike = some[_share(found[some], found[leaders[some]]) >= ALIKE]
            held.append(alike * count + leaders[alike])
        pairs = np.unique(np.concatenate(held))
    return np.stack(np.divmod(pairs, max(count, 1)), axis=1)


def _share(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The share of hashes that two signatures, or two lists of them, have in common."""
    share: np.ndarray = (one == other).mean(axis=-1)
    return share


def _sequences(text: str) -> list[str]:
    words = WORD.findall(text.casefold()) or [text.strip()]
    last = max(len(words) - WORDS_A_SEQUENCE, 0)
    return [" ".join(words[start : start + WORDS_A_SEQUENCE]) for start in range(last + 1)]


def _keys(band: np.ndarray) -> np.ndarray:
    """One number for each row, the same for the same row."""
    keys = np.zeros(len(band), dtype=np.uint64)
    for column in band.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)  # of Knuth's multiplicative hashing
        keys ^= keys >> np.uint64(29)
    return keys
