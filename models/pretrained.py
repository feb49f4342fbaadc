"""Turns a pulled folder into a model that summarises or tags. Knows nothing of where the folder came from."""

from dataclasses import replace
from pathlib import Path

import torch

from models import loading, vocabulary
from models.catalog import Place
from models.errors import UnsupportedTask
from models.shelf import EngineName
from models.types import Model, ModelInfo, Task

SEQ2SEQ_PACE = 1_000.0
CLASSIFIER_PACE = 3_000.0
"""Characters a second on two cores: first guesses, until the scheduler has measured."""
SEQ2SEQ_BATCH_TOKENS = 4_096


def load(
    where: Place, *, dtype: torch.dtype | None, engine: EngineName, quantised: str, revision: str | None = None
) -> Model:
    """The model in a folder of transformers' form.

    Args:
        dtype: of torch; None for the best the processor computes in.
        engine: what runs an encoder–decoder.
        quantised: CTranslate2's compute type; "auto" for the fastest here.
        revision: as `loading.revision_of` gives it, where that was asked already.

    Raises:
        UnsupportedTask, ModelCorrupt: as `loading.kind_of` and `loading.load_pretrained` say.
    """
    folder = where.folder
    assert folder is not None
    kind = loading.kind_of(folder)
    revision = revision or loading.revision_of(folder)
    commit = loading.commit_of(folder)
    taken = dtype or loading.best_dtype()
    if kind == "seq2seq":
        return _summariser(where, folder, taken, engine=engine, quantised=quantised, revision=commit or revision)
    from models.taggers.classifier import ClassifierTagger
    from models.taggers.network import Classifier
    from models.taggers.zero_shot import ZeroShotTagger

    known = where.preset
    network = Classifier(folder, dtype=taken, max_input_tokens=known.max_input_tokens if known else None)
    info = _info(
        where, "topics", revision=commit or revision, engine="torch", dtype=network.dtype,
        limit=network.max_input_tokens, pace=CLASSIFIER_PACE, batch=16_384,
    )  # fmt: skip
    if kind == "zero-shot":
        info = replace(info, takes_labels=True, reads_per_label=True)
        return ZeroShotTagger(network, info=info, template=known.template if known else None)
    return ClassifierTagger(
        network, info=info, codes=known.codes if known else {}, scoring=known.scoring if known else None
    )


def _summariser(
    where: Place, folder: Path, dtype: torch.dtype, *, engine: EngineName, quantised: str, revision: str
) -> Model:
    from models.summarisers.seq2seq import Engine, Seq2Seq
    from models.summarisers.torch_engine import TorchEngine

    limit, prefix = (known.max_input_tokens, known.prefix) if (known := where.preset) else (None, None)
    running: Engine
    if engine == "ctranslate2":
        from models.summarisers.ct2_engine import Ct2Engine

        running = ct2 = Ct2Engine(folder, compute_type=quantised, max_input_tokens=limit, prefix=prefix)
        tokenizer = ct2.tokenizer
    else:
        running = of_torch = TorchEngine(folder, dtype=dtype, max_input_tokens=limit, prefix=prefix)
        tokenizer = of_torch.tokenizer
    info = _info(
        where, "summary", revision=revision, engine=running.name, dtype=running.dtype, limit=running.max_input_tokens,
        pace=SEQ2SEQ_PACE, batch=SEQ2SEQ_BATCH_TOKENS,
    )  # fmt: skip
    return Seq2Seq(running, tokenizer, info=replace(info, max_output_tokens=running.max_output_tokens))


def _info(
    where: Place, task: Task, *, revision: str, engine: str, dtype: str, limit: int, pace: float, batch: int
) -> ModelInfo:
    known = where.preset
    if known and task not in known.tasks:
        raise UnsupportedTask(f"{str(where.folder)!r} is no {known.id}: the catalog says it does {known.tasks}.")
    return ModelInfo(
        id=where.id,
        revision=revision,
        tasks=(task,),
        engine=engine,
        dtype=dtype,
        languages=known.languages if known else ("*",),
        licence=known.licence if known else "see the model's card",
        vocabulary=vocabulary.RELEASE if task == "topics" else None,
        max_input_tokens=limit,
        batch_tokens=batch,
        characters_per_second=pace,
    )
