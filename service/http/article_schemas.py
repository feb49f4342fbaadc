"""Replies about the articles that are kept, their topics and results, and what readers corrected."""

from typing import Any

from pydantic import Field

from models.options import Task
from service.http.schemas import Provenance, Reply


class ArticleTopic(Reply):
    """A topic that an article is listed under."""

    name: str
    qcode: str | None
    score: float | None = Field(description="null where a reader chose the topic")


class CorrectionReply(Reply):
    """What a reader said the topics of an article are."""

    id: int
    article: str
    topics: list[ArticleTopic]
    who: str | None
    note: str | None
    created_at: str


class ArticleReply(Reply):
    id: str
    date: str | None
    title: str | None
    url: str | None = None
    language: str | None = None
    text: str


class ArticleEntry(Reply):
    id: str
    title: str | None
    opening: str = Field(description="How its text begins")
    date: str | None
    language: str | None
    topics: list[ArticleTopic] = Field(description="What it is listed under; empty until its digest was asked for")


class ArticlePage(Reply):
    articles: list[ArticleEntry]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last")
    total: int | None = Field(description="How many there are; null where that would have to be counted")


class Corrections(Reply):
    corrections: list[CorrectionReply]


class KeptResult(Reply):
    """A stored result of an article."""

    task: Task
    value: Any = Field(description="A summary object, or a list of topics")
    provenance: Provenance


class KeptResults(Reply):
    results: list[KeptResult]


class AddedArticles(Reply):
    articles: list[str] = Field(description="The ids, in the order of the request")
    added: int = Field(description="How many of them were not kept before")


class TopicCounts(Reply):
    months: dict[str, int] = Field(description="All articles by month, `2024-05`; empty where the day is not known")
    topics: dict[str, dict[str, int]] = Field(description="The same for each topic, by its name")
