"""`python -m models.training.held_back DATA OUT`: writes what was held back, as files for `dateline evaluate`."""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from models.training import corpus, topics
from models.vocabulary import TOP_LEVEL

MOST_ROWS = 400
"""Rows of one source; which ones is decided by their ids."""


def summaries(data: Path) -> Iterable[dict[str, object]]:
    """The held-back articles of cnn_dailymail with their references."""
    for pair in corpus.pairs(data, "cnn_dailymail"):
        if pair.id in corpus.held_back():
            yield {"id": pair.id, "text": pair.text, "summary": pair.reference}


def labelled(data: Path, split: topics.Split) -> Iterable[dict[str, object]]:
    """Up to `MOST_ROWS` rows of every source in `split`."""
    for source in topics.SOURCES:
        members: dict[str, list[topics.Labelled]] = defaultdict(list)
        for row in topics.labelled(data, source):
            if row.split == split and row.text:
                members[row.source].append(row)
        for name, rows in members.items():
            for row in sorted(rows, key=lambda row: corpus.fraction(row.id, salt="held back"))[:MOST_ROWS]:
                codes = [TOP_LEVEL[topic - 1] for topic in sorted(row.topics)]
                yield {"id": row.id, "source": name, "title": row.title, "text": row.text, "iptc": codes}


def write(path: Path, rows: Iterable[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.held_back", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with summaries/ and topics/")
    parser.add_argument("out", type=Path, help="folder to write to")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "summaries.jsonl", summaries(options.data))
    write(options.out / "topics-transfer.jsonl", labelled(options.data, "transfer"))
    write(options.out / "topics-test.jsonl", labelled(options.data, "test"))


if __name__ == "__main__":
    main()
