"""On a machine with a GPU: the embedded digest there and on the processor, with the same articles. Prints articles a
second of each, and on how many articles both take the same sentences and how far their topics' scores are apart.

    python -m tests.bench.gpu [--articles 64] [--words 400] [--rounds 5]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from unittest.mock import patch

import torch

from models import memory
from models.options import SummaryOptions, TopicsOptions
from models.types import Document, Model, Outcome, Work
from tests.articles import long_article
from tests.doubles import load_model

DEVICES = "models.checkpoint.device", "models.extractive.news_minilm.device", "models.open.device"
"""Where the models look up what they run on."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--articles", type=int, default=64)
    parser.add_argument("--words", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if memory.device() != "cuda":
        raise SystemExit("torch finds no GPU here.")
    texts = [f"Edition {number}. " + long_article(options.words - 3 * number) for number in range(options.articles)]
    work = [Work(Document(text), SummaryOptions(), TopicsOptions(threshold=0)) for text in texts]
    print(
        f"{torch.cuda.get_device_name()}; {torch.get_num_threads()} threads; {len(work)} articles of {options.words} words"
    )
    reference = run_on("cpu", "float32", work, options.rounds, None)
    run_on("cuda", "float32", work, options.rounds, reference)
    run_on("cuda", "bfloat16", work, options.rounds, reference)


def run_on(
    device: str, dtype: str, work: Sequence[Work], rounds: int, reference: Sequence[Outcome] | None
) -> list[Outcome]:
    """Load the model there, run it, print what was measured."""
    patches = [patch(name, lambda: device) for name in DEVICES]
    for each in patches:
        each.start()
    try:
        model: Model = load_model("news-minilm", dtype="float32" if dtype == "float32" else "bfloat16")
        outcomes = model.run(work)
        seconds = statistics.median(timed(lambda: model.run(work)) for _ in range(rounds))
    finally:
        for each in patches:
            each.stop()
    line = f"{device} {dtype}: {len(work) / seconds:8.1f} articles/s"
    if reference is not None:
        line += f"; {compared(outcomes, reference)}"
    print(line)
    return outcomes


def compared(outcomes: Sequence[Outcome], reference: Sequence[Outcome]) -> str:
    """How near two runs over the same articles are."""
    same = 0
    farthest = 0.0
    for one, other in zip(outcomes, reference, strict=True):
        assert one.summary
        assert other.summary
        same += one.summary.sentences == other.summary.sentences
        scores = {topic.name: topic.score for topic in other.topics or ()}
        farthest = max(farthest, *(abs(topic.score - scores[topic.name]) for topic in one.topics or ()))
    return f"the same sentences in {same} of {len(outcomes)}, topics' scores at most {farthest:.4f} apart"


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
