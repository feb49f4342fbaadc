"""What is done when, and in which company."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from models.errors import ModelFailed
from models.types import Document, Model, Outcome, SummaryOptions, Topic, TopicsOptions, Work
from service.admission import Cancellation, Unscheduled, Urgency, cost, runs
from service.errors import ClientLeft, DeadlineExceeded, Overloaded, TooLarge
from service.isolation import run_isolated
from service.scheduler import Scheduler
from tests.doubles import INFO, Counting
from tests.patience import until

POOL = ThreadPoolExecutor(64)


@pytest.fixture
def make() -> "Callable[..., Scheduler]":
    made: list[Scheduler] = []

    def scheduler(**options: float) -> Scheduler:
        made.append(Scheduler(**options))  # type: ignore[arg-type]
        return made[-1]

    yield scheduler  # type: ignore[misc]
    for found in made:
        found.close()


def work(text: str = "One sentence is here.", *, topics: bool = False) -> Work:
    return Work(Document(text), SummaryOptions(), TopicsOptions() if topics else None)


def ask(
    scheduler: Scheduler, model: Model, items: Sequence[Work], *, urgency: Urgency = Urgency.LIVE,
    cancellation: Cancellation | None = None,
) -> list[Outcome]:  # fmt: skip
    with scheduler.admit([(model, items)], urgency=urgency, cancellation=cancellation) as place:
        return place.run(model, items)


def later(scheduler: Scheduler, model: Model, items: Sequence[Work], **options: object) -> Future[list[Outcome]]:
    """Ask in another thread, and wait until the work stands in line."""
    before = scheduler.load().articles
    future = POOL.submit(ask, scheduler, model, items, **options)  # type: ignore[arg-type]
    until(lambda: scheduler.load().articles > before or future.done())
    return future


@dataclass
class Awkward(Counting):
    """Misbehaves at texts that name how: raises, hangs, exits, gives NaN, answers too little, or runs out of memory."""

    most: int = 1_000
    batches: list[list[str]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def run(self, work: Sequence[Work]) -> list[Outcome]:
        texts = [item.document.text for item in work]
        self.batches.append(texts)
        if any("raise" in text for text in texts):
            raise RuntimeError("poison")
        if any("exit" in text for text in texts):
            raise SystemExit
        if any("hang" in text for text in texts):
            self.release.wait(timeout=30)
        if len(texts) > self.most:
            raise MemoryError
        found = super().run(work)
        if any("short" in text for text in texts):
            return found[:-1]
        return [
            replace(outcome, topics=(Topic("x", float("nan")),)) if "nan" in item.document.text else outcome
            for item, outcome in zip(work, found, strict=True)
        ]


def test_every_request_gets_its_own_outcomes_in_order(make: Callable[..., Scheduler]) -> None:
    scheduler, model = make(), Counting()
    requests = [[work(f"Story {n} of request {r} is told.") for n in range(r % 5 + 1)] for r in range(40)]
    futures = [POOL.submit(ask, scheduler, model, items) for items in requests]
    for items, future in zip(requests, futures, strict=True):
        found = [outcome.summary.text for outcome in future.result(10) if outcome.summary]
        assert found == [item.document.text for item in items]
    assert len(model.seen) == sum(map(len, requests))
    assert scheduler.load().articles == scheduler.load().requests == 0


def test_waiting_requests_share_a_batch(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    scheduler, model = make(), Counting(gate=gate)
    first = later(scheduler, model, [work()])
    others = [later(scheduler, model, [work(f"Number {n} waits.")]) for n in range(10)]
    gate.set()
    for future in [first, *others]:
        future.result(10)
    assert model.runs == 2


def test_requests_that_were_answered_together_are_waited_for_when_they_ask_again(
    make: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.scheduler.LINGER_SECONDS", 5.0)  # this machine may be busy
    monkeypatch.setattr("service.scheduler.LINGER_SHARE", 1e6)
    scheduler, model = make(), Awkward(gate=(gate := threading.Event()))

    def twice(number: int) -> None:
        for turn in ("first", "second"):
            ask(scheduler, model, [work(f"Number {number} asks for the {turn} time.")])

    later(scheduler, model, [work("Blocks the worker.")])
    futures = [POOL.submit(twice, number) for number in range(4)]
    until(lambda: scheduler.load().articles == 5)
    gate.set()
    for future in futures:
        future.result(10)
    assert [len(batch) for batch in model.batches] == [1, 4, 4]


def test_a_batch_keeps_to_the_budget_and_to_like_lengths(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    info = replace(INFO, batch_tokens=220)
    model = Awkward(info=info, gate=gate)
    scheduler = make()
    futures = [later(scheduler, model, [work("Blocks the worker.")])]
    letters = (400, 80, 80, 400, 80)  # tokens: 100, 20, 20, 100, 20
    futures += [later(scheduler, model, [work("a" * (count - 1) + ".")]) for count in letters]
    gate.set()
    for future in futures:
        future.result(10)
    lengths = [[len(text) for text in batch] for batch in model.batches[1:]]
    assert lengths == [[400, 400, 80], [80, 80]]  # the one that waited longest is in the first


def test_work_is_refused_when_too_much_waits(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    info = replace(INFO, characters_per_second=400)  # 100 tokens a second
    model = Counting(info=info, gate=gate)
    scheduler = make(max_queue_seconds=10.0)
    long = work("a" * 1999 + ".")  # 5 s
    first, second = later(scheduler, model, [long]), later(scheduler, model, [long])
    with pytest.raises(Overloaded, match="busy for the next 10 s") as refused:
        ask(scheduler, model, [long])
    assert refused.value.retry_after_seconds == 5
    assert scheduler.load().refused == 1
    gate.set()
    assert first.result(10)
    assert second.result(10)
    assert ask(scheduler, model, [long])


def test_on_an_idle_service_the_largest_request_is_taken(make: Callable[..., Scheduler]) -> None:
    info = replace(INFO, characters_per_second=1)
    assert ask(make(max_queue_seconds=1.0), Counting(info=info), [work("a" * 500 + ".")])


def test_no_more_requests_wait_than_allowed(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    scheduler, model = make(max_waiting=3), Counting(gate=gate)
    futures = [later(scheduler, model, [work()]) for _ in range(3)]
    with pytest.raises(Overloaded):
        ask(scheduler, model, [work()])
    gate.set()
    assert all(future.result(10) for future in futures)


def test_live_goes_before_archive_but_not_for_ever(
    make: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.scheduler.ARCHIVE_TURN_SECONDS", 0.3)
    gate = threading.Event()
    info = replace(INFO, batch_tokens=16)  # one at a time
    scheduler, model = make(), Awkward(info=info, gate=gate)
    futures = [later(scheduler, model, [work("Blocks.")])]
    futures.append(later(scheduler, model, [work("Archive one."), work("Archive two.")], urgency=Urgency.ARCHIVE))
    futures += [later(scheduler, model, [work(f"Live {n}.")]) for n in range(3)]
    gate.set()
    for future in futures:
        future.result(10)
    order = [batch[0] for batch in model.batches]
    assert order == ["Blocks.", "Live 0.", "Live 1.", "Live 2.", "Archive one.", "Archive two."]

    model.gate = slow = threading.Event()
    futures = [later(scheduler, model, [work("Blocks.")])]
    futures.append(later(scheduler, model, [work("Archive three.")], urgency=Urgency.ARCHIVE))
    futures += [later(scheduler, model, [work(f"Live {n}.")]) for n in range(3)]
    time.sleep(0.4)
    slow.set()
    for future in futures:
        future.result(10)
    assert model.batches[7] == ["Archive three."]


def test_archives_are_never_refused(make: Callable[..., Scheduler]) -> None:
    info = replace(INFO, characters_per_second=1)
    scheduler, model = make(max_queue_seconds=0.1), Counting(info=info)
    futures = [POOL.submit(ask, scheduler, model, [work()] * 5, urgency=Urgency.ARCHIVE) for _ in range(5)]
    assert all(len(future.result(10)) == 5 for future in futures)


def test_what_has_not_begun_by_its_deadline_fails(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    scheduler, model = make(deadline_seconds=0.2), Counting(gate=gate)
    first, second = later(scheduler, model, [work()]), later(scheduler, model, [work("Two waits.")])
    time.sleep(0.4)
    gate.set()
    assert first.result(10)[0].error is None
    assert isinstance(second.result(10)[0].error, DeadlineExceeded)
    assert model.runs == 1


def test_a_client_that_leaves_frees_its_place(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    scheduler, model = make(), Counting(gate=gate)
    first = later(scheduler, model, [work()])
    leaving = Cancellation()
    second = later(scheduler, model, [work("Nobody wants this.")] * 50, cancellation=leaving)
    leaving.cancel()
    with pytest.raises(ClientLeft):
        second.result(10)
    assert scheduler.load().articles == 1
    gate.set()
    first.result(10)
    assert len(model.seen) == 1
    assert scheduler.load().waiting_seconds == 0


def test_a_client_that_left_before_is_not_admitted_to_work(make: Callable[..., Scheduler]) -> None:
    left, model = Cancellation(), Counting()
    left.cancel()
    with pytest.raises(ClientLeft):
        ask(make(), model, [work()], cancellation=left)
    assert model.runs == 0


@pytest.mark.parametrize(
    ("poison", "told"), [("raise", "RuntimeError"), ("exit", "SystemExit"), ("nan", "NaN"), ("short", "answered")]
)
def test_a_poison_article_among_64_fails_alone(make: Callable[..., Scheduler], poison: str, told: str) -> None:
    scheduler, model = make(), Awkward()
    items = [work(f"Article {n} is harmless.", topics=True) for n in range(64)]
    items[41] = work(f"This one will {poison}.", topics=True)
    found = ask(scheduler, model, items)
    assert [n for n, outcome in enumerate(found) if outcome.error] == [41]
    assert isinstance(found[41].error, ModelFailed)
    assert told in str(found[41].error)
    assert len(model.batches) <= 1 + 2 * 6
    assert ask(scheduler, model, [work()])[0].error is None


def test_memory_that_runs_out_halves_the_batch_and_is_remembered(make: Callable[..., Scheduler]) -> None:
    info = replace(INFO, batch_tokens=64 * 16)
    scheduler, model = make(), Awkward(info=info, most=20)
    items = [work(f"Article {n}.") for n in range(64)]
    for _ in range(2):  # each time the batch is halved once
        assert all(outcome.error is None for outcome in ask(scheduler, model, items))
    before = len(model.batches)
    assert all(outcome.error is None for outcome in ask(scheduler, model, items))
    assert 16 <= max(map(len, model.batches[before:])) < 20


def test_one_article_that_memory_cannot_hold_is_told_so() -> None:
    [outcome] = run_isolated(Awkward(most=0), [work()])
    assert "ran out of memory" in str(outcome.error)


def test_a_model_that_hangs_is_given_up_and_the_next_request_served(make: Callable[..., Scheduler]) -> None:
    scheduler, model = make(stuck_seconds=0.3), Awkward()
    [hung] = ask(scheduler, model, [work("This will hang.")])
    assert isinstance(hung.error, ModelFailed)
    assert "did not answer" in str(hung.error)
    assert ask(scheduler, model, [work()])[0].error is None
    assert scheduler.load().abandoned_threads == 1
    assert scheduler.ailment() is None
    ask(scheduler, model, [work("Another will hang.")])
    assert "2 threads hang" in str(scheduler.ailment())
    model.release.set()
    until(lambda: scheduler.ailment() is None)
    assert ask(scheduler, model, [work()])[0].error is None


def test_the_pace_is_learnt(make: Callable[..., Scheduler]) -> None:
    info = replace(INFO, characters_per_second=1)  # a guess far too low
    scheduler, model = make(max_queue_seconds=5.0), Counting(info=info)
    ask(scheduler, model, [work("a" * 400 + ".")])
    gate = model.gate = threading.Event()
    futures = [later(scheduler, model, [work("a" * 4000 + ".")]) for _ in range(5)]
    assert scheduler.load().waiting_seconds < 5
    gate.set()
    assert all(future.result(10)[0].error is None for future in futures)


def test_failures_and_bisections_teach_no_pace(make: Callable[..., Scheduler]) -> None:
    scheduler, model = make(), Awkward()
    ask(scheduler, model, [work("a" * 4000 + ".")])
    known = dict(scheduler._paces)
    ask(scheduler, model, [*[work(f"Number {n} is fine.") for n in range(31)], work("This will raise.")])
    assert scheduler._paces == known


def test_one_measurement_moves_the_pace_only_so_far(make: Callable[..., Scheduler]) -> None:
    scheduler, model = make(), Counting()
    ask(scheduler, model, [work("Short.")])
    known = scheduler._paces[INFO.id]
    ask(scheduler, model, [work("a" * 4_000_000 + ".")])
    assert scheduler._paces[INFO.id] <= known * 2


def test_a_request_too_large_to_be_answered_is_refused_with_the_figures(make: Callable[..., Scheduler]) -> None:
    info = replace(INFO, characters_per_second=1)
    with pytest.raises(TooLarge, match="dateline archive"):
        ask(make(deadline_seconds=1.0), Counting(info=info), [work("a" * 5000 + ".")])


def test_a_deadline_is_told_while_another_batch_still_runs(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    scheduler, model = make(deadline_seconds=0.2), Counting(gate=gate)
    first = later(scheduler, model, [work("Runs.")])
    until(lambda: model.runs == 1)
    second = later(scheduler, model, [work("Waits.")])
    [late] = second.result(5)
    assert isinstance(late.error, DeadlineExceeded)
    assert not first.done()
    gate.set()
    assert first.result(10)[0].error is None


def test_what_waits_is_estimated_by_the_present_pace(make: Callable[..., Scheduler]) -> None:
    gate = threading.Event()
    model = Awkward(info=replace(INFO, characters_per_second=40, batch_tokens=16), gate=gate)  # 10 tokens a second
    scheduler = make(max_queue_seconds=1_000)
    asked = later(scheduler, model, [work(f"Number {number} is here.") for number in range(40)])
    assert scheduler.load().waiting_seconds == pytest.approx(64)
    gate.set()
    until(lambda: len(model.batches) > 1)
    assert scheduler.load().waiting_seconds < 32  # it turned out to be far faster than guessed
    assert len(asked.result(10)) == 40


def test_a_request_that_has_begun_is_not_cut_off_by_its_deadline(make: Callable[..., Scheduler]) -> None:
    class Slow(Counting):
        def run(self, work: Sequence[Work]) -> list[Outcome]:
            time.sleep(0.15)
            return super().run(work)

    scheduler, model = make(deadline_seconds=0.3), Slow(info=replace(INFO, batch_tokens=16))
    found = ask(scheduler, model, [work(f"Number {n}.") for n in range(5)])
    assert [outcome.error for outcome in found] == [None] * 5


def test_an_idle_worker_keeps_no_model(make: Callable[..., Scheduler]) -> None:
    scheduler, model = make(), Counting()
    ask(scheduler, model, [work()])
    told = weakref.ref(model)
    del model
    until(lambda: gc.collect() >= 0 and told() is None)


def test_an_answer_of_the_wrong_kind_fails_alone(make: Callable[..., Scheduler]) -> None:
    class Wrong(Counting):
        def run(self, work: Sequence[Work]) -> list[Outcome]:
            return ["nonsense"] * len(work)  # type: ignore[list-item]

    scheduler = make()
    [found] = ask(scheduler, Wrong(), [work()])
    assert isinstance(found.error, ModelFailed)
    assert ask(scheduler, Counting(), [work()])[0].error is None


def test_closing_fails_what_waits() -> None:
    gate = threading.Event()
    scheduler, model = Scheduler(), Counting(gate=gate)
    first, second = later(scheduler, model, [work()]), later(scheduler, model, [work("Two.")])
    threading.Timer(0.1, gate.set).start()
    scheduler.close()
    assert isinstance(second.result(10)[0].error, ClientLeft)
    assert first.result(10)


def test_without_a_scheduler_work_runs_at_once_in_batches_the_model_reads_well() -> None:
    model = Awkward(info=replace(INFO, batch_tokens=40))
    items = [work("a" * 63 + ".") for _ in range(5)]  # 16 tokens each
    with Unscheduled().admit([(model, items)]) as place:
        assert len(place.run(model, items)) == 5
    assert [len(batch) for batch in model.batches] == [2, 2, 1]
    assert list(runs([], model)) == []


def test_models_that_read_once_for_each_label_cost_as_much() -> None:
    labels = Work(Document("a" * 400), topics=TopicsOptions(labels=("one", "two", "three")))
    assert cost(labels, Counting()) == 100
    assert cost(labels, Counting(info=replace(INFO, reads_per_label=True))) == 300


def test_what_a_caller_wants_written_costs_for_every_beam() -> None:
    writer = Counting(info=replace(INFO, max_output_tokens=500))
    asked = [SummaryOptions(), SummaryOptions(max_words=50), SummaryOptions(min_words=10_000, beams=16)]
    assert [cost(Work(Document("a" * 400), options), writer) for options in asked] == [100, 200, 8_100]
    assert cost(Work(Document("a" * 400), asked[1]), Counting()) == 100


def test_a_summary_that_was_asked_for_and_not_given_is_an_error() -> None:
    class Silent(Counting):
        def run(self, work: Sequence[Work]) -> list[Outcome]:
            return [Outcome(topics=()) for _ in work]

    [outcome] = run_isolated(Silent(), [work()])
    assert "gave none" in str(outcome.error)
