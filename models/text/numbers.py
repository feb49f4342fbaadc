"""Numbers as articles write them, by what they are worth: `1,200`, `1.2 million`, `twelve hundred`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SCALES = {
    "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12, "k": 1_000,
    "m": 10**6, "mn": 10**6, "bn": 10**9, "b": 10**9, "tn": 10**12,
}  # fmt: skip
COUNTS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS: dict[str, float] = {
    **{word: number for number, word in enumerate(COUNTS)},
    **{word: 10 * number for number, word in enumerate(TENS, start=2)},
}
OTHERS: dict[str, float] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "half": 50, "quarter": 25, "once": 1, "twice": 2, "both": 2, "double": 2, "triple": 3, "couple": 2,
    "decade": 10, "century": 100,
}  # fmt: skip
"""Words that say a number by the way. A half may become 50 %."""
DIGITS = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:[,.\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?)"
    r"(?:[- ]?(hundred|thousand|million|billion|trillion|dozen|bn|mn|tn|k|m|b)\b)?",
    re.IGNORECASE,
)
ANY_WORD = "|".join((*WORDS, *(name for name in SCALES if len(name) > 2)))
SPELT = re.compile(rf"\b(?:{ANY_WORD})(?:[- ](?:and )?(?:{ANY_WORD}))*\b", re.IGNORECASE)
BY_THE_WAY = re.compile(rf"\b(?:{'|'.join(OTHERS)})\b", re.IGNORECASE)
LARGEST = 1e15
ROUNDED_FROM, MOST_ROUNDING = 10_000, 0.05


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written, and what it may be worth: `1.200` is 1.2 here and 1200 there."""

    text: str
    values: tuple[float, ...]


def numbers(text: str) -> Iterator[Number]:
    """The numbers that are written with digits."""
    for found in DIGITS.finditer(text):
        scales = [SCALES[found[2].casefold()]] if found[2] else [1]
        if found[2] and len(found[2]) == 1:  # 50m may be metres
            scales.append(1)
        yield Number(found[0], tuple(scale * value for scale in scales for value in _values(found[1])))


def worth_of(text: str) -> frozenset[float]:
    """What all numbers of a text may be worth, also those in English words, with and without the scale behind them."""
    worth = {value for found in DIGITS.finditer(text) for value in _values(found[1])}
    worth.update(value for number in numbers(text) for value in number.values)
    for found in SPELT.finditer(text):
        worth.update(_spelt(found[0]))
    worth.update(OTHERS[found[0].casefold()] for found in BY_THE_WAY.finditer(text))
    return frozenset(worth)


def is_founded(number: Number, known: frozenset[float]) -> bool:
    """Whether a number is among those known; a large one may be rounded."""
    return any(
        abs(value - other) <= (MOST_ROUNDING * abs(other) if value >= ROUNDED_FROM else 1e-9 * max(value, 1))
        for value in number.values
        for other in known
    )


def _values(digits: str) -> tuple[float, ...]:
    """What some digits may be worth: a comma or a full stop before three digits may part thousands, or be a mark of
    decimals."""
    plain = re.sub(r"[\u00a0\u202f]", "", digits)
    readings = (plain.replace(",", ""), plain.replace(".", "").replace(",", "."))
    return tuple(dict.fromkeys(float(reading) for reading in readings if reading.count(".") < 2))


def _spelt(words: str) -> set[float]:
    """What a number in words is worth, as a whole and each word by itself."""
    whole, held = 0.0, 0.0
    each: set[float] = set()
    for word in re.split(r"[- ]+", words.casefold()):
        if word in WORDS:
            held += WORDS[word]
            each.add(float(WORDS[word]))
        elif word in SCALES:
            held = min((held or 1.0) * SCALES[word], LARGEST)
            if SCALES[word] >= SCALES["thousand"]:
                whole, held = whole + held, 0.0
    return each | {whole + held}
