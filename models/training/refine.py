"""The second stage of training: the network of the first learns from articles that were read in full, and to match
labels, while a replay keeps what it knew. Knows nothing of files."""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, log_softmax, normalize, one_hot

from models.extractive.network import GroupMeans, NewsMiniLM
from models.training.examples import Choice, Example
from models.training.refine_examples import Material, shortened, untitled
from models.training.train import Plan, document_vectors, part_vectors, salience_logits, salience_loss
from models.training.vocabularies import CLOSED, alike

log = logging.getLogger(__name__)

LABELS_AT_ONCE = 48
TITLE_TOKENS = 60
AVERAGED = 800
"""Articles that the average of the labels' head is taken of."""
BATCH = 64
MASKED = -1e4


@dataclass(frozen=True, slots=True)
class RefinePlan:
    """How the second stage trains, after `first`. A step takes so many examples of each kind: `chosen` by an editor,
    with an `oracle`, `read` in full, `replayed`, `labelled` in one vocabulary, `paired` with their titles, and about
    `nothing`. Learning rates are peaks; the encoder's is that of its last layer, and falls by `decay` a layer. The rate
    falls towards zero over `schedule` steps, of which `steps` are taken: after those it learns the choices by heart."""

    first: Plan = field(default_factory=Plan)
    seed: int = 1
    steps: int = 310
    schedule: int = 440
    frozen_layers: int = 1
    encoder_rate: float = 1.2e-4
    decay: float = 0.85
    head_rate: float = 5e-4
    label_rate: float = 3e-4
    warm_up: float = 0.06
    averaging: float = 0.99
    chosen: int = 10
    oracle: int = 6
    read: int = 16
    replayed: int = 32
    labelled: int = 48
    paired: int = 16
    nothing: int = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's examples by kind, and the labels to match them with: those of the vocabulary `labelled` is from."""

    chosen: list[Example]
    oracle: list[Example]
    read: list[Example]
    replayed: list[Example]
    labelled: list[Example]
    paired: list[Example]
    nothing: list[Example]
    labels: list[str]
    topic_labels: list[str]
    closed: bool

    @property
    def examples(self) -> list[Example]:
        paired = [untitled(example) for example in self.paired]
        return [*self.chosen, *self.oracle, *self.read, *self.replayed, *self.labelled, *paired, *self.nothing]


class Supply:
    """Hands out examples in random order, each once before any comes again."""

    def __init__(self, examples: Iterable[Example], random: Random) -> None:
        self._examples, self._random = list(examples), random
        self._queue: list[Example] = []

    def take(self, count: int) -> list[Example]:
        taken: list[Example] = []
        while len(taken) < count and self._examples:
            if not self._queue:
                self._queue = self._random.sample(self._examples, len(self._examples))
            taken.append(self._queue.pop())
        return taken


class LabelScale(nn.Module):
    """What similarities are multiplied by before a softmax over labels, and turned into probabilities with."""

    def __init__(self) -> None:
        super().__init__()
        self.logarithm = nn.Parameter(torch.tensor(math.log(20.0)))
        self.sigmoid = nn.Parameter(torch.tensor([12.0, -6.0]))


class MovingAverage:
    """The mean of a network's weights over its last steps, which forgets what single batches taught."""

    def __init__(self, parameters: Sequence[nn.Parameter], share: float) -> None:
        self._parameters, self._share = parameters, share
        self._means = [parameter.detach().clone() for parameter in parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        share = min(self._share, (1 + step) / (10 + step))
        for mean, parameter in zip(self._means, self._parameters, strict=True):
            mean.lerp_(parameter, 1 - share)

    @torch.no_grad()
    def apply(self) -> None:
        for mean, parameter in zip(self._means, self._parameters, strict=True):
            parameter.copy_(mean)


def refine(
    model: NewsMiniLM, material: Material, variants: Sequence[Sequence[str]], tokenizer: Tokenizer, *, plan: RefinePlan
) -> None:
    """Train `model` in place.

    Args:
        variants: the names of each of the 17 topics, the official one first.
    """
    torch.manual_seed(plan.seed)
    prepare(model)
    scale = LabelScale().to(next(model.parameters()).device)
    optimiser = torch.optim.AdamW(parameter_groups(model, scale, plan=plan), weight_decay=0.01)
    warm = max(int(plan.schedule * plan.warm_up), 1)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (plan.schedule - step) / (plan.schedule - warm))
    )
    trained = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    average = MovingAverage(trained, plan.averaging)
    model.train()
    started = time.monotonic()
    for step, batch in enumerate(batches(material, variants, plan=plan)):
        with torch.autocast(next(model.parameters()).device.type, torch.bfloat16):
            losses = batch_losses(model, scale, batch, tokenizer, plan=plan)
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        rate.step()
        average.update(step)
        if step % 20 == 19:
            pace = (time.monotonic() - started) / (step + 1)
            log.info("step %d of %d, %.2f s a step, %s", step + 1, plan.steps, pace,
                     ", ".join(f"{name} {loss.item():.3f}" for name, loss in losses.items()))  # fmt: skip
    average.apply()
    model.eval()
    centre_on_replay(model, material, plan=plan)


