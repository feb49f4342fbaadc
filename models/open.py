"""From a model's folder to the model: `describe` says what it is without loading it, `load` loads it. The only place
that knows which class serves which kind."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models import folder as folders
from models import vocabulary
from models.catalog import ModelSource, Preset, find_model
from models.errors import ModelCorrupt, ModelUnavailable, UnsupportedTask
from models.generative.servers import Server
from models.memory import best_dtype, device
from models.options import SUPPORT_VERSION, Kind, Task
from models.text.boundaries import SPLITTER
from models.types import Model, ModelInfo

if TYPE_CHECKING:
    from models.extractive.news_minilm import Embedded

DType = Literal["auto", "float32", "bfloat16", "int8"]
EngineName = Literal["auto", "torch", "ctranslate2"]

PACES: dict[Kind, float] = {"generative": 1_000.0, "instruct": 300.0, "classifier": 3_000.0, "zero-shot": 3_000.0}
"""Characters a second on two cores: first guesses, until the queue has measured."""
GENERATIVE_BATCH_TOKENS = 4_096
INSTRUCT_OUTPUT_TOKENS = 512
EMBEDDED = "news-minilm"
ZERO_SHOT_TEMPLATE = "This text is about {}."


@dataclass(frozen=True, slots=True)
class Inference:
    """How models are to run. `dtype` and `engine`: "auto" chooses what is fastest here."""

    dtype: DType = "auto"
    engine: EngineName = "auto"


def describe(source: ModelSource, inference: Inference) -> ModelInfo:
    """What the model is.

    Raises:
        UnsupportedTask: it neither summarises nor classifies, or is not what its preset says.
        UnknownModel, ModelCorrupt: as `folder.revision_of` and `folder.read_config` say.
        ModelUnavailable: the engine is not installed, or the model was not converted for it.
    """
    if source.folder is None:
        from models.extractive.lead import INFO

        return INFO
    folders.check_weights(source.folder)
    kind = folders.kind_of(source.folder)
    _check_preset(source, folders.TASKS_OF[kind])
    if kind in ("embedded", "own"):
        return _embedded(source, source.folder, inference, kind)
    if kind == "instruct":
        return _instruct(source, source.folder, inference)
    if kind == "generative":
        return _generative(source, source.folder, inference)
    return _classifier(source, source.folder, inference, kind)


def load(
    source: ModelSource,
    info: ModelInfo,
    *,
    make_room: Callable[[], None] = lambda: None,
    reader: "Callable[[], Embedded] | None" = None,
) -> Model:
    """The model that `info` describes, ready to run.

    Args:
        reader: gives the embedded model, which finds what supports a written sentence; loaded when it is first needed
            where None is given.
        make_room: called once the files have been found sound, before the weights are read.

    Raises:
        ModelCorrupt: its files are not what was recorded, changed since they were described, or cannot be loaded.
        ModelUnavailable: the engine cannot run it here.
    """
    folder = source.folder
    if folder is None:
        from models.extractive.lead import Lead

        return Lead()
    folders.check_checksums(folder)
    if (revision := folders.revision_of(folder)) != info.revision:
        raise ModelCorrupt(
            f"Model {info.id!r} changed from revision {info.revision} to {revision} while the service ran. Restart it."
        )
    make_room()
    if info.kind == "embedded":
        from models.extractive.news_minilm import Embedded

        return Embedded(folder, info)
    if info.kind == "own":
        from models.classifiers.own import OwnTagger

        return OwnTagger(folder, info)
    if info.kind == "instruct":
        from models.generative.instruct import DecoderEngine, InstructWriter
        from models.generative.summariser import Summariser

        return Summariser(InstructWriter(DecoderEngine(folder, info), info), info, reader=reader or load_reader)
    if info.kind == "generative":
        from models.generative.summariser import Summariser
        from models.generative.writing import EngineWriter

        if info.engine == "ctranslate2":
            from models.generative.ctranslate2 import Ct2Engine

            return Summariser(EngineWriter(Ct2Engine(folder, info), info), info, reader=reader or load_reader)
        from models.generative.torch import TorchEngine

        return Summariser(EngineWriter(TorchEngine(folder, info), info), info, reader=reader or load_reader)
    from models.classifiers.network import Classifier

    network = Classifier(folder, info)
    if info.kind == "zero-shot":
        from models.classifiers.zero_shot import ZeroShotTagger

        return ZeroShotTagger(network, info)
    from models.classifiers.classifier import ClassifierTagger

    return ClassifierTagger(network, info, codes=source.preset.codes if source.preset else {})


def load_remote(server: Server, info: ModelInfo, *, reader: "Callable[[], Embedded]", extracts: bool) -> Model:
    """The model behind a server. No connection is made.

    Args:
        extracts: whether the embedded model's extract stands in where the server fails.

    Raises:
        ModelUnavailable: the client is not installed.
    """
    from models.generative.remote import RemoteWriter, WithExtract
    from models.generative.summariser import Summariser

    summariser = Summariser(RemoteWriter(server, info), info, reader=reader)
    return WithExtract(summariser, reader) if extracts else summariser


@lru_cache(maxsize=1)
def load_reader(inference: Inference = Inference()) -> "Embedded":
    """The embedded model, for who reads texts or labels with it.

    Raises:
        ModelCorrupt: it cannot be loaded.
    """
    from models.extractive.news_minilm import Embedded

    source = find_model(EMBEDDED, root=Path())
    reader = load(source, describe(source, inference))
    assert isinstance(reader, Embedded)
    return reader


def _check_preset(source: ModelSource, tasks: tuple[Task, ...]) -> None:
    preset = source.preset
    if preset and preset.tasks != tasks:
        raise UnsupportedTask(
            f"{str(source.folder)!r} does {' and '.join(tasks)}; the preset {preset.id!r} is for "
            f"{' and '.join(preset.tasks)}. Pull it again."
        )


def _embedded(source: ModelSource, folder: Path, inference: Inference, kind: Kind) -> ModelInfo:
    from models.extractive.selection import NEWS_MINILM_DEFAULTS

    return ModelInfo(
        id=source.id,
        revision=folders.revision_of(folder),
        kind=kind,
        tasks=folders.TASKS_OF[kind],
        engine="torch",
        dtype=_torch_dtype(inference),
        languages=("en",),
        licence="Apache-2.0" if kind == "embedded" else "yours",
        vocabulary=vocabulary.RELEASE if kind == "embedded" else None,
        defaults=NEWS_MINILM_DEFAULTS if kind == "embedded" else {},
        parameters={"text": SPLITTER, "versions": _versions("torch", "tokenizers")},
    )


def _generative(source: ModelSource, folder: Path, inference: Inference) -> ModelInfo:
    engine = _engine(folder, inference)
    config = folders.read_config(folder)
    preset = source.preset
    prefix = folders.summarization_defaults(config).get("prefix", "")
    if preset and preset.prefix is not None:
        prefix = preset.prefix
    limit = _input_limit(folder, preset)
    libraries = ("transformers", "tokenizers")
    return ModelInfo(
        id=source.id,
        revision=folders.revision_of(folder),
        kind="generative",
        tasks=folders.TASKS_OF["generative"],
        engine=engine,
        dtype=_ctranslate2_dtype(inference) if engine == "ctranslate2" else _torch_dtype(inference),
        languages=preset.languages if preset else ("*",),
        licence=preset.licence if preset else "see the model's card",
        max_input_tokens=limit,
        max_output_tokens=folders.output_limit(config),
        batch_tokens=GENERATIVE_BATCH_TOKENS,
        characters_per_second=PACES["generative"],
        parameters={
            "max_input_tokens": limit,
            "prefix": prefix,
            "text": SPLITTER,
            "support": support_signature(),
            "versions": _versions(engine, *libraries),
        },
    )


def _instruct(source: ModelSource, folder: Path, inference: Inference) -> ModelInfo:
    from models.generative.prompt import DEFAULT_SENTENCES, prompt_hash

    context = folders.context_length(folders.read_config(folder))
    return ModelInfo(
        id=source.id,
        revision=folders.revision_of(folder),
        kind="instruct",
        tasks=folders.TASKS_OF["instruct"],
        engine="torch",
        dtype=_torch_dtype(inference),
        languages=("*",),
        licence="see the model's card",
        max_input_tokens=context,
        max_output_tokens=min(INSTRUCT_OUTPUT_TOKENS, context // 4),
        batch_tokens=GENERATIVE_BATCH_TOKENS,
        characters_per_second=PACES["instruct"],
        defaults={"sentences": DEFAULT_SENTENCES},
        parameters={
            "max_input_tokens": context,
            "prompt": prompt_hash(),
            "text": SPLITTER,
            "support": support_signature(),
            "versions": _versions("torch", "transformers", "tokenizers"),
        },
    )


def _classifier(source: ModelSource, folder: Path, inference: Inference, kind: Kind) -> ModelInfo:
    from models.classifiers.labels import scoring_of, topics_of

    config = folders.read_config(folder)
    preset = source.preset
    limit = _input_limit(folder, preset)
    parameters: dict[str, object] = {
        "max_input_tokens": limit,
        "text": SPLITTER,
        "versions": _versions("torch", "transformers", "tokenizers"),
    }
    defaults: dict[str, object]
    labels: dict[str, str] = {}
    if kind == "zero-shot":
        defaults = {"multi_label": True, "template": (preset and preset.template) or ZERO_SHOT_TEMPLATE}
    else:
        own = folders.labels_of(config)
        topics = topics_of(own, preset.codes if preset else {})
        scoring = (preset and preset.scoring) or scoring_of(config.get("problem_type"), labels=len(own))
        defaults = {"scoring": scoring}
        parameters["topics"] = [[topic.name, topic.qcode] for topic in topics]
        labels = {topic.name: label for topic, label in zip(topics, own, strict=True)}
    return ModelInfo(
        id=source.id,
        revision=folders.revision_of(folder),
        kind=kind,
        tasks=folders.TASKS_OF[kind],
        engine="torch",
        dtype=_torch_dtype(inference),
        languages=preset.languages if preset else ("*",),
        licence=preset.licence if preset else "see the model's card",
        vocabulary=vocabulary.RELEASE,
        max_input_tokens=limit,
        characters_per_second=PACES[kind],
        defaults=defaults,
        parameters=parameters,
        labels=labels,
    )


@lru_cache(maxsize=1)
def support_signature() -> list[object]:
    """What finds the support of written sentences: the version of the code, and the revision of the embedded model."""
    folder = find_model(EMBEDDED, root=Path()).folder
    assert folder is not None
    return [SUPPORT_VERSION, folders.revision_of(folder)]


def _input_limit(folder: Path, preset: Preset | None) -> int:
    return preset.max_input_tokens if preset and preset.max_input_tokens else folders.input_limit(folder)


def _torch_dtype(inference: Inference) -> str:
    return inference.dtype if inference.dtype in {"float32", "bfloat16"} else best_dtype()


def _engine(folder: Path, inference: Inference) -> str:
    if inference.engine != "auto":
        engine = inference.engine
    else:
        engine = "ctranslate2" if folders.is_converted(folder) and find_spec("ctranslate2") else "torch"
    if engine == "ctranslate2" and not find_spec("ctranslate2"):
        raise ModelUnavailable(
            "The engine 'ctranslate2' is not installed. Run: pip install 'dateline[ct2]', or set DATELINE_ENGINE=torch"
        )
    if engine == "ctranslate2" and not folders.is_converted(folder):
        raise ModelUnavailable(
            f"{str(folder)!r} has not been converted for CTranslate2. Run: dateline models pull --engine "
            "ctranslate2 on it, or set DATELINE_ENGINE=torch"
        )
    return engine


@lru_cache
def _ctranslate2_dtype(inference: Inference) -> str:
    """The compute type by CTranslate2's name. "auto" and "int8" quantise, with the rest in the best format for it.

    Raises:
        ModelUnavailable: CTranslate2 cannot compute in it here.
    """
    import ctranslate2

    supported = ctranslate2.get_supported_compute_types(device())
    preferred = {
        "auto": ("int8_float16", "int8_float32", "float32") if device() == "cuda" else ("int8_float32", "float32"),
        "int8": ("int8_float32", "int8_bfloat16", "int8_float16"),
    }.get(inference.dtype, (inference.dtype,))
    for name in preferred:
        if name in supported:
            return name
    raise ModelUnavailable(
        f"CTranslate2 cannot compute in {inference.dtype!r} here; it can in {', '.join(sorted(supported))}. Set "
        "DATELINE_DTYPE=auto"
    )


def _versions(*libraries: str) -> dict[str, str]:
    """Their releases: another may compute other numbers from the same weights."""
    return {name: version(name).split("+")[0] for name in libraries}
