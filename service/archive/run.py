"""Runs an archive: hands its parts out, keeps the manifest, puts the output together. Touches no record."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from seeds.archives import Source
from seeds.errors import NoRecords
from seeds.outputs import header
from seeds.outputs.jsonl import json_line
from seeds.outputs.parts import contents, remove, sync_folder, write_whole
from seeds.store import now
from service.archive.duplicates import find_duplicates
from service.archive.job import ArchiveJob
from service.archive.part import Notify, checksum
from service.archive.paths import RunPaths, refuse_strangers, remove_own, remove_partials
from service.archive.plan import Part, Task, plan
from service.archive.report import Counts, PartReport, Report
from service.archive.rescue import rescue
from service.archive.workers import Done, Setup, Workers
from service.errors import ArchiveChanged, ExecutorUnavailable, OutputUnwritable

StartWorkers = Callable[[Setup, Notify], Workers]
"""Makes the workers that a run hands its parts to."""
Listen = Callable[[Report], None]
"""Hears how far a run has come, now and then."""
TakeUp = Literal["same", "resume", "restart"]
"""Whether an earlier run is gone on with if it is the same; even where standard input cannot show that; or not."""


class ArchiveRun:
    """One archive on its way to its output.

    Args:
        sources: the files of `job.input`.
        start: makes the workers.

    Raises:
        ArchiveChanged: something else occupies a place of the run, or another run is at work there.
    """

    def __init__(
        self, job: ArchiveJob, sources: Sequence[Source], start: StartWorkers, *, take_up: TakeUp = "same"
    ) -> None:
        self.report = Report(bytes_total=sum(source.size for source in sources))
        self._job = job
        self._sources = sources
        self._start = start
        self._take_up = take_up
        self._paths = RunPaths(job.out, job.suffix)
        self._manifest = self._paths.read_manifest()
        refuse_strangers(self._paths, self._manifest)

    def go(self, listen: Listen = lambda report: None) -> Report:
        """Run to the end.

        Raises:
            ArchiveChanged: an earlier run was of another input, model or option; an input changed while it was read.
            NoRecords: there was none in the input.
            OutputUnwritable: the output cannot be written.
            ExecutorUnavailable: workers cannot be had.
            ModelError, StoreError: as `Digester.digest`.
        """
        manifest = None if self._take_up == "restart" else self._manifest
        since = str(manifest["started_at"]) if manifest else now()
        workers = self._start(Setup(self._job, since), self._hear(listen))
        try:
            identity = json.loads(json.dumps(self._job.identity(self._sources, workers.describe())))
            if manifest and not self._may_take_up(manifest, identity):
                manifest = None
            if manifest and manifest["stage"] == "finished":
                return self._finished_already(manifest)
            with self._writing(manifest, identity, since) as manifest:
                if manifest["stage"] == "running":
                    manifest = self._compared(manifest, listen)
                    self._work(workers, listen)
                    manifest = self._closing(manifest)
                self._put_together(manifest)
        finally:
            workers.close()
        self.report.finished = True
        return self.report

    def _hear(self, listen: Listen) -> Notify:
        def digested(records: int) -> None:
            self.report.under_way += records
            listen(self.report)

        return digested

    def _may_take_up(self, manifest: dict[str, Any], identity: dict[str, Any]) -> bool:
        """Whether the earlier run is this one; False where it had not done anything yet.

        Raises:
            ArchiveChanged: it is another.
        """
        if manifest["stage"] == "running" and not self._reports():
            return False
        changed = [name for name, value in identity.items() if manifest["identity"].get(name) != value]
        if changed:
            changes = "; ".join(_change(name, manifest["identity"].get(name), identity[name]) for name in changed)
            raise ArchiveChanged(
                f"{str(self._job.out)!r} was begun differently: {changes}. Run it as before, choose another --out, or "
                "begin anew with --restart: results that are still right are taken from its store."
            )
        if self._job.from_stdin and self._take_up != "resume":
            raise ArchiveChanged(
                f"{str(self._job.out)!r} was begun from standard input, which cannot be recognised. If it is the same "
                "input again, add --resume; if not, choose another --out, or begin anew with --restart."
            )
        return True

    def _finished_already(self, manifest: dict[str, Any]) -> Report:
        self._check_output(manifest)
        if self._job.from_stdin:
            first = next(plan(self._sources, self._job.read), None)
            self._compare(0, manifest["first_checksum"], first)
        if self._paths.parts.is_dir():  # the last act of a run that was stopped just then
            remove_partials(self._paths)
            self._paths.parts.rmdir()
        self.report.counts = Counts.from_json(manifest["counts"])
        self.report.already_finished = self.report.finished = True
        return self.report

    @contextmanager
    def _writing(
        self, manifest: dict[str, Any] | None, identity: dict[str, Any], since: str
    ) -> Iterator[dict[str, Any]]:
        """The manifest of a run that is now at work, and alone.

        Raises:
            ArchiveChanged: another run is, or was meanwhile.
            OutputUnwritable: the place cannot be written.
        """
        paths = self._paths
        try:
            paths.parts.mkdir(parents=True, exist_ok=True)
            with _locked(paths.parts):
                if paths.read_manifest() != self._manifest:
                    raise ArchiveChanged(
                        f"Another run has just been at work on {str(paths.out)!r}. Run the command again."
                    )
                if manifest is None:
                    remove_own(paths)
                    manifest = {"identity": identity, "started_at": since, "stage": "running"}
                    paths.write_manifest(manifest)
                remove_partials(paths)
                yield manifest
        except OSError as error:
            raise OutputUnwritable(
                f"{str(error.filename or paths.out)!r} cannot be written ({error.strerror or error}). Nothing is "
                "lost: fix the problem and run the same command again."
            ) from error

    def _compared(self, manifest: dict[str, Any], listen: Listen) -> dict[str, Any]:
        """The manifest of a run whose duplicates, if they are asked for, have been found."""
        if self._job.duplicates is None or manifest.get("compared"):
            return manifest

        def heard(records: int) -> None:
            self.report.compared += records
            listen(self.report)

        find_duplicates(self._job, self._sources, heard)
        manifest = {**manifest, "compared": True}
        self._paths.write_manifest(manifest)
        return manifest

    def _work(self, workers: Workers, listen: Listen) -> None:
        """Hand out what is not done yet, and count what is."""
        job, pending = self._job, 0
        done = self._reports()
        self.report.resumed_at = sum(report.counts.records for report in done.values())
        before = 0
        for part in plan(self._sources, job.read):
            if part.index in done:
                if job.from_stdin:
                    self._compare(part.index, done[part.index].checksum, part)
                before += self._count(part, done[part.index], listen)
                continue
            while pending >= (1 if job.in_order else workers.capacity):
                before += self._settle(workers, listen)
                pending -= 1
            left = job.limit - self.report.counts.records if job.limit is not None else None
            if left is not None and left <= 0:
                break
            workers.submit(Task(part, before, left))
            pending += 1
        for _ in range(pending):
            self._settle(workers, listen)

    def _settle(self, workers: Workers, listen: Listen) -> int:
        done = workers.next()
        if done.report is None and done.error is None:
            done = rescue(done.task, workers)
        return self._count(done.task.part, _report(done), listen)

    def _count(self, part: Part, report: PartReport, listen: Listen) -> int:
        """Count a part in; how many records were read for it."""
        self.report.counts.add(report.counts)
        self.report.under_way = 0
        self.report.bytes_done += part.size
        listen(self.report)
        return report.read

    def _reports(self) -> dict[int, PartReport]:
        """The reports of the parts that are done: whose file is there as it was written."""
        paths = self._paths
        reports: dict[int, PartReport] = {}
        for path in sorted(paths.parts.glob("part-*.report.json")) if paths.parts.is_dir() else ():
            index = int(path.name.split(".")[0].removeprefix("part-"))
            with suppress(OSError, ValueError, KeyError, TypeError):
                report = PartReport.from_json(path.read_text(encoding="utf-8"))
                if paths.part(index).stat().st_size == report.size:
                    reports[index] = replace(report, failures=())  # they are read again when they are written
        return reports

    def _compare(self, index: int, expected: str | None, part: Part | None) -> None:
        if part is None or checksum(part) != expected:
            raise ArchiveChanged(
                f"Standard input is not what {str(self._job.out)!r} was begun from: part {index} differs. Choose "
                "another --out, or begin anew with --restart."
            )

    def _closing(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The manifest of a run whose every part is done.

        Raises:
            NoRecords: no part holds a record.
        """
        counts, reports = self.report.counts, self._reports()
        if not counts.records:
            remove_own(self._paths)
            self._paths.parts.rmdir()
            skipped = ", ".join(f"{number:,} {kind}" for kind, number in sorted(counts.skipped.items()))
            raise NoRecords(
                f"There is no record in {self._job.input!r}"
                + (f"; skipped: {skipped}." if skipped else ". Is it the right input?")
            )
        in_parts = sum(report.counts.records for report in reports.values())
        if in_parts != counts.records or sorted(reports) != list(range(len(reports))):
            raise OutputUnwritable(
                f"{counts.records:,} records were counted, but the parts in {str(self._paths.parts)!r} hold "
                f"{in_parts:,}. Something else changes that folder. Run the same command again."
            )
        size = len(self._header()) + sum(report.size for report in reports.values())
        manifest = {
            **manifest, "stage": "closing", "counts": counts.to_json(), "output_size": size, "parts": len(reports),
            "first_checksum": reports[0].checksum,
        }  # fmt: skip
        self._paths.write_manifest(manifest)
        return manifest

    def _header(self) -> bytes:
        return header(self._job.format, self._job.row_fields, suffix=self._job.suffix)

    def _put_together(self, manifest: dict[str, Any]) -> None:
        """Put the parts under the final name. May be done again after an interruption at any moment."""
        paths, count = self._paths, int(manifest["parts"])
        self.report.counts = Counts.from_json(manifest["counts"])
        if paths.part(0).exists():
            self._write_errors(count)
            if self._job.format == "parquet":
                remove([path for index in range(count) for path in paths.of_part(index)[1:]])
                remove_partials(paths)
                paths.parts.rename(paths.out)
                paths.parts.mkdir()
            else:
                parts = contents(paths.part(index) for index in range(count))
                write_whole(paths.out, chain([self._header()], parts), workshop=paths.parts)
        self._check_output(manifest)
        remove([path for index in range(count) for path in paths.of_part(index)])
        paths.write_manifest({**manifest, "stage": "finished"})
        remove_partials(paths)  # of workers that were killed meanwhile
        paths.parts.rmdir()
        sync_folder(paths.out.parent)

    def _check_output(self, manifest: dict[str, Any]) -> None:
        """The output must be there as it was written.

        Raises:
            ArchiveChanged: it is not.
        """
        out = self._paths.out
        files = list(out.iterdir()) if out.is_dir() else [out] if out.exists() else []
        if not files or sum(file.stat().st_size for file in files) != manifest["output_size"]:
            raise ArchiveChanged(f"{str(out)!r} was finished, but is gone or changed. Make it anew with --restart.")

    def _write_errors(self, count: int) -> None:
        if self.report.counts.failed and not self._paths.errors.exists():
            write_whole(self._paths.errors, self._error_lines(count), workshop=self._paths.parts)

    def _error_lines(self, count: int) -> Iterator[bytes]:
        """What failed, numbered through all parts."""
        first = 0
        for index in range(count):
            report = PartReport.from_json(self._paths.report(index).read_text(encoding="utf-8"))
            for failure in report.failures:
                yield json_line({**asdict(failure), "record": first + failure.record}).encode()
            first += report.counts.records