def prepare(model: NewsMiniLM) -> None:
    """Start the new heads from the old ones: the main topic as likely as the topic, the editors' style like the
    oracle's."""
    with torch.no_grad():
        model.topics.main.load_state_dict(model.topics.holds.state_dict())
        model.salience.corpus.weight[4] = model.salience.corpus.weight[0]


def parameter_groups(model: NewsMiniLM, scale: LabelScale, *, plan: RefinePlan) -> list[dict[str, object]]:
    """The weights that learn, with their rates; the others are frozen."""
    model.encoder.requires_grad_(False)
    layers = model.encoder.layers()
    groups: list[dict[str, object]] = []
    for number, layer in enumerate(layers):
        if number >= plan.frozen_layers:
            layer.requires_grad_(True)
            rate = plan.encoder_rate * plan.decay ** (len(layers) - 1 - number)
            groups.append({"params": list(layer.parameters()), "lr": rate})
    groups.append({"params": [*model.salience.parameters(), *model.topics.parameters()], "lr": plan.head_rate})
    groups.append({"params": list(model.labels.parameters()), "lr": plan.label_rate})
    groups.append({"params": list(scale.parameters()), "lr": 1e-2, "weight_decay": 0.0})
    return groups


def batches(material: Material, variants: Sequence[Sequence[str]], *, plan: RefinePlan) -> Iterator[Batch]:
    """`plan.steps` batches. A vocabulary is drawn in proportion to the root of its size."""
    random = Random(plan.seed)
    by_vocabulary: dict[str, list[Example]] = defaultdict(list)
    for example in material.replay:
        if example.labels:
            by_vocabulary[example.source.removesuffix("_headlines")].append(example)
    names = [name for name, members in by_vocabulary.items() if len(members) >= 50]
    weights = [len(by_vocabulary[name]) ** 0.5 for name in names]
    supplies = {name: Supply(by_vocabulary[name], random) for name in names}
    labels = {name: sorted({label for e in by_vocabulary[name] for label in e.labels}) for name in names}
    chosen, oracle, read, nothing = (
        Supply(examples, random) for examples in (material.chosen, material.oracle, material.read, material.nothing)
    )
    topical = [example for example in material.replay if example.source != "mediatopics"]
    replay = Supply(topical, random)
    titled = Supply([e for e in topical if e.has_title and len(e.parts[0]) >= 5 and e.tokens >= 30], random)
    for _ in range(plan.steps):
        name = random.choices(names, weights)[0] if names else ""
        labelled = supplies[name].take(plan.labelled) if names else []
        yield Batch(
            chosen=chosen.take(plan.chosen),
            oracle=oracle.take(plan.oracle),
            read=[shortened(example, random) for example in read.take(plan.read)],
            replayed=[_some_titles(example, random) for example in replay.take(plan.replayed)],
            labelled=[_some_titles(example, random) for example in labelled],
            paired=titled.take(plan.paired),
            nothing=nothing.take(plan.nothing),
            labels=label_set(labelled, labels.get(name, []), random),
            topic_labels=[random.choice(names) if random.random() < 0.6 else names[0] for names in variants],
            closed=len(labels.get(name, [])) < CLOSED,
        )


def label_set(examples: Sequence[Example], vocabulary: Sequence[str], random: Random) -> list[str]:
    """The labels of the examples, and of a list of sections a few that none of them has."""
    own = sorted({label for example in examples for label in example.labels})
    random.shuffle(own)
    own = own[:LABELS_AT_ONCE]
    others = [label for label in vocabulary if label not in own]
    if len(vocabulary) < CLOSED and len(own) < 40:
        own += random.sample(others, min(len(others), 12))
    return own


