"""Generates with CTranslate2, from a conversion that `pull` left beside the weights."""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.checkpoint import load_pretrained_tokenizer
from models.errors import ModelCorrupt, ModelFailed, ModelUnavailable
from models.folder import CONVERTED, check_checksums, read_config, write_checksums
from models.generative.torch import generation_config, generation_defaults
from models.generative.writing import Generated, Generation
from models.memory import device
from models.types import ModelInfo

BATCH_TOKENS = 8_192
CONFIG_DEFAULTS = {
    "bart": {"normalize_before": False, "normalize_embedding": True, "add_final_layer_norm": False},
    "pegasus": {"normalize_before": True, "normalize_embedding": False, "add_final_layer_norm": True},
}
"""What CTranslate2's converter reads and configurations written by transformers 5 no longer say."""


class Ct2Engine:
    """An encoder–decoder from a folder that holds `ctranslate2/`, on the GPU where there is one. Beam search follows
    the model's own generation config; what CTranslate2 has no word for (early stopping) is its own.

    Raises:
        ModelCorrupt: the conversion cannot be loaded.
    """

    def __init__(self, folder: Path, info: ModelInfo) -> None:
        import ctranslate2
        from transformers import AutoConfig, GenerationConfig

        assert info.max_output_tokens is not None
        check_checksums(folder / CONVERTED)
        try:
            self.translator = ctranslate2.Translator(
                str(folder / CONVERTED), device=device(), compute_type=info.dtype, inter_threads=1,
                intra_threads=len(os.sched_getaffinity(0)),
            )  # fmt: skip
        except (ValueError, RuntimeError, OSError) as error:
            raise ModelCorrupt(
                f"{str(folder / CONVERTED)!r} cannot be loaded: {error}. Pull the model again."
            ) from error
        self.tokenizer = load_pretrained_tokenizer(folder)
        if (folder / "generation_config.json").exists():
            self._own = GenerationConfig.from_pretrained(folder)
        else:  # as transformers does
            self._own = GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder))
        self._max_output_tokens = info.max_output_tokens
        self._defaults = generation_defaults(read_config(folder))

    def generate(self, inputs: Sequence[Sequence[int]], generation: Generation) -> list[Generated]:
        config = generation_config(self._own, self._defaults, generation, max_output_tokens=self._max_output_tokens)
        most, least = lengths(config)
        opening = None if config.forced_bos_token_id is None else [int(config.forced_bos_token_id)]
        try:
            results = self.translator.translate_batch(
                [self.tokenizer.convert_ids_to_tokens(list(ids)) for ids in inputs],
                target_prefix=opening and [self.tokenizer.convert_ids_to_tokens(opening)] * len(inputs),
                max_batch_size=BATCH_TOKENS,
                batch_type="tokens",
                beam_size=config.num_beams or 1,
                length_penalty=1.0 if config.length_penalty is None else config.length_penalty,
                no_repeat_ngram_size=config.no_repeat_ngram_size or 0,
                repetition_penalty=config.repetition_penalty or 1.0,
                max_decoding_length=most,
                min_decoding_length=least,
                max_input_length=0,
            )
        except RuntimeError as error:
            raise ModelFailed(f"CTranslate2 failed: {error}") from error
        special = set(self.tokenizer.all_special_ids)
        outputs = [self.tokenizer.convert_tokens_to_ids(result.hypotheses[0]) for result in results]
        return [
            Generated(tuple(token for token in ids if token not in special), ended=len(ids) < most) for ids in outputs
        ]


def lengths(config: Any) -> tuple[int, int]:
    """The most and the least tokens to decode; transformers' `max_length` counts the token that starts the decoder,
    and both count the one that ends it."""
    most = config.max_new_tokens or config.max_length - 1
    least = config.min_new_tokens or max((config.min_length or 0) - 1, 0)
    return max(most - 1, 1), min(least, max(most - 1, 1))


def convert(folder: Path) -> None:
    """Convert the weights in `folder` for CTranslate2, into `folder/ctranslate2`, in the precision they have.

    Raises:
        ModelUnavailable: CTranslate2 is not installed.
        ModelCorrupt: CTranslate2 does not know this architecture.
    """
    try:
        from ctranslate2.converters import TransformersConverter
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            "Converting needs CTranslate2. Run: pip install 'dateline[ct2]', or pull with --engine torch"
        ) from error
    config = read_config(folder)
    kind = config.get("model_type", "")
    try:
        with tempfile.TemporaryDirectory() as temporary:
            for path in folder.iterdir():
                if path.is_file() and path.name != "config.json":
                    (Path(temporary) / path.name).symlink_to(path.resolve())
            complete = json.dumps(CONFIG_DEFAULTS.get(kind, {}) | config)
            (Path(temporary) / "config.json").write_text(complete, encoding="utf-8")
            partial = folder / f"{CONVERTED}.partial"
            TransformersConverter(temporary).convert(str(partial), force=True)
            write_checksums(partial, [path.name for path in partial.iterdir()])
            shutil.rmtree(folder / CONVERTED, ignore_errors=True)
            partial.replace(folder / CONVERTED)
    except Exception as error:  # it raises nearly anything at an architecture it does not know
        raise ModelCorrupt(
            f"CTranslate2 cannot convert a {kind} model ({error}). Pull it with --engine torch."
        ) from error
