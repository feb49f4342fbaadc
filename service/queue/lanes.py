"""Two workers under one name: one for models on this machine, one for those behind a server, which keep no core busy
and must hold nobody else up."""

from collections.abc import Sequence

from service.queue.job import Job, Ticket, Urgency
from service.queue.worker import Worker


class Lanes:
    """The same contract as `Worker`."""

    def __init__(self, here: Worker, remote: Worker) -> None:
        self._here = here
        self._remote = remote
        self._parts: dict[Ticket, list[tuple[Worker, Ticket]]] = {}

    def submit(self, jobs: Sequence[Job], *, urgency: Urgency = Urgency.LIVE) -> Ticket:
        """As `Worker.submit`, by each for its own."""
        far = [job for job in jobs if job.info.kind == "remote"]
        if not far:
            return self._here.submit(jobs, urgency=urgency)
        parts: list[tuple[Worker, Ticket]] = []
        try:
            for worker, own in ((self._remote, far), (self._here, [job for job in jobs if job not in far])):
                if own:
                    parts.append((worker, worker.submit(own, urgency=urgency)))
        except Exception:
            for worker, ticket in parts:
                worker.leave(ticket)
            raise
        joint = Ticket([job for _, ticket in parts for job in ticket.jobs], urgency=urgency)
        self._parts[joint] = parts
        joint.future.add_done_callback(lambda _: self._parts.pop(joint, None))
        joint.watch()
        return joint

    def leave(self, ticket: Ticket) -> None:
        """As `Worker.leave`."""
        for job in ticket.jobs:
            job.tickets.discard(ticket)
        for worker, part in self._parts.pop(ticket, [(self._here, ticket)]):
            worker.leave(part)
