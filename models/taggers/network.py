"""Runs a pretrained sequence classifier over texts of any length and number. Knows nothing of what its labels mean."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from models import loading
from models.errors import ModelFailed

BATCH_TOKENS = 8_192


class Classifier:
    """The classifier in a folder: `labels` in the order of its logits, `max_input_tokens` as it was trained."""

    def __init__(self, folder: Path, *, dtype: torch.dtype, max_input_tokens: int | None = None) -> None:
        self.model, self.tokenizer = loading.load_pretrained(folder, "classifier", dtype=dtype)
        config = loading.read_config(folder)
        named = self.model.config.id2label
        self.labels = tuple(str(named[number]) for number in range(len(named)))
        self.problem_type = config.get("problem_type")
        self.max_input_tokens = max_input_tokens or loading.input_limit(config, self.tokenizer)
        self.dtype = str(dtype).removeprefix("torch.")

    def room(self, beside: int = 0) -> int:
        """Tokens of text that fit at once, with so many beside them (a hypothesis)."""
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
        found = torch.empty(len(texts), len(self.labels))
        while order:
            size = max(BATCH_TOKENS // len(encoded["input_ids"][order[0]]), 1)
            batch, order = order[:size], order[size:]
            rows = {name: [values[i] for i in batch] for name, values in encoded.items()}
            padded = self.tokenizer.pad(rows, return_tensors="pt")
            with torch.inference_mode():
                output = self.model(**{name: tensor.to(self.model.device) for name, tensor in padded.items()})
            found[batch] = output.logits.float().cpu()
        if not torch.isfinite(found).all():
            raise ModelFailed("The model's output is not a number (NaN). Its weights or the dtype may be broken.")
        return found


def weighted_mean(scores: Tensor, tokens: Sequence[int]) -> Tensor:
    """The mean over an article's passages, `[passages, labels]` to `[labels]`, weighted by their tokens."""
    weights = torch.tensor(tokens, dtype=scores.dtype)
    return (scores * weights[:, None]).sum(0) / weights.sum()
