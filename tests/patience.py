"""Waiting in tests for what other threads will do."""

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], *, seconds: float = 10) -> None:
    """Wait until it holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.005)
