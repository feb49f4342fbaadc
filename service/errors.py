"""What the service refuses, and the one table from error to HTTP status.

ServiceError
├── InvalidRequest     a body or parameter of the wrong form
├── UnknownRoute       nothing stands at that address
├── MethodNotAllowed   something stands there, but takes another method
├── TooLarge           an article, list or body over a limit
├── NotReady           still starting, or already draining
├── Overloaded         more work waits than can be done in time
├── DeadlineExceeded   the work had not begun in time
├── ClientLeft         nobody waits for the answer any more
├── UnknownRun         there is no archive run of that name
├── UnknownTraining    there is no training of that name
├── ArchiveChanged     an archive run is not the one that its checkpoint belongs to
├── ExecutorUnavailable  what an archive was to run on is not there
├── OutputUnwritable   an archive's output cannot be written
├── WorkerEnded        a record ends the process that digests it
├── CannotListen       the address to serve on cannot be had
├── KeyMissing         no API key
└── KeyRefused         a wrong API key
"""

from dataclasses import dataclass

from models import errors as models
from seeds import errors as seeds


class ServiceError(Exception):
    """The service refuses the request."""


class InvalidRequest(ServiceError):
    """The request cannot be read."""


class UnknownRoute(ServiceError):
    """There is nothing at that address."""


class MethodNotAllowed(ServiceError):
    """The route takes another method."""


class TooLarge(ServiceError):
    """The request is over a limit."""


class NotReady(ServiceError):
    """The service cannot take work now."""


class Overloaded(ServiceError):
    """More work waits than can be done in time. `retry_after_seconds` is when it is worth trying again, `waiting` how
    many requests are in line."""

    def __init__(self, detail: str, *, retry_after_seconds: int, waiting: int) -> None:
        super().__init__(f"{detail} Try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds
        self.waiting = waiting


class DeadlineExceeded(ServiceError):
    """The work had not begun in time."""


class ClientLeft(ServiceError):
    """Nobody waits for the answer any more."""


class UnknownRun(ServiceError):
    """There is no such archive run."""


class UnknownTraining(ServiceError):
    """There is no such training."""


class ArchiveChanged(ServiceError):
    """The archive's output was begun from something else."""


class ExecutorUnavailable(ServiceError):
    """What an archive was to run on is not there."""


class OutputUnwritable(ServiceError):
    """An archive's output cannot be written."""


class WorkerEnded(ServiceError):
    """A record ends the process that digests it."""


class CannotListen(ServiceError):
    """The address cannot be listened on."""


class KeyMissing(ServiceError):
    """The request carries no API key."""


class KeyRefused(ServiceError):
    """The API key is not one of ours."""


@dataclass(frozen=True, slots=True)
class Problem:
    """How an error is told over HTTP. `error_type` is stable; clients may switch on it."""

    status: int
    error_type: str
    title: str


PROBLEMS: dict[type[Exception], Problem] = {
    models.ModelNotPulled: Problem(404, "model_not_pulled", "Model not pulled"),
    models.UnknownModel: Problem(404, "unknown_model", "Unknown model"),
    models.UnsupportedTask: Problem(422, "unsupported_task", "The model does not do this task"),
    models.InvalidOption: Problem(422, "invalid_option", "Invalid option"),
    models.UnreadableText: Problem(422, "unreadable_text", "Unreadable text"),
    models.UnsupportedLanguage: Problem(422, "unsupported_language", "The model does not know the language"),
    models.InputTooLong: Problem(422, "input_too_long", "Article too long for the model"),
    models.ServerFailed: Problem(502, "server_failed", "The server of the model failed"),
    models.NothingSupported: Problem(422, "nothing_supported", "Nothing is supported by the article"),
    models.ModelFailed: Problem(500, "model_failed", "The model failed"),
    models.NoSpace: Problem(503, "no_space", "The model does not fit"),
    models.ModelUnavailable: Problem(503, "model_unavailable", "Model unavailable"),
    models.ModelCorrupt: Problem(503, "model_corrupt", "Model files are damaged"),
    seeds.UnknownRecord: Problem(404, "unknown_article", "Unknown article"),
    seeds.UnreadableRecord: Problem(422, "unreadable_text", "Unreadable text"),
    seeds.NoRecords: Problem(404, "no_records", "No records"),
    seeds.ArticleExists: Problem(409, "article_exists", "Article exists"),
    seeds.InvalidQuery: Problem(422, "invalid_request", "Invalid request"),
    seeds.StoreUnavailable: Problem(503, "store_unavailable", "Result store unavailable"),
    seeds.StoreCorrupt: Problem(503, "store_corrupt", "Result store damaged"),
    InvalidRequest: Problem(422, "invalid_request", "Invalid request"),
    UnknownRoute: Problem(404, "unknown_route", "Unknown route"),
    MethodNotAllowed: Problem(405, "method_not_allowed", "Method not allowed"),
    TooLarge: Problem(413, "too_large", "Too large"),
    NotReady: Problem(503, "not_ready", "Not ready"),
    UnknownRun: Problem(404, "unknown_run", "Unknown archive run"),
    UnknownTraining: Problem(404, "unknown_training", "Unknown training"),
    ArchiveChanged: Problem(409, "archive_changed", "Archive changed"),
    ExecutorUnavailable: Problem(503, "executor_unavailable", "Executor unavailable"),
    OutputUnwritable: Problem(507, "output_unwritable", "Output cannot be written"),
    WorkerEnded: Problem(500, "worker_ended", "The worker ended"),
    Overloaded: Problem(429, "overloaded", "Overloaded"),
    DeadlineExceeded: Problem(504, "deadline_exceeded", "Deadline exceeded"),
    ClientLeft: Problem(499, "client_left", "Client left"),
    KeyMissing: Problem(401, "key_missing", "API key missing"),
    KeyRefused: Problem(403, "key_refused", "API key refused"),
}
UNEXPECTED = Problem(500, "internal_error", "Internal error")


def problem_of(error: Exception) -> Problem:
    """The table's entry for the error's class or the nearest class above it."""
    return next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), UNEXPECTED)


def problem_fields(error: Exception, *, instance: str | None = None) -> dict[str, object]:
    """The error as RFC 9457 has it, with the detail again as `error` for clients that read that. An unexpected error
    keeps its details to the log."""
    problem = problem_of(error)
    detail = str(error) if problem is not UNEXPECTED else "An internal error occurred; the log has the details."
    return {
        "type": f"urn:dateline:problem:{problem.error_type}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "instance": instance,
        "error": detail,
        "error_type": problem.error_type,
    }


def expected() -> tuple[type[Exception], ...]:
    """The roots of every error that is the caller's or the machine's, not a fault in the code."""
    return (models.ModelError, seeds.SeedError, ServiceError)
