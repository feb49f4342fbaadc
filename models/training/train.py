"""Trains the network on both tasks at once. Knows nothing of files but its own checkpoint."""

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, softmax
from torch.nn.utils.rnn import pad_sequence

from models.extractive.network import GroupMeans, NewsMiniLM
from models.training.examples import Example, batches, windows

log = logging.getLogger(__name__)

SET_TEMPERATURE = 0.02
"""Candidate extracts are aimed at in proportion to exp(ROUGE / this)."""
SINGLE_TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `frozen_layers` of the encoder, and its embeddings, keep their weights; `batch_tokens` is the
    size of a step; `encoder_rate` and `head_rate` are peak learning rates."""

    seed: int = 20
    epochs: int = 2
    frozen_layers: int = 3
    batch_tokens: int = 4096
    encoder_rate: float = 1e-4
    head_rate: float = 5e-4
    warm_up: float = 0.05
    opening: int = 101
    closing: int = 102


class OtherRun(Exception):
    """The checkpoint belongs to another run."""


def device_of(model: torch.nn.Module) -> torch.device:
    return next(model.parameters()).device


def fit(
    model: NewsMiniLM, summaries: Sequence[Example], others: Sequence[Example], *, plan: Plan, checkpoint: Path
) -> None:
    """Train `model` in place: `plan.epochs` times over `summaries`, once over `others`, mixed. Resumes from
    `checkpoint` when it is there, with the same batches as an uninterrupted run."""
    steps = list(schedule(summaries, others, plan=plan))
    freeze(model, plan.frozen_layers)
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in model.encoder.parameters() if p.requires_grad], "lr": plan.encoder_rate},
            {"params": [*model.salience.parameters(), *model.topics.parameters()], "lr": plan.head_rate},
        ],
        weight_decay=0.01,
    )
    warm = max(int(len(steps) * plan.warm_up), 1)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (len(steps) - step) / max(len(steps) - warm, 1))
    )
    run = fingerprint(steps, plan=plan)
    done = resume(checkpoint, model, optimiser, rate, run=run)
    halfway = checkpoint.with_name(checkpoint.name + ".halfway")
    model.train()
    started, losses = time.monotonic(), []
    for number, batch in enumerate(steps[done:], start=done + 1):
        with torch.autocast(device_of(model).type, torch.bfloat16):
            loss = batch_loss(model, batch, plan=plan)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        rate.step()
        losses.append(loss.item())
        if number % 50 == 0 or number == len(steps):
            pace = (time.monotonic() - started) / (number - done)
            log.info("step %d of %d, loss %.4f, %.2f s a step", number, len(steps), np.mean(losses[-50:]), pace)
        if number == len(steps) // 2:
            halfway.parent.mkdir(parents=True, exist_ok=True)
            torch.save(model.state_dict(), halfway)
        if number % 200 == 0 or number == len(steps):
            save(checkpoint, model, optimiser, rate, step=number, run=run)
    if halfway.exists():
        average(model, halfway)
    model.eval()


def average(model: NewsMiniLM, other: Path) -> None:
    """Put halfway between the weights and those saved at `other` (after Izmailov et al. 2018, arXiv:1803.05407): with
    few articles the second half of the run learns some of them by heart, and the mean forgets those first."""
    earlier = torch.load(other, map_location=device_of(model), weights_only=True)
    model.load_state_dict(
        {
            name: (tensor + earlier[name]) / 2 if tensor.is_floating_point() else tensor
            for name, tensor in model.state_dict().items()
        }
    )


def schedule(summaries: Sequence[Example], others: Sequence[Example], *, plan: Plan) -> Iterator[list[Example]]:
    """All batches of the run, the two kinds evenly mixed."""
    random = Random(plan.seed)
    kinds: list[tuple[float, list[Example]]] = []
    for found in ([b for _ in range(plan.epochs) for b in batches(summaries, tokens=plan.batch_tokens, random=random)],
                  batches(others, tokens=plan.batch_tokens, random=random)):  # fmt: skip
        kinds += [((place + random.random()) / len(found), batch) for place, batch in enumerate(found)]
    for _, batch in sorted(kinds, key=lambda item: item[0]):
        yield batch


def freeze(model: NewsMiniLM, layers: int) -> None:
    for parameter in model.encoder.embeddings.parameters():
        parameter.requires_grad = layers == 0
    for number, layer in enumerate(model.encoder.layers()):
        for parameter in layer.parameters():
            parameter.requires_grad = number >= layers


def batch_loss(model: NewsMiniLM, batch: Sequence[Example], *, plan: Plan) -> Tensor:
    parts, offsets = part_vectors(model, batch, plan=plan)
    loss = parts.new_zeros(())
    told = [i for i, example in enumerate(batch) if example.salience is not None]
    if told:
        logits, present = salience_logits(model, batch, parts, offsets, told)
        losses = [batch[i].weight * salience_loss(logits[row][present[row]], batch[i]) for row, i in enumerate(told)]
        loss = loss + torch.stack(losses).mean()
    labelled = [i for i, example in enumerate(batch) if example.topics is not None]
    if labelled:
        loss = loss + topics_loss(model, batch, parts, offsets, labelled)
    return loss


def part_vectors(model: NewsMiniLM, batch: Sequence[Example], *, plan: Plan) -> tuple[Tensor, list[int]]:
    """The mean vector of every part of every example, `[parts, hidden]`, and where each example's parts begin."""
    sequences: list[tuple[int, ...]] = []
    part_of: list[int] = []
    offsets = [0]
    for example in batch:
        cut = windows(example, opening=plan.opening, closing=plan.closing)
        sequences += cut.sequences
        part_of += [number + offsets[-1] if number >= 0 else -1 for number in cut.sentence_of]
        offsets.append(offsets[-1] + len(example.parts))
    means = GroupMeans(part_of, count=offsets[-1])
    means.add(model.encode(sequences))
    return means.result(), offsets


