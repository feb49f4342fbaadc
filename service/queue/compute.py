"""Runs a model over jobs and turns its outcomes into stored results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from models.types import Outcome, Sentence, Summary, Topic
from seeds.store import Result, now
from service.keys import ResultSpec
from service.queue.job import Job


def results_of(job: Job, outcome: Outcome, *, created_at: str) -> dict[str, Result] | Exception:
    """The results of a job by key, or the error that prevented them."""
    if outcome.error is not None:
        return outcome.error
    results: dict[str, Result] = {}
    for key, spec in job.specs.items():
        value = summary_json(outcome.summary) if spec.task == "summary" else topics_json(outcome.topics)
        results[key] = Result(
            key=key,
            task=spec.task,
            content=spec.content(text=job.document.text, title=job.document.title),
            model=spec.info.id if outcome.warning is None else _maker(outcome).model,
            revision=spec.info.revision if outcome.warning is None else _maker(outcome).revision,
            parameters=_parameters(spec, outcome, job.document.language),
            vocabulary=spec.vocabulary,
            value=value,
            milliseconds=round(outcome.milliseconds, 3),
            created_at=created_at,
            warning=outcome.warning,
        )
    return results


def _maker(outcome: Outcome) -> Summary:
    """Which model answered, where it is another than was asked."""
    assert outcome.summary is not None
    return outcome.summary


def _parameters(spec: ResultSpec, outcome: Outcome, language: str) -> str:
    """The parameters, with the language that the text was read as; of a stand-in, what it stands for."""
    own = json.loads(spec.parameters) if outcome.warning is None else {"instead_of": spec.info.id}
    return _json({**own, "language": language})


def results_of_all(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> list[dict[str, Result] | Exception]:
    """The results of every job, in order."""
    created_at = now()
    return [results_of(job, outcome, created_at=created_at) for job, outcome in zip(jobs, outcomes, strict=True)]


def new_results(results: Sequence[Mapping[str, Result] | Exception]) -> list[Result]:
    """What there is to store: nothing that stands in for something else."""
    made = (result for by_key in results if not isinstance(by_key, Exception) for result in by_key.values())
    return [result for result in made if result.warning is None]


def summary_json(summary: Summary | None) -> str:
    """The summary as it is stored and answered."""
    assert summary is not None
    fields: dict[str, Any] = fields_of(summary)
    fields["sentences"] = [_sentence_fields(sentence) for sentence in summary.sentences]
    return _json(fields)


def _sentence_fields(sentence: Sentence) -> dict[str, Any]:
    fields = fields_of(sentence)
    support = fields.pop("support")
    return fields if support is None else {**fields, "support": asdict(support)}


def topics_json(topics: Sequence[Topic] | None) -> str:
    """The topics as they are stored and answered."""
    assert topics is not None
    return _json([fields_of(topic) for topic in topics])


def fields_of(value: Any) -> dict[str, Any]:
    """The value's fields by name, not copied: `dataclasses.asdict` takes ten times as long, for every result."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _json(value: object) -> str:
    """Without spaces: it is stored and sent as often as it is asked for."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
