"""Actors on a Ray cluster. Each reads, digests and writes its own parts, so every machine must see the input and the
output under the same paths; the driver plans and puts together."""

from importlib import import_module
from typing import Any

from service.archive.plan import Task
from service.archive.workers import PARTS_AT_ONCE, Done, PartWorker, Setup
from service.errors import ExecutorUnavailable


class RayWorkers:
    """Actors; Ray starts one that is lost again, and tries its parts once more.

    ray.wait rather than ActorPool: the pool does not say which task an actor was lost with. Rather than Ray Data: a
    Dataset has no ordered parts to take up again.

    Args:
        address: of the cluster; None starts Ray on this machine.
        number: actors; each holds the models.
        gpus: what one actor is given, whole or a part.

    Raises:
        ExecutorUnavailable: Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(self, setup: Setup, *, address: str | None, number: int, gpus: float = 0) -> None:
        try:
            ray: Any = import_module("ray")
        except ModuleNotFoundError as error:
            raise ExecutorUnavailable(
                "The executor 'ray' is not installed. Run: pip install 'dateline[ray]'"
            ) from error
        self._ray = ray
        self._started = not ray.is_initialized()
        if self._started:
            try:
                ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ExecutorUnavailable(f"Ray at {address or 'this machine'!r} cannot be reached: {error}") from error
        options = {"num_cpus": 1, "num_gpus": gpus, "max_concurrency": PARTS_AT_ONCE}
        self._actor = ray.remote(max_restarts=-1, max_task_retries=1, **options)(_Actor)
        self._setup = setup
        self._actors = {number: self._actor.remote(setup) for number in range(number)}
        self._pending: dict[Any, tuple[Task, int]] = {}

    @property
    def capacity(self) -> int:
        return PARTS_AT_ONCE * len(self._actors)

    def describe(self) -> dict[str, Any]:
        done = self._result(self._actors[0].describe.remote())
        if isinstance(done, BaseException):
            raise done
        if done is None:
            raise ExecutorUnavailable("An actor ended while it started. Has every machine Dateline and enough memory?")
        return dict(done)

    def submit(self, task: Task) -> None:
        busy = [number for _, number in self._pending.values()]
        number = min(self._actors, key=busy.count)
        self._pending[self._actors[number].run.remote(task)] = (task, number)

    def next(self) -> Done:
        [reference], _ = self._ray.wait(list(self._pending), num_returns=1)
        task, _ = self._pending.pop(reference)
        return _done(task, self._result(reference))

    def alone(self, task: Task) -> Done:
        actor = self._ray.remote(max_restarts=0, num_cpus=0)(_Actor).remote(self._setup)
        try:
            return _done(task, self._result(actor.run.remote(task)))
        finally:
            self._ray.kill(actor)

    def close(self) -> None:
        for actor in self._actors.values():
            self._ray.kill(actor)
        if self._started:
            self._ray.shutdown()

    def _result(self, reference: Any) -> Any:
        """What a call returned, or the error it raised; None where its actor was lost."""
        from ray.exceptions import RayActorError, RayTaskError, WorkerCrashedError

        try:
            return self._ray.get(reference)
        except RayTaskError as error:
            return error.cause
        except (RayActorError, WorkerCrashedError):
            return None


def _done(task: Task, result: Any) -> Done:
    return Done(task, error=result) if isinstance(result, BaseException) else Done(task, result)


class _Actor:
    """What runs on the cluster."""

    def __init__(self, setup: Setup) -> None:
        self._worker = PartWorker(setup)

    def describe(self) -> dict[str, Any]:
        return self._worker.describe()

    def run(self, task: Task) -> Any:
        return self._worker.submit(task, lambda records: None).result()
