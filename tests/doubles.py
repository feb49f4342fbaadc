"""Models that tests can look into: they really compute, and count what they are asked."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.cache import ModelCache
from models.card import Card
from models.catalog import ModelSource
from models.errors import UnknownModel
from models.extractive.lead import Lead
from models.open import DType, EngineName, Inference, describe, load
from models.types import Model, ModelInfo, Outcome, Topic, Work

INFO = ModelInfo(
    id="counting",
    revision="r1",
    kind="embedded",
    tasks=("summary", "topics"),
    engine="python",
    dtype="float64",
    languages=("*",),
    licence="Apache-2.0",
    vocabulary="letters-1",
    defaults={"sentences": 3},
)


@dataclass
class Counting:
    """Summarises like `lead`, tags by counting letters, and keeps the work it was given."""

    info: ModelInfo = INFO
    seen: list[Work] = field(default_factory=list)
    runs: int = 0
    gate: threading.Event | None = None

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        self.runs += 1
        self.seen += work
        if self.gate:
            assert self.gate.wait(timeout=10)
        return [self._outcome(item) for item in work]

    def _outcome(self, item: Work) -> Outcome:
        summary = Lead().run([replace(item, topics=None)])[0].summary if item.summary else None
        text = (item.document.title or "") + item.document.text
        topics = (Topic("e", text.count("e") / len(text)),) if item.topics else None
        return Outcome(summary=summary, topics=topics)


@dataclass
class Awkward(Counting):
    """Misbehaves at texts that name how: raises, hangs, exits, gives NaN, answers too little, or runs out of memory."""

    most: int = 1_000
    batches: list[list[str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        texts = [item.document.text for item in work]
        self.batches.append(texts)
        if any("raise" in text for text in texts):
            raise RuntimeError("poison")
        if any("exit" in text for text in texts):
            raise SystemExit
        if any("end the worker" in text for text in texts):
            raise KeyboardInterrupt
        if any("hang" in text for text in texts):
            self.release.wait(timeout=30)
        if len(texts) > self.most:
            raise MemoryError
        found = super().run(work)
        if any("short" in text for text in texts):
            return found[:-1]
        return [
            replace(outcome, topics=(Topic("x", float("nan")),)) if "nan" in item.document.text else outcome
            for item, outcome in zip(work, found, strict=True)
        ]


@dataclass
class SomeModels:
    """Gives the models it was made with."""

    models: Mapping[str, Model]

    def info(self, id: str) -> ModelInfo:
        if id not in self.models:
            raise UnknownModel(f"There is no model {id!r}.")
        return self.models[id].info

    def card(self, id: str) -> Card:
        return Card()

    def is_loaded(self, info: ModelInfo) -> bool:
        return True

    def get(self, info: ModelInfo) -> Model:
        return self.models[info.id]

    def loaded_ids(self) -> list[str]:
        return list(self.models)


def load_model(id: str, root: Path = Path("none"), *, dtype: DType = "auto", engine: EngineName = "auto") -> Model:
    """The model of that id, loaded as the service would."""
    cache = ModelCache(root, inference=Inference(dtype, engine))
    return cache.get(cache.info(id))


def load_folder(folder: Path, id: str, *, dtype: DType = "auto", engine: EngineName = "auto") -> Model:
    """The model in a folder, under any id."""
    source = ModelSource(id, folder, None)
    return load(source, describe(source, Inference(dtype, engine)))
