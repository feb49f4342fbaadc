"""The folder of a model of one's own: written whole, and read for what the model learnt from. own.py reads its head, to
serve it."""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.card import CARD, Method
from models.classifiers.aim import Aim
from models.classifiers.learning import FOLDS, Examples, OwnReport
from models.classifiers.own import OWN_WEIGHTS, OwnHead
from models.errors import ModelCorrupt
from models.folder import OWN_CONFIG, read_json, write_checksums
from models.vocabulary.own import VOCABULARY, Vocabulary, topic_of, write_vocabulary

EXAMPLES, EXAMPLE_VECTORS = "examples.json", "examples.safetensors"
"""What a trained model learnt from, so that it can be taught more."""


def write(
    head: OwnHead, *, method: Method, vocabulary: Vocabulary | None, card: str, base: Path, folder: Path,
    examples: Examples | None = None, aim: Aim | None = None,
) -> None:  # fmt: skip
    """Write a model folder that stands for itself: the encoder, the head, a card and checksums.

    Args:
        card: the text of its README.md.
        examples, aim: what it learnt from, and for; kept, so that it can be taught more.

    Raises:
        OSError: it cannot be written, or the folder exists.
    """
    folder.mkdir(parents=True)
    parts = ["model.safetensors", "tokenizer.json", "config.json", "heads.json", "heads.safetensors"]
    for part in parts:
        shutil.copyfile(base / part, folder / part)
    values = {
        "method": method, "names": head.names, "thresholds": head.thresholds, "match": head.match,
        "scale": head.scale, "shift": head.shift, "aim": aim and {"name": aim.name, "least": aim.least},
    }  # fmt: skip
    (folder / OWN_CONFIG).write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    tensors = {part: getattr(head, part).contiguous() for part in ("weights", "bias", "mean", "spread", "labels")}
    save_file(tensors, folder / OWN_WEIGHTS)
    parts += [OWN_CONFIG, OWN_WEIGHTS]
    if vocabulary is not None:
        write_vocabulary(vocabulary, folder)
        parts.append(VOCABULARY)
    if examples is not None:
        _write_examples(examples, folder)
        parts += [EXAMPLES, EXAMPLE_VECTORS]
    write_checksums(folder, parts)
    (folder / CARD).write_text(card, encoding="utf-8")


def _write_examples(examples: Examples, folder: Path) -> None:
    rows = [
        {"place": place, "text": text, "labels": sorted(labels)}
        for place, text, labels in zip(examples.places, examples.texts, examples.labels, strict=True)
    ]
    (folder / EXAMPLES).write_text(json.dumps(rows, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    tensors = {
        "vectors": torch.from_numpy(examples.vectors).half(),
        "signatures": torch.from_numpy(examples.signatures.view(np.int32)),
    }
    save_file(tensors, folder / EXAMPLE_VECTORS)


def stored_examples(folder: Path) -> Examples | None:
    """What the model in a folder learnt from; None where it was loaded without examples.

    Raises:
        ModelCorrupt: the files are not of the expected form.
    """
    if not (folder / EXAMPLES).exists():
        return None
    try:
        rows = json.loads((folder / EXAMPLES).read_text(encoding="utf-8"))
        tensors = load_file(folder / EXAMPLE_VECTORS)
        return Examples(
            tensors["vectors"].float().numpy(),
            tuple(frozenset(row["labels"]) for row in rows),
            tuple(row["text"] for row in rows),
            tuple(row["place"] for row in rows),
            tensors["signatures"].numpy().view(np.uint32),
        )
    except (OSError, ValueError, TypeError, KeyError, SafetensorError) as error:
        raise ModelCorrupt(f"The examples in {str(folder)!r} cannot be read: {error}. Train it again.") from error


def stored_aim(folder: Path) -> Aim:
    """What the thresholds of the model in a folder were chosen for.

    Raises:
        ModelCorrupt: own.json is not of the expected form.
    """
    try:
        return Aim(**(read_json(folder / OWN_CONFIG)["aim"] or {}))
    except (TypeError, KeyError) as error:
        raise ModelCorrupt(f"{OWN_CONFIG} in {str(folder)!r} names no aim: {error}. Train it again.") from error


def matching_card(vocabulary: Vocabulary) -> str:
    """The card of a vocabulary without examples."""
    return (
        f"# {vocabulary.name}\n\n{len(vocabulary.terms):,} topics of one's own, matched with an article by their names "
        "and descriptions on the vectors of news-minilm. No example was seen, so nothing was measured: teach it with "
        "`dateline train topics`.\n"
    )


def card(report: OwnReport, *, name: str, aim: Aim, vocabulary: Vocabulary | None) -> str:
    """The model's card: how well it knows each label, on rows that it had not seen."""
    wanted = aim.name if aim.name == "f1" else f"{aim.name} of at least {aim.least}"
    lines = [
        f"# {name}",
        "",
        f"Topics of one's own, learnt from {report.rows:,} rows by `dateline train topics` on the vectors of "
        f"news-minilm. Each threshold was chosen for {wanted}. The figures are of {FOLDS} folds, each scored by a head "
        f"fitted on the others; macro-F1 {report.macro_f1:.3f}.",
        "",
        "| topic | articles | precision | recall | F1 |",
        "|---|---|---|---|---|",
    ]
    for label in sorted(report.labels, key=lambda label: -label.examples):
        written = topic_of(label.name, vocabulary).name.replace("|", "/")
        lines.append(
            f"| {written} | {label.examples:,} | {label.precision:.2f} | {label.recall:.2f} | {label.f1:.2f} |"
        )
    return "\n".join(lines) + "\n"
