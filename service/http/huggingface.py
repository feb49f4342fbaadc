"""Routes that speak the Hugging Face task schema, so that `huggingface_hub.InferenceClient` and what is built on it can
use Dateline as it is."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from models.options import SummaryOptions, TopicsOptions, Truncation
from models.parameters import TOKENS_PER_WORD
from models.types import ModelInfo
from seeds.records import Article
from service import __version__
from service.digest import Digest, DigestOptions
from service.errors import InvalidRequest, TooLarge
from service.http.schemas import WARNINGS, warnings_header
from service.http.state import Running, Service

TaskName = Literal["summarization", "text-classification", "zero-shot-classification"]
ModelId = Annotated[str, Path(description="A preset, or the id of a model that was pulled")]

router = APIRouter(prefix="/models", tags=["hugging face"])


class GenerateParameters(BaseModel):
    """Limits in tokens become limits in words. Sampling is refused: a result that is kept must be repeatable."""

    model_config = ConfigDict(extra="forbid")

    max_new_tokens: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=1)
    min_new_tokens: int | None = Field(default=None, ge=0)
    min_length: int | None = Field(default=None, ge=0)
    num_beams: int | None = Field(default=None, ge=1)
    do_sample: Literal[False] | None = None


GENERATE_NAMES = set(GenerateParameters.model_fields)


class Parameters(GenerateParameters):
    """The parameters of all three tasks; each task refuses those of the others. Those of generation may stand here too,
    as many scripts for the hosted API have them."""

    generate_parameters: GenerateParameters | None = None
    truncation: Literal["do_not_truncate", "longest_first", "only_first", "only_second"] | None = None
    clean_up_tokenization_spaces: bool | None = None
    top_k: int | None = Field(default=None, ge=1)
    function_to_apply: Literal["sigmoid", "softmax", "none"] | None = None
    candidate_labels: list[str] | None = Field(default=None, min_length=1)
    multi_label: bool | None = None
    hypothesis_template: str | None = None


class TaskRequest(BaseModel):
    inputs: str | list[str]
    parameters: Parameters | None = None
    options: dict[str, Any] | None = Field(
        default=None, description="Accepted and ignored: caching and waiting are ours"
    )


class SummaryText(BaseModel):
    summary_text: str
    input_tokens: int
    used_tokens: int
    truncated: bool


class Scored(BaseModel):
    label: str
    score: float


class Info(BaseModel):
    """What serves a model, in the words of text-embeddings-inference's /info."""

    model_id: str
    model_sha: str
    model_dtype: str
    engine: str
    tasks: list[TaskName]
    max_input_length: int | None
    languages: list[str]
    licence: str
    version: str


@router.post("/{model_id:path}")
async def run(
    model_id: ModelId,
    request: TaskRequest,
    service: Running,
    client: Request,
    response: Response,
    task: Annotated[
        TaskName | None, Query(description="For a model that does several, where no parameter tells which")
    ] = None,
) -> list[SummaryText] | list[list[Scored]] | list[Scored]:
    """One of the tasks summarization, text-classification and zero-shot-classification, as the model does it."""
    info = await service.model_info(model_id)
    parameters = request.parameters or Parameters()
    chosen = task or _task(info, parameters)
    texts = [request.inputs] if isinstance(request.inputs, str) else request.inputs
    if len(texts) > service.settings.max_articles:
        raise TooLarge(f"{len(texts):,} inputs were sent; the limit is {service.settings.max_articles:,}.")
    if chosen == "summarization":
        options = DigestOptions(summary_model=model_id, summary=_summary_options(parameters))
        digests = await _digests(service, texts, options, client)
        if warnings := dict.fromkeys(warning for digest in digests for warning in digest.warnings):
            response.headers[WARNINGS] = warnings_header(list(warnings))
        return [_summary_text(digest) for digest in digests]
    if chosen == "zero-shot-classification" and len(texts) != 1:
        raise InvalidRequest("Zero-shot classification takes one text in 'inputs'. Send the others by themselves.")
    options = DigestOptions(topics_model=model_id, topics=_topics_options(parameters, chosen, info))
    scored = [_scored(digest, info) for digest in await _digests(service, texts, options, client)]
    return scored[0] if chosen == "zero-shot-classification" else scored


@router.get("/{model_id:path}/health")
async def health(model_id: ModelId, service: Running) -> dict[str, str]:
    """The model is here and can be asked. It is not loaded for that: a probe must not drive others out of memory."""
    await service.model_info(model_id)
    return {"status": "ok"}


