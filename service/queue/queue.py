"""The jobs that wait and run, and the lock around them. What is let in and what runs next is decided by `admission`
and `batches`; `worker` runs it."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from models.errors import ModelFailed
from models.types import ModelInfo
from seeds.store import Result
from service.errors import ClientLeft, DeadlineExceeded
from service.queue.admission import Limits, Load, refusal, remaining
from service.queue.batches import Budgets, choose_batch, choose_urgency
from service.queue.cost import Paces
from service.queue.job import Job, Ticket, Urgency
from service.queue.suspects import Suspects

STUCK_FACTOR = 4.0
LINGER_SHARE = 0.1
LINGER_SECONDS = 0.1
"""After a batch of several requests the worker waits for as much work again: a tenth of what the batch took, and no
longer than this. Else the first of many that ask again would run alone, the slowest way for all."""

Results = Mapping[str, Result] | Exception
IsLoaded = Callable[[ModelInfo], bool]


class JobQueue:
    """Safe to use from several threads."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.paces = Paces()
        self._changed = threading.Condition()
        self._waiting: list[Job] = []
        self._running: list[Job] = []
        self._in_flight: dict[str, Job] = {}
        self._tickets: set[Ticket] = set()
        self._suspects = Suspects()
        self._budgets = Budgets()
        self._began = 0.0
        self._last_archive_turn = 0.0
        self._expected_cost = 0
        self._patience = 0.0
        self._refused = 0
        self._closed = False
        self._worker: threading.Thread | None = None

    def set_worker(self, thread: threading.Thread) -> None:
        """Batches go to this thread alone."""
        with self._changed:
            self._worker = thread

    def submit(self, jobs: Sequence[Job], *, urgency: Urgency = Urgency.LIVE) -> Ticket:
        """Let the jobs in; results that another request waits for already are shared with it. Archives are never
        refused.

        Raises:
            Overloaded, TooLarge: as `admission.refusal` says.
            ClientLeft: the service is stopping.
        """
        if not jobs:  # everything is stored: answered however busy the models are
            return Ticket(())
        with self._changed:
            if self._closed:
                raise ClientLeft("The service is stopping.")
            shared, new = self._split(jobs)
            for job in shared:  # it is as urgent as the most urgent who waits for it
                job.urgency = min(job.urgency, urgency)
            if urgency is Urgency.LIVE:
                self._refuse(sum(self.paces.seconds(job.cost, job.info) for job in new))
            now = time.monotonic()
            ticket = Ticket([*shared, *new], urgency=urgency, deadline=now + self.limits.deadline_seconds)
            failed = [job for job in new if self._suspects.is_set_aside(job)]
            for job in new:
                if job not in failed:
                    self._enter(job, urgency, now)
            self._tickets.add(ticket)
            self._changed.notify_all()
        for job in failed:
            job.resolve(_set_aside(job))
        ticket.future.add_done_callback(lambda _: self._forget(ticket))
        ticket.watch()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Nobody waits for the ticket any more: what has not begun, and nobody else waits for, leaves the queue."""
        with self._changed:
            self._tickets.discard(ticket)
            for job in ticket.jobs:
                job.tickets.discard(ticket)
            unwanted = [job for job in self._waiting if not job.tickets]
            self._remove(unwanted)
        for job in unwanted:
            job.resolve(ClientLeft("The client left before its work began."))

    def take(self, is_loaded: IsLoaded) -> list[Job]:
        """The next batch, of a model that is loaded; waits for one. Nothing once the queue is closed, or for a thread
        that was replaced."""
        with self._changed:
            self._linger()
            while not self._closed and threading.current_thread() is self._worker:
                self._expire()
                if batch := self._choose(is_loaded):
                    self._begin(batch)
                    return batch
                self._changed.wait(1.0 if self._waiting else None)
            return []

    def next_unloaded(self, is_loaded: IsLoaded) -> ModelInfo | None:
        """A model that jobs wait for and that is not loaded; waits for one. None once the queue is closed."""
        with self._changed:
            while not self._closed:
                for job in self._waiting:
                    if not is_loaded(job.info):
                        return job.info
                self._changed.wait()
            return None

    def model_is_loaded(self, info: ModelInfo) -> None:
        """Jobs that waited for the model may run; their deadlines start again."""
        with self._changed:
            deadline = time.monotonic() + self.limits.deadline_seconds
            for job in self._waiting:
                if job.info.id == info.id:
                    for ticket in job.tickets:
                        ticket.deadline = max(ticket.deadline, deadline)
            self._changed.notify_all()

    def model_failed(self, info: ModelInfo, error: Exception) -> None:
        """The model cannot be loaded: its jobs fail."""
        with self._changed:
            jobs = [job for job in self._waiting if job.info.id == info.id]
            self._remove(jobs)
        for job in jobs:
            job.resolve(error)

    def attempt(self, batch: Sequence[Job]) -> None:
        """The batch is tried again, in parts: it does not hang."""
        with self._changed:
            if self._running and self._running[0] is batch[0]:
                self._began = time.monotonic()

    def finish(self, batch: Sequence[Job], results: Sequence[Results], *, seconds: float | None) -> None:
        """The batch is done and stored.

        Args:
            seconds: what it took, where it ran through in one attempt: only that says what the model's pace is.
        """
        with self._changed:
            if not self._running or self._running[0] is not batch[0]:
                return  # it was given up while it ran
            info, tokens = batch[0].info, sum(job.cost for job in batch)
            if seconds is not None:
                self.paces.learn(tokens, info, seconds)
                self._budgets.grow(info)
            several = len({ticket for job in batch for ticket in job.tickets}) > 1
            self._expected_cost = tokens if several else 0
            self._patience = min(LINGER_SHARE * (time.monotonic() - self._began), LINGER_SECONDS)
            self._end()
        for job, result in zip(batch, results, strict=True):
            job.resolve(result)

    def halve_budget(self, info: ModelInfo) -> int:
        """The model ran out of memory: its batches hold half as much from now on. The new budget in tokens."""
        with self._changed:
            return self._budgets.halve(info)

    def expire(self) -> None:
        """Fail what has not begun in time."""
        with self._changed:
            self._expire()

    def give_up_hanging(self) -> int:
        """Fail the running batch if it takes too long, and give its thread no more. One that ran alone is not run
        again; others will run alone when they are asked for again. How many jobs were given up."""
        with self._changed:
            if not self._running:
                return 0
            allowed = max(self.limits.stuck_seconds, STUCK_FACTOR * self._estimate(self._running))
            if time.monotonic() - self._began <= allowed:
                return 0
            batch = self._running
            self._suspects.add(batch)
            self._end()
            self._worker = None
        for job in batch:
            job.resolve(_stuck(job, allowed))
        return len(batch)

    def restart(self) -> None:
        """The worker ended in the running batch: its jobs run again, each alone. One that ran alone fails, and is not
        run again."""
        with self._changed:
            batch = list(self._running)
            self._suspects.add(batch)
            self._running = []
            self._worker = None
            if len(batch) > 1:
                for job in batch:
                    job.runs_alone = True
                self._waiting += batch
                failed = []
            else:
                failed = batch
                for job in failed:
                    self._drop(job)
            self._changed.notify_all()
        for job in failed:
            job.resolve(_set_aside(job))

    def load(self, *, abandoned_threads: int = 0) -> Load:
        with self._changed:
            return Load(
                requests=len(self._tickets),
                articles=len(self._waiting) + len(self._running),
                waiting_seconds=self._waiting_seconds(),
                refused=self._refused,
                abandoned_threads=abandoned_threads,
                paces=self.paces.measured(),
            )

    def close(self) -> None:
        """Nothing runs any more; what waits or runs fails."""
        with self._changed:
            self._closed = True
            jobs = [*self._waiting, *self._running]
            self._waiting, self._running = [], []
            self._in_flight.clear()
            self._changed.notify_all()
        for job in jobs:
            job.resolve(ClientLeft("The service is stopping."))

    @property
    def is_closed(self) -> bool:
        return self._closed

    def _split(self, jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
        """The jobs of other requests that give some of the results, and jobs for the rest."""
        shared: dict[Job, None] = {}
        new: list[Job] = []
        for job in jobs:
            own = [key for key in job.specs if key not in self._in_flight]
            shared.update(dict.fromkeys(self._in_flight[key] for key in job.specs if key in self._in_flight))
            if own:
                new.append(job if len(own) == len(job.specs) else job.only(own))
        return list(shared), new

    def _refuse(self, seconds: float) -> None:
        live = sum(ticket.urgency is Urgency.LIVE for ticket in self._tickets)
        error = refusal(seconds, waiting_seconds=self._waiting_seconds(), waiting_requests=live, limits=self.limits)
        if error:
            self._refused += 1
            raise error

    def _enter(self, job: Job, urgency: Urgency, now: float) -> None:
        job.urgency, job.arrived = urgency, now
        job.runs_alone = self._suspects.runs_alone(job)
        self._waiting.append(job)
        self._in_flight.update(dict.fromkeys(job.specs, job))

    def _choose(self, is_loaded: IsLoaded) -> list[Job]:
        ready = [job for job in self._waiting if is_loaded(job.info)]
        now = time.monotonic()
        urgency = choose_urgency(ready, now=now, last_archive_turn=self._last_archive_turn)
        if urgency is Urgency.ARCHIVE:
            self._last_archive_turn = now
        return choose_batch([job for job in ready if job.urgency is urgency], budget=self._budgets.of)

    def _begin(self, batch: list[Job]) -> None:
        taken = set(batch)
        self._waiting = [job for job in self._waiting if job not in taken]
        self._running, self._began = batch, time.monotonic()
        for job in batch:
            for ticket in job.tickets:
                ticket.deadline = math.inf  # the request has begun: the rest of it waits for itself alone

    def _end(self) -> None:
        for job in self._running:
            self._drop(job)
        self._running = []

    def _drop(self, job: Job) -> None:
        for key in job.specs:
            self._in_flight.pop(key, None)

    def _remove(self, jobs: Sequence[Job]) -> None:
        removed = set(jobs)
        self._waiting = [job for job in self._waiting if job not in removed]
        for job in jobs:
            self._drop(job)

    def _linger(self) -> None:
        end = time.monotonic() + self._patience
        while not self._closed and (left := end - time.monotonic()) > 0:
            if sum(job.cost for job in self._waiting) >= self._expected_cost:
                return
            self._changed.wait(left)

    def _expire(self) -> None:
        now = time.monotonic()
        late = [
            job
            for job in self._waiting
            if job.urgency is Urgency.LIVE and all(ticket.deadline < now for ticket in job.tickets)
        ]
        self._remove(late)
        for job in late:
            job.resolve(_late(now - job.arrived))

    def _waiting_seconds(self) -> float:
        """Seconds until all live work that is admitted should be done."""
        queued = sum(self.paces.seconds(job.cost, job.info) for job in self._waiting if job.urgency is Urgency.LIVE)
        if self._running:
            queued += remaining(self._estimate(self._running), time.monotonic() - self._began)
        return queued

    def _estimate(self, batch: Sequence[Job]) -> float:
        return self.paces.seconds(sum(job.cost for job in batch), batch[0].info)

    def _forget(self, ticket: Ticket) -> None:
        with self._changed:
            self._tickets.discard(ticket)


def _late(seconds: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The work had not begun after {seconds:.0f} s. Try again when the service is less busy, or raise "
        "DATELINE_DEADLINE_SECONDS."
    )


def _stuck(job: Job, seconds: float) -> ModelFailed:
    return ModelFailed(
        f"Model {job.info.id!r} did not answer within {seconds:.0f} s and was given up. Send a shorter text, or raise "
        "DATELINE_STUCK_SECONDS if the model is merely slow."
    )


def _set_aside(job: Job) -> ModelFailed:
    return ModelFailed(
        f"This article ended or blocked the worker of model {job.info.id!r}, and is not tried again until the service "
        "restarts. Send a shorter text, or choose another model."
    )
