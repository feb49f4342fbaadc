"""From the data folder to a trained network: what is read, in which order, and where the pieces go."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer

from models.checkpoint import load_encoder, load_tokenizer
from models.extractive.network import NewsMiniLM
from models.extractive.news_minilm import Heads
from models.training import corpus, refine_examples, topics
from models.training.examples import Example, summary_examples, topic_examples
from models.training.export import export
from models.training.refine import RefinePlan, refine
from models.training.train import Plan, fit
from models.training.vocabularies import topic_variants
from models.vocabulary import TOP_LEVEL

log = logging.getLogger(__name__)

SUMMARY_TOKENS = 500
TOPICS_TOKENS = 380
CALIBRATION = Path(__file__).with_name("calibration.json")
VALIDATION_SHARE = 0.07
INSHORTS_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Corpora:
    """What is trained on. Articles held back, and those that choices were made by, are not in it; `labelled` holds
    the rows of every split. `weak` are articles whose own lead, taken out, stands for a summary."""

    train: Sequence[corpus.Pair]
    weak: Sequence[corpus.Pair]
    labelled: Sequence[topics.Labelled]


def gather(data: Path) -> Corpora:
    """Read the data folder and set aside what is held back."""
    news = corpus.pairs(data, "cnn_dailymail")
    held = {pair.id: pair.text for pair in news if pair.id in corpus.held_back()}
    usable = corpus.without(news, held)
    validation = [pair for pair in usable if corpus.fraction(pair.id, salt="validation") < VALIDATION_SHARE]
    kept_out = held | {pair.id: pair.text for pair in validation}
    train = corpus.without(usable, kept_out) + corpus.without(corpus.pairs(data, "cnn_dailymail_aligned"), kept_out)
    train += [
        pair
        for pair in corpus.without(corpus.pairs(data, "inshorts_news_summary"), kept_out)
        if corpus.fraction(pair.id, salt="inshorts") < INSHORTS_SHARE
    ]
    weak = corpus.without(corpus.pairs(data, "xsum"), kept_out)
    labelled = [row for source in topics.SOURCES for row in topics.labelled(data, source)]
    told = corpus.same_story(kept_out, {row.id: row.text for row in labelled if len(row.text) >= 1200})
    twins = {other for _, other in told}
    return Corpora(train, weak, [row for row in labelled if row.id not in twins])


def run(data: Path, base: Path, out: Path, *, plan: Plan, most: int | None = None) -> None:
    """The whole recipe: train on `data` from the encoder in `base`, refine on the articles that were read in full, and
    write the model to `out`. The first stage, when it was interrupted, goes on from its checkpoint beside `out`.

    Args:
        most: limits the documents of each kind and the second stage's steps, for a trial run.
    """
    corpora = gather(data)
    tokenizer = load_tokenizer(base)
    torch.manual_seed(plan.seed)
    model = NewsMiniLM(load_encoder(base, dtype="float32"), topics=len(TOP_LEVEL))
    first_stage(model, corpora, tokenizer, plan=plan, checkpoint=out.with_name(out.name + ".checkpoint"), most=most)
    refinement = RefinePlan(first=plan)
    if most is not None:
        refinement = replace(refinement, steps=2)
    material = refine_examples.gather(data, corpora.labelled, tokenizer, seed=refinement.seed)
    refine(model, material, topic_variants(data), tokenizer, plan=refinement)
    export(model, read_calibration(), base=base, folder=out)


def first_stage(
    model: NewsMiniLM, corpora: Corpora, tokenizer: Tokenizer, *, plan: Plan, checkpoint: Path, most: int | None
) -> None:
    """Both tasks on many articles with noisy labels and highlights."""
    random = Random(plan.seed)
    sampled = topics.sample([row for row in corpora.labelled if row.split == "train"], random)
    tagged = topic_examples(sampled[:most], tokenizer, max_tokens=TOPICS_TOKENS, random=random)
    summaries = summary_examples(corpora.train[:most], tokenizer, max_tokens=SUMMARY_TOKENS)
    weak = summary_examples(corpora.weak[:most], tokenizer, max_tokens=TOPICS_TOKENS, weak=True)
    log.info("%d articles with summaries, %s tokens", len(summaries), f"{total(summaries):,}")
    log.info("%d articles with leads for summaries, %s tokens", len(weak), f"{total(weak):,}")
    log.info("%d texts with topics, %s tokens", len(tagged), f"{total(tagged):,}")
    fit(model, summaries, [*weak, *tagged], plan=plan, checkpoint=checkpoint)


def read_calibration() -> Heads:
    """The calibration that cross-fitting gave; `python -m models.training.crossfit` makes it anew."""
    values = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    lists = {name: tuple(values[name]) for name in ("scale", "shift", "threshold")}
    return Heads(**values | lists)


def total(examples: Sequence[Example]) -> int:
    return sum(example.tokens for example in examples)