@router.get("/{model_id:path}/info")
async def info(model_id: ModelId, service: Running) -> Info:
    """What the model is. It is not loaded for that."""
    info = await service.model_info(model_id)
    return Info(
        model_id=info.id,
        model_sha=info.revision,
        model_dtype=info.dtype,
        engine=info.engine,
        tasks=_tasks(info),
        max_input_length=info.max_input_tokens,
        languages=list(info.languages),
        licence=info.licence,
        version=__version__,
    )


def _tasks(info: ModelInfo) -> list[TaskName]:
    tasks: list[TaskName] = ["summarization"] if "summary" in info.tasks else []
    if "topics" in info.tasks:
        if not info.reads_per_label:
            tasks.append("text-classification")
        if info.takes_labels:
            tasks.append("zero-shot-classification")
    return tasks


def _task(info: ModelInfo, parameters: Parameters) -> TaskName:
    """The task that the parameters belong to, or else the one that the model does.

    Raises:
        InvalidRequest: the model does several, and nothing says which is meant.
    """
    sent = {name for name, value in parameters if value is not None}
    if "candidate_labels" in sent:
        return "zero-shot-classification"
    if sent & {"top_k", "function_to_apply"}:
        return "text-classification"
    if sent & (GENERATE_NAMES | {"generate_parameters", "truncation", "clean_up_tokenization_spaces"}):
        return "summarization"
    tasks = _tasks(info)
    if len(tasks) > 1:
        raise InvalidRequest(
            f"Model {info.id!r} does {', '.join(tasks)}, and the request does not say which is wanted. Add it "
            f"to the URL: ?task={tasks[0]}"
        )
    return tasks[0]


def _summary_options(parameters: Parameters) -> SummaryOptions:
    takes = {"generate_parameters", "truncation", "clean_up_tokenization_spaces"}
    _refuse(parameters, "summarization", takes | GENERATE_NAMES)
    flat = {name: getattr(parameters, name) for name in GENERATE_NAMES if getattr(parameters, name) is not None}
    limits = (parameters.generate_parameters or GenerateParameters()).model_copy(update=flat)
    cut: Truncation = "chunk" if parameters.truncation in (None, "do_not_truncate") else "truncate"
    return SummaryOptions(
        max_words=_words(limits.max_new_tokens or limits.max_length),
        min_words=_words(limits.min_new_tokens or limits.min_length),
        beams=limits.num_beams,
        truncation=cut,
    )


def _topics_options(parameters: Parameters, task: TaskName, info: ModelInfo) -> TopicsOptions:
    if task == "text-classification":
        _refuse(parameters, task, {"top_k", "function_to_apply"})
        return TopicsOptions(
            threshold=None if parameters.function_to_apply == "none" else 0.0,
            limit=parameters.top_k or 1_000,
            scoring=parameters.function_to_apply,
        )
    _refuse(parameters, task, {"candidate_labels", "multi_label", "hypothesis_template"})
    if not parameters.candidate_labels:
        raise InvalidRequest("Zero-shot classification needs the labels: send parameters.candidate_labels.")
    return TopicsOptions(
        labels=tuple(parameters.candidate_labels),
        # The client always sends multi_label, by default false; a model that scores by relatedness has only one way.
        multi_label=bool(parameters.multi_label) if info.reads_per_label else None,
        template=parameters.hypothesis_template,
    )


def _refuse(parameters: Parameters, task: TaskName, takes: set[str]) -> None:
    foreign = sorted(parameters.model_fields_set - takes - {name for name, value in parameters if value is None})
    if foreign:
        raise InvalidRequest(f"{task} does not take {', '.join(foreign)}; it takes {', '.join(sorted(takes))}.")


def _words(tokens: int | None) -> int | None:
    return max(int(tokens / TOKENS_PER_WORD), 1) if tokens else None


async def _digests(service: Service, texts: list[str], options: DigestOptions, client: Request) -> list[Digest]:
    digests = await service.digest([Article(text) for text in texts], options, client=client)
    for digest in digests:
        if digest.error:
            raise digest.error
    return digests


def _summary_text(digest: Digest) -> SummaryText:
    summary = digest.summary
    assert summary is not None
    return SummaryText(
        summary_text=summary.text,
        input_tokens=summary.input_tokens,
        used_tokens=summary.used_tokens,
        truncated=summary.truncated,
    )


def _scored(digest: Digest, info: ModelInfo) -> list[Scored]:
    """Under the model's own labels, as its other clients know them."""
    return [Scored(label=info.labels.get(topic.name, topic.name), score=topic.score) for topic in digest.topics or ()]
