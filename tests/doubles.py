"""Models that tests can look into: they really compute, and count what they are asked."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from models.errors import UnknownModel, UnsupportedTask
from models.summarisers.lead import Lead
from models.types import Model, ModelInfo, Outcome, SummaryOptions, Task, Topic, TopicsOptions, Work

INFO = ModelInfo(
    id="counting",
    revision="r1",
    tasks=("summary", "topics"),
    engine="python",
    dtype="float64",
    languages=("*",),
    licence="Apache-2.0",
    vocabulary="letters-1",
)


@dataclass
class Counting:
    """Summarises like `lead`, tags by counting letters, and keeps the work it was given."""

    info: ModelInfo = INFO
    seen: list[Work] = field(default_factory=list)
    runs: int = 0
    gate: threading.Event | None = None

    def parameters(self, task: Task, options: SummaryOptions | TopicsOptions) -> dict[str, object]:
        if task not in self.info.tasks:
            raise UnsupportedTask(f"Model {self.info.id!r} does not do {task}.")
        if isinstance(options, SummaryOptions):
            return Lead().parameters(task, options)
        return {"labels": list(options.labels), "threshold": options.threshold, "limit": options.limit}

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
class OneShelf:
    """Gives the models it was made with."""

    models: dict[str, Model]

    def get(self, id: str) -> Model:
        if id not in self.models:
            raise UnknownModel(f"There is no model {id!r}.")
        return self.models[id]

    def check(self, id: str) -> None:
        self.get(id)
