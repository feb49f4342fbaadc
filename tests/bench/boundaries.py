"""`make text-bench`: sentence boundaries and furniture against readings that nobody here made.

Boundaries: the gold sentences of GUM and the English Web Treebank (`boundaries/gold.jsonl.gz`), beside sentencex alone,
pysbd and blingfire; also after re-wrapping, and with marks sprinkled in. A boundary is where a sentence ends; those within
headings count for nobody. Furniture: the sentences marked in `summaries/editor_choices.jsonl.gz`.
"""

import argparse
import gzip
import json
import random
import re
import textwrap
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import sentencex

from models.text.furniture import PATTERNS, furniture
from models.text.sentences import READ, sentences

Splitter = Callable[[str], list[tuple[int, int]]]
SETS = ("GUM news", "GUM, other genres", "EWT")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.boundaries", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with boundaries/, summaries/ and topics/")
    data = parser.parse_args().data
    documents = list(rows(data / "boundaries" / "gold.jsonl.gz"))
    print("F1 of boundaries (share of prose characters in no sentence)")
    for name, split in splitters().items():
        measure(name, split, documents)
    for width in (40, 60, 72):
        measure(f"dateline, wrapped at {width}", dateline, [wrapped(document, width) for document in documents])
    for mark in ("[1]", "\u200b", " 🎉"):
        measure(f"dateline, with {mark!r} behind", dateline, [sprinkled(document, mark) for document in documents])
    by_kind(documents)
    marked_furniture(data)
    false_alarms(data)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def splitters() -> dict[str, Splitter]:
    """Dateline and its peers, those that are installed."""
    found: dict[str, Splitter] = {"dateline": dateline, "sentencex": alone}
    try:
        import pysbd

        segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)
        found["pysbd"] = lambda text: trimmed(text, ((span.start, span.end) for span in segmenter.segment(text)))
    except ImportError:
        print("pysbd is not installed: left out")
    try:
        import blingfire

        def fire(text: str) -> list[tuple[int, int]]:
            return trimmed(text, blingfire.text_to_sentences_and_offsets(text)[1])

        found["blingfire"] = fire
    except ImportError:
        print("blingfire is not installed: left out")
    return found


def dateline(text: str) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in sentences(text)]


def alone(text: str) -> list[tuple[int, int]]:
    found = sentencex.get_sentence_boundaries("en", text)
    return trimmed(text, ((boundary["start_index"], boundary["end_index"]) for boundary in found))


