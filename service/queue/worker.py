"""The worker behind the queue: a thread that runs batches, stores their results and then resolves their jobs; one that
loads models; and one that watches both."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from models.card import Card
from models.errors import ModelError
from models.types import Model, ModelInfo
from seeds.errors import StoreError
from seeds.store import Store
from service.queue.admission import Limits, Load
from service.queue.compute import new_results, results_of_all
from service.queue.isolation import run_isolated
from service.queue.job import Job, Ticket, Urgency
from service.queue.queue import JobQueue, Results

MOST_ABANDONED = 2
"""Threads that may hang in a model before the process is declared unhealthy and should be restarted."""

log = logging.getLogger("dateline")


class Models(Protocol):
    """Gives models by what they are."""

    def info(self, id: str) -> ModelInfo: ...

    def card(self, id: str) -> Card: ...

    def is_loaded(self, info: ModelInfo) -> bool: ...

    def get(self, info: ModelInfo) -> Model: ...

    def loaded_ids(self) -> list[str]: ...


class Worker:
    """Takes jobs of many requests. One batch runs at a time: it already keeps every core busy, and two models at once
    would only slow each other down."""

    def __init__(self, models: Models, store: Store, *, limits: Limits | None = None) -> None:
        self._models = models
        self._store = store
        self._queue = JobQueue(limits or Limits())
        self._abandoned: list[threading.Thread] = []
        self._thread = threading.current_thread()  # until there is a worker
        self._start_worker()
        for target, name in ((self._load_models, "dateline-loader"), (self._watch, "dateline-watch")):
            threading.Thread(target=target, name=name, daemon=True).start()

    def submit(self, jobs: Sequence[Job], *, urgency: Urgency = Urgency.LIVE) -> Ticket:
        """As `JobQueue.submit`."""
        return self._queue.submit(jobs, urgency=urgency)

    def leave(self, ticket: Ticket) -> None:
        """As `JobQueue.leave`."""
        self._queue.leave(ticket)

    def load(self) -> Load:
        """How busy it is."""
        return self._queue.load(abandoned_threads=len(self._hanging_threads()))

    def fault(self) -> str | None:
        """What is wrong that only a restart of the process helps against; None if nothing is."""
        hanging = len(self._hanging_threads())
        if hanging < MOST_ABANDONED:
            return None
        return f"{hanging} threads hang in models that were given up; only a restart frees them."

    def close(self) -> None:
        """Stop after the running batch; what still waits fails."""
        self._queue.close()
        self._thread.join(timeout=5)

    def _start_worker(self) -> None:
        self._thread = threading.Thread(target=self._run, name="dateline-worker", daemon=True)
        self._queue.set_worker(self._thread)
        self._thread.start()

    def _run(self) -> None:
        """Run batches until the queue has none for this thread."""
        try:
            while batch := self._queue.take(self._models.is_loaded):
                self._run_batch(batch)
                del batch  # an idle worker must not keep a model in memory
        except BaseException as error:  # the watch starts another, and sets aside what ended this one
            log.error("the worker failed", exc_info=error)

    def _run_batch(self, batch: list[Job]) -> None:
        started = time.monotonic()
        attempts = 0

        def count_attempt() -> None:
            nonlocal attempts
            attempts += 1
            self._queue.attempt(batch)

        results: list[Results]
        try:
            # Another replica, or a request that just ended, may have computed them.
            stored = self._store.find([key for job in batch for key in job.specs])
            missing = [job for job in batch if not stored.keys() >= job.specs.keys()]
            computed = self._compute(missing, count_attempt)
            results = [computed[job] if job in computed else {key: stored[key] for key in job.specs} for job in batch]
            self._store.save(new_results(list(computed.values())))
        except (ModelError, StoreError) as error:
            results, attempts = [error] * len(batch), 0
        failed = any(isinstance(result, Exception) for result in results)
        in_one_go = attempts == 1 and len(missing) == len(batch) and not failed
        self._queue.finish(batch, results, seconds=time.monotonic() - started if in_one_go else None)

    def _compute(self, jobs: list[Job], count_attempt: Callable[[], None]) -> dict[Job, Results]:
        if not jobs:
            return {}
        model = self._models.get(jobs[0].info)

        memory_errors = 0

        def count_memory_error() -> None:
            nonlocal memory_errors
            memory_errors += 1

        work = [job.work for job in jobs]
        outcomes = run_isolated(model, work, on_attempt=count_attempt, on_memory_error=count_memory_error)
        if memory_errors:
            budget = self._queue.halve_budget(model.info)
            log.warning("model %s ran out of memory; its batches now hold %d tokens", model.info.id, budget)
        return dict(zip(jobs, results_of_all(jobs, outcomes), strict=True))

    def _load_models(self) -> None:
        while info := self._queue.next_unloaded(self._models.is_loaded):
            try:
                self._models.get(info)
            except Exception as error:  # whoever waits for the model must hear of it
                if not isinstance(error, ModelError):
                    log.error("model %s cannot be loaded", info.id, exc_info=error)
                self._queue.model_failed(info, error)
            else:
                self._queue.model_is_loaded(info)

    def _watch(self) -> None:
        while not self._queue.is_closed:
            self._queue.expire()
            if not self._thread.is_alive() and not self._queue.is_closed:
                log.error("the worker ended and is started again")
                self._queue.restart()
                self._start_worker()
            elif count := self._queue.give_up_hanging():
                log.error("a batch of %d articles hangs and was given up", count)
                self._abandoned.append(self._thread)
                self._start_worker()
            time.sleep(min(self._queue.limits.stuck_seconds / 10, 1.0))

    def _hanging_threads(self) -> list[threading.Thread]:
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        return self._abandoned