def salience_logits(
    model: NewsMiniLM, batch: Sequence[Example], parts: Tensor, offsets: list[int], told: list[int]
) -> tuple[Tensor, Tensor]:
    """Logits and presence, `[examples, sentences]`, of the examples numbered in `told`."""
    device = parts.device
    vectors = pad_sequence([parts[offsets[i] : offsets[i + 1]] for i in told], batch_first=True)
    lengths = pad_sequence([torch.tensor([len(p) for p in batch[i].parts]) for i in told], batch_first=True).to(device)
    corpora = torch.tensor([batch[i].corpus for i in told], device=device)
    present = lengths > 0
    return model.salience(vectors, lengths, present, corpus=corpora), present


def salience_loss(logits: Tensor, example: Example) -> Tensor:
    """Three views of one target: which sentences the best extract takes, how good each is alone, and how good each
    candidate extract is as a whole (its probability being the softmax of its sentences' summed logits)."""
    target = example.salience
    assert target is not None
    best = torch.zeros_like(logits)
    best[target.best] = 1.0
    single = softmax(torch.from_numpy(target.single).to(logits) / SINGLE_TEMPERATURE, 0)
    loss = binary_cross_entropy_with_logits(logits, best) - 0.1 * (single * log_softmax(logits, 0)).sum()
    if target.sets[:, 1].max() >= 0:
        sets = torch.from_numpy(target.sets).to(logits.device, torch.long)
        worth = torch.from_numpy(target.scores).to(logits)
        total = torch.cat([logits, logits.new_zeros(1)])[sets].sum(1)
        loss = loss - 0.2 * (softmax(worth / SET_TEMPERATURE, 0) * log_softmax(total, 0)).sum()
    return loss


def topics_loss(
    model: NewsMiniLM, batch: Sequence[Example], parts: Tensor, offsets: list[int], labelled: list[int]
) -> Tensor:
    rows = torch.cat([torch.arange(offsets[i], offsets[i + 1]) for i in labelled]).to(parts.device)
    logits = model.topics(document_vectors([batch[i] for i in labelled], parts[rows])).holds
    wanted = torch.from_numpy(np.stack([topics for i in labelled if (topics := batch[i].topics) is not None]))
    believed = torch.from_numpy(np.stack([belief for i in labelled if (belief := batch[i].believed) is not None]))
    losses = binary_cross_entropy_with_logits(logits, wanted.to(logits), weight=believed.to(logits), reduction="sum")
    return losses / len(labelled)


def document_vectors(batch: Sequence[Example], parts: Tensor) -> Tensor:
    """The vector that topics are read from, of each example, `[examples, hidden]`: the mean of the body's sentences,
    weighted by their tokens, averaged with the title where there is one.

    Args:
        parts: the vectors of the examples' parts, one example after the other.
    """
    example_of = [i for i, example in enumerate(batch) for _ in example.parts]
    weights = [weight for example in batch for weight in part_weights(example)]
    weighted = parts * torch.tensor(weights, dtype=parts.dtype, device=parts.device)[:, None]
    return parts.new_zeros(len(batch), parts.shape[1]).index_add(
        0, torch.tensor(example_of, device=parts.device), weighted
    )


def part_weights(example: Example) -> list[float]:
    """What each part counts in the example's vector."""
    lengths = [len(part) for part in example.parts]
    title, body = lengths[: example.has_title], lengths[example.has_title :]
    share = (0.5 if title else 1.0) / max(sum(body), 1)
    return [0.5 for _ in title] + [length * share for length in body]


def save(
    path: Path,
    model: NewsMiniLM,
    optimiser: torch.optim.Optimizer,
    rate: torch.optim.lr_scheduler.LRScheduler,
    *,
    step: int,
    run: str,
) -> None:
    """Write the checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    state = {
        "run": run,
        "step": step,
        "random": torch.get_rng_state(),
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "rate": rate.state_dict(),
    }
    torch.save(state, partial)
    partial.replace(path)


def resume(
    path: Path,
    model: NewsMiniLM,
    optimiser: torch.optim.Optimizer,
    rate: torch.optim.lr_scheduler.LRScheduler,
    *,
    run: str,
) -> int:
    """Take up the run of `path`, if there is one; the number of steps already done.

    Raises:
        OtherRun: the checkpoint is of another plan or other data.
    """
    if not path.exists():
        return 0
    state = torch.load(path, map_location=device_of(model), weights_only=True)
    if state["run"] != run:
        raise OtherRun(f"{str(path)!r} is the checkpoint of another plan or other data. Delete it to start over.")
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    rate.load_state_dict(state["rate"])
    torch.set_rng_state(state["random"].cpu())
    log.info("resumed at step %d", state["step"])
    return int(state["step"])


def fingerprint(steps: Sequence[Sequence[Example]], *, plan: Plan) -> str:
    """What tells this run from others: the plan and the shape of every batch."""
    shapes = [[example.tokens for example in batch] for batch in steps]
    return hashlib.sha256(repr((plan, shapes)).encode()).hexdigest()
