"""Keys being computed right now, so that identical requests at once are computed once. Knows nothing of results."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """Claim keys, compute those that are yours, land every one; wait for the others only after that, so that two
    requests that share keys can never wait for each other."""

    def __init__(self) -> None:
        self._flights: dict[str, Future[T]] = {}
        self._lock = threading.Lock()

    def claim(self, keys: Iterable[str]) -> tuple[list[str], dict[str, Future[T]]]:
        """The keys that are now the caller's to land, and the futures of those in others' hands."""
        mine: list[str] = []
        theirs: dict[str, Future[T]] = {}
        with self._lock:
            for key in keys:
                if key in self._flights:
                    theirs[key] = self._flights[key]
                else:
                    self._flights[key] = Future()
                    mine.append(key)
        return mine, theirs

    def land(self, key: str, outcome: T | BaseException) -> None:
        """Give a claimed key its outcome; it is free to be claimed again."""
        with self._lock:
            flight = self._flights.pop(key)
        if isinstance(outcome, BaseException):
            flight.set_exception(outcome)
        else:
            flight.set_result(outcome)
