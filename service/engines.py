"""Where an archive's windows are digested: here, in processes beside this one, or on a Ray cluster. Every engine walks
the same digest path and gives the windows back in order; they differ in how many are under way at once."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

from models.shelf import DType, EngineName, Shelf
from seeds.records import Article
from seeds.store import Store
from service.admission import Urgency
from service.digest import Digest, Digester, Waiting, Wanted
from service.errors import EngineUnavailable

Job = Sequence[Article]
Digests = Callable[[Iterator[Job]], Iterator[list[Digest]]]
"""Digests lists of articles, in order, maybe several at once. What is in a digest's provenance need not be in its other
fields."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a worker needs to digest as this process would; goes over the wire."""

    wanted: Wanted
    models: Path
    store: str
    dtype: DType = "auto"
    engine: EngineName = "auto"
    max_article_characters: int = 400_000

    def digester(self) -> Digester:
        shelf = Shelf(self.models, dtype=self.dtype, engine=self.engine, paths=True)
        return Digester(shelf, Store(self.store), max_article_characters=self.max_article_characters)


class Engine(Protocol):
    """Opens workers, and closes them when the context is left."""

    def open(self) -> AbstractContextManager[Digests]: ...


class Here:
    """In this process, one window at a time."""

    def __init__(self, digester: Digester, wanted: Wanted) -> None:
        self._digester = digester
        self._wanted = wanted

    def open(self) -> AbstractContextManager[Digests]:
        waits = Waiting(urgency=Urgency.ARCHIVE)
        return nullcontext(lambda jobs: (self._digester.digest(job, self._wanted, waits=waits) for job in jobs))


class Processes:
    """In so many processes: for models that hold the interpreter, as `lead` does. A model in torch uses every core by
    itself."""

    def __init__(self, recipe: Recipe, *, count: int) -> None:
        self._recipe = recipe
        self._count = count

    @contextmanager
    def open(self) -> Iterator[Digests]:
        pool = ProcessPoolExecutor(
            self._count, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(self._recipe,)
        )
        try:
            yield lambda jobs: _in_order(jobs, lambda job: pool.submit(_digest_in_worker, job), ahead=2 * self._count)
        finally:
            pool.shutdown(cancel_futures=True)


_worker: tuple[Digester, Wanted] | None = None


def _start_worker(recipe: Recipe) -> None:
    import signal

    threading.Thread(target=_end_with_parent, daemon=True).start()
    global _worker  # a process of the pool has one digester
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    _worker = (recipe.digester(), recipe.wanted)


def _end_with_parent() -> None:
    """A parent that is killed cannot stop its workers; they would wait for it for ever."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _digest_in_worker(job: Job) -> list[Digest]:
    assert _worker is not None
    digester, wanted = _worker
    return _lean(digester.digest(job, wanted, waits=Waiting(urgency=Urgency.ARCHIVE)))


def _lean(digests: list[Digest]) -> list[Digest]:
    """The digests without what their provenance says again: half as much to send."""
    return [replace(digest, summary=None, topics=None) for digest in digests]


class Ray:
    """In actors on a Ray cluster. A worker that is lost is started again, and its window digested again.

    Args:
        address: of the cluster; None starts Ray on this machine.
        workers: actors; each holds the models.
        cpus, gpus: what one actor is given.

    Raises:
        EngineUnavailable: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(
        self, recipe: Recipe, *, address: str | None = None, workers: int = 2, cpus: float = 1, gpus: float = 0
    ) -> None:
        try:
            import ray
        except ModuleNotFoundError as error:
            raise EngineUnavailable("The engine 'ray' is not installed. Run: pip install 'dateline[ray]'") from error
        self._ray: Any = ray
        self._recipe = recipe
        self._address = address
        self._workers = workers
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}

    @contextmanager
    def open(self) -> Iterator[Digests]:
        ray = self._ray
        started = not ray.is_initialized()
        if started:
            try:
                ray.init(address=self._address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise EngineUnavailable(
                    f"Ray at {self._address or 'this machine'!r} cannot be reached: {error}"
                ) from error
        remote = ray.remote(**self._resources, max_restarts=-1, max_task_retries=-1)(_Actor)
        actors = [remote.remote(self._recipe) for _ in range(self._workers)]
        turn = iter(range(10**18))
        try:
            yield lambda jobs: _in_order(
                jobs,
                lambda job: actors[next(turn) % len(actors)].digest.remote(job).future(),
                ahead=2 * self._workers,
            )
        finally:
            for actor in actors:
                ray.kill(actor)
            if started:
                ray.shutdown()


class _Actor:
    """What runs on the cluster."""

    def __init__(self, recipe: Recipe) -> None:
        self._wanted = recipe.wanted
        self._digester = recipe.digester()

    def digest(self, job: Job) -> list[Digest]:
        return _lean(self._digester.digest(job, self._wanted, waits=Waiting(urgency=Urgency.ARCHIVE)))


def _in_order(
    jobs: Iterator[Job], submit: Callable[[Job], "Future[list[Digest]]"], *, ahead: int
) -> Iterator[list[Digest]]:
    """The answers in the order of the jobs, with up to `ahead` under way."""
    under_way: deque[Future[list[Digest]]] = deque()
    for job in jobs:
        under_way.append(submit(job))
        if len(under_way) >= ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()
