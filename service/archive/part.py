"""Works on one part: reads its records, digests them, encodes the rows, writes the file. Runs in a worker."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from seeds.archives import Record, Skipped, open_records
from seeds.archives.source import Source, failed
from seeds.errors import BrokenOff, UnreadableRecord
from seeds.outputs import Row, encode
from seeds.outputs.parts import write_whole
from service.archive.job import ArchiveJob
from service.archive.paths import RunPaths
from service.archive.plan import Part, Task
from service.archive.report import Counts, Failure, PartReport
from service.archive.rows import to_row
from service.digest import Digest, Digester
from service.errors import ArchiveChanged, OutputUnwritable, WorkerEnded

WINDOW = 512
"""Records digested at a time; progress is reported after each. A multiple of every model's batch, so that what is left
after an interruption falls into the same batches, and batches that decide a score's last digits are the same."""

Notify = Callable[[int], None]
"""Hears how many records were digested."""


@dataclass(frozen=True, slots=True)
class PartRecords:
    """The records read for a task, what was skipped beside them, how many a sample was taken from, and the duplicates
    among them: by number in the part, the id of the first of their family."""

    task: Task
    records: Sequence[Record]
    skipped: Counter[str]
    seen: int
    duplicates: Mapping[int, str]


def read_part(task: Task, job: ArchiveJob) -> PartRecords:
    """Read a part's records, as many as a sample and a limit leave.

    Raises:
        ArchiveChanged: an input is not what it was when the run was planned.
    """
    chosen = _Chosen(task, job)
    skipped: Counter[str] = Counter()
    records = list(_read(task, job, chosen, skipped))
    return PartRecords(task, records, skipped, chosen.seen, {} if task.unreadable else _duplicates(task.part, job))


def digest_part(part: PartRecords, job: ArchiveJob, digester: Digester, notify: Notify) -> list[Digest | None]:
    """The digest of each record; None for one that could not be read, or is a duplicate that is to be skipped. Those of
    like length are digested together.

    Raises:
        ModelError, StoreError: as `Digester.ask`.
    """
    records, task = part.records, part.task
    digests: list[Digest | None] = [None] * len(records)
    chosen = range(len(records)) if task.only is None else task.only
    skip = part.duplicates if job.duplicates == "skip" else {}
    numbers = [n for n in chosen if n < len(records) and not records[n].error and n not in skip]
    numbers.sort(key=lambda number: (len(records[number].article.text), number))
    for killer in task.killers.intersection(numbers):
        digests[killer] = Digest(records[killer].article.id, error=_killed())
    left = iter([number for number in numbers if number not in task.killers])
    while window := list(islice(left, WINDOW)):
        articles = [records[number].article for number in window]
        results = digester.ask(articles, job.digest_options).result()
        for number, digest in zip(window, results, strict=True):
            digests[number] = digest
        notify(len(window))
    return digests


def write_part(part: PartRecords, digests: Sequence[Digest | None], job: ArchiveJob, *, since: str) -> PartReport:
    """Write a part's piece of the output, and its report beside it.

    Args:
        since: when the run began; results made before are counted as cached.

    Raises:
        OutputUnwritable: they cannot be written.
    """
    counts = Counts(skipped=part.skipped)
    pairs = zip(part.records, digests, strict=True)
    rows = [to_row(record, digest, duplicate_of=part.duplicates.get(n)) for n, (record, digest) in enumerate(pairs)]
    for row, digest in zip(rows, digests, strict=True):
        counts.count(row, cached=digest is not None and _all_before(digest, since))
    if job.format == "ninjs":
        counts.left_out = counts.failed
    if part.task.only is not None:
        return PartReport(counts, part.seen, 0, None)
    data = encode(rows, job.format, job.row_fields, suffix=job.suffix, guard=job.guard)
    report = PartReport(counts, part.seen, len(data), checksum(part.task.part), _failures(part.records, rows))
    _write(part.task.part.index, job, data, report)
    return report


