"""Opens pretrained models: the only one to read weights. Loads safetensors alone, never runs a model's own code, and
checks what is recorded. Knows nothing of the hub, nor of what models compute."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models.encoder import EncoderConfig, PackedEncoder
from models.errors import ModelCorrupt, UnknownModel, UnsupportedTask

CHECKSUMS = "SHA256SUMS"
PULLED = "pulled.json"
"""In a pulled model's folder: which hub id and commit it is."""

LONGEST = 16_384
"""Tokens read at once by a model whose positions are relative and whose tokenizer names no limit."""
FULL_T5, T5_TRAINED_ON = frozenset({"t5", "mt5", "umt5"}), 512
"""Those that were trained on 512 tokens, and whose memory grows with the square of what they read."""
LONGEST_OUTPUT = 1_024
"""Tokens that any model may write; a summary of more is none."""
COMPUTED = frozenset({"pegasus", "marian"})
"""Their tables of positions are computed, so checkpoints may lack them."""

Kind = Literal["embedded", "seq2seq", "classifier", "zero-shot"]


def revision_of(folder: Path) -> str:
    """The revision of a local folder: the first 12 hexadecimal digits of the SHA-256 of its files' checksums. Where
    the folder holds recorded checksums, every file must match them.

    Raises:
        UnknownModel: there is no such folder, or it holds no weights.
        ModelCorrupt: a file is missing or differs from its recorded checksum.
    """
    if not folder.is_dir():
        raise UnknownModel(f"There is no model folder {str(folder)!r}. `dateline models list` shows what there is.")
    if not list(folder.glob("*.safetensors")):
        raise UnknownModel(f"{str(folder)!r} holds no *.safetensors weights. `dateline models pull` converts others.")
    actual = check_checksums(folder)
    if not actual:
        names = sorted(path.name for path in folder.iterdir() if path.suffix in {".safetensors", ".json"})
        actual = {name: _sha256(folder / name) for name in names}
    return hashlib.sha256("".join(f"{actual[name]}  {name}\n" for name in sorted(actual)).encode()).hexdigest()[:12]


def check_checksums(folder: Path) -> dict[str, str]:
    """The recorded SHA-256 of every file, each compared with the file; empty where there is no record.

    Raises:
        ModelCorrupt: a file is missing or differs.
    """
    recorded = read_checksums(folder)
    for name, digest in recorded.items():
        if (actual := _sha256(folder / name)) != digest:
            raise ModelCorrupt(
                f"{str(folder / name)!r} is not the file that was recorded (sha256 {actual[:12]}…, expected "
                f"{digest[:12]}…). Restore it from the release, or pull the model again."
            )
    return recorded


