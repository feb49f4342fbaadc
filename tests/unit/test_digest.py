"""The one path: keys, caching, order, duplicates, concurrency."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

import service.keys
from models.errors import ModelCorrupt, ModelError, ModelFailed, UnknownModel, UnsupportedLanguage, UnsupportedTask
from models.extractive.lead import Lead
from models.options import SummaryOptions, Task, TopicsOptions
from models.types import Model, ModelInfo, Outcome, Work
from seeds.errors import UnreadableRecord
from seeds.records import Article
from seeds.store import Store
from service.digest import Digest, Digester, DigestOptions
from service.errors import TooLarge
from service.keys import ResultSpec
from service.queue.worker import Worker
from tests.articles import BUDGET, FOOTBALL, HARBOUR, article
from tests.doubles import INFO, Counting, SomeModels

BOTH = DigestOptions(summary_model="counting", topics_model="counting")


def digester(model: Counting, store: Store, **options: Any) -> Digester:
    return Digester(SomeModels({"counting": model, "lead": Lead()}), store, **options)


def test_order_and_ids_are_kept(store: Store) -> None:
    found = (
        digester(Counting(), store)
        .ask([article(FOOTBALL, id="b"), article(HARBOUR, id="a"), article(BUDGET)], BOTH)
        .result()
    )
    assert [item.id for item in found] == ["b", "a", None]
    assert [item.summary.text.split()[0] for item in found if item.summary] == ["Brenna", "The", "Parliament"]


def test_both_tasks_take_one_pass(store: Store) -> None:
    model = Counting()
    digester(model, store).ask([article()], BOTH).result()
    assert (model.runs, len(model.seen)) == (1, 1)


def test_asked_again_no_model_is_called(store: Store) -> None:
    model = Counting()
    first = digester(model, store).ask([article()], BOTH).result()
    again = digester(model, store).ask([article()], BOTH).result()
    assert model.runs == 1
    assert first[0].cached == {"summary": False, "topics": False}
    assert again[0].cached == {"summary": True, "topics": True}
    assert (first[0].summary, first[0].topics) == (again[0].summary, again[0].topics)
    assert first[0].results == again[0].results


def test_only_the_missing_task_is_computed(store: Store) -> None:
    model = Counting()
    digester(model, store).ask([article()], DigestOptions(summary_model="counting")).result()
    [found] = digester(model, store).ask([article()], BOTH).result()
    assert found.cached == {"summary": True, "topics": False}
    assert [(work.summary is None, work.topics is None) for work in model.seen] == [(False, True), (True, False)]


def test_one_text_under_two_ids_is_computed_once(store: Store) -> None:
    model = Counting()
    found = digester(model, store).ask([article(id="a"), article(FOOTBALL, id="b"), article(id="c")], BOTH).result()
    assert len(model.seen) == 2
    assert [item.id for item in found] == ["a", "b", "c"]
    assert found[0].summary == found[2].summary


def changed(
    text: str = HARBOUR, title: str | None = None, wanted: DigestOptions = BOTH, **info: Any
) -> tuple[Article, DigestOptions, Counting]:
    return article(text, title=title), wanted, Counting(replace(INFO, **info))


@pytest.mark.parametrize(
    ("change", "cached"),
    [
        (changed(), {"summary": True, "topics": True}),
        (changed(HARBOUR + " More."), {"summary": False, "topics": False}),
        (changed(HARBOUR + " "), {"summary": False, "topics": False}),
        (changed(title="A title"), {"summary": True, "topics": False}),
        (changed(revision="r2"), {"summary": False, "topics": False}),
        (changed(engine="other"), {"summary": False, "topics": False}),
        (changed(dtype="float16"), {"summary": False, "topics": False}),
        (changed(vocabulary="letters-2"), {"summary": True, "topics": False}),
        (changed(parameters={"versions": {"torch": "3.0"}}), {"summary": False, "topics": False}),
        (changed(wanted=replace(BOTH, summary=SummaryOptions(sentences=1))), {"summary": False, "topics": True}),
        (changed(wanted=replace(BOTH, summary=SummaryOptions(sentences=3))), {"summary": True, "topics": True}),
        (changed(wanted=replace(BOTH, summary=SummaryOptions(max_words=9))), {"summary": False, "topics": True}),
        (changed(wanted=replace(BOTH, topics=TopicsOptions(threshold=0.9))), {"summary": True, "topics": False}),
        (changed(wanted=replace(BOTH, topics=TopicsOptions(limit=1))), {"summary": True, "topics": False}),
        (changed(wanted=replace(BOTH, topics=TopicsOptions(labels=("a",)))), {"summary": True, "topics": False}),
    ],
    ids=[
        "nothing", "text", "white space", "title", "revision", "engine", "dtype", "vocabulary", "versions", "sentences",
        "the default said aloud", "max_words", "threshold", "limit", "labels",
    ],
)  # fmt: skip
def test_each_component_of_the_key_invalidates(
    store: Store, change: tuple[Article, DigestOptions, Counting], cached: dict[Task, bool]
) -> None:
    digester(Counting(), store).ask([article()], BOTH).result()
    changed_article, wanted, model = change
    [found] = digester(model, store).ask([changed_article], wanted).result()
    assert found.cached == cached


def test_another_model_id_invalidates(store: Store) -> None:
    digester(Counting(), store).ask([article()], DigestOptions(summary_model="counting")).result()
    [found] = digester(Counting(), store).ask([article()], DigestOptions(summary_model="lead")).result()
    assert found.cached == {"summary": False}


def test_the_tasks_keys_differ(store: Store) -> None:
    [found] = digester(Counting(), store).ask([article()], BOTH).result()
    assert found.results["summary"].content == found.results["topics"].content
    assert found.results["summary"].key != found.results["topics"].key


def test_results_are_stored_batch_by_batch(store: Store) -> None:
    """What was done before an interruption is not lost."""
    model = Failing()
    model.interrupted_at = 40
    articles = [article(f"Story number {number} has one sentence.") for number in range(40)]
    with pytest.raises(KeyboardInterrupt):
        digester(model, store).ask(articles, BOTH).result()
    assert store.count() == 2 * 32


def test_another_result_version_invalidates(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    digester(Counting(), store).ask([article()], BOTH).result()
    monkeypatch.setattr(service.keys, "RESULT_VERSION", service.keys.RESULT_VERSION + 1)
    [found] = digester(Counting(), store).ask([article()], BOTH).result()
    assert found.cached == {"summary": False, "topics": False}


def test_bad_articles_fail_alone(store: Store) -> None:
    articles = [article(f"Article number {number} says something new.", id=str(number)) for number in range(10)]
    articles[3] = article(" \n ", id="3")
    articles[7] = article("Binary \x00 text.", id="7")
    found = digester(Counting(), store).ask(articles, BOTH).result()
    assert [item.id for item in found] == [str(number) for number in range(10)]
    assert [item.id for item in found if item.summary and item.topics is not None] == list("01245689")
    assert [type(item.error) for item in found if item.error] == [UnreadableRecord, UnreadableRecord]


def test_a_long_article_is_refused_with_number_limit_and_remedy(store: Store) -> None:
    [found] = digester(Counting(), store, max_article_characters=100).ask([article()], BOTH).result()
    assert isinstance(found.error, TooLarge)
    assert "100" in str(found.error)
    assert "DATELINE_MAX_ARTICLE_CHARACTERS" in str(found.error)


def test_an_unknown_model_is_refused_before_anything_is_read(store: Store) -> None:
    with pytest.raises(UnknownModel, match="nobody"):
        digester(Counting(), store).ask([article()], DigestOptions(summary_model="nobody")).result()


def test_a_task_the_model_does_not_do_is_refused(store: Store) -> None:
    with pytest.raises(UnsupportedTask, match="news-minilm"):
        digester(Counting(), store).ask([article()], DigestOptions(topics_model="lead")).result()


def test_no_articles_no_work(store: Store) -> None:
    model = Counting()
    assert digester(model, store).ask([], BOTH).result() == []
    assert model.runs == 0


def test_identical_requests_at_once_are_computed_once(store: Store) -> None:
    gate = threading.Event()
    model = Counting(gate=gate)
    with closing(Worker(SomeModels({"counting": model}), store)) as worker:
        shared = Digester(SomeModels({"counting": model}), store, runner=worker)
        pending = [shared.ask([article(id=str(number))], BOTH) for number in range(8)]
        assert not any(request.future.done() for request in pending)
        gate.set()
        found = [request.result()[0] for request in pending]
    assert len(model.seen) == 1
    assert [item.id for item in found] == [str(number) for number in range(8)]
    assert [item.cached["summary"] for item in found] == [False] * 8  # none came later, from the store
    assert len({item.summary for item in found}) == 1


def test_a_request_for_one_task_shares_it_with_one_for_both(store: Store) -> None:
    gate = threading.Event()
    model = Counting(gate=gate)
    models = SomeModels({"counting": model})
    with closing(Worker(models, store)) as worker:
        shared = Digester(models, store, runner=worker)
        one = shared.ask([article()], DigestOptions(summary_model="counting"))
        both = shared.ask([article()], BOTH)
        gate.set()
        assert one.result()[0].summary == both.result()[0].summary
    asked = [(work.summary is not None, work.topics is not None) for work in model.seen]
    assert sorted(asked) == [(False, True), (True, False)]


def test_a_stored_answer_needs_no_model(store: Store) -> None:
    """Nor one that could be loaded."""

    class Unloadable(SomeModels):
        def get(self, info: ModelInfo) -> Model:
            raise ModelCorrupt("It cannot be loaded.")

    model = Counting()
    digester(model, store).ask([article()], BOTH).result()
    unloadable = Unloadable({"counting": model})
    with closing(Worker(unloadable, store)) as worker:
        for runner in (None, worker):
            [found] = Digester(unloadable, store, runner=runner).ask([article()], BOTH).result()
            assert found.cached == {"summary": True, "topics": True}


def test_a_long_title_keeps_topics_alone_from_being_made(store: Store) -> None:
    [found] = digester(Counting(), store).ask([article(title="Long " * 300)], BOTH).result()
    assert found.summary
    assert found.topics is None
    assert isinstance(found.error, TooLarge)
    [summarised] = (
        digester(Counting(), store).ask([article(title="Long " * 300)], DigestOptions(summary_model="lead")).result()
    )
    assert summarised.error is None


def test_requests_that_share_articles_in_opposite_order_do_not_lock(store: Store) -> None:
    models = SomeModels({"counting": Counting()})
    with closing(Worker(models, store)) as worker, ThreadPoolExecutor(4) as pool:
        shared = Digester(models, store, runner=worker)
        texts = [f"Story {number} of the day has a sentence." for number in range(20)]
        orders: list[Sequence[str]] = [texts, texts[::-1]] * 10

        def ask(order: Sequence[str]) -> list[Digest]:
            return shared.ask([article(text) for text in order], BOTH).result()

        asked = [pool.submit(ask, order) for order in orders]
        assert all(item.error is None for future in asked for item in future.result(timeout=20))


class Failing(Counting):
    """Fails while `broken`: for one article with an error of its own, or altogether."""

    broken: Exception | None = None
    interrupted_at: int | None = None

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        if isinstance(self.broken, ModelError):
            return [Outcome(error=self.broken) if "Holt" in item.document.text else o
                    for item, o in zip(work, super().run(work), strict=True)]  # fmt: skip
        if self.broken:
            raise self.broken
        if self.interrupted_at is not None and len(self.seen) + len(work) >= self.interrupted_at:
            raise KeyboardInterrupt
        return super().run(work)


def test_an_articles_own_error_is_not_kept(store: Store) -> None:
    model = Failing()
    model.broken = ModelError("no")
    shared = digester(model, store)
    first = shared.ask([article(), article(FOOTBALL)], BOTH).result()
    assert [item.error for item in first] == [None, model.broken]
    model.broken = None
    again = shared.ask([article(), article(FOOTBALL)], BOTH).result()
    assert [item.cached["summary"] for item in again] == [True, False]


def test_after_a_crash_the_next_request_is_served(store: Store) -> None:
    model = Failing()
    model.broken = RuntimeError("boom")
    shared = digester(model, store)
    [failed] = shared.ask([article()], BOTH).result()
    assert isinstance(failed.error, ModelFailed)
    assert failed.error.__cause__ is model.broken
    model.broken = None
    assert shared.ask([article()], BOTH).result()[0].error is None


GERMAN = "Der Rat von Vik hat am Montag den Bau der Brücke gebilligt. Sie kostet vierzig Millionen Kronen."


def test_a_text_in_a_language_the_model_does_not_know_is_answered_with_a_warning() -> None:
    model = English()
    shared = Digester(SomeModels({"english": model}), Store("sqlite://"))
    for cached in (False, True):
        [found] = shared.ask([Article(GERMAN)], DigestOptions(summary_model="english")).result()
        assert found.language == "de"
        assert found.warnings == ("Model 'english' knows en; the text seems to be in another (de).",)
        assert found.summary
        assert found.cached == {"summary": cached}


def test_it_is_refused_where_the_policy_says_so() -> None:
    shared = Digester(SomeModels({"english": English()}), Store("sqlite://"), language_policy="refuse")
    german, stated, english = shared.ask(
        [Article(GERMAN), Article("Rovers won.", language="nb-NO"), Article("The council approved the bridge.")],
        DigestOptions(summary_model="english"),
    ).result()
    assert isinstance(german.error, UnsupportedLanguage)
    assert isinstance(stated.error, UnsupportedLanguage)
    assert not german.results
    assert english.error is None


def test_the_stated_language_is_part_of_the_key() -> None:
    spec = ResultSpec.of("summary", Lead().info, SummaryOptions())
    keys = {spec.key(Article("Rovers won.", language=language)) for language in (None, "en", "en-GB", "de")}
    assert len(keys) == 3


class English(Lead):
    """The lead of English texts."""

    @property
    def info(self) -> ModelInfo:
        return replace(super().info, id="english", languages=("en",))
