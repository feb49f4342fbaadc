"""Runs jobs at once in the caller's thread: for the command line and archives, which have nobody to share with."""

from collections.abc import Sequence

from seeds.store import Store
from service.queue.batches import split_by_cost
from service.queue.compute import new_results, results_of_all
from service.queue.isolation import run_isolated
from service.queue.job import Job, Ticket, Urgency
from service.queue.worker import Models


class Inline:
    """The same contract as `Worker`, without a queue."""

    def __init__(self, models: Models, store: Store) -> None:
        self._models = models
        self._store = store

    def submit(self, jobs: Sequence[Job], *, urgency: Urgency = Urgency.LIVE) -> Ticket:
        """Run the jobs, storing results batch by batch; the ticket is done.

        Raises:
            ModelError: the model cannot be loaded.
            StoreError: results cannot be stored.
        """
        by_model: dict[str, list[Job]] = {}
        for job in jobs:
            by_model.setdefault(job.info.id, []).append(job)
        for own in by_model.values():
            size = own[0].info.batch_articles
            for start in range(0, len(own), size):
                self._run(own[start : start + size])
        ticket = Ticket(jobs, urgency=urgency)
        ticket.watch()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Nothing waits here."""

    def _run(self, jobs: Sequence[Job]) -> None:
        info = jobs[0].info
        model = self._models.get(info)
        outcomes = [
            outcome
            for batch in split_by_cost(jobs, budget=info.batch_tokens)
            for outcome in run_isolated(model, [job.work for job in batch])
        ]
        results = results_of_all(jobs, outcomes)
        self._store.save(new_results(results))
        for job, result in zip(jobs, results, strict=True):
            job.resolve(result)
