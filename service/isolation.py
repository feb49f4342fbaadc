"""Runs a model over a list so that one bad article fails alone: a batch that breaks is bisected, one that does not fit
into memory is halved, and what comes back is checked. Knows nothing of queues."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from models.errors import ModelError, ModelFailed
from models.types import Model, Outcome, Work

log = logging.getLogger("dateline")


def run_isolated(
    model: Model,
    work: Sequence[Work],
    *,
    beat: Callable[[], None] = lambda: None,
    full: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """One outcome for each `Work`, in order, whatever the model does short of hanging.

    Args:
        beat: called before every attempt, so that a watch can tell a long bisection from a hang.
        full: called when an attempt ran out of memory.
    """
    beat()
    started = time.perf_counter()
    try:
        outcomes = model.run(work)
        if len(outcomes) != len(work):
            raise ModelFailed(f"Model {model.info.id!r} was given {len(work)} articles and answered {len(outcomes)}.")
        share = (time.perf_counter() - started) * 1000 / max(len(work), 1)
        return [
            replace(_checked(model, outcome, item), milliseconds=share)
            for outcome, item in zip(outcomes, work, strict=True)
        ]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a model may raise anything, and the other articles must not suffer
        memory = out_of_memory(error)
        if len(work) == 1:
            return [Outcome(error=_told(model, error, memory=memory))]
        if memory:
            full()
    half = len(work) // 2
    parts = (work[:half], work[half:])
    return [outcome for part in parts for outcome in run_isolated(model, part, beat=beat, full=full)]


def out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out; torch's own class derives from RuntimeError, on CPUs it is one."""
    return isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or "not enough memory" in str(error)


def _told(model: Model, error: BaseException, *, memory: bool) -> ModelError:
    id = model.info.id
    if memory:
        found = ModelFailed(
            f"Model {id!r} ran out of memory on this article alone. Send it in parts, or use a smaller model."
        )
    elif isinstance(error, ModelError):
        found = ModelFailed(f"Model {id!r} failed on this article: {error}")
    else:
        log.error("model %s failed on one article", id, exc_info=error)
        found = ModelFailed(
            f"Model {id!r} failed on this article ({type(error).__name__}). The log has the details; other articles "
            "are not affected."
        )
    found.__cause__ = error
    return found


def _checked(model: Model, outcome: Outcome, work: Work) -> Outcome:
    """The outcome, unless it lacks what was asked for or holds scores that are no numbers."""
    if outcome.error is not None:
        return outcome
    id = model.info.id
    if any(not math.isfinite(topic.score) for topic in outcome.topics or ()):
        return Outcome(error=ModelFailed(f"Model {id!r} gave a score that is not a number (NaN) for this article."))
    for task, wanted, given in (("summary", work.summary, outcome.summary), ("topics", work.topics, outcome.topics)):
        if wanted is not None and given is None:
            return Outcome(error=ModelFailed(f"Model {id!r} was asked for {task} and gave none."))
    return outcome
