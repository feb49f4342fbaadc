"""What a model's folder says without loading it: configuration, checksums, revision, limits."""

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.errors import ModelCorrupt, UnknownModel, UnsupportedTask
from models.options import Kind, Task

CHECKSUMS = "SHA256SUMS"
PULLED = "pulled.json"
"""In a pulled model's folder: which hub id and commit it is."""
CONVERTED = "ctranslate2"
"""In a pulled model's folder: the conversion for CTranslate2."""
OWN_CONFIG = "own.json"
"""Marks a folder that `dateline train topics` wrote."""
EMBEDDED_HEADS = "heads.json"
"""Marks a folder laid out like models/news-minilm."""

TASKS_OF: dict[Kind, tuple[Task, ...]] = {
    "extractive": ("summary",), "embedded": ("summary", "topics"), "generative": ("summary",),
    "instruct": ("summary",), "remote": ("summary",),
    "classifier": ("topics",), "zero-shot": ("topics",), "own": ("topics",),
}  # fmt: skip
CHAT_TEMPLATE = "chat_template.jinja"
LONGEST_INPUT = 16_384
"""Tokens read at once by a model whose positions are relative and whose tokenizer names no limit."""
FULL_T5, T5_TRAINED_ON = frozenset({"t5", "mt5", "umt5"}), 512
"""Those that were trained on 512 tokens, and whose memory grows with the square of what they read."""
LONGEST_OUTPUT = 1_024
"""Tokens that any model may write; a longer summary is none."""
SUMMARIZATION_DEFAULTS = frozenset(
    {"prefix", "max_length", "min_length", "num_beams", "length_penalty", "no_repeat_ngram_size", "early_stopping"}
)


def kind_of(folder: Path) -> Kind:
    """What the model in `folder` is, by its configuration.

    Raises:
        UnsupportedTask: it neither summarises nor classifies.
        ModelCorrupt: as `read_config` says.
    """
    if (folder / OWN_CONFIG).exists():
        return "own"
    if (folder / EMBEDDED_HEADS).exists() or EMBEDDED_HEADS in read_checksums(folder):
        return "embedded"
    config = read_config(folder)
    architecture = (config.get("architectures") or ["none"])[0]
    if architecture.endswith("ForConditionalGeneration") and config.get("is_encoder_decoder", True):
        return "generative"
    if architecture.endswith("ForCausalLM"):
        if has_chat_template(folder):
            return "instruct"
        raise UnsupportedTask(
            f"{str(folder)!r} is a {architecture} without a chat template: it was not trained to follow instructions. "
            "Choose its instruct version."
        )
    if architecture.endswith("ForSequenceClassification"):
        entails = any(label.casefold().startswith("entail") for label in labels_of(config))
        return "zero-shot" if entails else "classifier"
    raise UnsupportedTask(
        f"{str(folder)!r} is a {architecture}. Dateline serves summarisers (…ForConditionalGeneration, or …ForCausalLM "
        "with a chat template) and classifiers (…ForSequenceClassification)."
    )