def trimmed(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found = []
    for start, end in spans:
        part = text[start:end]
        if part.strip():
            start += len(part) - len(part.lstrip())
            found.append((start, start + len(part.strip())))
    return found


def set_of(document: dict[str, Any]) -> str:
    if document["treebank"] == "EWT":
        return "EWT"
    return "GUM news" if document["genre"] == "news" else "GUM, other genres"


def measure(name: str, split: Splitter, documents: list[dict[str, Any]]) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    began = time.perf_counter()
    for document in documents:
        text, heads = document["text"], set(document["heads"])
        headings = [span for number, span in enumerate(document["sentences"]) if number in heads]
        prose = [span for number, span in enumerate(document["sentences"]) if number not in heads]
        spans = split(text)
        gold = {end for _, end in prose}
        ours = {end for _, end in spans if not any(start < end <= last for start, last in headings)}
        covered = bytearray(len(text))
        for start, end in spans:
            covered[start:end] = b"1" * (end - start)
        count = counts[set_of(document)]
        count["right"] += len(gold & ours)
        count["gold"] += len(gold)
        count["ours"] += len(ours)
        count["characters"] += sum(end - start for start, end in prose)
        count["lost"] += sum(
            not covered[i] and not text[i].isspace() for start, end in prose for i in range(start, end)
        )
    taken = time.perf_counter() - began
    figures = (
        f"{2 * c['right'] / (c['gold'] + c['ours']):.3f} ({100 * c['lost'] / c['characters']:.2f} %)"
        for c in (counts[each] for each in SETS)
    )
    print(f"{name:28s} " + "   ".join(f"{each}: {figure}" for each, figure in zip(SETS, figures, strict=True)), end="")
    print(f"   {taken:.2f} s")


def wrapped(document: dict[str, Any], width: int) -> dict[str, Any]:
    """The document with its paragraphs wrapped, and its offsets moved."""
    pieces, places, at = [], [0] * (len(document["text"]) + 1), 0
    new = ""
    for piece in re.split(r"(\n\n)", document["text"]):
        lines = textwrap.fill(piece, width, break_long_words=False, break_on_hyphens=False) if piece.strip() else piece
        inside = 0
        for offset, character in enumerate(piece):
            while not character.isspace() and lines[inside] != character:
                inside += 1
            places[at + offset] = len(new) + min(inside, len(lines))
            inside += not character.isspace()
            places[at + offset + 1] = len(new) + min(inside, len(lines))
        pieces.append(lines)
        new += lines
        at += len(piece)
    return {**document, "text": new, "sentences": [[places[a], places[b - 1] + 1] for a, b in document["sentences"]]}


def sprinkled(document: dict[str, Any], mark: str) -> dict[str, Any]:
    """The document with a mark behind every third of its sentences that ends with a full stop."""
    chance = random.Random(document["id"])
    new, spans, at = "", [], 0
    for start, end in document["sentences"]:
        new += document["text"][at:start]
        spans.append([len(new), len(new) + end - start])
        new += document["text"][start:end]
        if document["text"][end - 1] == "." and chance.random() < 1 / 3:
            new += mark
        at = end
    return {**document, "text": new + document["text"][at:], "sentences": spans}


def by_kind(documents: list[dict[str, Any]]) -> None:
    print("\nShare of gold prose characters by the kind we give them (what is neither prose nor label no model reads)")
    for each in SETS:
        kinds: Counter[str] = Counter()
        for document in documents:
            if set_of(document) != each:
                continue
            heads = set(document["heads"])
            kind = [""] * len(document["text"])
            for span in sentences(document["text"]):
                kind[span.start : span.end] = [span.kind] * (span.end - span.start)
            for number, (start, end) in enumerate(document["sentences"]):
                if number not in heads:
                    kinds.update(kind[start:end])
        total = kinds.total()
        print(
            f"{each:20s} " + ", ".join(f"{name or 'none'} {100 * n / total:.2f} %" for name, n in kinds.most_common())
        )


def marked_furniture(data: Path) -> None:
    right = wrong = missed = 0
    for row in rows(data / "summaries" / "editor_choices.jsonl.gz"):
        kind = [""] * len(row["text"])
        for span in sentences(row["text"]):
            kind[span.start : span.end] = [span.kind] * (span.end - span.start)
        for number, span in enumerate(row["sentences"], start=1):
            kinds = [name for name in kind[span["start"] : span["end"]] if name]
            ours = sum(name not in READ for name in kinds) * 2 > len(kinds)
            marked = number in row["furniture"]
            right += ours and marked
            wrong += ours and not marked
            missed += marked and not ours
    print(f"\nFurniture marked by readers: recognised {right / (right + missed):.3f} of {right + missed},", end=" ")
    print(f"precision {right / (right + wrong):.3f}")


def false_alarms(data: Path) -> None:
    """How often each pattern fires on paragraphs of whole articles: read those it fires on before letting it in."""
    fired: Counter[str] = Counter()
    samples: dict[str, list[str]] = defaultdict(list)
    paragraphs = 0
    for row in rows(data / "topics" / "masakhanews_eng.jsonl.gz"):
        for paragraph in re.split(r"\n+|(?<=\.) {2,}", row["text"]):
            for span in sentences(paragraph):
                paragraphs += 1
                if (pattern := furniture(paragraph[span.start : span.end])) is not None:
                    fired[pattern.example] += 1
                    samples[pattern.example].append(paragraph[span.start : span.end])
    print(f"\nPatterns that fire on {paragraphs} sentences of whole articles")
    for pattern in PATTERNS:
        if fired[pattern.example]:
            shown = " | ".join(sample[:60].replace("\n", " ") for sample in samples[pattern.example][:2])
            print(f"{fired[pattern.example]:5d} {pattern.kind:12s} {pattern.example[:40]:40s} {shown}")


if __name__ == "__main__":
    main()
