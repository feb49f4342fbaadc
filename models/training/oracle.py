"""Which sentences an ideal extract would take: ROUGE of every small set of promising sentences against one reference
or the mean over several. Knows nothing of tokens or networks."""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

import numpy as np
from nltk.stem.porter import PorterStemmer
from numpy.typing import NDArray

POOL = 12
LARGEST_SET = 4
_stemmer = PorterStemmer()


@lru_cache(maxsize=500_000)
def stem(word: str) -> str:
    """As rouge-score does: words of up to three letters stay."""
    stemmed: str = _stemmer.stem(word) if len(word) > 3 else word
    return stemmed


def stems(text: str) -> list[str]:
    return [stem(word) for word in re.findall(r"[a-z0-9]+", text.lower())]


@dataclass(frozen=True, slots=True)
class Oracle:
    """`single`: mean of ROUGE-1 and ROUGE-2 F of each sentence alone, `[sentences]`. `sets`: candidate
    extracts as sentence numbers padded with -1, `[sets, LARGEST_SET]`. `scores`: the same mean for each set."""

    single: NDArray[np.float32]
    sets: NDArray[np.int16]
    scores: NDArray[np.float32]

    @property
    def best(self) -> list[int]:
        """The sentences of the best set, in order."""
        return sorted(int(i) for i in self.sets[int(self.scores.argmax())] if i >= 0) if len(self.sets) else []


def oracle(sentences: list[str], *references: str, largest: int = LARGEST_SET) -> Oracle:
    """Score every set of up to `largest` of the `POOL` most promising sentences (the best by themselves and the
    first four). N-grams across sentence boundaries are not counted."""
    words = [stems(sentence) for sentence in sentences]
    hits, sizes, totals = [], [], []
    for reference, n in product(references, (1, 2)):
        goal = _ngrams(stems(reference), n)
        columns = {gram: i for i, gram in enumerate(goal)}
        limit = np.fromiter(goal.values(), np.float32, len(goal))
        counts = np.zeros((len(words), len(goal)), np.float32)
        for row, sentence in enumerate(words):
            for gram, count in _ngrams(sentence, n).items():
                if gram in columns:
                    counts[row, columns[gram]] = count
        hits.append((counts, limit))
        sizes.append(np.array([max(len(sentence) - n + 1, 0) for sentence in words], np.float32))
        totals.append(float(limit.sum()))

    def score(members: NDArray[np.float32]) -> NDArray[np.float32]:
        total = np.zeros(len(members), np.float32)
        for (counts, limit), size, goal_size in zip(hits, sizes, totals, strict=True):
            overlap = np.minimum(members @ counts, limit).sum(1)
            total += 2 * overlap / np.maximum(members @ size + goal_size, 1)
        return total / np.float32(len(hits))

    single = score(np.eye(len(words), dtype=np.float32)) if words else np.zeros(0, np.float32)
    first = list(range(min(4, len(words))))
    pool = sorted({*first, *(int(i) for i in np.argsort(-single, kind="stable")[: POOL - len(first)])})
    chosen = [group for size in range(1, largest + 1) for group in combinations(pool, size)]
    members = np.zeros((len(chosen), len(words)), np.float32)
    sets = np.full((len(chosen), LARGEST_SET), -1, np.int16)
    for row, group in enumerate(chosen):
        members[row, list(group)] = 1
        sets[row, : len(group)] = group
    return Oracle(single, sets, score(members))


def _ngrams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))
