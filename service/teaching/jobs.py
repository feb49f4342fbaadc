"""Trainings beside the running service: one at a time, each in a process of its own. It yields the processor to live
requests, and may fail or be stopped without them."""

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Literal

from models.classifiers.aim import Aim
from models.errors import InvalidOption
from models.open import Inference
from models.vocabulary.own import Vocabulary
from seeds.library import Library
from seeds.records import SeedFolder
from seeds.store import Store, now
from service.child import sendable, serve_parent
from service.errors import Overloaded, UnknownTraining, WorkerEnded, expected
from service.settings import Settings
from service.teaching.folders import partial_folder, unused_folder, vocabulary_named
from service.teaching.rows import LabelledArticle, corrected_articles

NICENESS = 10
"""How far a training stands back for everything else on the machine."""
REMEMBERED = 100
"""Trainings whose end is told."""
FIRST_GUESS_SECONDS = 30
STOP_SECONDS = 5.0

Stage = Literal["running", "done", "failed", "cancelled"]

log = logging.getLogger("dateline")


@dataclass(frozen=True, slots=True)
class Order:
    """What to learn: from these rows, or from what readers corrected where there are none."""

    name: str
    rows: Sequence[LabelledArticle] | None
    aim: Aim
    vocabulary: Vocabulary | None


@dataclass(frozen=True, slots=True)
class TrainingState:
    """How a training stands. `done` of `total` articles are read; `report` is there at its end, or `error`."""

    name: str
    state: Stage
    started_at: str
    done: int = 0
    total: int = 0
    report: dict[str, Any] | None = None
    error: BaseException | None = None


