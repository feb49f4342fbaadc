"""What HTTP requests and replies look like. The dataclasses inside stay as they are; this is their shape outside."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from models.types import Scoring, SummaryOptions, Task, TopicsOptions, Truncation
from models.types import Topic as ModelTopic
from seeds.records import SURROGATE, Article
from seeds.store import Result
from service.digest import Digest, Wanted
from service.errors import UNEXPECTED, InvalidRequest, problem_of


class Request(BaseModel):
    """Unknown fields are refused: a misspelt option would otherwise be ignored in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SummaryFields(Request):
    model: str | None = Field(None, description="Id of the model; the default when absent", examples=["news-minilm"])
    sentences: int | None = Field(None, description="At most so many sentences", ge=1, le=1000, strict=True)
    max_words: int | None = Field(None, description="At most so many words in all", ge=1, le=100_000, strict=True)
    truncation: Truncation = Field("chunk", description="What to do with an article longer than the model reads")
    min_words: int | None = Field(
        None, description="At least about so many words; for models that write", ge=1, le=10_000, strict=True
    )
    beams: int | None = Field(None, description="Width of the search; for models that write", ge=1, le=16, strict=True)

    def options(self) -> SummaryOptions:
        return SummaryOptions(
            sentences=self.sentences,
            max_words=self.max_words,
            truncation=self.truncation,
            min_words=self.min_words,
            beams=self.beams,
        )


class TopicsFields(Request):
    model: str | None = Field(None, description="Id of the model; the default when absent", examples=["news-minilm"])
    labels: list[str] = Field([], description="Your own labels, instead of the Media Topics")
    threshold: float | None = Field(None, description="Lowest score returned; the model's own per topic when absent")
    limit: int | None = Field(None, description="At most so many topics", ge=1, strict=True)
    scoring: Scoring | None = Field(
        None, description="How a pretrained classifier's logits become scores; its own way when absent"
    )
    multi_label: bool | None = Field(
        None, description="For zero-shot models: judge labels one by one (default), or let them compete"
    )
    template: str | None = Field(None, description="For zero-shot models: the sentence a label is put into, at {}")

    def options(self) -> TopicsOptions:
        return TopicsOptions(
            labels=tuple(self.labels),
            threshold=self.threshold,
            limit=self.limit,
            scoring=self.scoring,
            multi_label=self.multi_label,
            template=self.template,
        )


def _writable(id: str) -> str:
    if SURROGATE.search(id):
        raise ValueError("it holds an unpaired surrogate, which no reply can carry")
    return id


class ArticleFields(Request):
    id: Annotated[str, AfterValidator(_writable)] | None = Field(
        default=None, description="Comes back with the result", max_length=512, examples=["tsunami-drill"]
    )
    text: str = Field(description="The article, plain text; blank lines between paragraphs")
    title: str | None = Field(None, description="The headline; read for topics")

    def article(self) -> Article:
        title = self.title.strip() if self.title else None
        return Article(self.text, id=self.id, title=title or None)


class BadArticle(BaseModel):
    """Stands in a list for an article of the wrong form, so that the others are still answered."""

    id: str | None
    detail: str

    def digest(self) -> Digest:
        return Digest(self.id, error=InvalidRequest(self.detail))


def _tolerate(value: object, validate: ValidatorFunctionWrapHandler) -> "ArticleFields | BadArticle":
    try:
        return validate(value)  # type: ignore[no-any-return]
    except ValidationError as error:
        id = value.get("id") if isinstance(value, dict) else None
        readable = isinstance(id, str) and not SURROGATE.search(id)
        return BadArticle(id=id if readable else None, detail=describe(error.errors(), "article"))


class DigestRequest(Request):
    articles: list[Annotated[ArticleFields, WrapValidator(_tolerate)]] = Field(min_length=1, max_length=10_000)
    tasks: list[Task] = Field(["summary", "topics"], description="What is wanted", min_length=1)
    summary: SummaryFields = Field(default_factory=SummaryFields)  # type: ignore[arg-type]
    topics: TopicsFields = Field(default_factory=TopicsFields)  # type: ignore[arg-type]

    def wanted(self, *, summary_model: str, topics_model: str) -> Wanted:
        return Wanted(
            summary_model=(self.summary.model or summary_model) if "summary" in self.tasks else None,
            summary=self.summary.options(),
            topics_model=(self.topics.model or topics_model) if "topics" in self.tasks else None,
            topics=self.topics.options(),
        )


