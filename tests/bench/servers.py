"""The servers one would write without Dateline, over the same weights: a plain FastAPI endpoint on transformers,
and an empty FastAPI route. Each runs as a process of its own.

    python -m tests.bench.servers plain|empty --port N [--folder F] [--kind embedded|seq2seq]
"""

import argparse
from pathlib import Path
from typing import Any

import torch


class TwoPasses:
    """An encoder in float32, run once for each of two tasks, as two ordinary pipelines would."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def __call__(self, texts: list[str]) -> list[list[float]]:
        with torch.inference_mode():
            for _task in ("summary", "topics"):
                inputs = self.tokenizer(texts, padding=True, truncation=True, max_length=512, return_tensors="pt")
                vectors = self.model(**inputs).last_hidden_state.mean(1)
        found: list[list[float]] = vectors[:, :8].tolist()
        return found


class Generate:
    """`generate` of an encoder-decoder in float32."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        self.model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def __call__(self, texts: list[str]) -> list[str]:
        inputs = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            output = self.model.generate(**inputs)
        written: list[str] = self.tokenizer.batch_decode(output, skip_special_tokens=True)
        return written


def predictor(kind: str, folder: Path) -> Any:
    return TwoPasses(folder) if kind == "embedded" else Generate(folder)


def plain(port: int, kind: str, folder: Path) -> None:
    """One request, one pass: what most tutorials show. `async def` keeps requests from running at once, which on a
    processor would only be slower."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Request(BaseModel):
        text: str

    app, predict = FastAPI(), predictor(kind, folder)

    @app.post("/predict")
    async def answer(request: Request) -> Any:
        return predict([request.text])[0]

    uvicorn.run(app, port=port, log_level="error")


def empty(port: int) -> None:
    """A route that takes the same body and does nothing."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Article(BaseModel):
        text: str

    class Request(BaseModel):
        articles: list[Article]

    app = FastAPI()

    @app.post("/v1/digest")
    async def answer(request: Request) -> dict[str, int]:
        return {"articles": len(request.articles)}

    uvicorn.run(app, port=port, log_level="error")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("server", choices=["plain", "empty"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--kind", choices=["embedded", "seq2seq"], default="embedded")
    options = parser.parse_args()
    if options.server == "empty":
        empty(options.port)
    else:
        plain(options.port, options.kind, options.folder)


if __name__ == "__main__":
    main()
