"""What a model's folder says of its topics, beyond what is needed to run it: read when somebody asks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from models.errors import ModelCorrupt
from models.folder import EMBEDDED_HEADS, OWN_CONFIG, read_json
from models.vocabulary import TOP_LEVEL
from models.vocabulary.own import Vocabulary, stored_vocabulary, topic_of

CARD = "README.md"
CARD_ROW = re.compile(r"^\| (\w[^|]*?) \| ([\d,]+) \| ([01]\.\d+) \| ([01]\.\d+) \| ([01]\.\d+) \|$", re.MULTILINE)
"""Topic, articles, precision, recall, F1."""

Method = Literal["names", "examples", "names and examples"]
"""How a model knows its topics: their names are matched with the article, or it learnt from examples, or both."""


@dataclass(frozen=True, slots=True)
class TopicQuality:
    """How well a topic is known, by the model's card: articles it was measured on, and the figures."""

    articles: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Card:
    """Args:
    method: how the topics are known.
    topics: the codes or names it answers with, where it has a list of its own.
    thresholds: the lowest score with which a topic is answered, by its code or name, where the model has one for each.
    quality: how well its card says that it knows each topic, by the topic's name.
    vocabulary: the caller's own that the topics are from.
    """

    method: Method = "examples"
    topics: tuple[str, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    quality: Mapping[str, TopicQuality] = field(default_factory=dict)
    vocabulary: Vocabulary | None = None

    @property
    def names(self) -> list[str]:
        """What its topics are called."""
        return [topic_of(topic, self.vocabulary).name for topic in self.topics]


def read_card(folder: Path | None) -> Card:
    """The card of the model in a folder; an empty one for a model that has no files.

    Raises:
        ModelCorrupt: heads.json, own.json or vocabulary.json is not of the expected form.
    """
    if folder is None:
        return Card()
    quality = _quality(folder)
    if (folder / OWN_CONFIG).exists():
        values = read_json(folder / OWN_CONFIG)
        try:
            names, thresholds = tuple(values["names"]), dict(zip(values["names"], values["thresholds"], strict=True))
            return Card(values["method"], names, thresholds, quality, stored_vocabulary(folder))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelCorrupt(f"{OWN_CONFIG} in {str(folder)!r} is not of the expected form: {error}.") from error
    if (folder / EMBEDDED_HEADS).exists():
        return Card(thresholds=_embedded_thresholds(folder), quality=quality)
    return Card(quality=quality)


def _embedded_thresholds(folder: Path) -> dict[str, float]:
    thresholds = read_json(folder / EMBEDDED_HEADS).get("threshold")
    if not isinstance(thresholds, list) or len(thresholds) != len(TOP_LEVEL):
        raise ModelCorrupt(f"{EMBEDDED_HEADS} does not have {len(TOP_LEVEL)} thresholds. Restore it from its source.")
    return dict(zip(TOP_LEVEL, map(float, thresholds), strict=True))


def _quality(folder: Path) -> dict[str, TopicQuality]:
    """The table in the card; empty where it has none."""
    try:
        card = (folder / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return {
        row[1]: TopicQuality(int(row[2].replace(",", "")), float(row[3]), float(row[4]), float(row[5]))
        for row in CARD_ROW.finditer(card)
    }
