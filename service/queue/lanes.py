"""Several workers under one name: one for models on this machine, and one for each that is behind a server: those keep
no core busy, and must hold nobody else up."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from threading import Lock

from service.queue.admission import Load
from service.queue.job import Job, Ticket, Urgency
from service.queue.worker import Worker


class JointTicket(Ticket):
    """A request's tickets of several workers as one. It stands in no queue itself."""

    def __init__(self, parts: Sequence[tuple[Worker, Ticket]]) -> None:
        self.parts = parts
        self.jobs = tuple(job for _, ticket in parts for job in ticket.jobs)
        self.future: Future[None] = Future()
        self.future.set_running_or_notify_cancel()
        self._missing = len(parts)
        self._lock = Lock()
        for _, ticket in parts:
            ticket.future.add_done_callback(self._count_down)


class Lanes:
    """The same contract as `Worker`.

    Args:
        remote: the workers of models behind servers, by the models' ids.
    """

    def __init__(self, here: Worker, remote: Mapping[str, Worker]) -> None:
        self._here = here
        self._remote = remote

    def submit(self, jobs: Sequence[Job], *, urgency: Urgency = Urgency.LIVE) -> Ticket:
        """As `Worker.submit`, by each for its own."""
        own: dict[Worker, list[Job]] = {}
        for job in jobs:
            own.setdefault(self._remote.get(job.info.id, self._here), []).append(job)
        if own.keys() <= {self._here}:
            return self._here.submit(jobs, urgency=urgency)
        parts: list[tuple[Worker, Ticket]] = []
        try:
            for worker, share in own.items():
                parts.append((worker, worker.submit(share, urgency=urgency)))
        except Exception:
            for worker, ticket in parts:
                worker.leave(ticket)
            raise
        return JointTicket(parts)

    def leave(self, ticket: Ticket) -> None:
        """As `Worker.leave`."""
        for worker, part in ticket.parts if isinstance(ticket, JointTicket) else [(self._here, ticket)]:
            worker.leave(part)

    def load(self) -> Load:
        """How busy all are together; a request that several have a part of counts once for each."""
        loads = [worker.load() for worker in self._workers]
        return Load(
            requests=sum(load.requests for load in loads),
            articles=sum(load.articles for load in loads),
            waiting_seconds=max(load.waiting_seconds for load in loads),
            refused=sum(load.refused for load in loads),
            abandoned_threads=sum(load.abandoned_threads for load in loads),
            paces={id: pace for load in loads for id, pace in load.paces.items()},
        )

    def fault(self) -> str | None:
        """What is wrong with any that only a restart of the process helps against."""
        return next((fault for worker in self._workers if (fault := worker.fault())), None)

    def close(self) -> None:
        """Close all."""
        for worker in self._workers:
            worker.close()

    @property
    def _workers(self) -> list[Worker]:
        return [self._here, *self._remote.values()]
