"""Turns the trained network's logits into probabilities, and chooses each topic's default threshold."""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from models import vocabulary
from models.extractive.network import GroupMeans, NewsMiniLM
from models.extractive.news_minilm import Heads
from models.training.examples import Example
from models.training.train import Plan, document_vector, part_vectors

log = logging.getLogger(__name__)

WANTED_PRECISION = 0.85
"""Each topic's threshold is the least score at which so many of the validation rows are right, within bounds: where the
labels themselves are noisy no score would do, and a calibrated probability above the bound is certain enough."""
LOWEST, HIGHEST = 0.5, 0.7
BATCH = 64


def calibrate(model: NewsMiniLM, examples: Sequence[Example], tokenizer: Tokenizer, *, plan: Plan) -> Heads:
    """Fit Platt scaling (Platt 1999) for each topic, and one for callers' labels, on `examples`, which the network
    was not trained on. Targets that are not believed weigh as little as they did in training."""
    vectors = document_vectors(model, examples, plan=plan)
    wanted = torch.from_numpy(np.stack([known for example in examples if (known := example.topics) is not None]))
    believed = torch.from_numpy(np.stack([known for example in examples if (known := example.believed) is not None]))
    with torch.inference_mode():
        logits = model.topics(vectors)
        names = [vocabulary.concept(qcode).name for qcode in vocabulary.TOP_LEVEL]
        cosines = cosine_similarity(vectors[:, None], label_vectors(model, tokenizer, names)[None], dim=-1)
    fitted = [platt(logits[:, i], wanted[:, i], believed[:, i]) for i in range(len(names))]
    thresholds = []
    for i, (scale, shift) in enumerate(fitted):
        scores = torch.sigmoid(logits[:, i] * scale + shift).numpy()
        thresholds.append(threshold(scores, wanted[:, i].numpy(), believed[:, i].numpy()))
        log.info("%-45s scale %.2f shift %+.2f threshold %.2f", names[i], scale, shift, thresholds[-1])
    label_scale, label_shift = platt(cosines.flatten(), wanted.flatten(), believed.flatten())
    return Heads(
        scale=tuple(scale for scale, _ in fitted),
        shift=tuple(shift for _, shift in fitted),
        threshold=tuple(thresholds),
        label_scale=label_scale,
        label_shift=label_shift,
        label_threshold=0.0,
    )


def document_vectors(model: NewsMiniLM, examples: Sequence[Example], *, plan: Plan) -> Tensor:
    """The vector that topics are read from, of each example, `[examples, hidden]`."""
    found: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(examples), BATCH):
            batch = examples[start : start + BATCH]
            parts, offsets = part_vectors(model, batch, plan=plan)
            found += [
                document_vector(example, parts[offsets[i] : offsets[i + 1]]).cpu() for i, example in enumerate(batch)
            ]
    return torch.stack(found)


def label_vectors(model: NewsMiniLM, tokenizer: Tokenizer, labels: Sequence[str]) -> Tensor:
    """The mean vector of each label, `[labels, hidden]`."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(labels))]
    means = GroupMeans([number for number, label in enumerate(ids) for _ in label], count=len(ids))
    means.add(model.encode(ids))
    return means.result()


def platt(logits: Tensor, wanted: Tensor, believed: Tensor) -> tuple[float, float]:
    """Scale and shift that make `sigmoid(scale * logit + shift)` a probability."""
    parameters = torch.tensor([1.0, 0.0], requires_grad=True)
    inputs = logits.clone()  # out of inference mode
    optimiser = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        found = binary_cross_entropy_with_logits(inputs * parameters[0] + parameters[1], wanted, weight=believed)
        found.backward()
        return found

    optimiser.step(loss)
    scale, shift = parameters.tolist()
    return scale, shift


def threshold(scores: NDArray[np.float32], wanted: NDArray[np.float32], believed: NDArray[np.float32]) -> float:
    """The least score, within bounds, from which on `WANTED_PRECISION` of the believed rows are right."""
    order = np.argsort(-scores)
    right = np.cumsum((wanted * believed)[order])
    precise = right / np.maximum(np.cumsum(believed[order]), 1e-9) >= WANTED_PRECISION
    if not precise.any():
        return HIGHEST
    return float(np.clip(scores[order][np.flatnonzero(precise)[-1]], LOWEST, HIGHEST))
