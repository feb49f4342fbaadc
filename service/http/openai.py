"""OpenAI's wire: what readers and bookmark managers speak. They get tags or a summary of the article in their messages,
made and kept like every other result; everything else is refused."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from models.catalog import list_models
from models.errors import ModelError, UnknownModel
from models.options import MAX_LABELS, SummaryOptions, Task, TopicsOptions
from models.parameters import TOKENS_PER_WORD
from models.text.language import UNKNOWN
from models.tokens import count_tokens
from models.types import ModelInfo, Topic
from seeds.records import Article
from service.chat.answer import written
from service.chat.asked import Asked, read
from service.digest import Digest, DigestOptions
from service.errors import InvalidRequest
from service.http.model_schemas import ModelCard, ModelEntry
from service.http.schemas import WARNINGS, warnings_header
from service.http.state import Running, Service
from service.teaching.folders import own_folders

LABELLER = "news-minilm"
"""Scores tags that a client names, where the model of topics has its own list."""
CHUNK = 400
"""Characters of a streamed piece."""

router = APIRouter(prefix="/v1", tags=["openai"])


class Message(BaseModel):
    role: str
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """What it says in words; pictures are passed over."""
        if isinstance(self.content, list):
            return "\n".join(str(part.get("text", "")) for part in self.content if part.get("type") == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """What Dateline reads of a request; sampling and the like mean nothing to it and are passed over."""

    model_config = ConfigDict(extra="allow")

    messages: list[Message] = Field(min_length=1)
    model: str | None = Field(None, description="A model of Dateline's; any other name stands for the defaults")
    response_format: dict[str, Any] | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int | None = Field(None, le=1, ge=1, description="There is one answer")
    stream: bool | None = None
    stream_options: StreamOptions | None = None


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str


class ErrorReply(BaseModel):
    """An error, in the form that OpenAI's clients read."""

    error: ErrorDetail


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A chat.completion, or its chunks where `stream` is asked for",
        "content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}},
    },
    422: {"description": "Never: what cannot be understood is answered 400", "model": ErrorReply},
    "default": {"description": "Problem", "model": ErrorReply},
}


@router.post("/chat/completions", response_model=None, responses=ANSWERS)
async def chat(request: ChatRequest, service: Running, client: Request) -> Response:
    """Tags or a summary of the article in the messages, on OpenAI's wire.

    The article stands between marks (`<article>`, `<TEXT_CONTENT>`, …), behind `Content:`, or is the longest user
    message. A JSON schema, or the words of the prompt, say whether tags or a summary is wanted; an `enum` lists tags.
    """
    asked = read(
        [(message.role, message.text) for message in request.messages],
        response_format=request.response_format or {}, tools=request.tools or (), tool_choice=request.tool_choice,
    )  # fmt: skip
    digest, best = await _digest(service, asked, request, client)
    content = written(asked, digest.summary, digest.topics or (), best)
    prompt = sum(count_tokens(message.text) for message in request.messages)
    made_by = next(iter(digest.results.values())).model
    reply = _reply(request.model or made_by, content, asked.tool, prompt=prompt)
    headers = _headers(asked, digest)
    if request.stream:
        usage = bool(request.stream_options and request.stream_options.include_usage)
        return StreamingResponse(_events(reply, usage=usage), media_type="text/event-stream", headers=headers)
    return JSONResponse(reply, headers=headers)


@router.get("/models/{model_id:path}")
async def model(model_id: Annotated[str, Path()], service: Running) -> ModelCard:
    """One model, as OpenAI's clients ask for it."""
    entries = await run_in_threadpool(
        lambda: list_models(service.settings.models_folder, servers=service.settings.engines)
    )
    if not any(model_id in (entry.id, entry.repo) for entry in entries):
        await service.model_info(model_id)  # says that there is none
    return ModelCard(id=model_id)


async def _digest(service: Service, asked: Asked, request: ChatRequest, client: Request) -> tuple[Digest, Topic | None]:
    """The digest of the article, and the surest of all allowed tags where exactly one is wanted."""
    summary_model = topics_model = None
    topics = TopicsOptions()
    if asked.wants_summary:
        summary_model = await _model(service, request.model, "summary") or service.settings.summary_model
    if asked.wants_tags:
        chosen = await _model(service, request.model, "topics") or service.settings.topics_model
        topics_model, topics = await _tagger(service, chosen, asked.allowed)
    options = DigestOptions(summary_model, _summary_options(asked, request), topics_model, topics)
    article = Article(asked.article.text, title=asked.article.title)
    digest = await service.digest_one(article, options, client=client)
    if not asked.wants_one_tag:
        return digest, None
    all_scored = DigestOptions(topics_model=topics_model, topics=TopicsOptions(labels=topics.labels, threshold=0.0))
    scored = (await service.digest_one(article, all_scored, client=client)).topics or ()
    return digest, max(scored, key=lambda topic: topic.score, default=None)


