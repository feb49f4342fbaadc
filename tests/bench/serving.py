"""The service beside what one would run without it, in one call, over the same weights and articles: a plain FastAPI +
transformers endpoint, LitServe with batching, direct `generate` and direct CTranslate2. Prints articles a second, p50
and p99 at several loads, ratios with their spread over rounds, the service's overhead over its own engine, and the rate
of cached replies against an empty FastAPI route.

    python -m tests.bench.serving [embedded|seq2seq|cached ...] [--rounds 3] [--full]
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

import torch

from models.catalog import ModelSource
from models.open import Inference, describe
from models.options import SummaryOptions, TopicsOptions
from models.types import Document, Work
from tests.articles import long_article
from tests.doubles import load_model

DATELINE = Path(sys.executable).parent / "dateline"
EMBEDDED = Path(str(files("models") / "news-minilm"))
WORDS = 400
edition = count()


def article() -> str:
    """An article that nobody has sent before."""
    return f"Edition {next(edition)} of {time.time_ns()}. " + long_article(WORDS)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def process(command: Sequence[object], *, port: int, ready: str, **environment: str) -> Iterator[int]:
    """Run a server until the block ends; gives its port once `ready` answers."""
    server = subprocess.Popen(
        list(map(str, command)),
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 120
        while True:
            assert server.poll() is None, f"{command} ended"
            assert time.monotonic() < end, f"{command} did not start"
            try:
                connection = HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", ready)
                if connection.getresponse().status < 500:
                    break
            except OSError:
                time.sleep(0.2)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


@contextmanager
def ours(models: Path, seeds: Path, **settings: str) -> Iterator[int]:
    port = free_port()
    told = {"DATELINE_SEEDS": str(seeds), "DATELINE_MODELS": str(models), "DATELINE_MAX_QUEUE_SECONDS": "1000",
            "DATELINE_DEADLINE_SECONDS": "1000"}  # fmt: skip
    with process([DATELINE, "serve", "--port", port], port=port, ready="/readyz", **told, **settings):
        yield port


@contextmanager
def theirs(server: str, kind: str, folder: Path) -> Iterator[int]:
    port = free_port()
    module = ["tests.bench.litserve_server"] if server == "litserve" else ["tests.bench.servers", server]
    command = [sys.executable, "-m", *module, "--port", port, "--kind", kind, "--folder", folder]
    with process(command, port=port, ready="/health"):
        yield port


def load(
    port: int, path: str, body: Callable[[], Any], *, clients: int, seconds: float, most: int = 10**9
) -> tuple[float, list[float]]:
    """Keep so many requests under way for so long; the rate of replies a second, and the seconds each took, sorted."""
    took: list[float] = []
    sent = count()
    started = time.monotonic()
    last = [started]

    def client() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=600)
        while time.monotonic() - started < seconds and next(sent) < most:
            data, begun = json.dumps(body()), time.monotonic()
            connection.request("POST", path, data, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = reply.read()
            assert reply.status == 200, answer
            last[0] = time.monotonic()
            took.append(last[0] - begun)
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(took) / (last[0] - started), sorted(took)


def show(name: str, rate: float, took: Sequence[float], *, unit: str = "articles/s") -> None:
    p50, p99 = took[len(took) // 2], took[min(int(len(took) * 0.99), len(took) - 1)]
    print(f"  {name:44} {rate:8.2f} {unit}   p50 {p50 * 1000:8.1f} ms   p99 {p99 * 1000:8.1f} ms", flush=True)


def ratio(name: str, mine: Sequence[float], other: Sequence[float], *, wanted: str) -> None:
    found = sorted(a / b for a, b in zip(mine, other, strict=True))
    print(f"  {name}: {statistics.median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f}); wanted {wanted}", flush=True)


def digest(text: str, **options: Any) -> dict[str, Any]:
    return {"articles": [{"text": text}], **options}


def embedded(folder: Path, *, rounds: int, seconds: float) -> None:
    print(f"Embedded model, both tasks, articles of {WORDS} words")
    model = load_model("news-minilm", folder)
    mine: list[float] = []
    plain: list[float] = []
    batching: list[float] = []
    overhead: list[float] = []
    sides: tuple[tuple[str, Any, str, Callable[[], Any], list[float]], ...] = (
        ("dateline", lambda: ours(folder, folder), "/v1/digest", lambda: digest(article()), mine),
        (
            "FastAPI + transformers",
            lambda: theirs("plain", "embedded", EMBEDDED),
            "/predict",
            lambda: {"text": article()},
            plain,
        ),
        (
            "LitServe, batches of 8",
            lambda: theirs("litserve", "embedded", EMBEDDED),
            "/predict",
            lambda: {"text": article()},
            batching,
        ),
    )
    for number in range(rounds):
        for name, serve, path, body, rates in sides:  # one server at a time: an idle one takes time too
            with serve() as port:
                load(port, path, body, clients=8, seconds=60, most=32)
                for clients in (1, 8, 32) if number == 0 else (32,):
                    rate, took = load(port, path, body, clients=clients, seconds=seconds)
                    show(f"{name}, {clients} clients", rate, took)
                rates.append(rate)
                if serve is sides[0][1]:
                    direct, batched = both_ways(model, port)
                    overhead.append(batched / direct)
    ratio("dateline / FastAPI + transformers", mine, plain, wanted="4 or more")
    ratio("dateline / LitServe", mine, batching, wanted="3 or more")
    ratio("over HTTP in requests of 32 / the bare model", overhead, [1.0] * rounds, wanted="0.95 or more")


def both_ways(model: Any, port: int, *, articles: int = 128) -> tuple[float, float]:
    """Articles a second of the bare model, and of the service in requests of 32 from three clients: saturated."""
    texts = [article() for _ in range(articles)]
    started = time.monotonic()
    for start in range(0, articles, 32):
        model.run([Work(Document(text), SummaryOptions(), TopicsOptions()) for text in texts[start : start + 32]])
    direct = articles / (time.monotonic() - started)
    rate, _ = load(
        port, "/v1/digest", lambda: {"articles": [{"text": article()} for _ in range(32)]}, clients=3, seconds=60,
        most=articles // 32 + 2,
    )  # fmt: skip
    return direct, rate * 32


def cached(folder: Path, *, rounds: int, seconds: float) -> None:
    print("Cached replies")
    port = free_port()
    empty_command = [sys.executable, "-m", "tests.bench.servers", "empty", "--port", port]
    found: list[float] = []
    other: list[float] = []
    known = digest(article())
    with ours(folder, folder) as own, process(empty_command, port=port, ready="/"):
        load(own, "/v1/digest", lambda: known, clients=1, seconds=10, most=1)
        for _ in range(rounds):
            rate, took = load(own, "/v1/digest", lambda: known, clients=4, seconds=seconds)
            show("dateline, one cached article", rate, took, unit="replies/s ")
            found.append(rate)
            rate, took = load(port, "/v1/digest", lambda: known, clients=4, seconds=seconds)
            show("empty FastAPI route, same body", rate, took, unit="replies/s ")
            other.append(rate)
    ratio("cached / empty", found, other, wanted="0.60 or more")


def seq2seq(folder: Path, *, rounds: int, full: bool) -> None:
    from models.generative.ctranslate2 import Ct2Engine, convert
    from models.generative.writing import Generation
    from tests.bench.bart import make_bart
    from tests.bench.servers import Generate

    shape = "distilbart-12-6" if full else "6+6 layers, 512 wide"
    print(f"BART ({shape}), random weights, 60 tokens written by 4 beams, articles of {WORDS} words")
    source = make_bart(folder / "bench" / "bart", full=full)
    convert(source)
    info = describe(ModelSource("bench/bart", source, None), Inference(engine="ctranslate2"))
    batch = 4
    texts = [article() for _ in range(batch)]
    mine: list[float] = []
    plain: list[float] = []
    generated: list[float] = []
    direct_ct2: list[float] = []
    generate, ct2 = Generate(source), Ct2Engine(source, info)
    ids = ct2.tokenizer(texts)["input_ids"]

    def rate_of(run: Callable[[], object]) -> float:
        started = time.monotonic()
        run()
        return batch / (time.monotonic() - started)

    def body() -> dict[str, Any]:
        return digest(article(), tasks=["summary"], summary={"model": "bench/bart"})

    with ours(folder, folder, DATELINE_ENGINE="ctranslate2") as port, theirs("plain", "seq2seq", source) as plain_port:
        load(port, "/v1/digest", body, clients=1, seconds=600, most=1)
        for _ in range(rounds):
            generated.append(rate_of(lambda: generate(texts)))
            print(f"  {'direct generate, float32, batch of 4':44} {generated[-1]:8.3f} articles/s", flush=True)
            direct_ct2.append(rate_of(lambda: ct2.generate(ids, Generation())))
            print(
                f"  {f'direct CTranslate2, {info.dtype}, batch of 4':44} {direct_ct2[-1]:8.3f} articles/s", flush=True
            )
            rate, took = load(port, "/v1/digest", body, clients=8, seconds=600, most=16)
            show("dateline on CTranslate2, 8 clients", rate, took)
            mine.append(rate)
            rate, took = load(plain_port, "/predict", lambda: {"text": article()}, clients=2, seconds=600, most=4)
            show("FastAPI + generate, float32, 2 clients", rate, took)
            plain.append(rate)
    ratio("dateline / direct generate", mine, generated, wanted="4 or more")
    ratio("dateline / FastAPI + generate", mine, plain, wanted="4 or more")
    ratio("dateline / direct CTranslate2", mine, direct_ct2, wanted="0.95 or more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["embedded", "cached", "seq2seq"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--full", action="store_true", help="the BART in the full size of distilbart-12-6")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "embedded" in options.what:
            embedded(folder, rounds=options.rounds, seconds=options.seconds)
        if "cached" in options.what:
            cached(folder, rounds=options.rounds, seconds=options.seconds)
        if "seq2seq" in options.what:
            seq2seq(folder, rounds=options.rounds, full=options.full)


if __name__ == "__main__":
    main()