def has_chat_template(folder: Path) -> bool:
    """Whether the model says how it is asked in words."""
    path = folder / "tokenizer_config.json"
    return (folder / CHAT_TEMPLATE).exists() or (path.exists() and bool(read_json(path).get("chat_template")))


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json.

    Raises:
        ModelCorrupt: it is missing or no JSON object.
    """
    return read_json(folder / "config.json")


def labels_of(config: dict[str, Any]) -> tuple[str, ...]:
    """A classifier's labels, in the order of its logits; LABEL_0, LABEL_1 … where the configuration names none, as
    transformers does.

    Raises:
        ModelCorrupt: the numbers of the labels have gaps.
    """
    by_number = {int(number): str(label) for number, label in (config.get("id2label") or {}).items()}
    if not by_number:
        return tuple(f"LABEL_{number}" for number in range(int(config.get("num_labels") or 2)))
    if sorted(by_number) != list(range(len(by_number))):
        raise ModelCorrupt(f"The numbers of the labels in config.json have gaps: {sorted(by_number)[:9]}. Correct it.")
    return tuple(by_number[number] for number in range(len(by_number)))


def input_limit(folder: Path) -> int:
    """The tokens that a transformers model really reads at once: learnt positions end somewhere; for relative ones the
    tokenizer says how many the model was trained on."""
    config = read_config(folder)
    model_type = config.get("model_type")
    learnt = config.get("max_encoder_position_embeddings") or config.get("max_position_embeddings")
    if learnt and model_type in {"roberta", "xlm-roberta", "camembert"}:
        learnt -= 2  # rows of their position table that no token takes
    path = folder / "tokenizer_config.json"
    length = read_json(path).get("model_max_length") if path.exists() else None
    trained = length if length and length < 1_000_000 else config.get("n_positions")
    default = T5_TRAINED_ON if model_type in FULL_T5 else LONGEST_INPUT
    return int(min((limit for limit in (learnt, trained) if limit), default=default))


def output_limit(config: dict[str, Any]) -> int:
    """The most tokens that an encoder–decoder writes: as many positions as its decoder learnt."""
    learnt = config.get("max_decoder_position_embeddings") or config.get("max_position_embeddings")
    return min(int(learnt or LONGEST_OUTPUT), LONGEST_OUTPUT) - 1  # one is the token that starts the decoder


def context_length(config: dict[str, Any]) -> int:
    """The tokens that a decoder holds at once, read and written together."""
    own = (
        config.get("max_position_embeddings")
        or config.get("n_positions")
        or (config.get("text_config") or {}).get("max_position_embeddings")
    )
    return min(int(own or LONGEST_INPUT), LONGEST_INPUT)


def summarization_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """What old configurations say of summarization alone; the pipelines of transformers 4 applied it, 5 ignores it."""
    values = (config.get("task_specific_params") or {}).get("summarization") or {}
    return {name: value for name, value in values.items() if name in SUMMARIZATION_DEFAULTS}


def check_weights(folder: Path) -> None:
    """Refuse a folder that is not one of a model.

    Raises:
        UnknownModel: there is no such folder, or it holds no weights.
    """
    if not folder.is_dir():
        raise UnknownModel(f"There is no model folder {str(folder)!r}. `dateline models list` shows what there is.")
    if not any(folder.glob("*.safetensors")) and not read_checksums(folder):
        raise UnknownModel(f"{str(folder)!r} holds no *.safetensors weights. `dateline models pull` converts others.")


def is_converted(folder: Path) -> bool:
    """Whether the folder holds a conversion for CTranslate2."""
    return (folder / CONVERTED / "model.bin").exists()


def weights_bytes(folder: Path, *, engine: str) -> int:
    """The size of the weights that `engine` loads."""
    if engine == "ctranslate2":
        return (folder / CONVERTED / "model.bin").stat().st_size
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def revision_of(folder: Path) -> str:
    """The revision of a folder: the hub's commit where it was pulled, else the first 12 hexadecimal digits of the
    SHA-256 of its files' checksums. Recorded checksums are read, not compared: `check_checksums` does that.

    Raises:
        UnknownModel: there is no such folder, or it holds no weights.
        ModelCorrupt: a record cannot be read.
    """
    check_weights(folder)
    if commit := commit_of(folder):
        return commit
    checksums = read_checksums(folder) or _actual_checksums(folder)
    lines = "".join(f"{checksums[name]}  {name}\n" for name in sorted(checksums))
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


def commit_of(folder: Path) -> str | None:
    """The hub's commit that a pulled folder holds; None for a folder that was not pulled.

    Raises:
        ModelCorrupt: the record cannot be read.
    """
    path = folder / PULLED
    if not path.exists():
        return None
    try:
        return str(read_json(path)["commit"])
    except KeyError as error:
        raise ModelCorrupt(f"{str(path)!r} names no commit. Pull the model again.") from error


def pulled_at(folder: Path) -> str | None:
    """When the folder was pulled, ISO 8601; None for a folder that was not pulled."""
    path = folder / PULLED
    return str(read_json(path).get("pulled_at")) if path.exists() else None


def read_checksums(folder: Path) -> dict[str, str]:
    """Recorded SHA-256 by file name, as `sha256sum` writes them; empty where the folder has no record.

    Raises:
        ModelCorrupt: a line is not one of `sha256sum`.
    """
    path = folder / CHECKSUMS
    if not path.exists():
        return {}
    try:
        lines = [line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {name.strip().lstrip("*"): digest for digest, name in lines}
    except ValueError as error:
        raise ModelCorrupt(f"{str(path)!r} is not a list of checksums. Restore it, or pull the model again.") from error


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


def _actual_checksums(folder: Path) -> dict[str, str]:
    names = sorted(path.name for path in folder.iterdir() if path.suffix in {".safetensors", ".json"})
    stats = [(folder / name).stat() for name in names]
    return {
        name: _remembered_sha256(folder / name, stat.st_size, stat.st_mtime_ns)
        for name, stat in zip(names, stats, strict=True)
    }


@lru_cache(maxsize=256)
def _remembered_sha256(path: Path, _size: int, _modified_ns: int) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError as error:
        raise ModelCorrupt(
            f"{str(path)!r} is recorded but cannot be read ({error.strerror}). Restore it from the release, or pull "
            "the model again."
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file of a model's folder.

    Raises:
        ModelCorrupt: it is missing or no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelCorrupt(
            f"{str(path)!r} cannot be read as JSON ({error}). Restore it, or pull the model again."
        ) from error
    if not isinstance(values, dict):
        raise ModelCorrupt(f"{str(path)!r} is not a JSON object. Restore it, or pull the model again.")
    return values
