"""How work is asked for and what it costs: urgency, cancellation, the contract of what finds a place for it, and the
simplest of these, which runs it at once. Knows nothing of queues."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import IntEnum
from typing import Protocol

from models.types import Model, Outcome, Work
from service.isolation import run_isolated

CHARACTERS_PER_TOKEN = 4
LEAST_COST = 16


class Urgency(IntEnum):
    """Who goes first."""

    LIVE = 0
    ARCHIVE = 1


class Cancellation:
    """Tells work that nobody waits for it any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: list[Callable[[], None]] = []
        self.cancelled = False

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            heard, self._heard = self._heard, []
        for listener in heard:
            listener()

    @contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have `listener` called when the work is cancelled, or at once if it was."""
        with self._lock:
            self._heard.append(listener)
            late = self.cancelled
        if late:
            listener()
        try:
            yield
        finally:
            with self._lock:
                if listener in self._heard:
                    self._heard.remove(listener)


class Admission(Protocol):
    """A place that was found for a request's work."""

    def run(self, model: Model, work: Sequence[Work]) -> list[Outcome]:
        """One outcome for each `Work`, in order.

        Raises:
            ClientLeft: it was cancelled.
        """
        ...


class Schedules(Protocol):
    """Finds a place for work."""

    def waiting_seconds(self) -> float:
        """The estimated time until all that is admitted is done."""
        ...

    def admit(
        self,
        work: Sequence[tuple[Model, Sequence[Work]]],
        *,
        urgency: Urgency = Urgency.LIVE,
        cancellation: Cancellation | None = None,
    ) -> AbstractContextManager[Admission]:
        """A place for all of `work`, held until the context is left.

        Raises:
            Overloaded: there is none now.
        """
        ...


class Unscheduled:
    """Runs work at once, in the caller's thread: for the command line, which has nobody to share with."""

    def waiting_seconds(self) -> float:
        return 0.0

    def admit(
        self,
        work: Sequence[tuple[Model, Sequence[Work]]],
        *,
        urgency: Urgency = Urgency.LIVE,
        cancellation: Cancellation | None = None,
    ) -> AbstractContextManager[Admission]:
        return nullcontext(self)

    def run(self, model: Model, work: Sequence[Work]) -> list[Outcome]:
        return [outcome for start, end in runs(work, model) for outcome in run_isolated(model, work[start:end])]


def cost(work: Work, model: Model) -> int:
    """The tokens that a `Work` will take, roughly, without asking the tokenizer. What a model writes unasked is part of
    its pace; what a caller wants it to write is added, once for every beam."""
    tokens = len(work.document.text) // CHARACTERS_PER_TOKEN
    if work.summary is not None and model.info.max_output_tokens:
        words = max(work.summary.max_words or 0, work.summary.min_words or 0)
        tokens += min(2 * words, model.info.max_output_tokens) * (work.summary.beams or 1)
    labels = len(work.topics.labels) or 17 if work.topics is not None and model.info.reads_per_label else 1
    return max(tokens, LEAST_COST) * labels


def runs(work: Sequence[Work], model: Model) -> Iterator[tuple[int, int]]:
    """Bounds of runs that the model reads well at once, in order."""
    most = model.info.batch_tokens
    start = held = 0
    for number, item in enumerate(work):
        tokens = cost(item, model)
        if held and held + tokens > most:
            yield start, number
            start, held = number, 0
        held += tokens
    if len(work) > start:
        yield start, len(work)
