"""THE path from articles to results: look up, infer what is missing, store, answer in order. HTTP, the command line,
jobs and archives all come through here, always with a list. Knows nothing of HTTP."""

import hashlib
import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from models.types import (
    Document,
    Model,
    ModelInfo,
    Outcome,
    Sentence,
    Summary,
    SummaryOptions,
    Task,
    Topic,
    TopicsOptions,
    Work,
    as_fields,
)  # fmt: skip
from seeds.records import Article, check_text
from seeds.store import Result, Store, now
from service.admission import Cancellation, Schedules, Unscheduled, Urgency
from service.errors import ClientLeft, DeadlineExceeded, Overloaded, TooLarge, expected
from service.flights import Flights

RESULT_VERSION = 2
"""Raise it when the code's answers change for the same model and parameters."""
MAX_TITLE_CHARACTERS = 1_000
FLIGHT_SECONDS = 0.5
"""How often one that waits for another request's computation looks whether it is still wanted itself."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of every article: the model and the options of each task, None for a task not wanted."""

    summary_model: str | None = None
    summary: SummaryOptions = field(default_factory=SummaryOptions)
    topics_model: str | None = None
    topics: TopicsOptions = field(default_factory=TopicsOptions)

    def models(self) -> dict[Task, str]:
        """The model of each task that is wanted."""
        wanted: dict[Task, str] = {}
        if self.summary_model is not None:
            wanted["summary"] = self.summary_model
        if self.topics_model is not None:
            wanted["topics"] = self.topics_model
        return wanted

    def options(self, task: Task) -> SummaryOptions | TopicsOptions:
        return self.summary if task == "summary" else self.topics


@dataclass(frozen=True, slots=True)
class Digest:
    """What became of one article. `cached` says for each task whether the result was in the store; `provenance` holds
    the stored results themselves. With an error, the tasks that could not be done are None."""

    id: str | None
    summary: Summary | None = None
    topics: tuple[Topic, ...] | None = None
    cached: Mapping[Task, bool] = field(default_factory=dict)
    provenance: Mapping[Task, Result] = field(default_factory=dict)
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How the caller waits: how urgent it is, and what tells that nobody waits any more."""

    urgency: Urgency = Urgency.LIVE
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Everything but the content that makes a task's result."""

    task: Task
    model: Model
    provenance: dict[str, object]
    signature: str

    @classmethod
    def of(cls, task: Task, model: Model, options: SummaryOptions | TopicsOptions) -> "_Recipe":
        parameters = model.parameters(task, options)
        provenance = {**parameters, "engine": model.info.engine, "dtype": model.info.dtype}
        return cls(task, model, provenance, _signature(task, model.info, parameters))

    def content(self, article: Article) -> str:
        """The SHA-256 of what the task reads: the text, and for topics the title too."""
        read = [article.text] if self.task == "summary" or not article.title else [article.title, article.text]
        return _sha256(json.dumps(read, ensure_ascii=False))

    def key(self, article: Article) -> str:
        return _sha256(f"{self.signature} {self.content(article)}")