def _some_titles(example: Example, random: Random) -> Example:
    alone = len(example.parts) <= example.has_title
    return example if random.random() < 0.7 or alone else untitled(example)


def batch_losses(
    model: NewsMiniLM, scale: LabelScale, batch: Batch, tokenizer: Tokenizer, *, plan: RefinePlan
) -> dict[str, Tensor]:
    """The weighted losses of one step, by name."""
    examples = batch.examples
    parts, offsets = part_vectors(model, examples, plan=plan.first)
    documents = document_vectors(examples, parts)
    losses = summary_losses(model, batch, parts, offsets)
    first = len(batch.chosen) + len(batch.oracle)
    losses |= topic_losses(model, batch, documents[first:])
    losses["labels"] = 0.5 * labels_loss(model, scale, batch, documents[first:], tokenizer, plan=plan)
    return losses


def summary_losses(model: NewsMiniLM, batch: Batch, parts: Tensor, offsets: list[int]) -> dict[str, Tensor]:
    rows = [*batch.chosen, *batch.oracle]
    logits, present = salience_logits(model, rows, parts, offsets, list(range(len(rows))))
    by_row = [logits[row][present[row]].float() for row in range(len(rows))]
    chosen = [
        choice_loss(row, example.choice) for row, example in zip(by_row, batch.chosen, strict=False) if example.choice
    ]
    oracle = [salience_loss(row, example) for row, example in zip(by_row[len(chosen) :], batch.oracle, strict=True)]
    return {"chosen": torch.stack(chosen).mean(), "oracle": 0.5 * torch.stack(oracle).mean()}


def choice_loss(logits: Tensor, choice: Choice) -> Tensor:
    """Three views of an editor's choice: each sentence by itself, the share of each in the summary, the best one."""
    taken, weight, shares, first = (
        torch.from_numpy(values).to(logits) for values in (choice.taken, choice.weight, choice.shares, choice.first)
    )
    log_shares = log_softmax(logits, 0)
    each = binary_cross_entropy_with_logits(logits, taken, weight, reduction="sum") / 12
    return each - 0.5 * (shares * log_shares).sum() - 0.25 * (first * log_shares).sum()


def topic_losses(model: NewsMiniLM, batch: Batch, documents: Tensor) -> dict[str, Tensor]:
    """Of read articles, the replay (where a missing label that the model believes in counts little: sources name one
    topic where two hold) and texts about nothing."""
    read, noisy = len(batch.read), len(batch.replayed) + len(batch.labelled)
    logits = model.topics(documents)
    holds = logits.holds.float()
    wanted, believed = targets([*batch.read, *batch.replayed, *batch.labelled], holds)
    doubt = torch.where(wanted[read:] > 0.5, 1.0, (1 - holds[read : read + noisy].detach().sigmoid()) ** 2)
    weights = torch.cat([believed[:read], believed[read:] * doubt])
    each = binary_cross_entropy_with_logits(holds[: read + noisy], wanted, weights, reduction="none").sum(1)
    empty = holds[len(holds) - len(batch.nothing) :]
    main = torch.tensor([example.main for example in batch.read], device=holds.device)
    return {
        "read": 0.5 * each[:read].mean(),
        "main": 0.4 * cross_entropy(logits.main[:read].float(), main, label_smoothing=0.05),
        "replay": 0.3 * each[read:].mean(),
        "nothing": 0.15
        * binary_cross_entropy_with_logits(empty, torch.zeros_like(empty), reduction="none").sum(1).mean(),
    }


def targets(examples: Sequence[Example], like: Tensor) -> tuple[Tensor, Tensor]:
    """Topics and how far to believe them, `[examples, 17]` each."""
    wanted = np.stack([topics for example in examples if (topics := example.topics) is not None])
    believed = np.stack([belief for example in examples if (belief := example.believed) is not None])
    return torch.from_numpy(wanted).to(like), torch.from_numpy(believed).to(like)


