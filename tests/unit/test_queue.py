"""The queue and its worker, with a real store: who is answered, what is stored, and what happens when models fail."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import ClassVar

import pytest

from models.errors import ModelCorrupt, ModelFailed
from models.options import SummaryOptions, TopicsOptions
from models.types import Document, Model, ModelInfo, Outcome, Work
from seeds.records import Article
from seeds.store import Store
from service.errors import ClientLeft, DeadlineExceeded, Overloaded
from service.keys import ResultSpec
from service.queue import queue
from service.queue.admission import Limits, Load
from service.queue.job import Job, Ticket, Urgency
from service.queue.worker import Worker
from tests.doubles import INFO, Awkward, Counting, SomeModels
from tests.patience import until

Start = Callable[..., Worker]


def job(text: str = "One sentence is here.", *, info: ModelInfo = INFO, topics: bool = False) -> Job:
    specs = [ResultSpec.of("summary", info, SummaryOptions())]
    specs += [ResultSpec.of("topics", info, TopicsOptions())] if topics else []
    return Job(info, Document(text), {spec.key(Article(text)): spec for spec in specs})


@pytest.fixture
def start(store: Store) -> Iterator[Start]:
    workers: list[Worker] = []

    def start_worker(*models: Model, **limits: float) -> Worker:
        by_id = {model.info.id: model for model in models}
        workers.append(Worker(SomeModels(by_id), store, limits=Limits(**limits)))  # type: ignore[arg-type]
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.close()


def outcomes(ticket: Ticket) -> list[object]:
    """What became of each job: the words of its summary, or its error."""
    ticket.future.result(10)
    return [made.future.exception() or len(made.future.result()) for made in ticket.jobs]


def submitted(worker: Worker, *texts: str, model: Model, **options: Urgency) -> Ticket:
    return worker.submit([job(text, info=model.info) for text in texts], **options)


def test_every_request_gets_its_own_results_in_order(start: Start, store: Store) -> None:
    model = Counting()
    worker = start(model)
    texts = [[f"Story {n} of request {r} is told." for n in range(r % 5 + 1)] for r in range(40)]
    tickets = [submitted(worker, *own, model=model) for own in texts]
    for own, ticket in zip(texts, tickets, strict=True):
        ticket.future.result(10)
        found = [result.value for made in ticket.jobs for result in made.future.result().values()]
        assert all(text in value for text, value in zip(own, found, strict=True))
    assert len(model.seen) == store.count() == sum(map(len, texts))
    until(lambda: worker.load() == Load(0, 0, 0.0, 0, 0))


def test_waiting_requests_share_a_batch(start: Start) -> None:
    model = Counting(gate=threading.Event())
    worker = start(model)
    first = submitted(worker, "First.", model=model)
    until(lambda: model.runs == 1)
    others = [submitted(worker, f"Number {n} waits.", model=model) for n in range(10)]
    assert model.gate
    model.gate.set()
    for ticket in (first, *others):
        ticket.future.result(10)
    assert model.runs == 2


def test_requests_that_were_answered_together_are_waited_for_when_they_ask_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LINGER_SECONDS", 5.0)  # this machine may be busy
    monkeypatch.setattr(queue, "LINGER_SHARE", 1e6)
    model = Awkward(gate=threading.Event())
    worker = start(model)
    submitted(worker, "Blocks the worker.", model=model)
    until(lambda: model.runs == 1)

    def ask_again(number: int) -> Callable[[Future[None]], None]:
        return lambda _: done.append(submitted(worker, f"Number {number} asks again...", model=model))

    done: list[Ticket] = []
    for number in range(4):
        submitted(worker, f"Number {number} asks at first.", model=model).future.add_done_callback(ask_again(number))
    assert model.gate
    model.gate.set()
    until(lambda: len(done) == 4 and all(ticket.future.done() for ticket in done))
    assert [len(batch) for batch in model.batches] == [1, 4, 4]


def test_what_is_stored_is_stored_before_anyone_is_answered(start: Start, store: Store) -> None:
    model = Counting()
    ticket = submitted(start(model), "One.", "Two.", model=model)
    counts: list[int] = []
    ticket.future.add_done_callback(lambda _: counts.append(store.count()))
    ticket.future.result(10)
    until(lambda: counts == [2])


def test_what_another_replica_computed_meanwhile_is_not_computed_again(start: Start, store: Store) -> None:
    model = Counting(gate=threading.Event())
    worker, other = start(model), start(other_model := Counting())
    submitted(worker, "Blocks the worker.", model=model)
    until(lambda: model.runs == 1)
    ticket = submitted(worker, "Asked of both.", model=model)
    outcomes(submitted(other, "Asked of both.", model=other_model))
    assert model.gate
    model.gate.set()
    assert outcomes(ticket) == [1]
    assert [work.document.text for work in model.seen] == ["Blocks the worker."]


def test_what_has_begun_for_a_client_that_leaves_is_finished_and_stored(start: Start, store: Store) -> None:
    model = Counting(gate=threading.Event())
    worker = start(model)
    ticket = submitted(worker, "Begun.", model=model)
    until(lambda: model.runs == 1)
    worker.leave(ticket)
    assert worker.load().waiting_seconds > 0  # the worker is still busy with it
    assert model.gate
    model.gate.set()
    until(lambda: store.count() == 1)


def test_what_has_not_begun_for_a_client_that_leaves_is_not_done(start: Start) -> None:
    model = Counting(gate=threading.Event())
    worker = start(model)
    first = submitted(worker, "First.", model=model)
    until(lambda: model.runs == 1)
    second = submitted(worker, *(f"Nobody waits for {n}." for n in range(50)), "Two wait for this.", model=model)
    third = submitted(worker, "Two wait for this.", model=model)
    worker.leave(second)
    assert worker.load().articles == 2
    assert isinstance(second.jobs[0].future.exception(0), ClientLeft)
    assert model.gate
    model.gate.set()
    first.future.result(10)
    assert outcomes(third) == [1]
    assert [work.document.text for work in model.seen] == ["First.", "Two wait for this."]


def test_an_archives_job_that_a_live_request_waits_for_too_is_live(start: Start) -> None:
    model = Awkward(info=replace(INFO, batch_tokens=16), gate=threading.Event())  # one at a time
    worker = start(model)
    submitted(worker, "Blocks.", model=model)
    until(lambda: model.runs == 1)
    archive = submitted(worker, "Archive one.", "Archive two.", model=model, urgency=Urgency.ARCHIVE)
    live = submitted(worker, "Live.", "Archive two.", model=model)
    assert model.gate
    model.gate.set()
    assert outcomes(live) == outcomes(archive) == [1, 1]
    assert [batch[0] for batch in model.batches] == ["Blocks.", "Archive two.", "Live.", "Archive one."]


def test_archives_are_never_refused(start: Start) -> None:
    model = Counting(info=replace(INFO, characters_per_second=1))
    worker = start(model, max_queue_seconds=0.1)
    tickets = [
        submitted(worker, *(f"{n} of {a}." for n in range(5)), model=model, urgency=Urgency.ARCHIVE) for a in range(5)
    ]
    assert [outcomes(ticket) for ticket in tickets] == [[1] * 5] * 5


def test_work_is_refused_while_much_waits_and_taken_afterwards(start: Start) -> None:
    model = Counting(info=replace(INFO, characters_per_second=400), gate=threading.Event())  # 100 tokens a second
    worker = start(model, max_queue_seconds=10.0)
    tickets = [submitted(worker, f"{letter * 1999}.", model=model) for letter in "ab"]  # 5 s each
    with pytest.raises(Overloaded, match="busy for the next"):
        submitted(worker, "c" * 1999 + ".", model=model)
    assert worker.load().refused == 1
    assert model.gate
    model.gate.set()
    assert [outcomes(ticket) for ticket in tickets] == [[1], [1]]
    assert outcomes(submitted(worker, "c" * 1999 + ".", model=model)) == [1]


def test_what_has_not_begun_by_its_deadline_fails_while_another_batch_still_runs(start: Start) -> None:
    model = Counting(gate=threading.Event())
    worker = start(model, deadline_seconds=0.2)
    first = submitted(worker, "Runs.", model=model)
    until(lambda: model.runs == 1)
    [late] = outcomes(submitted(worker, "Waits.", model=model))
    assert isinstance(late, DeadlineExceeded)
    assert not first.future.done()
    assert model.gate
    model.gate.set()
    assert outcomes(first) == [1]
    assert model.runs == 1


def test_a_request_that_has_begun_is_not_cut_off_by_its_deadline(start: Start) -> None:
    class Slow(Counting):
        def run(self, work: Sequence[Work]) -> list[Outcome]:
            time.sleep(0.15)
            return super().run(work)

    model = Slow(info=replace(INFO, batch_tokens=16))
    ticket = submitted(start(model, deadline_seconds=0.3), *(f"Number {n}." for n in range(5)), model=model)
    assert outcomes(ticket) == [1] * 5


def test_memory_that_runs_out_halves_the_batch_and_is_remembered(start: Start) -> None:
    model = Awkward(info=replace(INFO, batch_tokens=64 * 16), most=20)
    worker = start(model)
    for turn in range(2):  # each time the batch is halved once
        assert outcomes(submitted(worker, *(f"Article {n}, {turn}." for n in range(64)), model=model)) == [1] * 64
    before = len(model.batches)
    assert outcomes(submitted(worker, *(f"Article {n}, at last." for n in range(64)), model=model)) == [1] * 64
    assert 16 <= max(map(len, model.batches[before:])) < 20


def test_failures_and_bisections_teach_no_pace(start: Start) -> None:
    model = Awkward(info=replace(INFO, characters_per_second=40))
    worker = start(model, max_queue_seconds=1_000)
    outcomes(submitted(worker, *[f"Number {n} is fine." for n in range(31)], "This will raise.", model=model))
    model.gate = threading.Event()
    ticket = submitted(worker, "a" * 399 + ".", model=model)
    assert worker.load().waiting_seconds == pytest.approx(10, abs=2)  # the first guess still holds
    model.gate.set()
    ticket.future.result(10)


def test_a_model_that_hangs_is_given_up_and_the_next_request_served(start: Start) -> None:
    model = Awkward()
    worker = start(model, stuck_seconds=0.3)
    [hung] = outcomes(submitted(worker, "This will hang.", model=model))
    assert isinstance(hung, ModelFailed)
    assert "did not answer" in str(hung)
    assert outcomes(submitted(worker, "This is fine.", model=model)) == [1]
    until(lambda: worker.load().abandoned_threads == 1)
    assert worker.fault() is None
    [again] = outcomes(submitted(worker, "This will hang.", model=model))
    assert "not tried again" in str(again)
    outcomes(submitted(worker, "Another will hang.", model=model))
    until(lambda: "2 threads hang" in str(worker.fault()))
    model.release.set()
    until(lambda: worker.fault() is None)
    assert outcomes(submitted(worker, "This is fine too.", model=model)) == [1]


def test_a_worker_that_ends_is_started_again_and_what_ended_it_set_aside(start: Start) -> None:
    """Without anyone asking about its health."""
    model = Awkward(gate=threading.Event())
    worker = start(model, stuck_seconds=1.0)
    first = submitted(worker, "Blocks the worker.", model=model)
    until(lambda: model.runs == 1)
    ticket = submitted(worker, "This is fine.", "This will end the worker.", "This is fine too.", model=model)
    assert model.gate
    model.gate.set()
    first.future.result(10)
    fine, failed, fine_too = outcomes(ticket)
    assert (fine, fine_too) == (1, 1)
    assert isinstance(failed, ModelFailed)
    assert "ended or blocked the worker" in str(failed)
    runs = model.runs
    [again] = outcomes(submitted(worker, "This will end the worker.", model=model))
    assert isinstance(again, ModelFailed)
    assert model.runs == runs


def test_a_model_is_loaded_while_another_works(store: Store) -> None:
    class Slow(SomeModels):
        loaded: ClassVar = {INFO.id}
        gate: ClassVar = threading.Event()

        def is_loaded(self, info: ModelInfo) -> bool:
            return info.id in self.loaded

        def get(self, info: ModelInfo) -> Model:
            if info.id not in self.loaded:
                assert self.gate.wait(10)
                self.loaded.add(info.id)
            return super().get(info)

    ready, other = Counting(), Counting(info=replace(INFO, id="other"))
    models = Slow({INFO.id: ready, "other": other})
    worker = Worker(models, store, limits=Limits(deadline_seconds=60))
    try:
        slow = submitted(worker, "Waits for its model.", model=other)
        assert outcomes(submitted(worker, "Does not.", model=ready)) == [1]
        assert not slow.future.done()
        models.gate.set()
        assert outcomes(slow) == [1]
    finally:
        worker.close()


def test_a_model_that_cannot_be_loaded_fails_its_jobs(store: Store) -> None:
    class Broken(SomeModels):
        def is_loaded(self, info: ModelInfo) -> bool:
            return False

        def get(self, info: ModelInfo) -> Model:
            raise ModelCorrupt("Its files are damaged.")

    model = Counting()
    worker = Worker(Broken({INFO.id: model}), store)
    try:
        [error] = outcomes(submitted(worker, "One.", model=model))
        assert isinstance(error, ModelCorrupt)
    finally:
        worker.close()


def test_an_idle_worker_keeps_no_model(store: Store) -> None:
    models: dict[str, Model] = {INFO.id: Counting()}
    worker = Worker(SomeModels(models), store)
    try:
        outcomes(submitted(worker, "One.", model=models[INFO.id]))
        reference = weakref.ref(models.pop(INFO.id))
        until(lambda: gc.collect() >= 0 and reference() is None)
    finally:
        worker.close()


def test_closing_fails_what_waits(start: Start) -> None:
    model = Counting(gate=threading.Event())
    worker = start(model)
    submitted(worker, "First.", model=model)
    until(lambda: model.runs == 1)
    second = submitted(worker, "Second.", model=model)
    assert model.gate
    threading.Timer(0.1, model.gate.set).start()
    worker.close()
    assert isinstance(outcomes(second)[0], ClientLeft)
    with pytest.raises(ClientLeft):
        submitted(worker, "Third.", model=model)


def test_200_waiting_requests_hold_no_threads(start: Start) -> None:
    model = Counting(gate=threading.Event())
    worker = start(model, max_waiting=300, max_queue_seconds=1e6)
    before = threading.active_count()
    tickets = [submitted(worker, f"Number {n} waits.", model=model) for n in range(200)]
    assert threading.active_count() == before
    assert worker.load().requests == 200
    assert model.gate
    model.gate.set()
    assert all(outcomes(ticket) == [1] for ticket in tickets)