class SummariseRequest(SummaryFields):
    text: str = Field(description="The article, plain text")


class TagRequest(TopicsFields):
    text: str = Field(description="The article, plain text")
    title: str | None = Field(None, description="The headline, if there is one")


class Reply(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Sentence(Reply):
    text: str
    start: int | None = Field(description="Offset of the first character in the article; null where generated")
    end: int | None = Field(description="Offset after the last character")


class Summary(Reply):
    text: str
    sentences: list[Sentence]
    model: str
    revision: str
    input_tokens: int
    used_tokens: int
    truncated: bool


class Topic(Reply):
    qcode: str | None
    uri: str | None
    name: str
    score: float


class Topics(Reply):
    topics: list[Topic]


class Provenance(Reply):
    """What made a result, and when."""

    key: str
    content: str
    model: str
    revision: str
    parameters: dict[str, Any]
    vocabulary: str | None
    created_at: str
    milliseconds: float


class ProblemReply(BaseModel):
    """RFC 9457, with the detail again as `error` for clients that read that."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    error: str
    error_type: str


class DigestReply(Reply):
    id: str | None
    summary: Summary | None
    topics: list[Topic] | None
    cached: dict[Task, bool]
    provenance: dict[Task, Provenance]
    error: ProblemReply | None


class DigestReplies(Reply):
    results: list[DigestReply]


class ArticleReply(Reply):
    id: str
    date: str | None
    title: str | None
    text: str


class ArticleEntry(Reply):
    id: str


class ArticlePage(Reply):
    articles: list[ArticleEntry]
    total: int
    offset: int
    limit: int


class ModelEntry(Reply):
    id: str
    description: str
    tasks: list[Task]
    languages: list[str]
    licence: str
    repo: str | None = Field(description="The model's id on the hub, when it is not the id itself")
    ready: bool = Field(description="Whether it can be asked for now; if not, `dateline models pull` fetches it")
    default_for: list[Task]


class ModelList(Reply):
    models: list[ModelEntry]


class ConceptEntry(Reply):
    qcode: str
    uri: str
    name: str
    broader: str | None
    retired: str | None


class Vocabulary(Reply):
    release: str
    credit: str
    topics: list[ConceptEntry]


class Health(Reply):
    status: Literal["ok"]


def digest_reply(digest: Digest) -> DigestReply:
    return DigestReply(
        id=digest.id,
        summary=Summary.model_validate(digest.summary) if digest.summary else None,
        topics=None if digest.topics is None else topic_replies(digest.topics),
        cached=dict(digest.cached),
        provenance={task: provenance_reply(result) for task, result in digest.provenance.items()},
        error=problem_reply(digest.error) if digest.error else None,
    )


def topic_replies(topics: Sequence[ModelTopic]) -> list[Topic]:
    return [Topic.model_validate(topic) for topic in topics]


def provenance_reply(result: Result) -> Provenance:
    return Provenance.model_validate(result)


def problem_reply(error: Exception, *, instance: str | None = None) -> ProblemReply:
    problem = problem_of(error)
    detail = str(error) if problem is not UNEXPECTED else "Something failed inside; the log has the details."
    return ProblemReply(
        type=f"urn:dateline:problem:{problem.error_type}",
        title=problem.title,
        status=problem.status,
        detail=detail,
        instance=instance,
        error=detail,
        error_type=problem.error_type,
    )


def describe(errors: Sequence[Any], subject: str = "request") -> str:
    """What is wrong with a request, in one line."""
    told = []
    for error in errors[:3]:
        place = ".".join(str(part) for part in error["loc"] if part != "body") or subject
        if error["type"] == "json_invalid":
            told.append(f"it is not JSON ({error['ctx']['error']}, at character {error['loc'][-1]})")
        elif error["type"] == "extra_forbidden":
            told.append(f"{place!r} is not an option; /docs lists those there are")
        else:
            message = error["msg"][0].lower() + error["msg"][1:]
            told.append(f"{place}: {message}")
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return f"The {subject} cannot be read: " + "; ".join(told) + more + "."