def labels_loss(
    model: NewsMiniLM, scale: LabelScale, batch: Batch, documents: Tensor, tokenizer: Tokenizer, *, plan: RefinePlan
) -> Tensor:
    """Documents against their source's labels, read articles against names of the 17 topics, texts against their own
    titles: each a softmax over labels, the first two with a probability for each label besides."""
    ids: list[Sequence[int]] = [
        encoding.ids for encoding in tokenizer.encode_batch_fast([*batch.labels, *batch.topic_labels])
    ]
    opening, closing = plan.first.opening, plan.first.closing
    ids += [(opening, *example.parts[0][:TITLE_TOKENS], closing) for example in batch.paired]
    means = GroupMeans([number for number, label in enumerate(ids) for _ in label], count=len(ids))
    means.add(model.encode(ids))
    centre(model, documents[: len(documents) - len(batch.nothing)])
    similarities = model.labels(documents, means.result()).float()
    starts = np.cumsum([0, len(batch.read), len(batch.replayed), len(batch.labelled), len(batch.paired)])
    read, _, labelled, paired = (slice(start, end) for start, end in pairwise(starts.tolist()))
    vocabulary, topics = slice(0, len(batch.labels)), slice(len(batch.labels), len(batch.labels) + 17)
    titles, empty = slice(topics.stop, None), slice(paired.stop, None)

    loss: Tensor = similarities.new_zeros(())
    if batch.labels:
        right, possible = label_targets(batch.labelled, batch.labels, like=similarities)
        found = similarities[labelled, vocabulary]
        weights = (1 - possible) * torch.where(right > 0, 1.0, 0.3)
        loss = contrast(scale, found, right, possible) + 0.15 * agreement(scale, found, right, weights)
    wanted, believed = targets(batch.read, similarities)
    main = one_hot(torch.tensor([example.main for example in batch.read]), 17).to(similarities)
    found = similarities[read, topics]
    loss = loss + 0.5 * contrast(scale, found, main, 1 - (1 - wanted) * (believed > 0))
    loss = loss + 0.15 * agreement(scale, found, wanted, believed)
    found = scale.logarithm.exp() * similarities[paired, titles]
    same = torch.arange(len(batch.paired), device=found.device)
    if len(same):
        loss = loss + 0.25 * (cross_entropy(found, same) + cross_entropy(found.T, same))
    none = similarities[empty, : topics.stop]
    share = torch.full_like(none, 1 / none.shape[1])
    return torch.add(loss, agreement(scale, none, torch.zeros_like(none), share), alpha=0.1 * len(batch.nothing))


def label_targets(examples: Sequence[Example], labels: Sequence[str], *, like: Tensor) -> tuple[Tensor, Tensor]:
    """Which labels are the examples' own, and which of the others may hold besides, `[examples, labels]` each."""
    right = torch.tensor([[float(label in example.labels) for label in labels] for example in examples])
    possible = torch.tensor(
        [
            [float(label not in e.labels and any(alike(label, own) for own in e.labels)) for label in labels]
            for e in examples
        ]
    )
    return right.to(like), possible.to(like)


def contrast(scale: LabelScale, similarities: Tensor, right: Tensor, possible: Tensor) -> Tensor:
    """Cross-entropy of the right labels against the wrong ones; the `possible` ones take no part."""
    logits = (similarities * scale.logarithm.exp()).masked_fill((possible > 0) & (right == 0), MASKED)
    each = torch.logsumexp(logits, 1) - torch.logsumexp(logits.masked_fill(right == 0, MASKED), 1)
    has_label = right.any(1).float()
    return (each * has_label).sum() / has_label.sum().clamp(min=1)


def agreement(scale: LabelScale, similarities: Tensor, right: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy of each label by itself, summed over labels."""
    logits = similarities * scale.sigmoid[0] + scale.sigmoid[1]
    return binary_cross_entropy_with_logits(logits, right, weights, reduction="none").sum(1).mean()


@torch.no_grad()
def centre(model: NewsMiniLM, documents: Tensor) -> None:
    """Take the mean of these documents for the average article of the labels' head."""
    projected = model.labels.documents(documents)
    model.labels.average.copy_(normalize(projected.float(), dim=-1).mean(0))


@torch.inference_mode()
def centre_on_replay(model: NewsMiniLM, material: Material, *, plan: RefinePlan) -> None:
    """The same, of a sample like a step's batches."""
    random = Random(plan.seed)
    sample = random.sample(material.replay, min(AVERAGED, len(material.replay)))
    examples = [*sample, *material.read[: AVERAGED // 8]]
    centre(model, encoded(model, examples, plan=plan.first))


def encoded(model: NewsMiniLM, examples: Sequence[Example], *, plan: Plan) -> Tensor:
    """The vector that topics are read from, of each example, `[examples, hidden]`."""
    vectors = []
    for start in range(0, len(examples), BATCH):
        batch = examples[start : start + BATCH]
        vectors.append(document_vectors(batch, part_vectors(model, batch, plan=plan)[0]))
    return torch.cat(vectors)