async def _model(service: Service, name: str | None, task: Task) -> str | None:
    """The model that the request names, if it is one of Dateline's that does the task: clients send names of others.

    Raises:
        ModelNotPulled, ModelCorrupt: it is one of Dateline's, and cannot be asked.
    """
    try:
        return name if name and task in (await service.model_info(name)).tasks else None
    except UnknownModel:
        return None


async def _tagger(service: Service, chosen: str, allowed: tuple[str, ...]) -> tuple[str, TopicsOptions]:
    """The model for a list of tags: one that was trained on just these, else one that takes labels."""
    if not allowed:
        return chosen, TopicsOptions()
    if len(allowed) > MAX_LABELS:
        raise InvalidRequest(
            f"{len(allowed):,} tags are allowed; at most {MAX_LABELS} can be matched at once. Load them as a "
            "vocabulary (`dateline vocabulary load`) and name it as the model."
        )
    info = await service.model_info(chosen)
    trained = await run_in_threadpool(_trained_on, service, info, allowed)
    if trained:
        return trained, TopicsOptions()
    return (chosen if info.takes_labels else LABELLER), TopicsOptions(labels=allowed)


def _trained_on(service: Service, chosen: ModelInfo, allowed: tuple[str, ...]) -> str | None:
    """A model of one's own whose topics are these tags: the one that was named, or any that was trained."""
    for folder in own_folders(service.settings.models_folder):
        try:
            card = service.card(folder.name)
        except ModelError:  # who asks for that model is told; others are not held up by it
            continue
        if set(card.names) == set(allowed) and (card.method != "names" or folder.name == chosen.id):
            return folder.name
    return None


def _summary_options(asked: Asked, request: ChatRequest) -> SummaryOptions:
    tokens = request.max_completion_tokens or request.max_tokens
    limits = [asked.words, max(int(tokens / TOKENS_PER_WORD), 1) if tokens else None]
    words = min((limit for limit in limits if limit), default=None)
    if words is not None and asked.words is None and words >= 200:
        words = None  # room that a client leaves for any model is no wish for a long summary
    return SummaryOptions(sentences=asked.sentences, max_words=words)


def _headers(asked: Asked, digest: Digest) -> dict[str, str]:
    """What was understood, what made it, and what could not be honoured."""
    understood = [name for name, wanted in (("tags", asked.wants_tags), ("summary", asked.wants_summary)) if wanted]
    made_by = [f"{result.model}@{result.revision}" for result in digest.results.values()]
    warnings = list(digest.warnings)
    if asked.language and digest.language not in (asked.language, UNKNOWN, None):
        warnings.append(f"the answer is in the language of the article ({digest.language}), not in {asked.language}")
    headers = {"X-Dateline-Understood": ", ".join(understood), "X-Dateline-Model": ", ".join(made_by)}
    if warnings:
        headers[WARNINGS] = warnings_header(warnings)
    return headers


def _reply(model: str, content: str, tool: str | None, *, prompt: int) -> dict[str, Any]:
    completion = count_tokens(content)
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
    if tool is not None:
        call = {
            "id": f"call_{uuid.uuid4().hex[:24]}",
            "type": "function",
            "function": {"name": tool, "arguments": content},
        }
        message |= {"content": None, "tool_calls": [call]}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if tool else "stop"}
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
        "system_fingerprint": None,
    }


def _events(reply: dict[str, Any], *, usage: bool) -> Iterator[str]:
    """The reply as server-sent events: it is whole before the first is sent."""
    common = {
        "id": reply["id"],
        "object": "chat.completion.chunk",
        "created": reply["created"],
        "model": reply["model"],
    }
    [choice] = reply["choices"]
    message = choice["message"]

    def event(delta: dict[str, Any], reason: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
        return f"data: {json.dumps({**common, 'choices': choices}, ensure_ascii=False)}\n\n"

    yield event({"role": "assistant", "content": "" if message["content"] is not None else None})
    if message["content"] is None:
        yield event({"tool_calls": [{"index": 0, **call} for call in message["tool_calls"]]})
    else:
        for start in range(0, len(message["content"]), CHUNK):
            yield event({"content": message["content"][start : start + CHUNK]})
    yield event({}, choice["finish_reason"])
    if usage:
        yield f"data: {json.dumps({**common, 'choices': [], 'usage': reply['usage']})}\n\n"
    yield "data: [DONE]\n\n"


def listed(entries: list[ModelEntry]) -> list[ModelCard]:
    """The models as OpenAI's clients list them."""
    return [ModelCard(id=entry.id) for entry in entries if entry.ready]
