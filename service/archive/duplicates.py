"""Finds the records that say nearly what an earlier one says. It takes a reading of its own before the parts are worked
on, because the first of a family may be in any part."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.text.duplicates import HASHES, firsts, signatures
from seeds.archives import Record, Source
from seeds.outputs.parts import PARTIAL, write_whole
from service.archive.job import ArchiveJob
from service.archive.part import read_part
from service.archive.paths import RunPaths
from service.archive.plan import Task, plan
from service.archive.rows import row_id


@dataclass(frozen=True, slots=True)
class _Compared:
    """A part's records that can be compared: their numbers in the part, and their ids as JSON, which is smaller."""

    index: int
    numbers: np.ndarray
    ids: str


def find_duplicates(job: ArchiveJob, sources: Sequence[Source], heard: Callable[[int], None]) -> None:
    """Write, for each part that holds duplicates, which they are and of what.

    Args:
        heard: is told how many more records were compared.

    Raises:
        ArchiveChanged: an input is not what it was when the run was planned.
        OSError: the files cannot be written.
    """
    paths = RunPaths(job.out, job.suffix)
    kept = paths.parts / f"signatures.{os.getpid()}{PARTIAL}"
    parts: list[_Compared] = []
    try:
        with kept.open("wb") as file:
            for index, records in _records(job, sources):
                known = [(number, record) for number, record in enumerate(records) if not record.error]
                file.write(signatures([record.article.text for _, record in known]).tobytes())
                ids = json.dumps([row_id(record) for _, record in known])
                parts.append(_Compared(index, np.array([number for number, _ in known], dtype=np.int32), ids))
                heard(len(records))
        found = np.memmap(kept, np.uint32, "r").reshape(-1, HASHES) if kept.stat().st_size else signatures([])
        _write(paths, parts, firsts(found))
    finally:
        kept.unlink(missing_ok=True)


def _records(job: ArchiveJob, sources: Sequence[Source]) -> Iterator[tuple[int, Sequence[Record]]]:
    """The records of each part, as the run itself will read them."""
    before, left = 0, job.limit
    for part in plan(sources, job.read):
        if left is not None and left <= 0:
            return
        read = read_part(Task(part, before, left), job)
        before += read.seen
        left = left - len(read.records) if left is not None else None
        yield part.index, read.records


def _write(paths: RunPaths, parts: Sequence[_Compared], first_of: np.ndarray) -> None:
    repeated = np.flatnonzero(first_of < np.arange(len(first_of)))
    wanted = np.unique(first_of[repeated])
    names: dict[int, str] = {}
    for part, start in _starts(parts):
        low, high = np.searchsorted(wanted, [start, start + len(part.numbers)])
        ids = json.loads(part.ids) if high > low else []
        names |= {int(first): ids[first - start] for first in wanted[low:high]}
    for part, start in _starts(parts):
        low, high = np.searchsorted(repeated, [start, start + len(part.numbers)])
        if high > low:
            found = {int(part.numbers[text - start]): names[int(first_of[text])] for text in repeated[low:high]}
            write_whole(paths.duplicates(part.index), [json.dumps(found).encode()], workshop=paths.parts)


def _starts(parts: Sequence[_Compared]) -> Iterator[tuple[_Compared, int]]:
    """Each part, and the number of its first record among all that were compared."""
    start = 0
    for part in parts:
        yield part, start
        start += len(part.numbers)
