"""Runs a model over a list so that one bad article fails alone: a batch that fails is bisected, one that does not fit
into memory is halved, and what comes back is checked."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from models.errors import ModelError, ModelFailed
from models.types import Model, Outcome, Work

OUT_OF_MEMORY = ("can't allocate memory", "cannot allocate memory", "not enough memory", "out of memory", "bad_alloc")
"""What torch says on Linux (an allocator's RuntimeError), on Windows and on a GPU, and what CTranslate2 says."""

log = logging.getLogger("dateline")


def run_isolated(
    model: Model,
    work: Sequence[Work],
    *,
    on_attempt: Callable[[], None] = lambda: None,
    on_memory_error: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """One outcome for each `Work`, in order, whatever error the model raises.

    Args:
        on_attempt: called before every attempt, so that a watch can tell a long bisection from a hang.
        on_memory_error: called when an attempt at several articles ran out of memory.
    """
    on_attempt()
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
        if len(work) == 1:
            return [Outcome(error=_failure(model, error))]
        if is_out_of_memory(error):
            on_memory_error()
    half = len(work) // 2
    return [
        outcome
        for part in (work[:half], work[half:])
        for outcome in run_isolated(model, part, on_attempt=on_attempt, on_memory_error=on_memory_error)
    ]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out. torch's own class derives from RuntimeError; on CPUs it raises
    RuntimeError itself."""
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return True
    message = str(error).casefold()
    return isinstance(error, RuntimeError) and any(phrase in message for phrase in OUT_OF_MEMORY)


def _failure(model: Model, error: BaseException) -> ModelError:
    id = model.info.id
    if is_out_of_memory(error):
        failure = ModelFailed(
            f"Model {id!r} ran out of memory on this article alone. Split it, or use a smaller model."
        )
    elif isinstance(error, ModelError):
        failure = ModelFailed(f"Model {id!r} failed on this article: {error}")
    else:
        log.error("model %s failed on one article", id, exc_info=error)
        failure = ModelFailed(
            f"Model {id!r} failed on this article ({type(error).__name__}). The log has the details; other articles "
            "are not affected."
        )
    failure.__cause__ = error
    return failure


def _checked(model: Model, outcome: Outcome, work: Work) -> Outcome:
    """The outcome, unless it lacks what was asked for or holds scores that are no numbers."""
    if outcome.error is not None:
        return outcome
    id = model.info.id
    if any(not math.isfinite(topic.score) for topic in outcome.topics or ()):
        return Outcome(error=ModelFailed(f"Model {id!r} gave a score that is not a number (NaN) for this article."))
    for task, options, value in (("summary", work.summary, outcome.summary), ("topics", work.topics, outcome.topics)):
        if options is not None and value is None:
            return Outcome(error=ModelFailed(f"Model {id!r} was asked for {task} and gave none."))
    return outcome
