"""Reads the articles that were read in full: their topics, with true negatives, and the sentences an editor chose.
Divides both into folds for cross-fitting. Knows nothing of tokens or networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.training.corpus import fraction, rows, same_story

FOLDS = 5
Lead = Literal["news", "delayed", "none"]


@dataclass(frozen=True, slots=True)
class ReadArticle:
    """An article with all its topics. `holds`: for each of the 17, 1 for yes, 0 for no, -1 where it is debatable;
    `main`: the number, from 0, of the one it would be filed under."""

    id: str
    source_id: str
    title: str
    text: str
    holds: NDArray[np.int8]
    main: int


@dataclass(frozen=True, slots=True)
class ChosenArticle:
    """An article with an editor's choice of its `sentences`, which are numbered from 0: the `best` three, the best
    `one`, `good` ones that would do instead, and those that are not the article's prose (`furniture`) or were cut
    wrongly (`badly_cut`). `lead`: whether it opens with its news."""

    id: str
    source_id: str
    text: str
    sentences: tuple[str, ...]
    best: tuple[int, ...]
    one: int
    good: tuple[int, ...]
    furniture: tuple[int, ...]
    badly_cut: tuple[int, ...]
    lead: Lead


def read_articles(data: Path) -> list[ReadArticle]:
    """The rows of topics/read_labels."""
    articles = []
    for row in rows(data / "topics" / "read_labels.jsonl.gz"):
        holds = np.zeros(17, np.int8)
        holds[[_number(code) for code in row["maybe"]]] = -1
        holds[[_number(code) for code in [row["main"], *row["also"]]]] = 1
        articles.append(
            ReadArticle(row["id"], row["source_id"], row["title"] or "", row["text"], holds, _number(row["main"]))
        )
    return articles


def chosen_articles(data: Path) -> list[ChosenArticle]:
    """The rows of summaries/editor_choices, with the sentences as the choices count them."""

    def numbers(row: Mapping[str, Sequence[int]], name: str) -> tuple[int, ...]:
        return tuple(number - 1 for number in row[name])

    return [
        ChosenArticle(
            id=row["id"],
            source_id=row["source_id"],
            text=row["text"],
            sentences=tuple(row["text"][span["start"] : span["end"]] for span in row["sentences"]),
            best=numbers(row, "best"),
            one=row["one"] - 1,
            good=numbers(row, "good"),
            furniture=numbers(row, "furniture"),
            badly_cut=numbers(row, "badcut"),
            lead=row["lead"],
        )
        for row in rows(data / "summaries" / "editor_choices.jsonl.gz")
    ]


def folds(articles: Sequence[ReadArticle | ChosenArticle]) -> dict[str, int]:
    """The fold of each article, by id. Articles that tell the same story are in one fold."""
    texts = {article.id: article.text for article in articles}
    leader = {article.id: article.id for article in articles}

    def root(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    first_of: dict[str, str] = {}
    pairs = [(first_of.setdefault(article.source_id, article.id), article.id) for article in articles]
    for a, b in [*pairs, *same_story(texts, texts)]:
        low, high = sorted((root(a), root(b)))
        leader[high] = low
    return {name: int(fraction(root(name), salt="folds") * FOLDS) for name in texts}


def _number(qcode: str) -> int:
    return int(qcode.removeprefix("medtop:")[:2]) - 1
