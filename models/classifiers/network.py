"""Runs a pretrained sequence classifier over texts of any length and number."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from models.checkpoint import load_pretrained
from models.errors import ModelFailed
from models.folder import labels_of, read_config
from models.types import ModelInfo

BATCH_TOKENS = 8_192


class Classifier:
    """The classifier in a folder, with `labels` in the order of its logits."""

    def __init__(self, folder: Path, info: ModelInfo) -> None:
        assert info.max_input_tokens is not None
        self.model, self.tokenizer = load_pretrained(folder, info.kind, dtype=info.dtype)
        self.labels = labels_of(read_config(folder))
        self.max_input_tokens = info.max_input_tokens

    def room(self, beside: int = 0) -> int:
        """Tokens of text that fit at once, beside that many tokens of a hypothesis."""
        special: int = self.tokenizer.num_special_tokens_to_add(pair=beside > 0)
        return self.max_input_tokens - special - beside

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Tensor:
        """`[texts, labels]`, in float32 on the processor; like lengths are run together.

        Raises:
            ModelFailed: the model answered with something that is no number.
        """
        if not texts:
            return torch.empty(0, len(self.labels))
        encoded = self.tokenizer(list(texts), list(pairs) if pairs else None)  # passages, cut to fit
        order = sorted(range(len(texts)), key=lambda i: -len(encoded["input_ids"][i]))
        logits = torch.empty(len(texts), len(self.labels))
        while order:
            size = max(BATCH_TOKENS // len(encoded["input_ids"][order[0]]), 1)
            batch, order = order[:size], order[size:]
            rows = {name: [values[i] for i in batch] for name, values in encoded.items()}
            padded = self.tokenizer.pad(rows, return_tensors="pt")
            with torch.inference_mode():
                output = self.model(**{name: tensor.to(self.model.device) for name, tensor in padded.items()})
            logits[batch] = output.logits.float().cpu()
        if not torch.isfinite(logits).all():
            raise ModelFailed("The model's output is not a number (NaN). Its weights or the dtype may be broken.")
        return logits


def weighted_mean(scores: Tensor, tokens: Sequence[int]) -> Tensor:
    """The mean over an article's passages, `[passages, labels]` to `[labels]`, weighted by their tokens."""
    weights = torch.tensor(tokens, dtype=scores.dtype)
    return (scores * weights[:, None]).sum(0) / weights.sum()
