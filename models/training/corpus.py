"""Reads the summaries to train on, cleans them of what is not news prose, and holds some back. Knows nothing of
tokens or networks; the data's own README describes the files."""

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HELD_BACK = Path(__file__).parent / "held_back.txt"
"""Ids of the cnn_dailymail articles that nothing is trained on or chosen by, one a line."""
SHINGLE_WORDS = 8
SAME_STORY = 0.05
"""Articles that share this much of the smaller one's shingles tell the same story."""
COMMON_SHINGLE = 12
"""A shingle in more articles than this is boilerplate."""

DATELINE = re.compile(
    r"^(?:By [A-Z][^()]{3,80}?\s)?(?:[A-Z][\w.'’/-]*(?:[ ,]+(?:[A-Z][\w.'’/-]*|de|of|the|and|\d{1,2}))*[,.]?\s*)?"
    r"\((?:CNN|AP|AFP|Reuters|REUTERS|PTI|IANS|ANI|UPI|Bloomberg|CBS[\w .]*|CNNMoney|[A-Z][\w. ]{1,25}\.com)\)"
    r"\s*(?:--|—|–|-)?\s*"
)
DAILY_MAIL_HEADER = re.compile(
    r"^By\s*\.?\s+(?:(?!PUBLISHED|UPDATED|Last updated).){2,160}?\s*\.?\s*"
    r"(?:(?:\|\s*\.?\s*)?(?:PUBLISHED|UPDATED|Last updated at)\s*:?\s*\.?\s*\d{1,2}[:.]\d\d\s*(?:[AP]M)?\s*"
    r"(?:EST|GMT|BST|EDT|on)?\s*,?\s*\d{1,2}(?:st|nd|rd|th)? \w+ \d{4}\s*\.?\s*(?:\|\s*\.?\s*)?)+"
)
SCROLL_DOWN = re.compile(r"\bscroll down (?:for|to)\s+(?:more|video|updates|audio)\s*\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pair:
    """An article and a human summary of it, one sentence a line."""

    id: str
    corpus: str
    text: str
    reference: str


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON lines file, gzipped or not."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def pairs(data: Path, name: str) -> list[Pair]:
    """The usable pairs of one file of summaries/: cleaned, and not without a body."""
    found = []
    for row in rows(data / "summaries" / f"{name}.jsonl.gz"):
        text = clean_article(str(row["article"]))
        reference = clean_reference(str(row["summary"]))
        if len(text.split()) >= 80 and len(reference.split()) >= 8:
            found.append(Pair(str(row["id"]), name, text, reference))
    return found


def several_references(data: Path) -> dict[str, tuple[str, list[str]]]:
    """Articles of newts and macsum, by the id they have in cnn_dailymail where they are there too: the text and what
    several people wrote of it."""
    articles: dict[str, tuple[str, list[str]]] = {}
    for name in ("newts", "macsum"):
        for row in rows(data / "summaries" / f"{name}.jsonl.gz"):
            _, references = articles.setdefault(
                str(row.get("same_as") or row["id"]), (clean_article(str(row["article"])), [])
            )
            references += [clean_reference(text) for text in row["summaries"] if len(text.split()) >= 6]
    return {name: (text, references) for name, (text, references) in articles.items() if references}


def clean_article(text: str) -> str:
    """Without agency datelines, Daily Mail headers, tokeniser's spaces and the ` .` that marks captions in the
    raw corpus (a cue no real article has)."""
    text = DAILY_MAIL_HEADER.sub("", text.strip())
    text = DATELINE.sub("", text)
    text = SCROLL_DOWN.sub(" ", text)
    text = re.sub(r"`` ?|(?<=[\s(])''(?=\w)", '"', text).replace("''", '"')
    text = re.sub(r" (n't|'(?:s|re|ve|ll|d|m))\b", r"\1", text)
    text = re.sub(r"(?<=[\w.,!?]) (['’”])(?=[\s.,;!?]|$)", r"\1", text)
    return re.sub(r"\s+([.,;:!?])(?=\s|$)", r"\1", text).strip()


def clean_reference(summary: str) -> str:
    lines = (re.sub(r"^NEW:\s*", "", line.strip()) for line in summary.split("\n"))
    kept = [line for line in lines if line and not re.search(r"^CLICK HERE|CLICK HERE (?:to|for)", line)]
    return "\n".join(line if line[-1] in ".!?\"'" else line + "." for line in kept)


@cache
def held_back() -> frozenset[str]:
    return frozenset(HELD_BACK.read_text().split())


def fraction(identifier: str, *, salt: str) -> float:
    """A number in [0, 1) that depends on the id alone: splits that never move."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{identifier}".encode()).digest()[:8], "big") / 2**64


def shingles(text: str) -> frozenset[int]:
    words = re.findall(r"[a-z0-9]+", text.lower().replace("’", "'"))
    return frozenset(hash(tuple(words[i : i + SHINGLE_WORDS])) for i in range(len(words) - SHINGLE_WORDS + 1))


def same_story(texts: dict[str, str], others: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs (id of `texts`, id of `others`) that share at least `SAME_STORY` of the smaller one's shingles."""
    left = {name: shingles(text) for name, text in texts.items()}
    frequency = Counter(shingle for known in left.values() for shingle in known)
    holders: dict[int, list[str]] = defaultdict(list)
    for name, known in left.items():
        for shingle in known:
            if frequency[shingle] <= COMMON_SHINGLE:
                holders[shingle].append(name)
    found = []
    for other, text in others.items():
        own = shingles(text)
        shared = Counter(name for shingle in own for name in holders.get(shingle, ()) if name != other)
        found += [
            (name, other)
            for name, count in shared.items()
            if count >= max(3, SAME_STORY * min(len(own), len(left[name])))
        ]
    return found


def hold_back(everything: list[Pair], *, most: int) -> list[str]:
    """Choose about `most` articles to hold back, whole groups of the same story at a time, by hash of the id."""
    group = {pair.id: pair.id for pair in everything}

    def root(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    texts = {pair.id: pair.text for pair in everything}
    for a, b in same_story(texts, texts):
        group[max(root(a), root(b))] = min(root(a), root(b))
    members: dict[str, list[str]] = defaultdict(list)
    for name in group:
        members[root(name)].append(name)
    chosen: list[str] = []
    for leader in sorted(members, key=lambda name: fraction(name, salt="held back")):
        if len(chosen) >= most:
            break
        chosen += members[leader]
    return sorted(chosen)


def without(kept: Iterable[Pair], held: dict[str, str]) -> list[Pair]:
    """The pairs that do not tell the story of an article in `held` (texts by id)."""
    candidates = [pair for pair in kept if pair.id not in held]
    twins = {other for _, other in same_story(held, {pair.id: pair.text for pair in candidates})}
    return [pair for pair in candidates if pair.id not in twins]
