"""The labels that sources file their articles under, and names and definitions of Media Topics: what the head for
callers' own labels learns from. Knows nothing of tokens or networks."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.training.topics import Labelled
from models.vocabulary import TOP_LEVEL, concept

CLOSED = 200
"""A vocabulary of fewer labels is a list of sections; a larger one is open, and its absent labels mean little."""

UNUSABLE = re.compile(r"\d|obituary|scotland|wales|videos|features|feeds|^(?:av|athletic|t-magazine|learning)$|/")
NAMES = {
    "lifeandstyle": "life and style", "artanddesign": "art and design", "entertainment-arts": "entertainment & arts",
    "tv-and-radio": "TV and radio", "business-food": "food", "us/politics": "U.S. politics",
    "us/elections": "U.S. elections", "books/review": "book reviews", "realestate": "real estate",
    "world/olympics": "Olympics", "well": "well-being", "well/eat": "healthy eating", "well/move": "fitness",
    "well/mind": "mental health", "arts/design": "art & design", "business/media": "media",
    "business/dealbook": "deals and markets", "books/booksupdate": "books",
}  # fmt: skip
"""What a section is called, where its address does not say it in words."""
SOURCES = frozenset(
    {"rss_cnn_bbc_guardian", "huffpost", "huffpost_headlines", "nyt_2024_headlines", "wikipedia_current_events",
     "wikipedia_current_events_topics", "allsides_abp", "inshorts"}
)  # fmt: skip
LITTLE_WORDS = frozenset({"and", "&", "news", "voices", "the", "of", "in", "a", "u.s.", "us"})
ALIKE = (
    {"taste", "food & drink", "food", "dining", "drinks"},
    {"healthy living", "wellness", "well-being", "health", "healthy eating", "fitness", "mental health"},
    {"green", "environment", "climate"}, {"parents", "parenting"}, {"college", "education"},
    {"tv", "entertainment", "television", "movies", "arts & culture", "culture & arts", "comedy"},
    {"tech", "technology"}, {"money", "business", "investing", "economy", "success"}, {"style", "fashion", "beauty"},
    {"divorce", "weddings"}, {"sports", "olympics", "football", "sport", "golf", "tennis", "motorsport"},
    {"us congress", "us house", "us senate", "white house", "politics", "elections", "republican party",
     "democratic party", "economic policy"},
    {"justice", "justice department", "supreme court", "fbi", "criminal justice", "civil rights"},
)  # fmt: skip
"""Labels of which one may hold where a source names another."""
SHORT_NAMES = (
    ("arts and entertainment", "culture", "entertainment", "film, music and TV"),
    ("crime", "crime and justice", "law", "courts"), ("disasters and accidents", "disasters", "accidents"),
    ("business", "economy", "business and finance", "markets", "companies"),
    ("education", "schools and universities"), ("environment", "climate", "climate and nature"),
    ("health", "medicine", "health and medicine"), ("human interest", "people", "celebrity and people"),
    ("labour", "work and unions", "jobs and employment", "workplace"),
    ("lifestyle", "life and leisure", "food, travel and leisure"), ("politics", "government", "politics and policy"),
    ("religion", "faith and religion"), ("science and technology", "sci/tech", "science", "technology"),
    ("society", "social issues", "family and society"), ("sport", "sports"),
    ("war and conflict", "armed conflict", "conflict"), ("weather", "weather forecast"),
)  # fmt: skip
"""Other names of the 17 topics, as callers write them."""


def label_names(row: Labelled) -> tuple[str, ...]:
    """The labels of an article as a reader would write them, in lower case."""
    if row.source not in SOURCES:
        return ()
    names = (_name(row.source, label) for label in row.labels)
    return tuple(sorted({name.lower().strip() for name in names if len(name.strip()) > 1}))


def _name(source: str, label: str) -> str:
    if source == "wikipedia_current_events_topics" or source == "wikipedia_current_events":
        name = label.removeprefix("topic:")
        return "" if "," in name or len(name) > 60 else name
    if source == "allsides_abp":
        return "" if ":" in label else label.replace("_", " ")
    if source == "inshorts":
        return "" if re.search("atke|T20", label) else label.replace(" News", "")
    if source.startswith("huffpost"):
        return label
    section = re.sub(r"^(?:news|sport|world)/", "", label.split(":", 1)[-1])
    if section in NAMES:
        return NAMES[section]
    last = section.split("/")[-1] if source == "nyt_2024_headlines" else section
    return "" if UNUSABLE.search(last) else last.replace("-", " ")


def alike(a: str, b: str) -> bool:
    """Whether one label may hold where the other does: they share a word or are listed so."""
    shared = set(a.split()) & set(b.split()) - LITTLE_WORDS
    return bool(shared) or any(a in group and b in group for group in ALIKE)


def topic_variants(data: Path) -> list[tuple[str, ...]]:
    """For each of the 17 topics: its name first, then other names, then name and definition."""
    definitions = {entry["qcode"]: entry["definition"] for entry in _media_topics(data)}
    names = [concept(qcode).name for qcode in TOP_LEVEL]
    return [
        (name, *others, f"{name}: {definitions[qcode]}")
        for qcode, name, others in zip(TOP_LEVEL, names, SHORT_NAMES, strict=True)
    ]


def definitions(data: Path) -> list[tuple[str, str]]:
    """Name and definition of every Media Topic below the top."""
    return [
        (str(entry["name"]).lower(), str(entry["definition"]))
        for entry in _media_topics(data)
        if not entry["retired"] and entry["definition"] and entry["level"] >= 2
    ]


def _media_topics(data: Path) -> Sequence[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((data / "topics" / "mediatopics.json").read_text(encoding="utf-8"))
    return entries
