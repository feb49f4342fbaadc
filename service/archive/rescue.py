"""Saves what can be saved of a part that ends its worker: tries it once more, then halves it until each record that
does
so stands alone. The others live."""

from dataclasses import replace

from service.archive.plan import Task
from service.archive.report import PartReport
from service.archive.workers import Done, Workers
from service.errors import ExecutorUnavailable

HOPELESS_TRIES = 8
"""After this many tries that all failed the records are not the reason: the machine may have no memory left."""


def rescue(task: Task, workers: Workers) -> Done:
    """Work on a task whose worker ended.

    Raises:
        ExecutorUnavailable: whatever it is given to do, the worker ends.
    """
    again = workers.alone(task)
    if not _ended(again):
        return again
    reading = workers.alone(replace(task, only=range(0)))
    if _ended(reading):
        return workers.alone(replace(task, unreadable=True))
    if reading.error or reading.report is None:
        return reading
    killers = _killers(task, reading.report, workers)
    return workers.alone(replace(task, killers=frozenset(killers)))


def _killers(task: Task, report: PartReport, workers: Workers) -> list[int]:
    """The numbers of the records that end a worker."""
    killers: list[int] = []
    ending = [range(report.counts.records)]
    tries = survived = 0
    while ending:
        records = ending.pop()
        if len(records) == 1:
            killers.append(records[0])
            continue
        middle = len(records) // 2
        for half in (records[middle:], records[:middle]):
            tries += 1
            if _ended(workers.alone(replace(task, only=half))):
                ending.append(half)
            else:
                survived += 1
        if tries >= HOPELESS_TRIES and not survived:
            raise ExecutorUnavailable(
                f"Workers end again and again, whichever records of part {task.part.index} they are given. It is "
                "likely the machine, not the records: is its memory full? Nothing is lost: run the same command "
                "again, with fewer --workers."
            )
    return killers


def _ended(done: Done) -> bool:
    return done.report is None and done.error is None
