"""Writes a trained network in the layout that `models.extractive.news_minilm` loads, with checksums."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from models.extractive.network import NewsMiniLM
from models.extractive.news_minilm import HEADS_CONFIG, HEADS_WEIGHTS, Heads
from models.folder import write_checksums


def export(model: NewsMiniLM, heads: Heads, *, base: Path, folder: Path) -> None:
    """Write weights in half precision, configuration, tokenizer and checksums into `folder`. The card is not written
    here, nor covered by the checksums: correcting a word in it does not make another model."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    encoder = {name.removeprefix("encoder."): half(t) for name, t in state.items() if name.startswith("encoder.")}
    others = {name: half(t) for name, t in state.items() if not name.startswith("encoder.")}
    save_file(encoder, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(others, folder / HEADS_WEIGHTS, metadata={"format": "pt"})
    (folder / HEADS_CONFIG).write_text(json.dumps(asdict(heads), indent=2) + "\n", encoding="utf-8")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    kept = {
        name: value for name, value in config.items() if not name.startswith("_") and name != "transformers_version"
    }
    kept |= {"architectures": ["BertModel"], "dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.copyfile(base / "tokenizer.json", folder / "tokenizer.json")
    names = ["model.safetensors", HEADS_WEIGHTS, HEADS_CONFIG, "config.json", "tokenizer.json"]
    write_checksums(folder, names)


def half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor
