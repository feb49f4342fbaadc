"""`python -m models.training.crossfit DATA CHECKPOINT`: refines the first stage once for each fold of the articles that
were read in full, without that fold, and calibrates on what each article got from the network that had not seen it."""

import argparse
import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.checkpoint import load_encoder, load_tokenizer
from models.extractive.network import NewsMiniLM
from models.training import recipe, refine_examples
from models.training.__main__ import find_base
from models.training.calibrate import best_threshold, platt
from models.training.reading import FOLDS, chosen_articles, folds, read_articles
from models.training.refine import RefinePlan, encoded, refine
from models.training.refine_examples import Material
from models.training.vocabularies import topic_variants
from models.vocabulary import TOP_LEVEL


def without(material: Material, kept: dict[str, int], fold: int) -> Material:
    """The material less the read articles of one fold."""
    return replace(
        material,
        chosen=[e for e, name in zip(material.chosen, material.chosen_ids, strict=True) if kept[name] != fold],
        chosen_ids=[name for name in material.chosen_ids if kept[name] != fold],
        read=[e for e, name in zip(material.read, material.read_ids, strict=True) if kept[name] != fold],
        read_ids=[name for name in material.read_ids if kept[name] != fold],
    )


def topic_logits(
    data: Path, base: Path, checkpoint: Path, material: Material, tokenizer: Tokenizer, *, plan: RefinePlan
) -> NDArray[np.float32]:
    """The logits of every read article, `[articles, 17]`, from the network of its own fold."""
    fold_of = folds([*chosen_articles(data), *read_articles(data)])
    logits = np.zeros((len(material.read), len(TOP_LEVEL)), np.float32)
    for fold in range(FOLDS):
        model = NewsMiniLM(load_encoder(base, dtype="float32"), topics=len(TOP_LEVEL))
        model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
        refine(model, without(material, fold_of, fold), topic_variants(data), tokenizer, plan=plan)
        rows = [row for row, name in enumerate(material.read_ids) if fold_of[name] == fold]
        with torch.inference_mode():
            vectors = encoded(model, [material.read[row] for row in rows], plan=plan.first)
            logits[rows] = model.topics(vectors).holds.numpy()
    return logits


def calibration(logits: NDArray[np.float32], material: Material) -> dict[str, list[float]]:
    """Scale, shift and threshold of every topic."""
    wanted = np.stack([topics for e in material.read if (topics := e.topics) is not None])
    believed = np.stack([belief for e in material.read if (belief := e.believed) is not None])
    values: dict[str, list[float]] = {"scale": [], "shift": [], "threshold": []}
    for topic in range(len(TOP_LEVEL)):
        columns = (torch.from_numpy(table[:, topic]) for table in (logits, wanted, believed))
        scale, shift = platt(*columns)
        scores = 1 / (1 + np.exp(-(logits[:, topic].astype(np.float64) * scale + shift)))
        threshold = best_threshold(scores, wanted[:, topic] > 0.5, believed[:, topic] > 0.5)
        for name, value in (("scale", scale), ("shift", shift), ("threshold", round(threshold, 3))):
            values[name].append(value)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.training.crossfit", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with summaries/ and topics/")
    parser.add_argument("checkpoint", type=Path, help="the first stage's, beside the trained model")
    parser.add_argument("--steps", type=int, default=RefinePlan().steps)
    parser.add_argument("--base", type=Path, help="another encoder that the first stage started from")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    base, plan = options.base or find_base(), replace(RefinePlan(), steps=options.steps)
    tokenizer = load_tokenizer(base)
    material = refine_examples.gather(options.data, recipe.gather(options.data).labelled, tokenizer, seed=plan.seed)
    logits = topic_logits(options.data, base, options.checkpoint, material, tokenizer, plan=plan)
    kept = asdict(recipe.read_calibration()) | calibration(logits, material)
    recipe.CALIBRATION.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
