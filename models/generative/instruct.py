"""Instruction-tuned decoders (Llama, Qwen, Gemma, …) as summarisers, on torch and transformers: the model's own chat
template, no sampling."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import LogitsProcessorList

from models.checkpoint import load_pretrained
from models.generative.prompt import answer, prompt
from models.generative.torch import RefuseNaN
from models.generative.writing import Ask, EngineWriter, Generated, Generation
from models.options import SummaryOptions
from models.types import ModelInfo

MARGIN_TOKENS = 16
"""Words may take more tokens beside others than alone."""
SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p")


class DecoderEngine:
    """A decoder from a folder. Inputs of one batch are padded on the left.

    Raises:
        ModelCorrupt: it cannot be loaded.
    """

    def __init__(self, folder: Path, info: ModelInfo) -> None:
        assert info.max_output_tokens is not None
        self.model, self.tokenizer = load_pretrained(folder, "instruct", dtype=info.dtype)
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self._max_output_tokens = info.max_output_tokens

    def generate(self, inputs: Sequence[Sequence[int]], generation: Generation) -> list[Generated]:
        padded = self.tokenizer.pad({"input_ids": [list(ids) for ids in inputs]}, return_tensors="pt")
        arguments: dict[str, Any] = {name: tensor.to(self.model.device) for name, tensor in padded.items()}
        config = copy.deepcopy(self.model.generation_config)
        most = generation.max_new_tokens or self._max_output_tokens
        config.update(
            do_sample=False, num_beams=generation.beams or 1, max_new_tokens=most, max_length=None,
            min_new_tokens=min(generation.min_new_tokens, most) if generation.min_new_tokens else None,
            pad_token_id=self.tokenizer.pad_token_id, **dict.fromkeys(SAMPLING),
        )  # fmt: skip
        with torch.inference_mode():
            output = self.model.generate(
                **arguments, generation_config=config, logits_processor=LogitsProcessorList([RefuseNaN()])
            )
        start = arguments["input_ids"].shape[1]
        ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
        return [_generated(ids, ends, most=most) for ids in output[:, start:].tolist()]


def _generated(ids: Sequence[int], ends: Sequence[int | None], *, most: int) -> Generated:
    end = next((place for place, token in enumerate(ids) if token in ends), None)
    return Generated(tuple(ids[:end]), ended=end is not None or len(ids) < most)


class ChatPrompt:
    """The prompt in the model's chat template. Its special tokens mean nothing where an article holds them."""

    prefix = ""

    def __init__(self, tokenizer: Any, info: ModelInfo) -> None:
        assert info.max_input_tokens is not None
        assert info.max_output_tokens is not None
        self._tokenizer = tokenizer
        self._special = sorted({*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}, key=len, reverse=True)
        longest = SummaryOptions(sentences=1_000, max_words=100_000, min_words=10_000)
        [empty] = self.inputs([Ask("", longest, "en", "parts")])
        self.room = info.max_input_tokens - info.max_output_tokens - len(empty) - MARGIN_TOKENS

    def inputs(self, asked: Sequence[Ask]) -> list[list[int]]:
        chats = [self._chat(ask) for ask in asked]
        ids: list[list[int]] = self._tokenizer(chats, add_special_tokens=False)["input_ids"]
        return ids

    def _chat(self, ask: Ask) -> str:
        message = prompt(Ask(self._harmless(ask.text), ask.options, ask.language, ask.stage))
        chat: str = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": message}], add_generation_prompt=True, tokenize=False, enable_thinking=False
        )
        return chat

    def _harmless(self, text: str) -> str:
        for token in self._special:
            if token.strip() and not token.isalnum():
                text = text.replace(token, " ")
        return text


class InstructWriter(EngineWriter):
    """Writes with a decoder; of each answer, the summary."""

    def __init__(self, engine: DecoderEngine, info: ModelInfo) -> None:
        super().__init__(engine, info, ChatPrompt(engine.tokenizer, info))

    def write(self, asked: Sequence[Ask]) -> list[str]:
        return [answer(text) for text in super().write(asked)]
