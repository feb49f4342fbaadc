"""Worker processes on this machine. One that ends takes nothing with it but the parts it has in hand."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from service.archive.part import Notify
from service.archive.plan import Task
from service.archive.report import PartReport
from service.archive.workers import PARTS_AT_ONCE, Done, PartWorker, Setup
from service.child import sendable, serve_parent
from service.errors import ExecutorUnavailable

STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A worker has started: what its models are."""

    models: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Progress:
    """A worker has digested some records."""

    records: int


@dataclass(frozen=True, slots=True)
class _Finished:
    """A task is done; without a number, the worker could not start."""

    number: int | None
    report: PartReport | None = None
    error: BaseException | None = None


class _Worker:
    """One process, and the tasks it has in hand by number."""

    def __init__(self, setup: Setup) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(setup, theirs), daemon=True, name="dateline-worker")
        self._process.start()
        theirs.close()
        self._numbers = count()
        self.tasks: dict[int, Task] = {}
        self.ready = False

    def send(self, task: Task) -> None:
        number = next(self._numbers)
        self.tasks[number] = task
        try:
            self.connection.send((number, task))
        except OSError:
            return  # it has ended; receiving from it will tell

    def receive(self) -> _Ready | _Progress | _Finished | None:
        """What it says next; None where it has ended.

        Raises:
            ExecutorUnavailable: it ended before it was ready.
        """
        try:
            message: _Ready | _Progress | _Finished = self.connection.recv()
        except (EOFError, OSError):
            if self.ready:
                return None
            self._process.join()
            raise ExecutorUnavailable(
                f"A worker process ended while it started (exit code {self._process.exitcode}). Nothing is lost. "
                "Check that memory holds the model once for each of the --workers."
            ) from None
        self.ready = True
        return message

    def stop(self) -> None:
        """End the process: by itself where it has nothing in hand, so that its store is closed in order."""
        self.connection.close()
        if not self.tasks:
            self._process.join(timeout=STOP_SECONDS)
        self._process.kill()
        self._process.join()


class Processes:
    """Worker processes; one that ends is replaced, and the tasks it had in hand come back without a report.

    Args:
        number: how many. A model in torch keeps every core busy from one process; others hold the interpreter, and
            want one for every core.
    """

    def __init__(self, setup: Setup, *, number: int, notify: Notify) -> None:
        self._setup = setup
        self._notify = notify
        self._workers = [_Worker(setup) for _ in range(number)]
        self._done: list[Done] = []

    @property
    def capacity(self) -> int:
        return PARTS_AT_ONCE * len(self._workers)

    def describe(self) -> dict[str, Any]:
        message = self._workers[0].receive()
        if isinstance(message, _Finished) and message.error:
            raise message.error
        assert isinstance(message, _Ready)
        return message.models

    def submit(self, task: Task) -> None:
        min(self._workers, key=lambda worker: len(worker.tasks)).send(task)

    def next(self) -> Done:
        while not self._done:
            ready = wait([worker.connection for worker in self._workers])
            for worker in [worker for worker in self._workers if worker.connection in ready]:
                self._take(worker)
        return self._done.pop(0)

    def alone(self, task: Task) -> Done:
        workers = Processes(self._setup, number=1, notify=lambda records: None)
        try:
            workers.submit(task)
            return workers.next()
        finally:
            workers.close()

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()

    def _take(self, worker: _Worker) -> None:
        message = worker.receive()
        if message is None:
            self._done += [Done(task) for task in worker.tasks.values()]
            worker.stop()
            self._workers[self._workers.index(worker)] = _Worker(self._setup)
        elif isinstance(message, _Progress):
            self._notify(message.records)
        elif isinstance(message, _Finished):
            if message.number is None:
                assert message.error is not None
                raise message.error
            self._done.append(Done(worker.tasks.pop(message.number), message.report, message.error))


def _serve(setup: Setup, connection: Connection) -> None:
    """What a worker process does until its parent ends it."""
    serve_parent()
    sending = threading.Lock()

    def send(message: _Ready | _Progress | _Finished) -> None:
        with sending, suppress(OSError):  # the parent has all it wanted, and is gone
            connection.send(message)

    try:
        worker = PartWorker(setup)
        send(_Ready(worker.describe()))
    except Exception as error:  # noqa: BLE001 - the parent raises it
        send(_Finished(None, error=sendable(error)))
        return
    while True:
        try:
            number, task = connection.recv()
        except (EOFError, OSError):
            worker.close()
            return
        future = worker.submit(task, lambda records: send(_Progress(records)))
        future.add_done_callback(partial(_report, number, send))


def _report(number: int, send: Any, future: Any) -> None:
    error = future.exception()
    send(_Finished(number, error=sendable(error)) if error else _Finished(number, future.result()))
