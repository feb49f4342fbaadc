"""The one path from articles to results: look up, submit what is missing, answer in order. HTTP, the command line and
archives all come through here, always with a list."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from models.errors import ModelCorrupt, ModelUnavailable, ServerFailed, UnsupportedLanguage
from models.options import Options, SummaryOptions, Task, TopicsOptions
from models.text.language import knows, language_of
from models.types import Document, Evidence, ModelInfo, Sentence, Summary, Support, Topic
from seeds.errors import StoreError
from seeds.records import Article, check_text
from seeds.store import Result, Store
from service.errors import ClientLeft, TooLarge, expected, problem_fields
from service.keys import ResultSpec
from service.queue.inline import Inline
from service.queue.job import Job, Ticket, Urgency
from service.queue.worker import Models

MAX_TITLE_CHARACTERS = 1_000
LanguagePolicy = Literal["warn", "refuse"]
FOR_EVERY_ARTICLE = (StoreError, ModelUnavailable, ModelCorrupt, ServerFailed, ClientLeft)
"""Errors that no article is the reason for: they are raised for the whole request."""


@dataclass(frozen=True, slots=True)
class DigestOptions:
    """What is asked of every article: the model and the options of each task; a task without a model is not asked
    for."""

    summary_model: str | None = None
    summary: SummaryOptions = field(default_factory=SummaryOptions)
    topics_model: str | None = None
    topics: TopicsOptions = field(default_factory=TopicsOptions)

    def models(self) -> dict[Task, str]:
        """The model of each task that is asked for."""
        models: dict[Task, str | None] = {"summary": self.summary_model, "topics": self.topics_model}
        return {task: id for task, id in models.items() if id is not None}

    def of(self, task: Task) -> Options:
        return self.summary if task == "summary" else self.topics


@dataclass(frozen=True, slots=True)
class Digest:
    """The results of one article by task; `cached` says for each whether it was in the store. With an error, the tasks
    that could not be done are missing. `language` is what the text was read as; `warnings` are for who reads the
    answer."""

    id: str | None
    results: Mapping[Task, Result] = field(default_factory=dict)
    cached: Mapping[Task, bool] = field(default_factory=dict)
    error: Exception | None = None
    language: str | None = None
    warnings: Sequence[str] = ()

    @property
    def summary(self) -> Summary | None:
        if "summary" not in self.results:
            return None
        fields = json.loads(self.results["summary"].value)
        return Summary(**{**fields, "sentences": tuple(map(_sentence, fields["sentences"]))})

    @property
    def topics(self) -> tuple[Topic, ...] | None:
        if "topics" not in self.results:
            return None
        return tuple(Topic(**topic) for topic in json.loads(self.results["topics"].value))

    def to_json(self) -> str:
        """The digest as HTTP and the command line give it; stored results are put in as they are."""
        values = {task: self.results[task].value if task in self.results else "null" for task in ("summary", "topics")}
        provenance = ",".join(f'"{task}":{_provenance_json(result)}' for task, result in self.results.items())
        error = json.dumps(problem_fields(self.error), ensure_ascii=False) if self.error else "null"
        return (
            f'{{"id":{json.dumps(self.id, ensure_ascii=False)},"summary":{values["summary"]},'
            f'"topics":{values["topics"]},"cached":{json.dumps(dict(self.cached))},'
            f'"provenance":{{{provenance}}},"language":{json.dumps(self.language)},'
            f'"warnings":{json.dumps(list(self.warnings), ensure_ascii=False)},"error":{error}}}'
        )


def _sentence(fields: Mapping[str, Any]) -> Sentence:
    found = fields.get("support")
    if found is None:
        return Sentence(fields["text"], fields["start"], fields["end"])
    evidence = tuple(Evidence(**entry) for entry in found["evidence"])
    support = Support(found["score"], evidence, tuple(found["unfounded"]))
    return Sentence(fields["text"], fields["start"], fields["end"], support)


class Runner(Protocol):
    """Runs jobs: `queue.Worker` for many requests at once, `queue.Inline` at once in the caller's thread."""

    def submit(self, jobs: Sequence[Job], *, urgency: Urgency = Urgency.LIVE) -> Ticket: ...

    def leave(self, ticket: Ticket) -> None: ...


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of what is asked for of one article, and what prevents the rest."""

    article: Article
    keys: Mapping[Task, str]
    error: Exception | None = None


class PendingDigests:
    """The digests of one request. `future` is done when every one of them is."""

    def __init__(
        self,
        articles: Sequence[_Keys],
        specs: Mapping[Task, ResultSpec],
        stored: Mapping[str, Result],
        ticket: Ticket,
        runner: Runner,
    ) -> None:
        self.future: Future[None] = ticket.future
        self._specs = specs
        self._articles = articles
        self._stored = stored
        self._ticket = ticket
        self._runner = runner

    def result(self) -> list[Digest]:
        """One digest per article, in order; waits for them.

        Raises:
            StoreError, ModelUnavailable, ModelCorrupt: no article could be digested.
            ClientLeft: the caller stopped waiting, or the service is stopping.
        """
        self.future.result()
        computed: dict[str, Result | Exception] = {}
        for job in self._ticket.jobs:
            error = job.future.exception()
            if isinstance(error, FOR_EVERY_ARTICLE):
                raise error
            if isinstance(error, Exception):
                computed |= dict.fromkeys(job.specs, error)
            else:
                computed |= job.future.result()
        return [self._digest(article, computed) for article in self._articles]

    def leave(self) -> None:
        """Nobody waits any more: what has not begun is not done for this request."""
        self._runner.leave(self._ticket)

    def _digest(self, article: _Keys, computed: Mapping[str, Result | Exception]) -> Digest:
        results: dict[Task, Result] = {}
        error = article.error
        for task, key in article.keys.items():
            result = self._stored.get(key) or computed[key]
            if isinstance(result, Exception):
                error = result
            else:
                results[task] = result
        cached = {task: article.keys[task] in self._stored for task in results}
        language = next((json.loads(result.parameters).get("language") for result in results.values()), None)
        warnings = [
            unsupported(self._specs[task].info, language)
            for task in results
            if language and not knows(self._specs[task].info.languages, language)
        ]
        warnings += [result.warning for result in results.values() if result.warning]
        return Digest(article.article.id, results, cached, error, language, tuple(dict.fromkeys(warnings)))


class Digester:
    """Digests articles, keeping results in `store`. Safe to use from several threads.

    Args:
        models: gives models by id; raises UnknownModel.
        runner: runs what is missing; by default at once, in the caller's thread.
        max_article_characters: a longer text is refused.
        language_policy: what becomes of a text in a language that the model does not know: it is answered with a
            warning, or refused.
    """

    def __init__(
        self,
        models: Models,
        store: Store,
        *,
        runner: Runner | None = None,
        max_article_characters: int = 400_000,
        language_policy: LanguagePolicy = "warn",
    ) -> None:
        self._models = models
        self._store = store
        self._runner = runner or Inline(models, store)
        self._max_characters = max_article_characters
        self._refuses_languages = language_policy == "refuse"

    def ask(
        self, articles: Sequence[Article], options: DigestOptions, *, urgency: Urgency = Urgency.LIVE
    ) -> PendingDigests:
        """Look up what is stored, and submit the rest. A bad article carries its error; the others are answered. Texts
        that occur twice, here or in another request under way, are computed once.

        Raises:
            UnknownModel, UnsupportedTask, InvalidOption, ModelCorrupt: what is asked for can be had for no article.
            StoreUnavailable, StoreCorrupt: results can be neither looked up nor kept.
            Overloaded, TooLarge: there is more work than can be done in time.
        """
        specs = self._specs(options)
        keyed = [self._keys(article, specs) for article in articles]
        stored = self._store.find([key for article in keyed for key in article.keys.values()])
        if self._refuses_languages:
            keyed = [_refused(article, specs) for article in keyed]
        jobs = _jobs(keyed, specs, stored)
        return PendingDigests(keyed, specs, stored, self._runner.submit(jobs, urgency=urgency), self._runner)

    def describe(self, options: DigestOptions) -> dict[Task, ModelInfo]:
        """What would be used: the model of each task.

        Raises:
            UnknownModel, UnsupportedTask, InvalidOption, ModelCorrupt: as `ask`.
        """
        return {task: spec.info for task, spec in self._specs(options).items()}

    def with_store(self, store: Store) -> "Digester":
        """The same models, run at once, with results kept in another store."""
        policy: LanguagePolicy = "refuse" if self._refuses_languages else "warn"
        return Digester(self._models, store, max_article_characters=self._max_characters, language_policy=policy)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _specs(self, options: DigestOptions) -> dict[Task, ResultSpec]:
        return {
            task: ResultSpec.of(task, self._models.info(id), options.of(task)) for task, id in options.models().items()
        }

    def _keys(self, article: Article, specs: Mapping[Task, ResultSpec]) -> _Keys:
        """The keys of an article; none where its text cannot be read, none for topics where its title cannot."""
        try:
            self._check_text(article)
        except expected() as error:
            return _Keys(article, {}, error)
        keys = {task: spec.key(article) for task, spec in specs.items()}
        if article.title and "topics" in keys:
            try:
                _check_title(article.title)
            except expected() as error:
                del keys["topics"]
                return _Keys(article, keys, error)
        return _Keys(article, keys)

    def _check_text(self, article: Article) -> None:
        check_text(article.text)
        if len(article.text) > self._max_characters:
            raise TooLarge(
                f"The article has {len(article.text):,} characters; the limit is {self._max_characters:,}. "
                "Split it, or raise DATELINE_MAX_ARTICLE_CHARACTERS."
            )


def _check_title(title: str) -> None:
    check_text(title, what="The title")
    if len(title) > MAX_TITLE_CHARACTERS:
        raise TooLarge(
            f"The title has {len(title):,} characters; the limit is {MAX_TITLE_CHARACTERS:,}. Send the headline as "
            "title and the article as text."
        )


def _refused(article: _Keys, specs: Mapping[Task, ResultSpec]) -> _Keys:
    """The article without the tasks whose model does not know its language."""
    if article.error or not article.keys:
        return article
    language = language_of(article.article.text, article.article.language)
    keys = {task: key for task, key in article.keys.items() if knows(specs[task].info.languages, language)}
    if len(keys) == len(article.keys):
        return article
    info = next(specs[task].info for task in article.keys if task not in keys)
    advice = "Name a model that does, or set DATELINE_LANGUAGE_POLICY=warn."
    return _Keys(article.article, keys, UnsupportedLanguage(f"{unsupported(info, language)} {advice}"))


def unsupported(info: ModelInfo, language: str) -> str:
    """That the model does not know the language, for who reads the answer."""
    return f"Model {info.id!r} knows {', '.join(info.languages)}; the text seems to be in another ({language})."


def _jobs(articles: Sequence[_Keys], specs: Mapping[Task, ResultSpec], stored: Mapping[str, Result]) -> list[Job]:
    """A job for each document and model whose results are not all stored; both tasks of one model take one pass."""
    missing: dict[tuple[str, Document], dict[str, ResultSpec]] = {}
    seen: set[str] = set()
    for article in articles:
        if all(key in stored or key in seen for key in article.keys.values()):
            continue
        given = article.article
        document = Document(given.text, given.title, language_of(given.text, given.language))
        for task, key in article.keys.items():
            if key not in stored and key not in seen:
                seen.add(key)
                missing.setdefault((specs[task].info.id, document), {})[key] = specs[task]
    return [Job(next(iter(own.values())).info, document, own) for (_, document), own in missing.items()]


def _provenance_json(result: Result) -> str:
    fields = {
        name: getattr(result, name)
        for name in ("key", "content", "model", "revision", "vocabulary", "created_at", "milliseconds")
    }
    return f'{json.dumps(fields, ensure_ascii=False)[:-1]},"parameters":{result.parameters}}}'
