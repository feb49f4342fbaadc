"""Who works on parts: here in this process; processes.py and cluster.py have worker processes and actors on Ray. All
take the same digest path; they differ in who reads, digests and writes, and in what is left when a worker ends."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from models.cache import ModelCache
from seeds.store import Store
from service.archive.job import MEMORY, ArchiveJob
from service.archive.part import Notify, digest_part, read_part, write_part
from service.archive.plan import Task
from service.archive.report import PartReport
from service.digest import Digester

PARTS_AT_ONCE = 3
"""Parts a worker has in hand: one is read, one digested, one written."""

MakeDigester = Callable[[ArchiveJob], Digester]


def make_digester(job: ArchiveJob) -> Digester:
    """The digester of a worker. On the command line a path is a model's id too."""
    models = ModelCache(job.models, inference=job.inference, paths=True, servers=job.servers, extracts=False)
    return Digester(
        models,
        Store(job.store),
        max_article_characters=job.max_article_characters,
        language_policy=job.language_policy,
    )


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is made of; goes over the wire. `since` is when the run began."""

    job: ArchiveJob
    since: str
    make: MakeDigester = make_digester


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a task: its report, or the error that ended it, or neither where its worker ended."""

    task: Task
    report: PartReport | None = None
    error: BaseException | None = None


class Workers(Protocol):
    """Takes tasks and gives them back done, in any order."""

    @property
    def capacity(self) -> int:
        """How many tasks it has use for at once."""
        ...

    def describe(self) -> dict[str, Any]:
        """The info of each task's model, once the options have been checked.

        Raises:
            UnknownModel, InvalidOption, ...: what is asked for cannot be had.
            ExecutorUnavailable: no worker could be started.
        """
        ...

    def submit(self, task: Task) -> None: ...

    def next(self) -> Done:
        """The next task that is done; waits for it."""
        ...

    def alone(self, task: Task) -> Done:
        """Work on one task in a new worker that has nothing else in hand."""
        ...

    def close(self) -> None:
        """End the workers; what they have in hand is not finished."""
        ...


class PartWorker:
    """Works on parts in this process: reads one while it digests the one before and writes the one before that. One
    thread each, so that parts are digested in their order (what a part finds stored does not depend on chance), and
    because torch keeps a team of threads for every thread that ever computed."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._digester = setup.make(setup.job)
        self._reading, self._digesting, self._writing = (
            ThreadPoolExecutor(1, thread_name_prefix=f"dateline-{name}") for name in ("read", "digest", "write")
        )

    def describe(self) -> dict[str, Any]:
        described = self._digester.describe(self._setup.job.digest_options)
        return {task: asdict(info) for task, info in described.items()}

    def submit(self, task: Task, notify: Notify) -> Future[PartReport]:
        job = self._setup.job
        records = self._reading.submit(read_part, task, job)
        digests = self._digesting.submit(lambda: digest_part(records.result(), job, self._digester_for_part(), notify))
        return self._writing.submit(
            lambda: write_part(records.result(), digests.result(), job, since=self._setup.since)
        )

    def close(self) -> None:
        for threads in (self._writing, self._digesting, self._reading):
            threads.shutdown(cancel_futures=True)
        self._digester.close()

    def _digester_for_part(self) -> Digester:
        """Without a store of its own a worker forgets each part's results, or they would fill its memory."""
        forgets = self._setup.job.store == MEMORY
        return self._digester.with_store(Store(MEMORY)) if forgets else self._digester


class Here:
    """In this process. A record that ends the process ends the command."""

    capacity = PARTS_AT_ONCE

    def __init__(self, setup: Setup, *, notify: Notify) -> None:
        self._worker = PartWorker(setup)
        self._notify = notify
        self._pending: dict[Future[PartReport], Task] = {}

    def describe(self) -> dict[str, Any]:
        return self._worker.describe()

    def submit(self, task: Task) -> None:
        self._pending[self._worker.submit(task, self._notify)] = task

    def next(self) -> Done:
        done, _ = wait(self._pending, return_when=FIRST_COMPLETED)
        future = done.pop()
        task = self._pending.pop(future)
        error = future.exception()
        return Done(task, error=error) if error else Done(task, future.result())

    def alone(self, task: Task) -> Done:
        raise NotImplementedError("a task that ends its worker ends this process too")

    def close(self) -> None:
        self._worker.close()
