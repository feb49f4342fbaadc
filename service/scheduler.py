"""Decides which work is done, when, and in which company: admission by estimated cost, live requests before archives,
batches of like length within a token budget, deadlines, and a watch over the worker. Knows nothing of HTTP, results or
what models compute.

One worker runs one batch at a time: a batch already keeps every core busy, and two models at once would only slow each
other down. Who waits longest is always in the next batch of their model, and that batch waits for company only where
the last one had some, for a tenth of a second at most.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from models.errors import ModelFailed
from models.types import Model, Outcome, Work
from service.admission import CHARACTERS_PER_TOKEN, LEAST_COST, Admission, Cancellation, Urgency, cost
from service.errors import ClientLeft, DeadlineExceeded, Overloaded, TooLarge
from service.isolation import run_isolated

ARCHIVE_TURN_SECONDS = 5.0
"""Archive work that has waited so long has the next batch, however busy live requests keep the worker."""
PACE_MEMORY = 0.7
"""How much of an earlier estimate of a model's pace survives a new measurement."""
PACE_CLAMP = 4.0
BUDGET_GROWTH = 1.01
LINGER_SHARE = 0.1
LINGER_SECONDS = 0.1
"""How long the worker waits for company after a batch of several requests: a tenth of what that took, and no more than
this."""
STUCK_FACTOR = 4.0
LONGEST_REQUEST = 10
"""A request may hold so many deadlines' worth of work; a longer one is an archive."""
MOST_ABANDONED = 2
"""Threads that may hang in a model before the process is declared unhealthy and should be restarted."""

log = logging.getLogger("dateline")


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the scheduler is. `waiting_seconds`: the estimated time until everything admitted is done."""

    requests: int
    articles: int
    waiting_seconds: float
    refused: int
    abandoned_threads: int


@dataclass(eq=False, slots=True)
class _Item:
    """One `Work` on its way through the queue."""

    model: Model
    work: Work
    cost: int
    place: "_Place"
    number: int
    arrived: float


@dataclass(eq=False)
class _Place:
    """A request's place: the tokens it still costs, by model, and the outcomes of the run under way."""

    scheduler: "Scheduler"
    urgency: Urgency
    deadline: float
    costs: dict[str, int]
    cancelled: bool = False
    outcomes: list[Outcome | None] = field(default_factory=list)
    missing: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def run(self, model: Model, work: Sequence[Work]) -> list[Outcome]:
        return self.scheduler._run(self, model, work)


