"""OpenAI-compatible servers (llama.cpp, Ollama, vLLM, …) that write summaries: which there are, and what is known of a
model behind one. It needs no connection."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.folder import TASKS_OF
from models.generative.prompt import DEFAULT_SENTENCES, prompt_hash
from models.text.boundaries import SPLITTER
from models.types import ModelInfo

OUTPUT_TOKENS = 512
TOKENS_AT_ONCE = 1_000
"""Of a batch, for each request that may be under way: an article or two."""
PACE = 400.0
"""Characters a second, until it has been measured."""


@dataclass(frozen=True, slots=True)
class Server:
    """A model behind a server.

    Args:
        id: what callers ask for it by.
        base_url: with the `/v1` at its end.
        model: what the server calls it.
        context_tokens: read and written together.
        timeout_seconds: for one summary of one text, with all retries.
        concurrency: requests under way at once.
    """

    id: str
    base_url: str
    model: str
    api_key: str = field(default="none", repr=False)
    context_tokens: int = 8_192
    timeout_seconds: float = 30.0
    retries: int = 2
    concurrency: int = 4


def describe_server(server: Server, *, support: Sequence[object]) -> ModelInfo:
    """What the model behind a server is.

    Args:
        support: what finds the support of written sentences.
    """
    return ModelInfo(
        id=server.id,
        revision=server.model,
        kind="remote",
        tasks=TASKS_OF["remote"],
        engine="openai",
        dtype="server",
        languages=("*",),
        licence="see the model's card",
        max_input_tokens=server.context_tokens,
        max_output_tokens=min(OUTPUT_TOKENS, server.context_tokens // 4),
        batch_tokens=TOKENS_AT_ONCE * server.concurrency,
        batch_articles=server.concurrency,
        characters_per_second=PACE * server.concurrency,
        defaults={"sentences": DEFAULT_SENTENCES},
        parameters={
            "server": server.base_url,
            "max_input_tokens": server.context_tokens,
            "prompt": prompt_hash(),
            "temperature": 0,
            "seed": 0,
            "text": SPLITTER,
            "support": list(support),
        },
    )
