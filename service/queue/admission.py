"""Whether a request is let in: by the seconds of work that wait already, by estimate. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.errors import Overloaded, TooLarge

LONGEST_REQUEST = 10
"""A request may hold this many deadlines' worth of work; a longer one is an archive."""
OVERDUE_SHARE = 0.25
"""A batch that has run longer than estimated is expected to take a quarter of that time more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the queue takes.

    Args:
        max_queue_seconds: work is refused when what is admitted would keep it waiting for longer, by estimate.
        max_waiting: requests admitted at once.
        deadline_seconds: work that has not begun this long after its admission fails.
        stuck_seconds: a batch that runs for longer than this, and than four times its estimate, is given up.
    """

    max_queue_seconds: float = 20.0
    max_waiting: int = 200
    deadline_seconds: float = 60.0
    stuck_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the queue is. `waiting_seconds`: the estimated time until everything admitted is done; `paces`: tokens a
    second, of each model that was measured."""

    requests: int
    articles: int
    waiting_seconds: float
    refused: int
    abandoned_threads: int
    paces: Mapping[str, float] = field(default_factory=dict, compare=False)


def refusal(
    seconds: float, *, waiting_seconds: float, waiting_requests: int, limits: Limits
) -> Overloaded | TooLarge | None:
    """Why a request is not let in; None if it is. Where nobody waits, whatever can be done in time is let in.

    Args:
        seconds: of work that the request adds, by estimate.
    """
    longest = LONGEST_REQUEST * limits.deadline_seconds
    if seconds > longest:
        return TooLarge(
            f"This request would take about {seconds:,.0f} s; the limit is {longest:,.0f} s. Send fewer or shorter "
            "articles at once, or work through them with: dateline archive"
        )
    excess = waiting_seconds + seconds - limits.max_queue_seconds
    crowded = waiting_requests >= limits.max_waiting
    if not waiting_requests or not (crowded or (seconds > 0 and excess > 0)):
        return None
    if crowded:
        detail = f"{waiting_requests:,} requests already wait, as many as may."
    else:
        detail = (
            f"The service is busy for the next {waiting_seconds:.0f} s; this request would take {seconds:.1f} s more, "
            f"and at most {limits.max_queue_seconds:.0f} s of work may wait."
        )
    wait = min(excess, waiting_seconds) if excess > 0 else waiting_seconds
    return Overloaded(detail, retry_after_seconds=max(math.ceil(wait), 1), waiting=waiting_requests)


def remaining(estimate: float, elapsed: float) -> float:
    """The seconds that a running batch still takes, by estimate; never 0."""
    return max(estimate - elapsed, OVERDUE_SHARE * elapsed)
