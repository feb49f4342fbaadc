"""Ten times more than the service can do, for a minute: what it answers, how soon, what memory it takes, and how fast it is
afterwards. The service runs as a process of its own, on the embedded model and its default settings.

    python -m tests.bench.overload [--seconds 60] [--times 10]
"""

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from http.client import HTTPConnection
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
    callers = int(times * before) + 1
    end = time.monotonic() + seconds

    def caller() -> None:
        """One request a second, or as soon after that as the last was answered."""
        time.sleep(random.random())
        while time.monotonic() < end:
            began = time.monotonic()
            connection = HTTPConnection("127.0.0.1", port, timeout=600)
            connection.request(
                "POST", "/v1/digest", json.dumps(digest(article())), {"Content-Type": "application/json"}
            )
            reply = connection.getresponse()
            reply.read()
            connection.close()
            answers[reply.status] += 1
            (accepted if reply.status == 200 else refused).append(time.monotonic() - began)
            time.sleep(max(1 - (time.monotonic() - began), 0))

    threads = [threading.Thread(target=caller) for _ in range(callers)]
    memory = []
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        memory.append(resident_megabytes(pid))
        time.sleep(1)
    for thread in threads:
        thread.join()
    accepted.sort()
    refused.sort()
    offered = sum(answers.values()) / seconds
    print(f"offered {offered:.0f} requests/s for {seconds:.0f} s: {dict(answers)}")
    print(f"accepted: {len(accepted) / seconds:.1f}/s, p50 {accepted[len(accepted) // 2]:.2f} s, p99 "
          f"{accepted[int(len(accepted) * 0.99)]:.2f} s (deadline {DEADLINE_SECONDS} s)")  # fmt: skip
    if refused:
        print(
            f"refused: p50 {refused[len(refused) // 2] * 1000:.0f} ms, p99 {refused[int(len(refused) * 0.99)] * 1000:.0f} ms"
        )
    middle = len(memory) // 4
    print(
        f"memory: {memory[middle]:.0f} MB after a quarter, {memory[-1]:.0f} MB at the end, at most {max(memory):.0f} MB"
    )
    after, _ = load(port, "/v1/digest", lambda: digest(article()), clients=32, seconds=5)
    print(f"in the 5 s after: {after:.1f} articles/s, {after / before:.2f} of before")


if __name__ == "__main__":
    main()
