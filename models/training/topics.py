"""Reads the labelled texts to train on: which label to believe how far, which missing label is unknown rather than
absent, and which rows are held back. The judgements were made by reading samples of every source and label."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.training.corpus import fraction, rows
from models.vocabulary import TOP_LEVEL

Split = Literal["train", "validation", "test", "transfer"]

SOURCES = (
    "allsides_abp", "bbc_modern", "collective_action_tech", "huffpost", "huffpost_headlines", "inshorts",
    "masakhanews_eng", "newsapi_2021", "nyt_2017", "nyt_2024_headlines", "reuters21578", "rss_cnn_bbc_guardian",
    "toi_2001_headlines", "weather_web", "wikipedia_current_events", "wikipedia_current_events_topics",
)  # fmt: skip
TRANSFER_SOURCES = frozenset({"bbc_modern", "masakhanews_eng", "newsapi_2021", "nyt_2017"})
TRANSFER_OUTLETS = frozenset(
    f"outlet:{name}"
    for name in ("NPR Online News", "BBC News", "The Guardian", "Associated Press", "Christian Science Monitor")
)
WIKIPEDIA_TRANSFER_FROM = "2026"

BELIEF = {
    "allsides_abp": {1: 0.5, 2: 0.8, 3: 0.8, 7: 0.8, 9: 0.6, 10: 0.0, 13: 0.7, 14: 0.8, 16: 0.8},
    "huffpost": {8: 0.7, 14: 0.4},
    "huffpost_headlines": {4: 0.7, 5: 0.6, 6: 0.6, 7: 0.6, 8: 0.7, 12: 0.7, 14: 0.4},
    "rss_cnn_bbc_guardian": {1: 0.8, 4: 0.8, 10: 0.5, 14: 0.3, 17: 0.7},
    "inshorts": {8: 0.5, 13: 0.6},
    "toi_2001_headlines": {1: 0.6, 4: 0.7, 5: 0.2, 13: 0.4},
    "nyt_2024_headlines": {5: 0.1, 10: 0.4, 15: 0.5},
    "wikipedia_current_events": {1: 0.7},
    "wikipedia_current_events_topics": {12: 0.7, 14: 0.5},
}
"""How far a source's label is to be believed, where not wholly."""

OFTEN_MISSING = {
    1: (8, 11, 12), 2: (11, 16), 3: (6, 17), 4: (11, 13), 5: (11,), 6: (8, 11, 13), 7: (11, 13), 8: (1, 10, 14),
    9: (4, 11, 13, 14), 10: (1, 4, 7, 8, 14), 11: (2, 4, 14, 16), 12: (1, 11, 14), 13: (4, 6), 14: (1, 11),
    16: (2, 11), 17: (3, 6),
}  # fmt: skip
"""Topics that often hold where a source names only the first one: unknown, not absent."""
LABOUR = re.compile(r"\b(?:strikes?|walkout|trade union|unions?|layoffs?|unemployment|minimum wage)\b", re.IGNORECASE)

CO_OCCURRENCE = {"allsides_abp": {11: (0.3, 0.5)}}
"""How often a topic holds in a source's rows that do not name it (counted on a sample), and how far to believe that:
six in twenty of AllSides' other articles are about politics too."""

MOST_ROWS = {
    "allsides_abp": 9_000, "huffpost": 5_000, "huffpost_headlines": 9_000, "nyt_2024_headlines": 4_000,
    "reuters21578": 1_500, "rss_cnn_bbc_guardian": 11_000, "wikipedia_current_events": 28_000,
}  # fmt: skip
MOST_COVID = 800
MOST_POLITICS_ALONE = 2_000
"""Of AllSides, whose whole articles would otherwise teach that long means politics."""

PUZZLE = re.compile(
    r"Spelling Bee|Wordle|Connections|Strands|Crossword|Word of the Day|The Mini|Letter Boxed|Tiles"
    r"|^(?:Toplines|Cross-Tabs):|Results 2024$|^daily meditation|^the imageblog"
)
BBC_FOOTER = re.compile(
    r"\n?Ricky Gervais chats acting.*$"
    r"|\n(?:Follow|Find) BBC[^\n]*|\n[^\n]*haveyoursay@[^\n]*|\n[^\n]*story ideas[^\n]*",
    re.DOTALL,
)
ALLSIDES_FURNITURE = re.compile(
    r"ADVERTISEMENT|Advertisement|(?:Story )?Continue[sd]? (?:Reading )?Below|Share All sharing options for:"
    r"|JUST WATCHED|Replay More Videos|MUST WATCH"
)
MEDIA_SUFFIX = re.compile(r"\s*\((?:photos?|videos?|poll|slideshow|infographic)[^)]*\)\s*$", re.IGNORECASE)
TITLE_PREFIX = re.compile(
    r"^(?:opinion|report|poll|exclusive|analysis|fact check|breaking|watch|study|commentary|editorial)s?\s*:\s*",
    re.IGNORECASE,
)
TITLE_SUFFIX = re.compile(r"\s+[|]\s+[^|]{2,30}$|\s+-\s+CNNPolitics\.com$")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and the top-level Media Topics its source gave it, as numbers 1 to 17; `section` and
    `labels` are the source's own."""

    id: str
    source: str
    split: Split
    title: str
    text: str
    topics: frozenset[int]
    section: str
    weak: bool
    truncated: bool
    labels: tuple[str, ...] = ()


