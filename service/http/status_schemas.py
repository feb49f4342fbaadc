"""Replies about how the service fares, and about runs of archives."""

from typing import Any, Literal

from pydantic import Field

from models.options import Task
from service.http.schemas import Reply


class QueueStatus(Reply):
    requests: int = Field(description="Admitted and not answered")
    articles: int = Field(description="Queued or running")
    seconds: float = Field(description="Estimated time to do them")
    refused: int = Field(description="Requests refused with 429 since the start")


class TaskStatus(Reply):
    stored: int = Field(description="Results given from the store since the start")
    computed: int


class Status(Reply):
    version: str
    ready: bool
    fault: str | None
    up_seconds: float
    queue: QueueStatus
    tasks: dict[Task, TaskStatus]
    models: list[str] = Field(description="Loaded ones")
    paces: dict[str, float] = Field(description="Tokens a second, about, of each model that was measured")
    memory_bytes: int | None = Field(description="Of this process; null where the system does not say")
    articles: int | None = Field(
        description="Seed records, and articles that were sent to be kept; null where the store does not say"
    )


class RunCounts(Reply):
    records: int
    failed: int
    cached: int
    left_out: int
    duplicates: int = Field(description="Records that say nearly what an earlier one says, where they were looked for")
    skipped: dict[str, int] = Field(description="What was no record, by kind")
    kinds: dict[str, int] = Field(description="Failures, by type")
    topics: dict[str, int]
    months: dict[str, int] = Field(description="Media Topics by month of publication, as `2024-05 sport`")
    words: dict[str, int] = Field(description="Records by length")


class Run(Reply):
    """An archive run of the command line."""

    name: str = Field(description="Of its output")
    stage: Literal["running", "closing", "finished"] = Field(
        description="A run that was interrupted is `running` until the command is run again"
    )
    started_at: str
    inputs: list[str]
    models: dict[Task, str]
    counts: RunCounts
    output_bytes: int = Field(description="0 until it is finished")


class Runs(Reply):
    folder: bool = Field(description="Whether DATELINE_RUNS says where the runs are")
    runs: list[Run]


class RunFailure(Reply):
    record: int = Field(description="Among the output's rows; among its part's while the run goes on")
    place: str
    id: str
    error: dict[str, Any]


class RunFailures(Reply):
    failures: list[RunFailure]


class Health(Reply):
    status: Literal["ok"]