class Trainings:
    """The trainings of a service. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._states: dict[str, TrainingState] = {}
        self._lock = threading.Lock()
        self._busy: str | None = None
        """The name of the training that runs, or is about to."""
        self._running: _Running | None = None

    def start(
        self, name: str, rows: Sequence[LabelledArticle] | None, *, aim: str, vocabulary: str | None
    ) -> TrainingState:
        """Begin a training.

        Args:
            rows: what to learn from; what readers corrected when None.
            aim: as `Aim.parse` reads it.
            vocabulary: the name of one that was loaded.

        Raises:
            InvalidOption: the name is taken or cannot be used, or the aim is none.
            UnknownModel: there is no such vocabulary.
            Overloaded: another training is running.
        """
        root = self._settings.models_folder
        unused_folder(root, name)
        if name in {server.id for server in self._settings.engines}:
            raise InvalidOption(f"{name!r} is the name of a model behind a server. Choose another name.")
        terms = vocabulary_named(vocabulary, root=root) if vocabulary else None
        order = Order(name, rows, Aim.parse(aim), terms)
        with self._lock:
            if self._busy is not None:
                raise self._overloaded(self._busy)
            self._busy = name
        try:
            running = _Running(order, self._settings)  # it sends the rows to the process, which takes a while
        except BaseException:
            with self._lock:
                self._busy = None
            raise
        state = TrainingState(name, "running", now(), total=len(rows or ()))
        with self._lock:
            self._states.pop(name, None)
            self._states[name] = state
            while len(self._states) > REMEMBERED:
                del self._states[next(iter(self._states))]
            self._running = running
        threading.Thread(target=self._follow, args=(running,), name="dateline-training", daemon=True).start()
        return state

    def _overloaded(self, name: str) -> Overloaded:
        state, running = self._states.get(name), self._running
        seconds = running.seconds_left(state) if running and state else FIRST_GUESS_SECONDS
        return Overloaded(
            f"The training of {name!r} is running; one runs at a time.", retry_after_seconds=seconds, waiting=1
        )

    def states(self) -> list[TrainingState]:
        """Every training since the service started, the latest first."""
        with self._lock:
            return list(self._states.values())[::-1]

    def state(self, name: str) -> TrainingState:
        """The training of that name.

        Raises:
            UnknownTraining: there is none.
        """
        with self._lock:
            if name not in self._states:
                raise UnknownTraining(f"There is no training {name!r} since the service started. GET /v1/trainings.")
            return self._states[name]

    def cancel(self, name: str) -> TrainingState:
        """Stop a training that is running; one that has ended is left as it is.

        Raises:
            UnknownTraining: there is none of that name.
        """
        self.state(name)
        running = self._running
        if running is not None and running.name == name:
            running.stop()
            running.ended.wait()
        return self.state(name)

    def close(self) -> None:
        """Stop the training that is running. What it has read is kept in the store."""
        if running := self._running:
            running.stop()
            running.ended.wait(STOP_SECONDS)

    def _follow(self, running: "_Running") -> None:
        """Keep the state of the running training up to date until its process has ended."""
        end: dict[str, Any] = {
            "state": "failed",
            "error": WorkerEnded("The process that learnt has ended. It may need more memory than there is."),
        }
        try:
            while (heard := running.hear()) is not None:
                if "state" in heard:
                    end = heard
                    continue
                with self._lock:
                    self._states[running.name] = replace(self._states[running.name], **heard)
            running.clear()
            if running.stopped and end["state"] != "done":
                end = {"state": "done" if running.is_installed else "cancelled"}
        finally:
            with self._lock:
                self._states[running.name] = replace(self._states[running.name], **end)
                self._running = self._busy = None
            running.ended.set()
        log.info("training of %s: %s", running.name, end["state"])


class _Running:
    """The process of a training."""

    def __init__(self, order: Order, settings: Settings) -> None:
        self.name = order.name
        self._folder = settings.models_folder / order.name
        self.ended = threading.Event()
        self.stopped = False
        self._started = time.monotonic()
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_train, args=(order, settings, theirs), daemon=True, name="dateline-training"
        )
        self._process.start()
        theirs.close()

    def hear(self) -> dict[str, Any] | None:
        """What of the state has changed; None once the process has ended. Waits for it."""
        try:
            changes: dict[str, Any] = self._connection.recv()
        except (EOFError, OSError):
            return None
        return changes

    def seconds_left(self, state: TrainingState) -> int:
        """An estimate, from how fast it has read so far."""
        elapsed = time.monotonic() - self._started
        left = elapsed / state.done * (state.total - state.done) if state.done else FIRST_GUESS_SECONDS
        return max(1, round(left))

    @property
    def is_installed(self) -> bool:
        """Whether the model is there: it was stopped just after that."""
        return self._folder.is_dir()

    def stop(self) -> None:
        self.stopped = True
        self._process.terminate()
        self._process.join(STOP_SECONDS)
        self._process.kill()

    def clear(self) -> None:
        """Wait for the end of the process, and remove what it left half written."""
        self._process.join()
        if self._process.pid:
            shutil.rmtree(partial_folder(self._folder, self._process.pid), ignore_errors=True)


def _train(order: Order, settings: Settings, connection: Connection) -> None:
    """What the process does."""
    from service.teaching.train import Trainer  # which imports torch; the service itself does so when a model is loaded

    serve_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICENESS)

    def tell(**changes: Any) -> None:
        with suppress(OSError):  # the service has gone
            connection.send(changes)

    store = None
    try:
        store = Store(settings.store_url)
        inference = Inference(dtype=settings.dtype, engine=settings.engine)
        trainer = Trainer(settings.models_folder, store, inference, lambda done, total: tell(done=done, total=total))
        library = Library(store, SeedFolder(settings.seeds), follow=False)
        rows = order.rows if order.rows is not None else corrected_articles(library)
        training = trainer.train(rows, name=order.name, aim=order.aim, vocabulary=order.vocabulary)
        tell(state="done", report=training.report_fields())
    except expected() as error:
        tell(state="failed", error=sendable(error))
    except Exception as error:
        log.exception("the training of %s failed", order.name)
        tell(state="failed", error=sendable(error))
    finally:
        if store is not None:
            store.close()