def labelled(data: Path, source: str) -> list[Labelled]:
    """The usable rows of one file of topics/, every split together."""
    found, covid = [], 0
    for row in rows(data / "topics" / f"{source}.jsonl.gz"):
        title, text = str(row.get("title") or ""), str(row.get("text") or "")
        labels = [str(label) for label in row["source_labels"] or ()]
        if source == "wikipedia_current_events" and re.search(r"COVID|coronavirus", text):
            covid += 1
        if PUZZLE.search(title) or len(f"{title} {text}".split()) < 5 or (covid > MOST_COVID and "COVID" in text):
            continue
        title = TITLE_SUFFIX.sub("", TITLE_PREFIX.sub("", MEDIA_SUFFIX.sub("", title)))
        text = ALLSIDES_FURNITURE.sub(" ", BBC_FOOTER.sub("", text))
        topics = frozenset(TOP_LEVEL.index(code) + 1 for code in row["iptc"])
        date = str(row.get("date_if_known") or "")
        found.append(
            Labelled(
                id=str(row["id"]),
                source=source,
                split=split_of(source, str(row["id"]), date, labels),
                title=title,
                text=text,
                topics=topics,
                section="/".join([*labels[-1:], date[:7]]) if source.startswith("wikipedia") else "/".join(labels[:1]),
                weak=bool(row.get("weak")),
                truncated=bool(row.get("truncated")),
                labels=tuple(labels),
            )
        )
    return found


def split_of(source: str, identifier: str, date: str, labels: Sequence[str]) -> Split:
    """Whole sources, outlets and the newest months are held back to see how the tagger transfers; of the rest one
    row in ten, and for Wikipedia, where a story runs for days, one month in ten."""
    wikipedia = source.startswith("wikipedia")
    if (
        source in TRANSFER_SOURCES
        or TRANSFER_OUTLETS.intersection(labels)
        or any(label.startswith("Guardian:") for label in labels)
        or (wikipedia and date >= WIKIPEDIA_TRANSFER_FROM)
    ):
        return "transfer"
    place = fraction(date[:7] if wikipedia else identifier, salt="topics")
    return "validation" if place < 0.05 else "test" if place < 0.10 else "train"


def targets(row: Labelled) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How likely each topic holds, mostly 0 or 1, and how far that is believed (0 to 1), `[17]` each."""
    wanted = np.zeros(17, np.float32)
    believed = np.full(17, 0.4 if row.weak else 1.0, np.float32)
    for topic in row.topics:
        for other in OFTEN_MISSING.get(topic, ()):
            believed[other - 1] = min(believed[other - 1], 0.1)
    for topic, (likely, belief) in CO_OCCURRENCE.get(row.source, {}).items():
        wanted[topic - 1], believed[topic - 1] = likely, belief
    if LABOUR.search(row.title) or LABOUR.search(row.text):
        believed[9 - 1] = 0.0
    for topic in row.topics:
        wanted[topic - 1] = 1.0
        believed[topic - 1] = BELIEF.get(row.source, {}).get(topic, 1.0) * (0.4 if row.weak else 1.0)
    return wanted, believed


def headline(row: Labelled) -> str:
    """The title where it can stand for a summary: long enough, over a whole article, not a question; else empty."""
    usable = len(row.title.split()) >= 5 and not row.title.rstrip().endswith("?")
    return row.title if usable and len(row.text) >= 1200 else ""


def sample(found: Iterable[Labelled], random: Random) -> list[Labelled]:
    """The rows to train on: no source more than its share, and a fifth of the short rows joined with their
    neighbours of the same section, because many topics have no long texts of their own."""
    by_source: dict[str, list[Labelled]] = defaultdict(list)
    for row in found:
        by_source[row.source].append(row)
    kept: list[Labelled] = []
    for source, members in by_source.items():
        rare = [row for row in members if row.topics & {5, 8, 9, 12, 17}]
        rest = [row for row in members if not row.topics & {5, 8, 9, 12, 17}]
        random.shuffle(rest)
        if source == "allsides_abp":
            alone = [row for row in rest if row.topics == {11}]
            rest = [row for row in rest if row.topics != {11}] + alone[:MOST_POLITICS_ALONE]
        chosen = rare + rest[: max(MOST_ROWS.get(source, len(members)) - len(rare), 0)]
        kept += join_short(chosen, random) if source != "allsides_abp" else chosen
    return kept


def join_short(members: list[Labelled], random: Random) -> list[Labelled]:
    """Join a fifth of the rows, in runs of 3 to 8 of one section and the same topics, into longer texts."""
    sections: dict[tuple[str, frozenset[int]], list[Labelled]] = defaultdict(list)
    for row in members:
        sections[row.section, row.topics].append(row)
    joined: list[Labelled] = []
    for rows_of_section in sections.values():
        position = 0
        while position < len(rows_of_section):
            size = random.randint(3, 8) if random.random() < 0.05 else 1
            run = rows_of_section[position : position + size]
            text = "\n\n".join(part for row in run for part in (row.title if size > 1 else "", row.text) if part)
            joined.append(run[0] if len(run) == 1 else replace(run[0], title="", text=text))
            position += size
    return joined
