"""Which jobs run together, and when. Pure."""

from collections.abc import Callable, Iterator, Sequence

from models.types import ModelInfo
from service.queue.cost import LEAST_COST
from service.queue.job import Job, Urgency

BUDGET_GROWTH = 1.01
ARCHIVE_TURN_SECONDS = 5.0
"""Archive jobs that have waited this long have the next batch, however busy live requests keep the worker."""


def choose_urgency(waiting: Sequence[Job], *, now: float, last_archive_turn: float) -> Urgency:
    """Whose turn it is: live requests before archives, but not for ever."""
    archive = next((job for job in waiting if job.urgency is Urgency.ARCHIVE), None)
    if archive is None:
        return Urgency.LIVE
    has_live = any(job.urgency is Urgency.LIVE for job in waiting)
    overdue = now - max(last_archive_turn, archive.arrived) > ARCHIVE_TURN_SECONDS
    return Urgency.ARCHIVE if overdue or not has_live else Urgency.LIVE


def choose_batch(waiting: Sequence[Job], *, budget: Callable[[ModelInfo], int]) -> list[Job]:
    """The next batch: the job that has waited longest, and those of its model that are nearest to it in length, within
    the model's budget of tokens. What ended a worker before runs alone.

    Args:
        waiting: jobs in the order of their arrival.
    """
    if not waiting:
        return []
    first = waiting[0]
    if first.runs_alone:
        return [first]
    others = [job for job in waiting[1:] if job.info.id == first.info.id and not job.runs_alone]
    room = budget(first.info) - first.cost
    batch = [first]
    for job in sorted(others, key=lambda job: abs(job.cost - first.cost)):
        room -= job.cost
        if room < 0:
            break
        batch.append(job)
    return batch


def split_by_cost(jobs: Sequence[Job], *, budget: int) -> Iterator[list[Job]]:
    """The jobs in order, in runs that the model reads well at once."""
    batch: list[Job] = []
    held = 0
    for job in jobs:
        if batch and held + job.cost > budget:
            yield batch
            batch, held = [], 0
        batch.append(job)
        held += job.cost
    if batch:
        yield batch


class Budgets:
    """The most tokens of a batch, by model: its own figure, halved whenever memory does not hold that."""

    def __init__(self) -> None:
        self._reduced: dict[str, int] = {}

    def of(self, info: ModelInfo) -> int:
        return self._reduced.get(info.id, info.batch_tokens)

    def halve(self, info: ModelInfo) -> int:
        """The new budget."""
        self._reduced[info.id] = max(self.of(info) // 2, LEAST_COST)
        return self._reduced[info.id]

    def grow(self, info: ModelInfo) -> None:
        """Let a reduced budget grow again, slowly."""
        if info.id in self._reduced:
            self._reduced[info.id] = min(round(self._reduced[info.id] * BUDGET_GROWTH) + 1, info.batch_tokens)
