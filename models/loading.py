"""Where pretrained models come from: the only caller of the hub client, and the only one to open weights. Loads
safetensors alone, never runs a model's own code, and checks what is recorded. Knows nothing of what models compute."""

import hashlib
import json
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer

from models.encoder import EncoderConfig, PackedEncoder
from models.errors import ModelCorrupt, ModelUnavailable, UnknownModel

CHECKSUMS = "SHA256SUMS"
NEEDED = ("*.safetensors", "*.json", "*.txt", "*.model", "README.md", "LICENSE*")
"""What a snapshot takes from the hub: weights as safetensors, configuration, tokenizer, card."""


def fetch(model_id: str, *, revision: str, folder: Path) -> Path:
    """Download a model's files at one revision into `folder`, and return where they are. Files that are there already
    are not downloaded again; `HF_HUB_OFFLINE=1` is honoured.

    Raises:
        UnknownModel: the hub has no such model or revision.
        ModelUnavailable: the hub cannot be reached, and the files are not here.
    """
    try:
        return Path(snapshot_download(model_id, revision=revision, cache_dir=folder, allow_patterns=list(NEEDED)))
    except RepositoryNotFoundError as error:
        raise UnknownModel(
            f"The hub has no model {model_id!r} at revision {revision!r}. Check the spelling; a private model needs "
            "HF_TOKEN."
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ModelUnavailable(
            f"Model {model_id!r} at {revision!r} is not in {str(folder)!r} and the hub cannot be reached ({error}). "
            "Connect to the network once and run: dateline models pull " + model_id
        ) from error


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
    recorded = read_checksums(folder)
    names = sorted(recorded or (path.name for path in folder.iterdir() if path.suffix in {".safetensors", ".json"}))
    actual = {name: _sha256(folder / name) for name in names}
    for name, digest in recorded.items():
        if actual[name] != digest:
            raise ModelCorrupt(
                f"{str(folder / name)!r} is not the file that was recorded (sha256 {actual[name][:12]}…, expected "
                f"{digest[:12]}…). Restore it from the release, or pull the model again."
            )
    return hashlib.sha256("".join(f"{actual[name]}  {name}\n" for name in names).encode()).hexdigest()[:12]


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
