"""Ten times more than the service can do, for a minute: what it answers, how soon, what memory it takes, and how fast it is
afterwards. The service runs as a process of its own, on the embedded model and its default settings.

    python -m tests.bench.overload [--seconds 60] [--times 10]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.bench.serving import DATELINE, article, digest, free_port, load, process

DEADLINE_SECONDS = 60


def resident_megabytes(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=float, default=10)
    options = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [DATELINE, "serve", "--port", port]
        with process(command, port=port, ready="/readyz", DATELINE_SEEDS=folder):
            run(port, seconds=options.seconds, times=options.times)


def run(port: int, *, seconds: float, times: float) -> None:
    pid = next(
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"serve" in (line := path.read_bytes()) and str(port).encode() in line
    )  # fmt: skip
    before, took = load(port, "/v1/digest", lambda: digest(article()), clients=32, seconds=10)
    print(
        f"at its own pace: {before:.1f} articles/s, p50 {took[len(took) // 2]:.2f} s, {resident_megabytes(pid):.0f} MB"
    )
    answers: Counter[int] = Counter()
    accepted: list[float] = []
    refused: list[float] = []

    async def ask() -> None:
        began = time.monotonic()
        data = json.dumps(digest(article())).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /v1/digest HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        status = int((await reader.readline()).split()[1])
        await reader.read()
        writer.close()
        answers[status] += 1
        (accepted if status == 200 else refused).append(time.monotonic() - began)

    async def storm() -> list[float]:
        """So many requests a second, whether or not the earlier ones were answered."""
        memory: list[float] = []
        asked: list[asyncio.Task[None]] = []
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            asked += [asyncio.create_task(ask()) for _ in range(int(passed * times * before) - len(asked))]
            if len(memory) <= passed:
                memory.append(resident_megabytes(pid))
            await asyncio.sleep(0.02)
        await asyncio.gather(*asked)
        return memory

    memory = asyncio.run(storm())
    accepted.sort()
    refused.sort()
    offered = sum(answers.values()) / seconds
    print(f"offered {offered:.0f} requests/s for {seconds:.0f} s: {dict(answers)}")
    print(f"accepted: {len(accepted) / seconds:.1f}/s, p50 {accepted[len(accepted) // 2]:.2f} s, p99 "
          f"{accepted[int(len(accepted) * 0.99)]:.2f} s (deadline {DEADLINE_SECONDS} s)")  # fmt: skip
    if refused:
        p50, p99 = refused[len(refused) // 2], refused[int(len(refused) * 0.99)]
        print(f"refused: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    steps = [memory[min(place * len(memory) // 6, len(memory) - 1)] for place in range(7)]
    print("memory, MB, at each sixth of the time: " + ", ".join(f"{step:.0f}" for step in steps))
    time.sleep(5)
    after, _ = load(port, "/v1/digest", lambda: digest(article()), clients=32, seconds=10)
    print(f"from 5 s after on: {after:.1f} articles/s, {after / before:.2f} of before")


if __name__ == "__main__":
    main()