def _failures(records: Sequence[Record], rows: Sequence[Row]) -> tuple[Failure, ...]:
    return tuple(
        Failure(number, record.place, row.id, dict(row.error))
        for number, (record, row) in enumerate(zip(records, rows, strict=True), start=1)
        if row.error
    )


def checksum(part: Part) -> str | None:
    """SHA-256 of what was read from standard input, which has nothing else to know it by; else None."""
    blocks = [source.data for source in part.sources if source.data is not None]
    return hashlib.sha256(b"".join(blocks)).hexdigest() if blocks else None


class _Chosen:
    """Which records a sample and a limit leave in; counts all that it is asked about."""

    def __init__(self, task: Task, job: ArchiveJob) -> None:
        self.seen = 0
        self._before = task.before
        self._sample = job.sample
        self._left = task.left

    def takes(self) -> bool:
        position = self._before + self.seen
        self.seen += 1
        if position % self._sample:
            return False
        if self._left is not None:
            self._left -= 1
        return True

    @property
    def is_full(self) -> bool:
        return self._left is not None and self._left <= 0


def _read(task: Task, job: ArchiveJob, chosen: _Chosen, skipped: Counter[str]) -> Iterator[Record]:
    for source in task.part.sources:
        if chosen.is_full:
            return
        items = [_unreadable(source)] if task.unreadable else open_records(source, job.read)
        units = 0
        broken = False
        for item in items:
            units += 1
            if isinstance(item, Skipped):
                skipped[item.kind] += 1
                continue
            broken = broken or isinstance(item.error, BrokenOff)
            if chosen.takes():
                yield _bounded(item, job)
            if chosen.is_full:
                return
        if not broken:
            _check_count(source, units)


def _duplicates(part: Part, job: ArchiveJob) -> Mapping[int, str]:
    path = RunPaths(job.out, job.suffix).duplicates(part.index)
    if job.duplicates is None or not path.exists():
        return {}
    return {int(number): id for number, id in json.loads(path.read_text(encoding="utf-8")).items()}


def _unreadable(source: Source) -> Record:
    problem = UnreadableRecord(f"Reading {source.name} ended the worker, twice. What it holds is set aside.")
    return failed(source.name, problem)


def _bounded(record: Record, job: ArchiveJob) -> Record:
    """The record, without a text that would be refused for its length anyway: a part is in memory as a whole."""
    size = len(record.article.text)
    if size <= job.max_article_characters:
        return record
    problem = UnreadableRecord(
        f"{record.place} has {size:,} characters; the limit is {job.max_article_characters:,}. Split it, or raise "
        "DATELINE_MAX_ARTICLE_CHARACTERS."
    )
    return replace(record, article=replace(record.article, text=""), error=problem)


def _check_count(source: Source, units: int) -> None:
    """Records and skips must be as many as the lines or rows that were planned.

    Raises:
        ArchiveChanged: they are not.
    """
    if source.count is not None and units != source.count:
        raise ArchiveChanged(
            f"{source.name} held {source.count:,} lines or rows from number {source.first:,} on when the run was "
            f"planned, and {units:,} when they were read. Do not change an input while it is read; run the command "
            "again."
        )


def _killed() -> WorkerEnded:
    return WorkerEnded(
        "Digesting this record ended the worker process, twice. It may need more memory than there is; the other "
        "records are not affected."
    )


def _all_before(digest: Digest, since: str) -> bool:
    return bool(digest.results) and all(result.created_at < since for result in digest.results.values())


def _write(index: int, job: ArchiveJob, data: bytes, report: PartReport) -> None:
    """Write the piece, then its report: a part is done when it has one."""
    paths = RunPaths(job.out, job.suffix)
    try:
        write_whole(paths.part(index), [data], workshop=paths.parts)
        write_whole(paths.report(index), [report.to_json().encode()], workshop=paths.parts)
    except OSError as error:
        raise OutputUnwritable(
            f"{str(paths.part(index))!r} cannot be written ({os.strerror(error.errno) if error.errno else error}). "
            "Nothing is lost: fix the problem and run the same command again."
        ) from error
