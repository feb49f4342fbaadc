"""A job: one document for one model, the results it will give, and who still waits for them."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum

from models.options import SummaryOptions, TopicsOptions
from models.types import Document, ModelInfo, Work
from seeds.store import Result
from service.keys import ResultSpec
from service.queue.cost import cost


class Urgency(IntEnum):
    """Who goes first."""

    LIVE = 0
    ARCHIVE = 1


@dataclass(eq=False, slots=True)
class Job:
    """One document for one model.

    Args:
        specs: what is to be made of the document, by the keys of the results.
        cost: in tokens, by estimate.
        future: the results by key, or the error that prevented them; done once they are stored.
        tickets: the requests that wait for it.
        runs_alone: it was in a batch that ended or blocked a worker.
    """

    info: ModelInfo
    document: Document
    specs: Mapping[str, ResultSpec]
    future: Future[Mapping[str, Result]] = field(default_factory=Future)
    tickets: set["Ticket"] = field(default_factory=set)
    urgency: Urgency = Urgency.LIVE
    cost: int = field(init=False)
    arrived: float = 0.0
    runs_alone: bool = False

    def __post_init__(self) -> None:
        self.cost = cost(self.work, self.info)

    @property
    def work(self) -> Work:
        """What the model is asked."""
        options = {spec.task: spec.options for spec in self.specs.values()}
        summary, topics = options.get("summary"), options.get("topics")
        assert summary is None or isinstance(summary, SummaryOptions)
        assert topics is None or isinstance(topics, TopicsOptions)
        return Work(self.document, summary, topics)

    def only(self, keys: Sequence[str]) -> "Job":
        """A job for the same document with some of the results."""
        return Job(self.info, self.document, {key: self.specs[key] for key in keys})

    def resolve(self, results: Mapping[str, Result] | Exception) -> None:
        """Give those who wait the results, or the error."""
        if isinstance(results, Exception):
            self.future.set_exception(results)
        else:
            self.future.set_result(results)


class Ticket:
    """A request's stake in some jobs. `future` is done when all of them are.

    Args:
        deadline: the moment (of `time.monotonic`) after which jobs that have not begun fail.
    """

    def __init__(self, jobs: Sequence[Job], *, urgency: Urgency = Urgency.LIVE, deadline: float = float("inf")) -> None:
        self.jobs = tuple(jobs)
        self.urgency = urgency
        self.deadline = deadline
        self.future: Future[None] = Future()
        self.future.set_running_or_notify_cancel()  # whoever awaits it must not cancel it
        self._missing = len(self.jobs)
        self._lock = threading.Lock()
        if not self.jobs:
            self.future.set_result(None)
        for job in self.jobs:
            job.tickets.add(self)

    def watch(self) -> None:
        """Complete `future` with the last job."""
        for job in self.jobs:
            job.future.add_done_callback(self._count_down)

    def _count_down(self, _: object) -> None:
        with self._lock:
            self._missing -= 1
            done = self._missing == 0
        if done:
            self.future.set_result(None)