def write_checksums(folder: Path, names: Iterable[str]) -> None:
    """Record the SHA-256 of those files in `folder`, as `sha256sum` would."""
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in sorted(names)]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def commit_of(folder: Path) -> str | None:
    """The hub's commit that a pulled folder holds; None for a folder that was not pulled.

    Raises:
        ModelCorrupt: the record cannot be read.
    """
    path = folder / PULLED
    if not path.exists():
        return None
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["commit"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelCorrupt(f"{str(path)!r} cannot be read ({error}). Pull the model again.") from error


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json.

    Raises:
        ModelCorrupt: it is missing or no JSON object.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelCorrupt(f"{str(path)!r} cannot be read as JSON ({error}). Pull the model again.") from error
    if not isinstance(config, dict):
        raise ModelCorrupt(f"{str(path)!r} is not the configuration of a model. Pull the model again.")
    return config


def kind_of(folder: Path) -> Kind:
    """What the model in `folder` is, by its configuration.

    Raises:
        UnsupportedTask: it neither summarises nor classifies.
        ModelCorrupt: as `read_config` says.
    """
    if (folder / "heads.json").exists():
        return "embedded"
    config = read_config(folder)
    named = config.get("architectures") or ["none"]
    if named[0].endswith("ForConditionalGeneration") and config.get("is_encoder_decoder", True):
        return "seq2seq"
    if named[0].endswith("ForSequenceClassification"):
        labels = [str(label).lower() for label in (config.get("id2label") or {}).values()]
        return "zero-shot" if any(label.startswith("entail") for label in labels) else "classifier"
    raise UnsupportedTask(
        f"{str(folder)!r} is a {named[0]}. Dateline serves summarisers (…ForConditionalGeneration) and classifiers "
        "(…ForSequenceClassification)."
    )


def load_pretrained(folder: Path, kind: Kind, *, dtype: torch.dtype) -> tuple[Any, Any]:
    """The transformers model in `folder`, in evaluation mode on the best device, and its fast tokenizer.

    Raises:
        ModelCorrupt: the files cannot be loaded as such a model.
    """
    from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

    quiet()
    auto = AutoModelForSeq2SeqLM if kind == "seq2seq" else AutoModelForSequenceClassification
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model, told = auto.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # transformers raises nearly anything at a damaged folder
        raise ModelCorrupt(f"{str(folder)!r} cannot be loaded: {error}") from error
    check_complete(folder, told["missing_keys"])
    return model.to(device).eval(), load_pretrained_tokenizer(folder)


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
    """Keep transformers' advice and progress bars out of the log: what matters is told by our own errors."""
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


def input_limit(config: dict[str, Any], tokenizer: Any) -> int:
    """The tokens that a transformers model really reads at once: positions that are learnt end somewhere; of those that
    are relative the tokenizer says how many the model was trained on."""
    kind = config.get("model_type")
    learnt = config.get("max_encoder_position_embeddings") or config.get("max_position_embeddings")
    if learnt and kind in {"roberta", "xlm-roberta", "camembert"}:
        learnt -= 2  # rows of their position table that no token takes
    told = tokenizer.model_max_length if tokenizer.model_max_length < 1_000_000 else config.get("n_positions")
    return min((limit for limit in (learnt, told) if limit), default=T5_TRAINED_ON if kind in FULL_T5 else LONGEST)


def output_limit(config: dict[str, Any]) -> int:
    """The most tokens that an encoder–decoder writes: as many positions as its decoder learnt."""
    learnt = config.get("max_decoder_position_embeddings") or config.get("max_position_embeddings")
    return min(int(learnt or LONGEST_OUTPUT), LONGEST_OUTPUT) - 1  # one is the token that starts the decoder


def read_checksums(folder: Path) -> dict[str, str]:
    """Recorded SHA-256 by file name; empty where the folder has no record. Written by `sha256sum`."""
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    lines = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip())
    return {name.strip().lstrip("*"): digest for digest, name in lines}


def load_encoder(folder: Path, *, dtype: torch.dtype) -> PackedEncoder:
    """The BERT encoder in `folder`, in evaluation mode.

    Raises:
        ModelCorrupt: the files are not such an encoder.
    """
    try:
        config = EncoderConfig.read(json.loads((folder / "config.json").read_text(encoding="utf-8")))
        with torch.device("meta"):
            encoder = PackedEncoder(config)
        weights = {name: tensor.to(dtype) for name, tensor in load_file(folder / "model.safetensors").items()}
        found = encoder.load_state_dict(weights, strict=False, assign=True)
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelCorrupt(f"{str(folder)!r} holds no readable BERT encoder: {error}") from error
    if found.missing_keys:
        raise ModelCorrupt(f"{str(folder / 'model.safetensors')!r} lacks the weights {found.missing_keys[:3]}.")
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


def best_dtype() -> torch.dtype:
    """bfloat16 where the processor computes in it, else float32."""
    capabilities = torch.cpu.get_capabilities()
    fast = torch.cuda.is_available() or any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))
    return torch.bfloat16 if fast else torch.float32


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError as error:
        raise ModelCorrupt(
            f"{str(path)!r} is recorded but cannot be read ({error.strerror}). Restore it from the release, or pull "
            "the model again."
        ) from error
