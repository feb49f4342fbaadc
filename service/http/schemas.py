"""What HTTP requests and replies look like. Requests inherit the options as `models.options` declares them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from starlette.responses import Response

from models.options import SummaryOptions, Task, TopicsOptions
from seeds.records import SURROGATE, UNUSABLE_ID, Article
from service.digest import Digest, DigestOptions
from service.errors import InvalidRequest

NO_OTHER_FIELDS = ConfigDict(extra="forbid")
"""Unknown fields are refused: a misspelt option would otherwise be ignored in silence."""
MODEL = {"description": "Id of the model; the default when absent", "examples": ["news-minilm"]}
TEXT = {"description": "The article, plain text; blank lines between paragraphs"}
TITLE = {"description": "The headline, if there is one; read for topics"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFields(SummaryOptions):
    """How to summarise, and by which model."""

    __pydantic_config__: ClassVar[ConfigDict] = NO_OTHER_FIELDS
    model: str | None = field(default=None, metadata=MODEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicsFields(TopicsOptions):
    """How to tag, and by which model."""

    __pydantic_config__: ClassVar[ConfigDict] = NO_OTHER_FIELDS
    model: str | None = field(default=None, metadata=MODEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummariseRequest(SummaryFields):
    text: str = field(metadata=TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRequest(TopicsFields):
    text: str = field(metadata=TEXT)
    title: str | None = field(default=None, metadata=TITLE)


def summary_options(request: SummaryFields) -> SummaryOptions:
    """The options alone."""
    return SummaryOptions(**{entry.name: getattr(request, entry.name) for entry in fields(SummaryOptions)})


def topics_options(request: TopicsFields) -> TopicsOptions:
    """The options alone."""
    return TopicsOptions(**{entry.name: getattr(request, entry.name) for entry in fields(TopicsOptions)})


WARNINGS = "X-Dateline-Warnings"


class Request(BaseModel):
    model_config = NO_OTHER_FIELDS


def _writable(id: str) -> str:
    if SURROGATE.search(id):
        raise ValueError("it holds an unpaired surrogate, which no reply can carry")
    return id


def _one_line(written: str) -> str:
    """Without line breaks and needless spaces."""
    return _clean(" ".join(written.split()))


def _clean(written: str) -> str:
    if found := UNUSABLE_ID.search(written):
        raise ValueError(f"it holds the character U+{ord(found[0]):04X}, which no name holds; leave it out")
    return written


Written = Annotated[str, AfterValidator(_one_line), Field(max_length=512)]
"""A topic as people write it."""


def _addressable(id: str) -> str:
    if id in {".", ".."} or id.endswith(("/digest", "/results")):
        raise ValueError("no address can be made of it; choose another")
    return _clean(id)


def _existing(day: str) -> str:
    return date.fromisoformat(day).isoformat()


def content_id(article: Article) -> str:
    """An id for an article that has none: the same for the same title and text."""
    return hashlib.sha256(f"{article.title or ''}\0{article.text}".encode()).hexdigest()[:16]


class ArticleFields(Request):
    id: Annotated[str, AfterValidator(_writable)] | None = Field(
        default=None, description="Comes back with the result", max_length=512, examples=["tsunami-drill"]
    )
    text: str = Field(description=TEXT["description"])
    title: str | None = Field(None, description=TITLE["description"])
    language: str | None = Field(
        None, description="BCP 47 tag of the text's language; found from the text when absent", max_length=35,
        pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$", examples=["en"],
    )  # fmt: skip

    def article(self) -> Article:
        title = self.title.strip() if self.title else None
        return Article(self.text, id=self.id, title=title or None, language=self.language)


class KeptArticleFields(ArticleFields):
    id: Annotated[str, AfterValidator(_addressable)] | None = Field(
        default=None, description="One is made from title and text when absent", min_length=1, max_length=512
    )
    title: Annotated[str, AfterValidator(_one_line)] | None = Field(
        None, description=TITLE["description"], max_length=1_000
    )
    date: Annotated[str, AfterValidator(_existing)] | None = Field(
        None, description="Day of publication", pattern=r"^\d{4}-\d\d-\d\d$", examples=["2024-05-08"]
    )
    url: Annotated[str, AfterValidator(_clean)] | None = Field(None, max_length=4096)

    def article(self) -> Article:
        article = replace(super().article(), date=self.date, url=self.url)
        return article if article.id else replace(article, id=f"sent-{content_id(article)}")


class AddRequest(Request):
    articles: list[KeptArticleFields] = Field(min_length=1, max_length=10_000)


class ReadRequest(Request):
    text: str = Field(description=TEXT["description"])
    language: str | None = Field(None, description="BCP 47 tag; found from the text when absent", max_length=35)


class FeedbackRequest(Request):
    article: Annotated[str, AfterValidator(_clean)] = Field(description="Id of the article", max_length=512)
    topics: list[Written] = Field(description="What its topics are: qcodes of the vocabulary, or names", max_length=50)
    who: Annotated[str, AfterValidator(_one_line)] | None = Field(None, max_length=200)
    note: Annotated[str, AfterValidator(_one_line)] | None = Field(None, max_length=2_000)


class BadArticle(BaseModel):
    """Takes the place in a list of an article of the wrong form, so that the others are still answered."""

    id: str | None
    detail: str

    def digest(self) -> Digest:
        return Digest(self.id, error=InvalidRequest(self.detail))


def _tolerate(value: object, validate: ValidatorFunctionWrapHandler) -> "ArticleFields | BadArticle":
    try:
        return validate(value)  # type: ignore[no-any-return]  # pydantic's handler is not typed
    except ValidationError as error:
        id = value.get("id") if isinstance(value, dict) else None
        readable = isinstance(id, str) and not SURROGATE.search(id)
        return BadArticle(id=id if readable else None, detail=describe(error.errors(), "article"))


class DigestRequest(Request):
    articles: list[Annotated[ArticleFields, WrapValidator(_tolerate)]] = Field(min_length=1, max_length=10_000)
    tasks: list[Task] = Field(["summary", "topics"], description="What to make of each article", min_length=1)
    summary: SummaryFields = Field(default_factory=SummaryFields)
    topics: TopicsFields = Field(default_factory=TopicsFields)

    def digest_options(self, *, summary_model: str, topics_model: str) -> DigestOptions:
        """What is asked for, with the default models where the request names none."""
        return DigestOptions(
            summary_model=(self.summary.model or summary_model) if "summary" in self.tasks else None,
            summary=summary_options(self.summary),
            topics_model=(self.topics.model or topics_model) if "topics" in self.tasks else None,
            topics=topics_options(self.topics),
        )


class Reply(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Evidence(Reply):
    start: int = Field(description="Offset of a sentence of the article")
    end: int
    score: float = Field(description="How much it bears out the written one, from 0 to 1")


class Support(Reply):
    score: float = Field(description="The probability that the sentence is of this article; below 0.5 doubt it")
    evidence: list[Evidence] = Field(description="The sentences of the article that bear it out most, the best first")
    unfounded: list[str] = Field(description="Its numbers and names that occur nowhere in the article")


class Sentence(Reply):
    text: str
    start: int | None = Field(description="Offset of the first character in the article; null where generated")
    end: int | None = Field(description="Offset after the last character")
    support: Support | None = Field(None, description="Where the sentence was generated")


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
    language: str | None = Field(description="What the text was read as; `und` where that could not be told")
    warnings: list[str] = Field(description="What a reader of the answer should know")
    error: ProblemReply | None


class DigestReplies(Reply):
    results: list[DigestReply]


class ReadSentence(Reply):
    """A stretch of the text: `text[start:end]`, what it is, and its paragraph, counted from 0."""

    start: int
    end: int
    paragraph: int
    kind: str = Field(description="`prose` and `label` are read by models; docs/models.md lists the others")


class ReadText(Reply):
    language: str
    sentences: list[ReadSentence]


def warnings_header(warnings: Sequence[str]) -> str:
    """The warnings as a header carries them."""
    return "; ".join(warnings).encode("ascii", "replace").decode()


def json_response(content: str, *, warnings: Sequence[str] = ()) -> Response:
    """JSON text as it is, with what a reader should know in a header."""
    headers = {WARNINGS: warnings_header(warnings)} if warnings else None
    return Response(content.encode(), media_type="application/json", headers=headers)


def describe(errors: Sequence[Any], subject: str = "request") -> str:
    """What is wrong with a request, in one line."""
    reasons = []
    for error in errors[:3]:
        name = ".".join(str(part) for part in error["loc"] if part != "body") or subject
        if error["type"] == "json_invalid":
            reasons.append(f"it is not JSON ({error['ctx']['error']}, at character {error['loc'][-1]})")
        elif error["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            reasons.append(f"{name!r} is not an option; /docs lists those there are")
        else:
            message = error["msg"][0].lower() + error["msg"][1:]
            reasons.append(f"{name}: {message}")
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return f"The {subject} cannot be read: " + "; ".join(reasons) + more + "."
