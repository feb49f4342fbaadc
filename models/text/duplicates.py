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
    """The number of the first text of its family, for each signature of `found`; its own for one that is like none
    before it. Texts are of one family if a chain of like ones joins them."""
    count = len(found)
    parents = np.arange(count)
    for band in range(BANDS):
        keys = _keys(found[:, band * ROWS : (band + 1) * ROWS])
        order = np.argsort(keys, kind="stable")
        begins = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]) if count else order
        leaders = np.empty(count, dtype=int)
        leaders[order] = np.repeat(order[begins], np.diff(np.r_[begins, count]))
        others = np.flatnonzero(leaders < parents)
        alike = (found[others] == found[leaders[others]]).mean(axis=1) >= ALIKE
        parents[others[alike]] = leaders[others[alike]]
    for text in np.flatnonzero(parents < np.arange(count)):  # in order, so that a parent's own is known
        parents[text] = parents[parents[text]]
    return parents


def _sequences(text: str) -> list[str]:
    words = WORD.findall(text.casefold())
    last = max(len(words) - WORDS_A_SEQUENCE, 0)
    return [" ".join(words[start : start + WORDS_A_SEQUENCE]) for start in range(last + 1)]


def _keys(band: np.ndarray) -> np.ndarray:
    """One number for each row, the same for the same row."""
    keys = np.zeros(len(band), dtype=np.uint64)
    for column in band.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)  # of Knuth's multiplicative hashing
        keys ^= keys >> np.uint64(29)
    return keys
