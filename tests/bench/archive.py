"""Archives at length: synthetic records through `dateline archive` with `lead`, then again over the results that are
stored; records a second, and the memory of all its processes from the first ten thousand records on. Then the embedded
model: the archive's throughput against a bare loop of the model over the same batches, alternating. Then WARC files on
one, two and four Ray workers: what the driver spends on each record.

    python -m tests.bench.archive [--records 1000000] [--embedded 1024] [--rounds 3] [--warcs 100]
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from models.options import SummaryOptions, TopicsOptions
from models.types import Document, Work
from seeds.archives import find_sources
from seeds.store import Store
from service.archive.cluster import RayWorkers
from service.archive.job import ArchiveJob
from service.archive.run import ArchiveRun
from service.archive.workers import Here
from service.digest import Digester, DigestOptions
from tests.archives import LEAD
from tests.articles import long_article
from tests.bench.serving import DATELINE
from tests.doubles import SomeModels, load_model
from tests.warcs import http, page, record, write_warc

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
PAGES_PER_WARC = 200


def write_records(path: Path, count: int) -> None:
    """Records of six sentences and some 84 words, all different."""
    chance = random.Random(1)
    with path.open("w") as file:
        for number in range(count):
            text = " ".join(" ".join(chance.choices(WORDS, k=14)).capitalize() + "." for _ in range(6))
            file.write(json.dumps({"id": f"r{number}", "title": f"Story {number}", "text": text}) + "\n")


def run_command(source: Path, out: Path, store: Path) -> None:
    command = [DATELINE, "archive", source, "--out", out, *LEAD, "--store", store, "--json"]
    started = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    memory: list[float] = []
    parts = out.with_name(out.name + ".parts")
    while process.poll() is None:
        time.sleep(0.5)
        if parts.exists() and len(list(parts.glob("*.json"))) >= 5:
            memory.append(megabytes(process.pid))
    seconds = time.monotonic() - started
    assert process.stdout is not None
    report = json.loads(process.stdout.read())
    print(f"  {report['records']:,} records in {seconds:.0f} s: {report['records'] / seconds:,.0f}/s; "
          f"{report['cached']:,} cached, {report['failed']:,} failed", flush=True)  # fmt: skip
    if len(memory) > 8:
        quarter = statistics.median(memory[: len(memory) // 4]), statistics.median(memory[-len(memory) // 4 :])
        print(f"  memory of all processes from record 10,000 on: {min(memory[:-4]):.0f} to {max(memory[:-4]):.0f} MB; median of "
              f"the first quarter {quarter[0]:.0f}, of the last {quarter[1]:.0f}", flush=True)  # fmt: skip


def megabytes(pid: int) -> float:
    """Memory of a process and those below it, what they share counted once."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return float(sum(member.memory_full_info().pss for member in family) / 1e6)
    except psutil.Error:
        return 0.0


def embedded(folder: Path, *, count: int, rounds: int) -> None:
    model = load_model("news-minilm", folder)
    wanted = DigestOptions(summary_model="news-minilm", topics_model="news-minilm")
    ratios = []
    for number in range(rounds + 1):
        source, out = folder / f"e{number}.jsonl", folder / f"e{number}.out.jsonl"
        texts = [f"Edition {number}-{n}. " + long_article(300 + n % 200) for n in range(count)]
        source.write_text("".join(json.dumps({"id": str(n), "text": text}) + "\n" for n, text in enumerate(texts)))
        with ThreadPoolExecutor(1) as thread:  # one that ends: torch keeps a team of threads for each that computed
            bare = count / thread.submit(bare_loop, model, sorted(texts, key=len)).result()
        job = ArchiveJob(str(source), out, wanted, "jsonl", f"sqlite:///{folder / f'e{number}.db'}", folder)

        def make(job: ArchiveJob) -> Digester:
            return Digester(SomeModels({"news-minilm": model}), Store(job.store))

        run = ArchiveRun(
            job, find_sources(str(source)), lambda setup, notify: Here(replace(setup, make=make), notify=notify)
        )
        started = time.monotonic()
        run.go()
        whole = count / (time.monotonic() - started)
        if number:  # the first round warms up
            ratios.append(whole / bare)
            print(f"  bare model {bare:.1f} articles/s, archive {whole:.1f}", flush=True)
    ratios.sort()
    print(f"  archive / bare model: {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")


def bare_loop(model: Any, texts: list[str]) -> float:
    """The seconds that the model alone takes, in batches of 32."""
    started = time.monotonic()
    for start in range(0, len(texts), 32):
        model.run([Work(Document(text), SummaryOptions(), TopicsOptions()) for text in texts[start : start + 32]])
    return time.monotonic() - started


def on_ray(folder: Path, *, files: int) -> None:
    """What the driver itself spends, from the first part handed out to the output put together; starting Ray is apart."""
    crawl = folder / "crawl"
    crawl.mkdir()
    for number in range(files):
        pages = [(n, f"Edition {number}-{n}. " + long_article(150 + n)) for n in range(PAGES_PER_WARC)]
        blocks = [record(http(page(n % 9, text)), url=f"http://x.org/{number}/{n}") for n, text in pages]
        write_warc(crawl / f"{number:03}.warc.gz", blocks)
    records = files * PAGES_PER_WARC
    for workers in (1, 2, 4):
        job = ArchiveJob(
            str(crawl), folder / f"ray{workers}.jsonl", DigestOptions(summary_model="lead"), "jsonl",
            f"sqlite:///{folder / f'ray{workers}.db'}", folder,
        )  # fmt: skip
        spent: dict[str, float] = {}

        def start(setup: Any, notify: Any, workers: int = workers, spent: dict[str, float] = spent) -> RayWorkers:
            made = RayWorkers(setup, address=None, number=workers)
            made.describe()
            spent.update(cpu=time.process_time(), own=time.thread_time(), wall=time.monotonic())
            return made

        ArchiveRun(job, find_sources(str(crawl)), start).go()
        cpu, own = time.process_time() - spent["cpu"], time.thread_time() - spent["own"]
        wall = time.monotonic() - spent["wall"]
        print(f"  {workers} workers: {records / wall:,.0f} records/s; the driver's processor time {1e6 * cpu / records:.1f} µs a "
              f"record, {1e6 * own / records:.1f} µs of it outside Ray's own threads; {100 * cpu / wall:.1f} % of one core", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000, help="synthetic records; 0 for none")
    parser.add_argument("--embedded", type=int, default=1024, help="articles for the embedded model; 0 for none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warcs", type=int, default=100, help="WARC files of 200 pages for Ray; 0 for none")
    options = parser.parse_args()
    with open("/proc/cpuinfo", encoding="ascii") as info:
        has_bfloat16 = "avx512_bf16" in info.read()
    print(f"{os.cpu_count()} cores, {'with' if has_bfloat16 else 'without'} bfloat16 units")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.embedded:
            print(f"Archive of {options.embedded:,} articles with the embedded model, both tasks")
            embedded(folder, count=options.embedded, rounds=options.rounds)
        if options.warcs:
            print(f"{options.warcs} WARC files of {PAGES_PER_WARC} pages on Ray, lead")
            on_ray(folder, files=options.warcs)
        if options.records:
            print(f"Archive of {options.records:,} synthetic records with lead")
            write_records(folder / "in.jsonl", options.records)
            run_command(folder / "in.jsonl", folder / "a.jsonl", folder / "results.db")
            print("  again, over the results that are stored:")
            run_command(folder / "in.jsonl", folder / "b.jsonl", folder / "results.db")


if __name__ == "__main__":
    main()
