"""`python -m tests.bench.support DATA`: in 300 summaries that people wrote of articles, one sentence each is exchanged for
another article's; how often does it have the lowest support? And how many invented numbers and names are flagged, how
many true ones? By chance, and from one of the five articles that are most alike."""

import argparse
import gzip
import json
import random
import re
from pathlib import Path

import torch
from torch.nn.functional import normalize

from models.extractive.news_minilm import Embedded
from models.generative.support import NAME, SUPPORTED, with_support
from models.text.numbers import DIGITS
from models.types import Document, Sentence
from tests.doubles import load_model

FITTED_ON = 700
"""The first articles, in this order, are those that the weights were fitted on."""
TESTED = 300
LEAST_SENTENCES = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.support", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with summaries/")
    parser.add_argument("--skip", type=int, default=FITTED_ON)
    options = parser.parse_args()
    reader = load_model("news-minilm", dtype="float32")
    assert isinstance(reader, Embedded)
    rows = usable(options.data / "summaries" / "cnn_dailymail.jsonl.gz")[options.skip : options.skip + TESTED]
    articles = [article for article, _ in rows]
    vectors = reader.vectors([Document(article, None, "en") for article in articles])
    alike = normalize(torch.stack([vector for vector in vectors if isinstance(vector, torch.Tensor)]), dim=1)
    nearness = (alike @ alike.T).fill_diagonal_(-1)
    for title, pool in (("any other article", len(rows) - 1), ("one of the five most alike", 5)):
        exchanged(title, rows, nearness.argsort(dim=1, descending=True)[:, :pool].tolist(), reader)
    invented("numbers", rows, reader, DIGITS.pattern, other_number)
    invented("names", rows, reader, NAME.pattern, lambda name, chance: chance.choice(("Tvedestrand", "Quillfeather")))


def usable(path: Path) -> list[tuple[str, list[str]]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    random.Random(7).shuffle(rows)
    found = [(row["article"], [line.strip() for line in row["summary"].split("\n") if line.strip()]) for row in rows]
    return [(article, summary) for article, summary in found if len(summary) >= LEAST_SENTENCES]


def exchanged(title: str, rows: list[tuple[str, list[str]]], others: list[list[int]], reader: Embedded) -> None:
    chance = random.Random(3)
    lowest, kept, dropped = 0, [], []
    for number, (article, summary) in enumerate(rows):
        place = chance.randrange(len(summary))
        sentences = list(summary)
        sentences[place] = chance.choice(rows[chance.choice(others[number])][1])
        scores = [
            sentence.support.score
            for sentence in with_support(list(map(Sentence, sentences)), article, language="en", reader=reader)
            if sentence.support
        ]
        lowest += min(range(len(scores)), key=scores.__getitem__) == place
        dropped.append(scores.pop(place) < SUPPORTED)
        kept += [score >= SUPPORTED for score in scores]
    print(
        f"a sentence of {title}: the lowest support in {lowest / len(rows):.1%} of {len(rows)}; below {SUPPORTED} "
        f"{sum(dropped) / len(dropped):.1%} of them, and {1 - sum(kept) / len(kept):.1%} of {len(kept)} others"
    )


def invented(what: str, rows: list[tuple[str, list[str]]], reader: Embedded, pattern: str, other: object) -> None:
    """Of each written sentence with such a word, the word exchanged and as it is."""
    chance = random.Random(5)
    flagged = alarms = tested = 0
    examples = []
    for article, summary in rows:
        for sentence in summary:
            found = list(re.finditer(pattern, sentence, re.IGNORECASE if what == "numbers" else 0))
            if not found:
                continue
            one = chance.choice(found)
            new = other(one[0], chance)  # type: ignore[operator]
            if new in article:
                continue
            changed = sentence[: one.start()] + new + sentence[one.end() :]
            given, false = with_support([Sentence(changed), Sentence(sentence)], article, language="en", reader=reader)
            assert given.support
            assert false.support
            tested += 1
            flagged += any(new.startswith(word) or word in new for word in given.support.unfounded)
            wrong = [word for word in false.support.unfounded if word[:1].isdigit() == (what == "numbers")]
            alarms += bool(wrong)
            examples += wrong
    print(
        f"{what}: {flagged / tested:.1%} of {tested} invented ones flagged; in {alarms / tested:.1%} of the sentences as they are: {examples[:20]}"
    )


def other_number(written: str, chance: random.Random) -> str:
    """A number of as many digits."""
    digits = str(chance.randrange(1, 10)) + "".join(str(chance.randrange(10)) for _ in re.findall(r"\d", written)[1:])
    places = iter(digits)
    return re.sub(r"\d", lambda _: next(places), written)


if __name__ == "__main__":
    main()