class Scheduler:
    """The queue in front of the models, and the worker behind it. Safe to use from several threads.

    Args:
        max_queue_seconds: work is refused when what is admitted would keep it waiting for longer, by estimate.
        max_waiting: requests admitted at once.
        deadline_seconds: work that has not begun so long after its admission fails.
        stuck_seconds: a batch that runs for longer than this, and than four times its estimate, is given up.
    """

    def __init__(
        self,
        *,
        max_queue_seconds: float = 20.0,
        max_waiting: int = 200,
        deadline_seconds: float = 60.0,
        stuck_seconds: float = 120.0,
    ) -> None:
        self._max_queue_seconds = max_queue_seconds
        self._max_waiting = max_waiting
        self._deadline_seconds = deadline_seconds
        self._stuck_seconds = stuck_seconds
        self._changed = threading.Condition()
        self._queues: dict[Urgency, list[_Item]] = {urgency: [] for urgency in Urgency}
        self._places: set[_Place] = set()
        self._paces: dict[str, float] = {}  # tokens a second; a guess until the model is among the measured
        self._measured: set[str] = set()
        self._budgets: dict[str, int] = {}
        self._running: list[_Item] = []
        self._since = 0.0
        self._archive_turn = 0.0
        self._expected = 0
        self._patience = 0.0
        self._refused = 0
        self._closed = False
        self._abandoned: list[threading.Thread] = []
        self._worker = self._start_worker()
        threading.Thread(target=self._watch, name="dateline-watch", daemon=True).start()

    @contextmanager
    def admit(
        self,
        work: Sequence[tuple[Model, Sequence[Work]]],
        *,
        urgency: Urgency = Urgency.LIVE,
        cancellation: Cancellation | None = None,
    ) -> Iterator[Admission]:
        """As `Schedules.admit`. Archives are never refused: they wait, and nobody waits for them.

        Raises:
            Overloaded: with the seconds after which it is worth trying again.
        """
        with self._changed:
            costs: dict[str, int] = {}
            for model, items in work:
                id = model.info.id
                costs[id] = costs.get(id, 0) + sum(cost(item, model) for item in items)
                self._paces.setdefault(id, model.info.characters_per_second / CHARACTERS_PER_TOKEN)
            if urgency is Urgency.LIVE:
                self._refuse_unless_room(self._seconds(costs))
            place = _Place(self, urgency, time.monotonic() + self._deadline_seconds, costs)
            self._places.add(place)
        try:
            with (cancellation or Cancellation()).heard_by(lambda: self._cancel(place)):
                yield place
        finally:
            with self._changed:
                self._places.discard(place)

    def load(self) -> Load:
        with self._changed:
            return Load(
                requests=len(self._places),
                articles=sum(map(len, self._queues.values())) + len(self._running),
                waiting_seconds=self._wait(),
                refused=self._refused,
                abandoned_threads=self._count_abandoned(),
            )

    def waiting_seconds(self) -> float:
        with self._changed:
            return self._wait()

    def ailment(self) -> str | None:
        """What is wrong that only a restart of the process mends; None when nothing is."""
        with self._changed:
            if not self._worker.is_alive() and not self._closed:
                for item in self._running:
                    self._resolve(item, Outcome(error=ModelFailed("The worker died. The log has the details.")))
                self._running = []
                self._worker = self._start_worker()
                log.error("the worker had died and was restarted")
            hanging = self._count_abandoned()
        if hanging >= MOST_ABANDONED:
            return f"{hanging} threads hang in models that were given up; only a restart frees them."
        return None

    def close(self) -> None:
        """Stop the worker after its present batch; what still waits fails."""
        with self._changed:
            self._closed = True
            for queue in self._queues.values():
                for item in queue:
                    self._resolve(item, Outcome(error=ClientLeft("The service is stopping.")))
                queue.clear()
            self._changed.notify_all()
        self._worker.join(timeout=5)
        with self._changed:
            for item in self._running:  # it hangs; nobody may wait for it
                self._resolve(item, Outcome(error=ClientLeft("The service is stopping.")))

    def _refuse_unless_room(self, seconds: float) -> None:
        longest = LONGEST_REQUEST * self._deadline_seconds
        if seconds > longest:
            raise TooLarge(
                f"This request would take about {seconds:,.0f} s; the limit is {longest:,.0f} s. Send fewer or shorter "
                "articles at once, or work through them with: dateline archive"
            )
        wait = self._wait()
        live = sum(place.urgency is Urgency.LIVE for place in self._places)
        over = wait + seconds - self._max_queue_seconds
        if live and (over > 0 or live >= self._max_waiting):
            self._refused += 1
            raise Overloaded(
                f"The service is busy for the next {wait:.0f} s; this request would take {seconds:.1f} s more, and at "
                f"most {self._max_queue_seconds:.0f} s of work may wait.",
                retry_after_seconds=max(math.ceil(min(over, wait)), 1),
                waiting=live,
            )

    def _wait(self) -> float:
        """Seconds until all live work that is admitted should be done."""
        queued = sum(self._seconds(place.costs) for place in self._places if place.urgency is Urgency.LIVE)
        if self._running and self._running[0].place.urgency is Urgency.ARCHIVE:
            queued += max(self._estimate(self._running) - (time.monotonic() - self._since), 0)
        return queued

    def _seconds(self, costs: Mapping[str, int]) -> float:
        return sum(tokens / self._paces[id] for id, tokens in costs.items())

    def _estimate(self, items: Sequence[_Item]) -> float:
        return sum(item.cost for item in items) / self._paces[items[0].model.info.id] if items else 0.0

    def _run(self, place: _Place, model: Model, work: Sequence[Work]) -> list[Outcome]:
        with self._changed:
            if place.cancelled:
                raise ClientLeft("The client left before its work began.")
            if self._closed:
                raise ClientLeft("The service is stopping.")
            place.outcomes, place.missing = [None] * len(work), len(work)
            place.done.clear()
            arrived = time.monotonic()
            self._queues[place.urgency] += [
                _Item(model, item, cost(item, model), place, number, arrived) for number, item in enumerate(work)
            ]
            self._changed.notify_all()
        place.done.wait()
        if place.cancelled:
            raise ClientLeft("The client left before its work was done.")
        return [outcome for outcome in place.outcomes if outcome is not None]

    def _cancel(self, place: _Place) -> None:
        """Take the place's items out of the queue; a batch that runs already runs on."""
        with self._changed:
            place.cancelled = True
            self._places.discard(place)
            queue = self._queues[place.urgency]
            queue[:] = [item for item in queue if item.place is not place]
            place.done.set()

    def _start_worker(self) -> threading.Thread:
        worker = threading.Thread(target=self._work, name="dateline-worker", daemon=True)
        worker.start()
        return worker

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                self._linger()
                batch: list[_Item] = []
                while not self._closed and not (batch := self._take()):
                    self._changed.wait()
                if self._closed:
                    return
                self._running, self._since = batch, time.monotonic()
            outcomes, smooth = self._attempt(batch, me)
            with self._changed:
                if me is not self._worker:  # it was given up while it ran, and another has taken over
                    return
                for number, outcome in enumerate(outcomes):
                    self._resolve(batch[number], outcome)
                if smooth:
                    self._learn(batch, time.monotonic() - self._since)
                self._running = []
                self._expect(batch)
            del batch, outcomes, outcome  # an idle worker must not keep a model in memory

    def _expect(self, batch: Sequence[_Item]) -> None:
        """Whoever was answered is likely to ask again; if several were, as much work as that is worth a short wait."""
        several = len({id(item.place) for item in batch}) > 1
        self._expected = sum(item.cost for item in batch) if several else 0
        self._patience = min(LINGER_SHARE * (time.monotonic() - self._since), LINGER_SECONDS)

    def _linger(self) -> None:
        """Wait a moment for company. Else the first of many requests would be run alone, at the side of the threads
        that still read the others: the slowest way to do either."""
        end = time.monotonic() + self._patience
        while not self._closed and (left := end - time.monotonic()) > 0:
            if sum(item.cost for queue in self._queues.values() for item in queue) >= self._expected:
                return
            self._changed.wait(left)

    def _attempt(self, batch: Sequence[_Item], me: threading.Thread) -> tuple[list[Outcome], bool]:
        """The batch's outcomes, and whether it ran through at once and without an error: only that tells a pace."""
        model = batch[0].model
        beats, filled = 0, False

        def beat() -> None:
            nonlocal beats
            beats += 1
            with self._changed:
                if me is self._worker:
                    self._since = time.monotonic()

        def full() -> None:
            nonlocal filled
            filled = True

        try:
            outcomes = run_isolated(model, [item.work for item in batch], beat=beat, full=full)
        except BaseException as error:  # whatever happens, somebody waits for an answer
            log.error("the worker failed", exc_info=error)
            failure = ModelFailed(f"Model {model.info.id!r} failed ({type(error).__name__}). The log has the details.")
            return [Outcome(error=failure)] * len(batch), False
        if filled and len(batch) > 1:
            with self._changed:
                budget = max(self._budget(model) // 2, LEAST_COST)
                self._budgets[model.info.id] = budget
            log.warning("model %s ran out of memory; its batches now hold %d tokens", model.info.id, budget)
        return outcomes, beats == 1 and all(outcome.error is None for outcome in outcomes)

    def _take(self) -> list[_Item]:
        """The next batch: the item that has waited longest, and those of its model that are nearest in length."""
        now = time.monotonic()
        self._expire(now)
        live, archive = self._queues[Urgency.LIVE], self._queues[Urgency.ARCHIVE]
        patient = bool(archive) and now - max(self._archive_turn, archive[0].arrived) > ARCHIVE_TURN_SECONDS
        queue = archive if archive and (patient or not live) else live
        if not queue:
            return []
        if queue is archive:
            self._archive_turn = now
        first = queue[0]
        near = sorted(
            (item for item in queue if item.model is first.model), key=lambda item: abs(item.cost - first.cost)
        )
        room = self._budget(first.model) - first.cost
        batch = [first]
        for item in near:
            if item is not first:
                room -= item.cost
                if room < 0:
                    break
                batch.append(item)
        for item in batch:
            item.place.deadline = math.inf  # the request has begun: the rest of it waits for itself alone
        taken = set(map(id, batch))
        queue[:] = [item for item in queue if id(item) not in taken]
        return batch

    def _expire(self, now: float) -> None:
        """Fail the live work whose time is over."""
        live = self._queues[Urgency.LIVE]
        for item in [item for item in live if now > item.place.deadline]:
            live.remove(item)
            self._resolve(item, Outcome(error=_late(now - item.place.deadline + self._deadline_seconds)))

    def _budget(self, model: Model) -> int:
        return self._budgets.get(model.info.id, model.info.batch_tokens)

    def _resolve(self, item: _Item, outcome: Outcome) -> None:
        place = item.place
        if place.cancelled or place.outcomes[item.number] is not None:
            return
        place.outcomes[item.number] = outcome
        place.costs[item.model.info.id] -= item.cost
        place.missing -= 1
        if place.missing == 0:
            place.done.set()

    def _learn(self, batch: Sequence[_Item], elapsed: float) -> None:
        """Take a measurement of the model's pace into account, no single one by more than `PACE_CLAMP`; and let batches
        that memory once did not hold grow again, slowly."""
        id = batch[0].model.info.id
        measured = sum(item.cost for item in batch) / max(elapsed, 1e-4)
        if id in self._measured:
            known = self._paces[id]
            measured = min(max(measured, known / PACE_CLAMP), known * PACE_CLAMP)
            measured = PACE_MEMORY * known + (1 - PACE_MEMORY) * measured
        self._measured.add(id)
        self._paces[id] = measured
        if id in self._budgets:
            self._budgets[id] = min(round(self._budgets[id] * BUDGET_GROWTH) + 1, batch[0].model.info.batch_tokens)

    def _watch(self) -> None:
        """Give up a batch that hangs: its articles fail, another worker takes over, the hanging thread is left."""
        while True:
            with self._changed:
                if self._closed:
                    return
                self._expire(time.monotonic())
                running, since = self._running, self._since
                allowed = max(self._stuck_seconds, STUCK_FACTOR * self._estimate(running))
                hangs = bool(running) and time.monotonic() - since > allowed
                if hangs:
                    model = running[0].model.info.id
                    log.error("model %s hangs since %.0f s; its %d articles are given up", model, allowed, len(running))
                    failure = ModelFailed(
                        f"Model {model!r} did not answer within {allowed:.0f} s and was given up. Send a shorter text, "
                        "or raise DATELINE_STUCK_SECONDS if the model is merely slow."
                    )
                    for item in running:
                        self._resolve(item, Outcome(error=failure))
                    self._abandoned.append(self._worker)
                    self._running = []
                    self._worker = self._start_worker()
            time.sleep(min(self._stuck_seconds / 10, 1.0))

    def _count_abandoned(self) -> int:
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        return len(self._abandoned)


def _late(seconds: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The work had not begun after {seconds:.0f} s. Try again when the service is less busy, or raise "
        "DATELINE_DEADLINE_SECONDS."
    )
