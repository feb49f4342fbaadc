"""Archives at length: synthetic records through `dateline archive` with `lead`, then again over the results that are
stored; records a second, and the memory of all its processes from the first ten thousand records on. Then the embedded
model: the archive's throughput against a bare loop of the model over the same batches, alternating.

    python -m tests.bench.archive [--records 1000000] [--embedded 1024] [--rounds 3]
"""

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from seeds.readers import open_archive
from service.engines import Here

from models.shelf import Shelf
from models.types import Document, SummaryOptions, TopicsOptions, Work
from seeds.store import Store
from service.archive import Plan, Run
from service.digest import Digester, Wanted
from tests.articles import long_article
from tests.bench.serving import DATELINE

WORDS = [
    "the",
    "council",
    "minister",
    "harbour",
    "town",
    "police",
    "said",
    "budget",
    "rise",
    "fell",
    "war",
    "peace",
    "match",
    "club",
    "player",
    "film",
    "court",
    "school",
    "flood",
    "storm",
    "vote",
    "party",
    "union",
    "strike",
    "river",
    "coast",
    "bridge",
    "hospital",
    "doctor",
    "patient",
    "company",
    "profit",
    "market",
    "price",
    "share",
]


def write_records(path: Path, count: int) -> None:
    """Records of six sentences and some 84 words, all different."""
    chance = random.Random(1)
    with path.open("w") as file:
        for number in range(count):
            text = " ".join(" ".join(chance.choices(WORDS, k=14)).capitalize() + "." for _ in range(6))
            file.write(json.dumps({"id": f"r{number}", "title": f"Story {number}", "text": text}) + "\n")


def run_command(source: Path, out: Path, store: Path, *, records: int) -> None:
    command = [
        DATELINE,
        "archive",
        source,
        "--out",
        out,
        "--tasks",
        "summary",
        "--model",
        "lead",
        "--store",
        store,
        "--json",
    ]
    started = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    memory: list[float] = []
    manifest = out.with_name(out.name + ".run.json")
    while process.poll() is None:
        time.sleep(0.5)
        if manifest.exists() and json.loads(manifest.read_text())["records"] >= 10_000:
            memory.append(megabytes(process.pid))
    seconds = time.monotonic() - started
    assert process.stdout is not None
    report = json.loads(process.stdout.read())
    print(f"  {report['records']:,} records in {seconds:.0f} s: {records / seconds:,.0f}/s; {report['cached']:,} cached, "
          f"{report['failed']:,} failed", flush=True)  # fmt: skip
    if len(memory) > 8:
        quarter = statistics.median(memory[: len(memory) // 4]), statistics.median(memory[-len(memory) // 4 :])
        print(f"  memory of all processes from record 10,000 on: {min(memory[:-4]):.0f} to {max(memory[:-4]):.0f} MB; median of "
              f"the first quarter {quarter[0]:.0f}, of the last {quarter[1]:.0f}", flush=True)  # fmt: skip


def megabytes(pid: int) -> float:
    """Memory of a process and those below it, what they share counted once."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return sum(member.memory_full_info().pss for member in family) / 1e6
    except psutil.Error:
        return 0.0


def embedded(folder: Path, *, count: int, rounds: int) -> None:
    model = Shelf(folder).get("news-minilm")
    wanted = Wanted(summary_model="news-minilm", topics_model="news-minilm")
    ratios = []
    for number in range(rounds + 1):
        source = folder / f"e{number}.jsonl"
        texts = [f"Edition {number}-{n}. " + long_article(300 + n % 200) for n in range(count)]
        source.write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)))
        ordered = sorted(texts, key=len)
        started = time.monotonic()
        for start in range(0, count, 32):
            model.run([Work(Document(text), SummaryOptions(), TopicsOptions()) for text in ordered[start : start + 32]])
        bare = count / (time.monotonic() - started)
        digester = Digester(Loaded(model), Store(f"sqlite:///{folder / f'e{number}.db'}"))
        run = Run(
            open_archive(str(source)),
            folder / f"e{number}.out.jsonl",
            Plan(wanted, "jsonl"),
            engine=Here(digester, wanted),
            models={},
        )
        started = time.monotonic()
        run.go()
        whole = count / (time.monotonic() - started)
        if number:  # the first round warms up
            ratios.append(whole / bare)
            print(f"  bare model {bare:.1f} articles/s, archive {whole:.1f}", flush=True)
    ratios.sort()
    print(
        f"  archive / bare model: {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}); wanted 0.95 or more"
    )


class Loaded:
    """One model, loaded already."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def get(self, id: str) -> Any:
        return self._model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--embedded", type=int, default=1024, help="articles for the embedded model; 0 for none")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.embedded:
            print(f"Archive of {options.embedded:,} articles with the embedded model, both tasks")
            embedded(folder, count=options.embedded, rounds=options.rounds)
        print(f"Archive of {options.records:,} synthetic records with lead")
        write_records(folder / "in.jsonl", options.records)
        run_command(folder / "in.jsonl", folder / "a.jsonl", folder / "results.db", records=options.records)
        print("  again, over the results that are stored:")
        run_command(folder / "in.jsonl", folder / "b.jsonl", folder / "results.db", records=options.records)


if __name__ == "__main__":
    main()
