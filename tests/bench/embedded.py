"""Articles a second: the embedded digest (both tasks, one pass) against two ordinary transformers passes in float32,
one per task, over the same articles, in one process and alternating. Prints each side, the ratio with its spread over
rounds, and the distance from the floor: the same multiplications as one plain matrix product each.

    python -m tests.bench.embedded [--articles 32] [--words 400] [--rounds 7]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from importlib.resources import files

import torch
from transformers import AutoModel, AutoTokenizer

from models.options import SummaryOptions, TopicsOptions
from models.types import Document, Work
from tests.articles import long_article
from tests.doubles import load_model

BATCH = 8


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def floor_seconds(tokens: int, *, dtype: torch.dtype, hidden: int = 384, layers: int = 6) -> float:
    """Time of the encoder's matrix products alone, as plain products of the same sizes."""
    x, wide = torch.randn(4096, hidden, dtype=dtype), torch.randn(4096, 4 * hidden, dtype=dtype)
    up, down = torch.randn(hidden, 4 * hidden, dtype=dtype), torch.randn(4 * hidden, hidden, dtype=dtype)

    def one_layer() -> None:
        x @ up  # query, key, value and output projections together
        x @ up
        wide @ down

    one_layer()
    return statistics.median(seconds(one_layer) for _ in range(9)) * layers * tokens / 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--articles", type=int, default=32)
    parser.add_argument("--words", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    texts = [f"Edition {number}. " + long_article(options.words) for number in range(options.articles)]
    model = load_model("news-minilm")
    folder = str(files("models") / "news-minilm")
    plain = AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    work = [Work(Document(text), SummaryOptions(), TopicsOptions()) for text in texts]

    def ours() -> None:
        model.run(work)

    def ordinary() -> None:
        with torch.inference_mode():
            for _task in ("summary", "topics"):
                for start in range(0, len(texts), BATCH):
                    inputs = tokenizer(
                        texts[start : start + BATCH], padding=True, truncation=True, max_length=512, return_tensors="pt"
                    )
                    plain(**inputs)

    seconds(ours), seconds(ordinary)
    pairs = [(seconds(ours), seconds(ordinary)) for _ in range(options.rounds)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = sorted(other / own for own, other in pairs)
    tokens = sum(outcome.summary.used_tokens for outcome in model.run(work) if outcome.summary)
    dtype = {"bfloat16": torch.bfloat16, "float32": torch.float32}[model.info.dtype]
    floor = floor_seconds(tokens, dtype=dtype)
    count = len(texts)
    print(
        f"{count} articles of {options.words} words, {tokens / count:.0f} tokens each; {torch.get_num_threads()} threads"
    )
    print(f"embedded digest, {model.info.dtype}, one pass:        {count / mine:6.1f} articles/s")
    print(f"plain transformers, float32, two passes: {count / theirs:6.1f} articles/s")
    print(f"ratio {statistics.median(ratios):.2f} (rounds {ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(
        f"floor (matrix products alone): {count / floor:.1f} articles/s; the digest takes {mine / floor:.2f} times that"
    )


if __name__ == "__main__":
    main()
