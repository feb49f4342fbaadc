"""Opens checkpoints: weights (safetensors alone, never a model's own code) and tokenizers."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models.errors import ModelCorrupt
from models.extractive.encoder import EncoderConfig, PackedEncoder
from models.folder import read_config
from models.memory import device
from models.options import Kind

COMPUTED = frozenset({"pegasus", "marian"})
"""Their tables of positions are computed, so checkpoints may lack them."""


def torch_dtype(name: str) -> torch.dtype:
    """The number format of that name: "float32", "bfloat16"."""
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def load_pretrained(folder: Path, kind: Kind, *, dtype: str) -> tuple[Any, Any]:
    """The transformers model in `folder`, in evaluation mode on the best device, and its fast tokenizer.

    Raises:
        ModelCorrupt: the files cannot be loaded as such a model.
    """
    quiet()
    try:
        model, loading = auto_class(kind).from_pretrained(
            folder, dtype=torch_dtype(dtype), use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # transformers raises nearly anything at a damaged folder
        raise ModelCorrupt(f"{str(folder)!r} cannot be loaded: {error}") from error
    check_complete(folder, loading["missing_keys"])
    return model.to(device()).eval(), load_pretrained_tokenizer(folder)


def auto_class(kind: Kind) -> Any:
    """The class of transformers that loads models of that kind."""
    import transformers

    names: dict[Kind, str] = {"generative": "AutoModelForSeq2SeqLM", "instruct": "AutoModelForCausalLM"}
    return getattr(transformers, names.get(kind, "AutoModelForSequenceClassification"))


def check_complete(folder: Path, missing: Iterable[str]) -> None:
    """Refuse a model that transformers had to fill up with random weights.

    Raises:
        ModelCorrupt: so it is.
    """
    computed = read_config(folder).get("model_type") in COMPUTED
    lacks = sorted(name for name in missing if not (computed and name.endswith("embed_positions.weight")))
    if lacks:
        raise ModelCorrupt(f"{str(folder)!r} lacks the weights {lacks[:3]}: it is not whole. Pull another revision.")


def quiet() -> None:
    """Keep transformers' advice and progress bars out of the log: our own errors say what matters."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def load_pretrained_tokenizer(folder: Path) -> Any:
    """The transformers tokenizer in `folder`.

    Raises:
        ModelCorrupt: there is none that can be loaded, or only a slow one.
    """
    from transformers import AutoTokenizer

    quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # as above
        raise ModelCorrupt(f"The tokenizer in {str(folder)!r} cannot be loaded: {error}") from error
    if not tokenizer.is_fast:
        raise ModelCorrupt(f"The tokenizer in {str(folder)!r} has no fast form (tokenizer.json). Pull the model again.")
    return tokenizer


def load_encoder(folder: Path, *, dtype: str) -> PackedEncoder:
    """The BERT encoder in `folder`, in evaluation mode.

    Raises:
        ModelCorrupt: the files are not such an encoder.
    """
    try:
        config = EncoderConfig.read(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        with torch.device("meta"):
            encoder = PackedEncoder(config)
        weights = {
            name: tensor.to(torch_dtype(dtype)) for name, tensor in load_file(folder / "model.safetensors").items()
        }
        incompatible = encoder.load_state_dict(weights, strict=False, assign=True)
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelCorrupt(f"{str(folder)!r} holds no readable BERT encoder: {error}") from error
    if incompatible.missing_keys:
        raise ModelCorrupt(f"{str(folder / 'model.safetensors')!r} lacks the weights {incompatible.missing_keys[:3]}.")
    return encoder.eval()


def load_tokenizer(folder: Path) -> Tokenizer:
    """The fast tokenizer in `folder`, without truncation or padding.

    Raises:
        ModelCorrupt: there is no readable tokenizer.json.
    """
    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises nothing narrower
        raise ModelCorrupt(f"{str(folder / 'tokenizer.json')!r} is not a tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def special_tokens(tokenizer: Tokenizer) -> tuple[int, int]:
    """The ids of the tokens that open and close a BERT sequence.

    Raises:
        ModelCorrupt: the tokenizer has none.
    """
    opening, closing = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if opening is None or closing is None:
        raise ModelCorrupt("The tokenizer has no [CLS] and [SEP] tokens: it is not a BERT tokenizer. Pull it again.")
    return opening, closing