def _report(done: Done) -> PartReport:
    if done.error is not None:
        raise done.error
    if done.report is None:
        raise ExecutorUnavailable(
            f"Part {done.task.part.index} ends its worker, though none of its records alone does; memory may be too "
            "small. Nothing is lost: run the same command again, with fewer --workers or a smaller model."
        )
    return done.report


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder alone.

    Raises:
        ArchiveChanged: another run holds it.
    """
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArchiveChanged(f"Another run is at work on {str(folder)!r}. Wait for it, or stop it.") from error
        except OSError:  # a network file system without locks
            pass
        yield
    finally:
        os.close(opened)


def _change(name: str, before: object, after: object) -> str:
    if name == "input" and isinstance(before, list) and isinstance(after, list):
        earlier = {json.dumps(entry) for entry in before}
        new = [str(entry[0]) for entry in after if json.dumps(entry) not in earlier]
        return f"input ({', '.join(new[:3]) or 'a file is gone'})"
    if name == "models" and isinstance(before, dict) and isinstance(after, dict):
        tasks = sorted(before.keys() | after.keys())
        return "; ".join(
            _model_change(task, before.get(task), after.get(task))
            for task in tasks
            if before.get(task) != after.get(task)
        )
    return f"{name.replace('_', ' ')} (was {json.dumps(before)[:120]}, is {json.dumps(after)[:120]})"


def _model_change(task: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    was, now = (
        f"{info['id']} at revision {info['revision']} in {info['dtype']}" if info else "none"
        for info in (before, after)
    )
    if was == now and before and after:
        fields = ", ".join(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))
        return f"{fields} of the model of the {task}"
    return f"the model of the {task} (was {was}, is {now})"
