"""What is let in, what it costs, what runs together, and how one bad article fails alone: without threads."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from models.errors import ModelFailed
from models.options import SummaryOptions, TopicsOptions
from models.types import Document, ModelInfo, Outcome, Work
from seeds.records import Article
from service.errors import Overloaded, TooLarge
from service.keys import ResultSpec
from service.queue.admission import Limits, refusal, remaining
from service.queue.batches import ARCHIVE_TURN_SECONDS, choose_batch, choose_urgency, split_by_cost
from service.queue.cost import LARGEST_CHANGE, Paces, cost
from service.queue.isolation import is_out_of_memory, run_isolated
from service.queue.job import Job, Urgency
from tests.doubles import INFO, Awkward, Counting


def job(text: str = "One sentence is here.", *, info: ModelInfo = INFO, topics: bool = False) -> Job:
    specs = [ResultSpec.of("summary", info, SummaryOptions())]
    specs += [ResultSpec.of("topics", info, TopicsOptions())] if topics else []
    return Job(info, Document(text), {spec.key(Article(text)): spec for spec in specs})


def waiting(tokens: int, *, urgency: Urgency = Urgency.LIVE, info: ModelInfo = INFO, arrived: float = 0.0) -> Job:
    """A job as it stands in the queue."""
    made = job(f"{next(NUMBERS)} waits.", info=info)
    made.cost, made.urgency, made.arrived = tokens, urgency, arrived
    return made


NUMBERS = count()


# admission


def test_an_idle_service_takes_the_largest_request_that_can_be_done_in_time() -> None:
    limits = Limits(max_queue_seconds=1, deadline_seconds=60)
    assert refusal(500, waiting_seconds=0, waiting_requests=0, limits=limits) is None
    assert isinstance(refusal(601, waiting_seconds=0, waiting_requests=0, limits=limits), TooLarge)


def test_work_is_refused_when_too_much_waits_with_the_time_to_come_back() -> None:
    error = refusal(5, waiting_seconds=10, waiting_requests=2, limits=Limits(max_queue_seconds=10))
    assert isinstance(error, Overloaded)
    assert "busy for the next 10 s" in str(error)
    assert error.retry_after_seconds == 5
    assert refusal(5, waiting_seconds=5, waiting_requests=2, limits=Limits(max_queue_seconds=10)) is None


def test_no_more_requests_wait_than_may_even_if_they_cost_nothing() -> None:
    limits = Limits(max_waiting=3)
    assert refusal(0, waiting_seconds=0.1, waiting_requests=2, limits=limits) is None
    error = refusal(0, waiting_seconds=0.1, waiting_requests=3, limits=limits)
    assert isinstance(error, Overloaded)
    assert "3 requests already wait" in str(error)
    assert error.retry_after_seconds == 1


def test_a_busy_worker_is_never_estimated_to_be_free() -> None:
    assert remaining(10, 4) == 6
    assert remaining(10, 40) == 10


# cost


def test_models_that_read_once_for_each_label_cost_as_much() -> None:
    work = Work(Document("a" * 400), topics=TopicsOptions(labels=("one", "two", "three")))
    assert cost(work, replace(INFO, kind="zero-shot")) == 300
    assert cost(Work(Document("a" * 400), topics=TopicsOptions()), replace(INFO, kind="zero-shot")) == 1700


def test_labels_are_read_and_cost_what_they_take() -> None:
    labels = tuple(f"a label with some words {number}" for number in range(200))
    assert cost(Work(Document("a" * 400), topics=TopicsOptions(labels=labels)), INFO) == 100 + 200 * 6
    assert cost(Work(Document("a" * 400), topics=TopicsOptions()), INFO) == 100


def test_what_a_caller_wants_written_costs_for_every_beam() -> None:
    writer = replace(INFO, max_output_tokens=500)
    asked = [SummaryOptions(), SummaryOptions(max_words=50), SummaryOptions(min_words=10_000, beams=16)]
    assert [cost(Work(Document("a" * 400), options), writer) for options in asked] == [100, 200, 8_100]
    assert cost(Work(Document("a" * 400), asked[1]), INFO) == 100


def test_the_pace_is_learnt_and_one_measurement_moves_it_only_so_far() -> None:
    paces = Paces()
    assert paces.seconds(5_000, INFO) == 1
    paces.learn(1_000, INFO, 1)
    assert paces.seconds(1_000, INFO) == 1
    paces.learn(10**9, INFO, 1)
    assert paces.seconds(1_000, INFO) == pytest.approx(1 / (0.7 + 0.3 * LARGEST_CHANGE))


# batches


def test_a_batch_keeps_to_the_budget_and_to_like_lengths() -> None:
    jobs = [waiting(tokens) for tokens in (100, 20, 20, 100, 20)]
    assert [made.cost for made in choose_batch(jobs, budget=lambda _: 220)] == [100, 100, 20]


def test_a_batch_is_of_one_model_and_begins_with_who_waited_longest() -> None:
    other = replace(INFO, id="other")
    jobs = [waiting(50), waiting(50, info=other), waiting(10_000)]
    assert choose_batch(jobs, budget=lambda _: 100) == jobs[:1]
    assert choose_batch([], budget=lambda _: 100) == []


def test_what_ended_a_worker_runs_alone() -> None:
    jobs = [waiting(16) for _ in range(3)]
    jobs[1].runs_alone = True
    assert choose_batch(jobs, budget=lambda _: 100) == [jobs[0], jobs[2]]
    assert choose_batch(jobs[1:], budget=lambda _: 100) == [jobs[1]]


def test_live_goes_before_archive_but_not_for_ever() -> None:
    jobs = [waiting(16, urgency=Urgency.ARCHIVE, arrived=100), waiting(16, arrived=101)]
    assert choose_urgency(jobs, now=102, last_archive_turn=0) is Urgency.LIVE
    late = 100 + ARCHIVE_TURN_SECONDS + 1
    assert choose_urgency(jobs, now=late, last_archive_turn=0) is Urgency.ARCHIVE
    assert choose_urgency(jobs, now=late, last_archive_turn=late - 1) is Urgency.LIVE
    assert choose_urgency(jobs[:1], now=101, last_archive_turn=100) is Urgency.ARCHIVE


def test_jobs_are_split_in_order_by_what_a_model_reads_well_at_once() -> None:
    jobs = [waiting(16) for _ in range(5)]
    assert list(split_by_cost(jobs, budget=40)) == [jobs[:2], jobs[2:4], jobs[4:]]
    assert list(split_by_cost([], budget=40)) == []


# isolation


@pytest.mark.parametrize(
    ("poison", "reason"), [("raise", "RuntimeError"), ("exit", "SystemExit"), ("nan", "NaN"), ("short", "answered")]
)
def test_a_poison_article_among_64_fails_alone(poison: str, reason: str) -> None:
    model = Awkward()
    options = TopicsOptions()
    items = [Work(Document(f"Article {n} is harmless."), SummaryOptions(), options) for n in range(64)]
    items[41] = Work(Document(f"This one will {poison}."), SummaryOptions(), options)
    found = run_isolated(model, items)
    assert [n for n, outcome in enumerate(found) if outcome.error] == [41]
    assert isinstance(found[41].error, ModelFailed)
    assert reason in str(found[41].error)
    assert len(model.batches) <= 1 + 2 * 6


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"),
        RuntimeError("CUDA failed with error out of memory"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_memory_that_runs_out_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_torchs_own_error_on_this_machine_is_recognised() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("the text says: out of memory"))


def test_one_article_that_memory_cannot_hold_is_an_error_that_says_so() -> None:
    [outcome] = run_isolated(Awkward(most=0), [job().work])
    assert "ran out of memory" in str(outcome.error)


def test_an_answer_of_the_wrong_kind_and_a_missing_one_are_errors() -> None:
    class Wrong(Counting):
        def run(self, work: Sequence[Work]) -> list[Outcome]:
            return ["nonsense"] * len(work)  # type: ignore[list-item]

    class Silent(Counting):
        def run(self, work: Sequence[Work]) -> list[Outcome]:
            return [Outcome(topics=()) for _ in work]

    [wrong], [silent] = run_isolated(Wrong(), [job().work]), run_isolated(Silent(), [job().work])
    assert isinstance(wrong.error, ModelFailed)
    assert "gave none" in str(silent.error)