def _signature(task: Task, info: ModelInfo, parameters: Mapping[str, object]) -> str:
    """Everything but the content that goes into a key, as JSON."""
    parts = {
        "task": task,
        "model": info.id,
        "revision": info.revision,
        "engine": info.engine,
        "dtype": info.dtype,
        "parameters": parameters,
        "vocabulary": info.vocabulary if task == "topics" else None,
        "version": RESULT_VERSION,
    }
    return json.dumps(parts, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    result: Result
    cached: bool


class ModelSource(Protocol):
    """Gives models by id; `check` tells whether there is one without loading it."""

    def get(self, id: str) -> Model: ...

    def check(self, id: str) -> None: ...


class Digester:
    """Digests articles with models from `shelf`, keeping results in `store`. Safe to use from several threads.

    Args:
        shelf: gives a model by id; raises UnknownModel.
        scheduler: decides when a model runs; by default it runs at once.
        max_article_characters: a longer text is refused.
        max_followers: requests that may wait at once for what others compute.
    """

    def __init__(
        self,
        shelf: ModelSource,
        store: Store,
        *,
        scheduler: Schedules | None = None,
        max_article_characters: int = 400_000,
        max_followers: int = 1_000,
    ) -> None:
        self._followers = threading.BoundedSemaphore(max_followers)
        self._scheduler = scheduler or Unscheduled()
        self._shelf = shelf
        self._store = store
        self._max_characters = max_article_characters
        self._flights: Flights[_Answer] = Flights()

    def digest(self, articles: Sequence[Article], wanted: Wanted, *, waits: Waiting | None = None) -> list[Digest]:
        """One digest per article, in order. A bad article carries its error; the others are answered. Texts that occur
        twice, here or in another request under way, are computed once.

        Raises:
            UnknownModel, UnsupportedTask, InvalidOption, ModelCorrupt: what is wanted can be had for no article.
            StoreUnavailable, StoreCorrupt: results can be neither looked up nor kept.
            Overloaded: there is more work than can be done in time.
            ClientLeft: the caller stopped waiting.
        """
        recipes = [
            _Recipe.of(task, model, wanted.options(task))
            for task, model in ((task, self._shelf.get(id)) for task, id in wanted.models().items())
        ]
        errors = [self._refusal(article) for article in articles]
        keys = [
            {} if error else {recipe.task: recipe.key(article) for recipe in recipes}
            for article, error in zip(articles, errors, strict=True)
        ]
        makers: dict[str, tuple[_Recipe, Article]] = {}
        for article, own in zip(articles, keys, strict=True):
            for recipe in recipes:
                if recipe.task in own:
                    makers.setdefault(own[recipe.task], (recipe, article))
        answers = self._answers(makers, wanted, waits or Waiting())
        return [
            Digest(article.id, error=error) if error else _assemble(article, own, answers)
            for article, own, error in zip(articles, keys, errors, strict=True)
        ]

    def describe(self, wanted: Wanted) -> dict[Task, ModelInfo]:
        """What would be used: the model of each task.

        Raises:
            UnknownModel, UnsupportedTask, InvalidOption, ModelCorrupt: as `digest`.
        """
        models = {task: self._shelf.get(id) for task, id in wanted.models().items()}
        for task, model in models.items():
            model.parameters(task, wanted.options(task))
        return {task: model.info for task, model in models.items()}

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def with_store(self, store: Store) -> "Digester":
        """The same models, with results kept in another store."""
        return Digester(
            self._shelf, store, scheduler=self._scheduler, max_article_characters=self._max_characters,
        )  # fmt: skip

    def _refusal(self, article: Article) -> Exception | None:
        try:
            check_text(article.text)
            if article.title:
                check_text(article.title, what="The title")
                if len(article.title) > MAX_TITLE_CHARACTERS:
                    raise TooLarge(
                        f"The title has {len(article.title):,} characters; the limit is {MAX_TITLE_CHARACTERS:,}. Send "
                        "the headline as title and the article as text."
                    )
            if len(article.text) > self._max_characters:
                raise TooLarge(
                    f"The article has {len(article.text):,} characters; the limit is {self._max_characters:,}. "
                    "Send it in parts, or raise DATELINE_MAX_ARTICLE_CHARACTERS."
                )
        except expected() as error:
            return error
        return None

    def _answers(
        self, makers: Mapping[str, tuple[_Recipe, Article]], wanted: Wanted, waits: Waiting
    ) -> dict[str, _Answer | Exception]:
        """The answer of every key: from the store, from another request under way, or computed now."""
        mine, theirs = self._flights.claim(makers)
        answers: dict[str, _Answer | Exception] = {}
        try:
            answers |= {key: _Answer(result, cached=True) for key, result in self._store.find(mine).items()}
            answers |= self._compute({key: makers[key] for key in mine if key not in answers}, wanted, waits)
        except Exception as error:
            answers = dict.fromkeys(mine, error)
            raise
        finally:
            for key in mine:
                self._flights.land(key, answers.get(key) or RuntimeError("the computation was interrupted"))
        if theirs:
            answers |= self._follow(theirs, waits)
            again = {key: makers[key] for key in theirs if key not in answers}
            answers |= self._answers(again, wanted, waits) if again else {}
        return answers

    def _follow(self, flights: "Mapping[str, Future[_Answer]]", waits: Waiting) -> dict[str, _Answer | Exception]:
        """What other requests compute; without those that were given up for reasons of theirs.

        Raises:
            Overloaded: many wait like that already.
            ClientLeft: the caller stopped waiting.
        """
        if not self._followers.acquire(blocking=False):
            seconds = max(math.ceil(self._scheduler.waiting_seconds()), 1)
            raise Overloaded(
                "As many requests as may wait already wait for the same articles.",
                retry_after_seconds=seconds,
                waiting=len(flights),
            )
        try:
            answers: dict[str, _Answer | Exception] = {}
            for key, flight in flights.items():
                failure = _landed(flight, waits)
                if not isinstance(failure, (ClientLeft, Overloaded, DeadlineExceeded)):
                    answers[key] = failure if isinstance(failure, Exception) else flight.result()
            return answers
        finally:
            self._followers.release()

    def _compute(
        self, missing: Mapping[str, tuple[_Recipe, Article]], wanted: Wanted, waits: Waiting
    ) -> dict[str, _Answer | Exception]:
        """Infer what is missing, one pass per article and model, storing it batch by batch."""
        groups: dict[str, dict[Document, dict[str, _Recipe]]] = {}
        for key, (recipe, article) in missing.items():
            documents = groups.setdefault(recipe.model.info.id, {})
            documents.setdefault(Document(article.text, article.title), {})[key] = recipe
        tasks = [(_model(documents), _work(documents, wanted)) for documents in groups.values()]
        answers: dict[str, _Answer | Exception] = {}
        if not tasks:
            return answers
        with self._scheduler.admit(tasks, urgency=waits.urgency, cancellation=waits.cancellation) as place:
            for documents in groups.values():
                for batch in _batches(documents):
                    outcomes = place.run(_model(batch), _work(batch, wanted))
                    found = _answered(batch, outcomes)
                    self._store.save([answer.result for answer in found.values() if isinstance(answer, _Answer)])
                    answers |= found
        return answers


def _landed(flight: "Future[_Answer]", waits: Waiting) -> BaseException | None:
    """How another request's computation ended; given up when nobody waits for this one any more.

    Raises:
        ClientLeft: the caller stopped waiting.
    """
    while True:
        try:
            return flight.exception(timeout=FLIGHT_SECONDS)
        except TimeoutError:
            if waits.cancellation and waits.cancellation.cancelled:
                raise ClientLeft("The client left before its work was done.") from None


_Documents = Mapping[Document, Mapping[str, _Recipe]]
"""Documents to read, and for each the results wanted of it, by key; all of one model."""


def _model(documents: _Documents) -> Model:
    return next(recipe.model for by_key in documents.values() for recipe in by_key.values())


def _work(documents: _Documents, wanted: Wanted) -> list[Work]:
    tasks = [{recipe.task for recipe in by_key.values()} for by_key in documents.values()]
    return [
        Work(
            document,
            summary=wanted.summary if "summary" in asked else None,
            topics=wanted.topics if "topics" in asked else None,
        )
        for document, asked in zip(documents, tasks, strict=True)
    ]


def _answered(documents: _Documents, outcomes: Sequence[Outcome]) -> dict[str, _Answer | Exception]:
    made_at = now()
    return {
        key: outcome.error or _Answer(_result(key, recipe, document, outcome, made_at), cached=False)
        for (document, by_key), outcome in zip(documents.items(), outcomes, strict=True)
        for key, recipe in by_key.items()
    }


def _batches(documents: Mapping[Document, dict[str, _Recipe]]) -> Iterator[dict[Document, dict[str, _Recipe]]]:
    items = list(documents.items())
    size = _model(documents).info.batch_articles
    for start in range(0, len(items), size):
        yield dict(items[start : start + size])


def _assemble(article: Article, keys: Mapping[Task, str], answers: Mapping[str, _Answer | Exception]) -> Digest:
    found: dict[Task, _Answer] = {}
    error: Exception | None = None
    for task, key in keys.items():
        answer = answers[key]
        if isinstance(answer, _Answer):
            found[task] = answer
        else:
            error = answer
    return Digest(
        id=article.id,
        summary=_summary(found["summary"].result.value) if "summary" in found else None,
        topics=_topics(found["topics"].result.value) if "topics" in found else None,
        cached={task: answer.cached for task, answer in found.items()},
        provenance={task: answer.result for task, answer in found.items()},
        error=error,
    )


def _result(key: str, recipe: _Recipe, document: Document, outcome: Outcome, made_at: str) -> Result:
    info = recipe.model.info
    if recipe.task == "summary":
        assert outcome.summary is not None
        value: dict[str, object] = as_fields(outcome.summary)
        value["sentences"] = [as_fields(sentence) for sentence in outcome.summary.sentences]
    else:
        assert outcome.topics is not None
        value = {"topics": [as_fields(topic) for topic in outcome.topics]}
    return Result(
        key=key,
        task=recipe.task,
        content=recipe.content(Article(document.text, title=document.title)),
        model=info.id,
        revision=info.revision,
        parameters=recipe.provenance,
        vocabulary=info.vocabulary if recipe.task == "topics" else None,
        value=value,
        milliseconds=round(outcome.milliseconds, 3),
        created_at=made_at,
    )


def _summary(value: Mapping[str, Any]) -> Summary:
    sentences = tuple(Sentence(**sentence) for sentence in value["sentences"])
    return Summary(**{**value, "sentences": sentences})


def _topics(value: Mapping[str, Any]) -> tuple[Topic, ...]:
    return tuple(Topic(**topic) for topic in value["topics"])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
