"""Turns logits into probabilities, and chooses each topic's default threshold, from articles that were read in full."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

LOWEST, HIGHEST = 0.25, 0.6
"""Bounds of a threshold: with some thirty positives the best one is partly luck."""
NEIGHBOURS = 5
"""F1 is averaged over so many thresholds in a row, for the same reason."""


def platt(logits: Tensor, wanted: Tensor, believed: Tensor) -> tuple[float, float]:
    """Scale and shift that make `sigmoid(scale * logit + shift)` a probability (Platt 1999)."""
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


def best_threshold(scores: NDArray[np.float64], wanted: NDArray[np.bool_], believed: NDArray[np.bool_]) -> float:
    """The score from which on an answer gives the best F1, within bounds. Pairs that are not believed do not count."""
    scores, wanted = scores[believed], wanted[believed]
    order = np.argsort(-scores)
    right = np.cumsum(wanted[order])
    f1 = 2 * right / (np.arange(1, len(right) + 1) + wanted.sum())
    best = int(np.convolve(f1, np.ones(NEIGHBOURS) / NEIGHBOURS, "same").argmax())
    between = scores[order][best : best + 2].mean()
    return float(np.clip(between, LOWEST, HIGHEST))
