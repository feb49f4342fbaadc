"""Generates with torch and transformers, as plain `generate` would."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from models.checkpoint import load_pretrained
from models.errors import ModelFailed
from models.folder import read_config, summarization_defaults
from models.generative.writing import Generated, Generation
from models.types import ModelInfo

DEFAULT_OUTPUT_TOKENS = 256
"""For a model that names no length; `generate` would stop after 20."""


class TorchEngine:
    """An encoder–decoder from a folder."""

    def __init__(self, folder: Path, info: ModelInfo) -> None:
        assert info.max_output_tokens is not None
        self.model, self.tokenizer = load_pretrained(folder, "generative", dtype=info.dtype)
        config = read_config(folder)
        self._max_output_tokens = info.max_output_tokens
        self._defaults = generation_defaults(config)
        self._is_led = config.get("model_type") == "led"

    def generate(self, inputs: Sequence[Sequence[int]], generation: Generation) -> list[Generated]:
        padded = self.tokenizer.pad({"input_ids": [list(ids) for ids in inputs]}, return_tensors="pt")
        arguments: dict[str, Any] = {name: tensor.to(self.model.device) for name, tensor in padded.items()}
        if self._is_led:  # the first token sees everything, as LED was trained to summarise
            arguments["global_attention_mask"] = torch.zeros_like(arguments["input_ids"])
            arguments["global_attention_mask"][:, 0] = 1
        config = generation_config(
            self.model.generation_config, self._defaults, generation, max_output_tokens=self._max_output_tokens
        )
        with torch.inference_mode():
            output = self.model.generate(
                **arguments, generation_config=config, logits_processor=LogitsProcessorList([RefuseNaN()])
            )
        most = 1 + config.max_new_tokens if config.max_new_tokens else config.max_length
        return [self._generated(ids, most=most) for ids in output.tolist()]

    def _generated(self, ids: list[int], *, most: int) -> Generated:
        """Strip special tokens. An end in the very last place may be forced (BART's config does so): no end."""
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends]
        end = next((place for place, token in enumerate(ids) if place and token in ends), most)
        special = set(self.tokenizer.all_special_ids)
        return Generated(tuple(token for token in ids if token not in special), ended=end + 1 < most)


class RefuseNaN(LogitsProcessor):  # type: ignore[misc]  # transformers is not typed
    """Raises ModelFailed at logits that are no numbers; `generate` would write nonsense without a word."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if torch.isnan(scores).any():
            raise ModelFailed("The model's output is not a number (NaN). Its weights or the dtype may be broken.")
        return scores


def generation_config(
    own: GenerationConfig, defaults: dict[str, Any], generation: Generation, *, max_output_tokens: int
) -> GenerationConfig:
    """The model's own config, changed by what the caller asks for. Sampling is off: a stored result must be repeatable.
    A cap on length lifts a floor that lies above it."""
    config = copy.deepcopy(own)
    config.update(**defaults, do_sample=False)
    if config.max_length is None and config.max_new_tokens is None:
        config.max_length = 1 + min(DEFAULT_OUTPUT_TOKENS, max_output_tokens)
    if generation.beams is not None:
        config.num_beams = generation.beams
    if generation.max_new_tokens is not None:
        # In `length` rather than `new_tokens`: both count what the decoder writes after the token that starts it, and
        # `generate` would fill a missing one from the model's own config.
        least = generation.min_new_tokens or 0
        most = generation.max_new_tokens
        config.max_length, config.min_length = 1 + most, 1 + min(least, most) if least else 0
        config.max_new_tokens = config.min_new_tokens = None
    return config


def generation_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """What the configuration says of generation for summarization alone."""
    return {name: value for name, value in summarization_defaults(config).items() if name != "prefix"}
