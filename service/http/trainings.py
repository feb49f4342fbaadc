"""The routes of trainings, and the forms of their requests and replies."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from service.errors import InvalidRequest, TooLarge, problem_fields
from service.http.schemas import KeptArticleFields, Reply, Request, Written
from service.http.state import Running
from service.teaching.jobs import TrainingState
from service.teaching.rows import LabelledArticle

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])
Name = Annotated[str, Path(description="Of the model that is learnt")]


class LabelledFields(KeptArticleFields):
    labels: list[Written] = Field(
        description="Names, or codes of the vocabulary; none says that the article has none of the labels",
        max_length=200,
    )

    def row(self, number: int) -> LabelledArticle:
        return LabelledArticle(self.id or f"articles[{number}]", self.article(), frozenset(self.labels))


class TrainingRequest(Request):
    name: str = Field(description="Of the new model; it is asked for by it", max_length=200, examples=["desks"])
    articles: list[LabelledFields] = Field([], description="What to learn from", max_length=100_000)
    from_feedback: bool = Field(False, description="Learn from what was sent as feedback instead")
    vocabulary: str | None = Field(
        None, description="The labels are terms of this one, which was loaded", max_length=200
    )
    aim: str = Field("f1", description="What thresholds are chosen for: f1, precision=0.9, recall=0.8", max_length=40)


class Progress(Reply):
    done: int = Field(description="Articles read")
    total: int


class Training(Reply):
    """How a training stands."""

    name: str
    state: Literal["running", "done", "failed", "cancelled"]
    started_at: str
    progress: Progress
    report: dict[str, Any] | None = Field(description="What was learnt, as `dateline train topics --json` says it")
    error: dict[str, Any] | None = Field(description="Why it failed, as a problem")


class TrainingList(Reply):
    trainings: list[Training]


@router.post("", status_code=202)
async def train(request: TrainingRequest, service: Running, response: Response) -> Training:
    """Learn topics from labelled articles. It goes on beside the service, in a process of its own; one at a time. When
    it is done, the model of that name tags."""
    if bool(request.articles) == request.from_feedback:
        raise InvalidRequest("Send labelled articles to learn from, or from_feedback.")
    most = service.settings.max_article_characters
    for number, fields in enumerate(request.articles):
        if len(fields.text) > most:
            raise TooLarge(
                f"articles[{number}] has {len(fields.text):,} characters; the limit is {most:,}. Split it, or raise "
                "DATELINE_MAX_ARTICLE_CHARACTERS."
            )
    rows = [fields.row(number) for number, fields in enumerate(request.articles)] or None
    state = await run_in_threadpool(
        lambda: service.trainings.start(request.name, rows, aim=request.aim, vocabulary=request.vocabulary)
    )
    response.headers["Location"] = f"/v1/trainings/{state.name}"
    return _reply(state)


@router.get("")
async def trainings(service: Running) -> TrainingList:
    """The trainings since the service started, the latest first."""
    return TrainingList(trainings=[_reply(state) for state in service.trainings.states()])


@router.get("/{name}")
async def training(name: Name, service: Running) -> Training:
    """How one training stands."""
    return _reply(service.trainings.state(name))


@router.delete("/{name}")
async def cancel(name: Name, service: Running) -> Training:
    """Stop a training. One that has ended is left as it is, and so is its model."""
    return _reply(await run_in_threadpool(service.trainings.cancel, name))


def _reply(state: TrainingState) -> Training:
    return Training(
        name=state.name,
        state=state.state,
        started_at=state.started_at,
        progress=Progress(done=state.done, total=state.total),
        report=state.report,
        error=problem_fields(state.error) if isinstance(state.error, Exception) else None,
    )
