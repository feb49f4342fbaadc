"""How well the main text, title and date of web pages are read, against pages with their cleaned text.

python -m tests.bench.extraction ../shared/data
"""

import argparse
import json
import lzma
import re
import time
from collections import Counter
from pathlib import Path
from statistics import mean

from seeds.archives.page import Page, read_page


def agreement(found: str, wanted: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of the bag of words."""
    ours, theirs = (Counter(re.findall(r"\w+", text.lower())) for text in (found, wanted))
    common = (ours & theirs).total()
    precision, recall = common / max(ours.total(), 1), common / max(theirs.total(), 1)
    return precision, recall, 2 * precision * recall / ((precision + recall) or 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    with lzma.open(parser.parse_args().data / "extraction" / "pages.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    started = time.perf_counter()
    pages = [read_page(row["html"].encode(), charset="utf-8") for row in rows]
    milliseconds = 1000 * (time.perf_counter() - started) / len(rows)
    figures = [agreement(page.text, row["text"]) for page, row in zip(pages, rows, strict=True)]
    precision, recall, f1 = (mean(values) for values in zip(*figures, strict=True))
    print(
        f"{len(rows)} pages: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.4f}, {milliseconds:.0f} ms a page"
    )
    pairs = list(zip(pages, rows, strict=True))
    print(f"titles: {mean(same_title(page, row['title']) for page, row in pairs):.3f} exact")
    right = mean((page.date or "")[:10] == row["date"][:10] for page, row in pairs)
    print(f"dates: {right:.3f} the right day, {mean(page.date is None for page in pages):.3f} none")


def same_title(page: Page, title: str) -> bool:
    return " ".join((page.title or "").split()) == " ".join(title.split())


if __name__ == "__main__":
    main()
