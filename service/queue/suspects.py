"""Articles that ended or blocked a worker, by the keys of their results."""

from collections import OrderedDict
from collections.abc import Sequence

from service.queue.job import Job

REMEMBERED_KEYS = 10_000


class Suspects:
    """One that did so alone is not run again; one of a batch runs alone the next time."""

    def __init__(self) -> None:
        self._alone: OrderedDict[str, bool] = OrderedDict()

    def add(self, batch: Sequence[Job]) -> None:
        """The batch ended or blocked a worker."""
        for job in batch:
            for key in job.specs:
                self._alone[key] = len(batch) == 1
        while len(self._alone) > REMEMBERED_KEYS:
            self._alone.popitem(last=False)

    def runs_alone(self, job: Job) -> bool:
        return any(key in self._alone for key in job.specs)

    def is_set_aside(self, job: Job) -> bool:
        return any(self._alone.get(key, False) for key in job.specs)
