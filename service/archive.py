"""Works through archives: reads, digests and writes in windows, overlapping; keeps a checkpoint after each, so that any
interruption is survived and the output is the same as if there had been none. Knows nothing of formats or terminals."""

import json
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from seeds.errors import NoRecords
from seeds.exports import OutputFormat, Row, Writer, open_writer
from seeds.readers import Archive, Record
from seeds.records import Article
from seeds.store import now
from service.digest import Digest, Wanted
from service.engines import Engine
from service.errors import ArchiveChanged, problem_of

WINDOW = 512
"""Records read, digested and written at a time; what an interruption repeats. A multiple of every model's batch, so
that the work left after an interruption falls into the same batches."""
WINDOWS_AHEAD = 2
SCORE_DIGITS = 4
ALL_FIELDS = ("id", "title", "date", "url", "language", "summary", "topics", "cached", "provenance", "error")
VERSION = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make of an archive. `keep_one_in`: only one record in so many; `limit`: only the first so many."""

    wanted: Wanted
    format: OutputFormat
    fields: tuple[str, ...] = ALL_FIELDS
    include_text: bool = False
    limit: int | None = None
    keep_one_in: int = 1


@dataclass(slots=True)
class Report:
    """How far a run has come. `kinds`: failures by kind; `topics`: articles by topic; `seconds`: what they went on."""

    records: int = 0
    failed: int = 0
    cached: int = 0
    resumed_at: int = 0
    finished: bool = False
    already_finished: bool = False
    kinds: dict[str, int] = field(default_factory=dict)
    topics: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: {"reading": 0.0, "model": 0.0, "writing": 0.0})


class _Window:
    """Records read together. `articles` are the readable ones, by length."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        readable = [(number, record.article) for number, record in enumerate(records) if record.article]
        readable.sort(key=lambda item: (len(item[1].text), item[0]))
        self._numbers = [number for number, _ in readable]
        self.articles = [article for _, article in readable]

    def matched(self, digests: Sequence[Digest]) -> list[tuple[Record, Digest | None]]:
        """The records in their own order, each with its digest."""
        found = dict(zip(self._numbers, digests, strict=True))
        return [(record, found.get(number)) for number, record in enumerate(self._records)]


class Run:
    """One archive on its way from `source` to `out`.

    Args:
        engine: digests the windows.
        models: what tells a changed model: the info of each, as a dict.

    Raises:
        ArchiveChanged: `out` was begun from another input, model or option, or holds something else.
        OSError: `out` cannot be written.
    """

    def __init__(
        self,
        source: Archive,
        out: Path,
        plan: Plan,
        *,
        engine: Engine,
        models: Mapping[Any, Any],
        restart: bool = False,
    ) -> None:
        self._source = source
        self._out = out
        self._plan = plan
        self._engine = engine
        self._manifest = out.with_name(out.name + ".run.json")
        self._errors_path = out.with_name(out.name + ".errors.jsonl")
        self._identity = json.loads(json.dumps(_identity(source, plan, models)))
        self.report = Report()
        self._state = None if restart else self._read_state()
        if restart:
            self._remove()
        if self._state is None:
            if out.exists():
                raise ArchiveChanged(
                    f"{str(out)!r} exists and was not made by this command. Move it, or use --restart."
                )
            self._state = {"version": VERSION, "identity": self._identity, "started_at": now(), "records": 0,
                           "output": None, "errors": None, "report": None, "stage": "running"}  # fmt: skip
        self._take_up(self._state)

    def go(self, *, told: Callable[[Report], None] = lambda report: None) -> Report:
        """Run to the end; `told` hears of every window.

        Raises:
            OSError: the output cannot be written.
            ModelError, StoreError: as `Digester.digest`.
        """
        state = self._state
        assert state is not None
        if state["stage"] == "finished":
            if not self._out.exists():
                raise ArchiveChanged(f"{str(self._out)!r} was finished, but it is gone. Make it anew with --restart.")
            self.report.already_finished = self.report.finished = True
            return self.report
        self._write_state()  # when the run began must be known before the first result is kept
        output = open_writer(self._out, self._plan.format, position=state["output"])
        errors = open_writer(self._errors_path, "jsonl", position=state["errors"])
        try:
            if state["stage"] == "running":
                self._work(output, errors, told)
                self._save("closing", output, errors)
            output.finish()
            errors.finish()
        finally:
            output.close()
            errors.close()
        if not self.report.failed:
            self._errors_path.unlink(missing_ok=True)
        self.report.finished = True
        self._state = {**state, "stage": "finished", "report": _plain(self.report)}
        self._write_state()
        return self.report

    def _work(self, output: Writer, errors: Writer, told: Callable[[Report], None]) -> None:
        """Three threads in a row: reading ahead, this one with the engine, writing behind."""
        written: queue.Queue[list[tuple[Record, Digest | None]] | None] = queue.Queue(WINDOWS_AHEAD)
        failures: list[BaseException] = []

        def write() -> None:
            while (window := written.get()) is not None:
                if failures:
                    continue
                try:
                    self._write(window, output, errors)
                    told(self.report)
                except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                    failures.append(error)

        writer = threading.Thread(target=write, name="dateline-writer", daemon=True)
        writer.start()
        read: deque[_Window] = deque()
        try:
            with self._engine.open() as digests:
                started = time.monotonic()
                for found in digests(self._jobs(read)):
                    self.report.seconds["model"] += time.monotonic() - started
                    if failures:
                        break
                    written.put(read.popleft().matched(found))
                    started = time.monotonic()
        finally:
            written.put(None)
            writer.join()
        if failures:
            raise failures[0]

    def _jobs(self, read: "deque[_Window]") -> Iterator[list[Article]]:
        """The articles of every window, those of like length together; the windows themselves go to `read`."""
        for records in _ahead(self._windows(), self.report):
            window = _Window(records)
            read.append(window)
            yield window.articles

    def _windows(self) -> Iterator[list[Record]]:
        plan = self._plan
        chosen = islice(self._source, 0, None, plan.keep_one_in)
        records = islice(chosen, self.report.records, plan.limit)
        while window := list(islice(records, WINDOW)):
            yield window

    def _write(self, window: Sequence[tuple[Record, Digest | None]], output: Writer, errors: Writer) -> None:
        started = time.monotonic()
        assert self._state is not None
        since = str(self._state["started_at"])
        rows = [self._row(record, digest, since) for record, digest in window]
        failed = [
            {"record": self.report.records + number + 1, "place": record.place, **row}
            for number, ((record, _), row) in enumerate(zip(window, rows, strict=True)) if row["error"]
        ]  # fmt: skip
        output.write([{name: row[name] for name in row if name in self._shown} for row in rows])
        if failed:
            errors.write([{name: row[name] for name in ("record", "place", "id", "error")} for row in failed])
        self._count(rows)
        self.report.seconds["writing"] += time.monotonic() - started
        self._save("running", output, errors)

    @property
    def _shown(self) -> tuple[str, ...]:
        more = (*(["text"] if self._plan.include_text else []), *(["error"] if self._plan.format == "ninjs" else []))
        return (*self._plan.fields, *more)

    def _row(self, record: Record, digest: Digest | None, since: str) -> dict[str, Any]:
        article = record.article
        error = record.error or (digest.error if digest else None)
        row: dict[str, Any] = {
            "id": article.id if article else record.place,
            "title": article.title if article else None,
            "date": article.date if article else None,
            "url": article.url if article else None,
            "language": article.language if article else None,
            "text": article.text if article else None,
            "summary": None,
            "topics": None,
            "cached": None,
            "provenance": None,
            "error": None,
        }
        if digest:
            made = {task: result.value for task, result in digest.provenance.items()}
            row["summary"] = made.get("summary")
            if "topics" in made:
                row["topics"] = [
                    {name: topic[name] for name in ("qcode", "uri", "name")}
                    | {"score": round(topic["score"], SCORE_DIGITS)}
                    for topic in made["topics"]["topics"]  # type: ignore[attr-defined]
                ]
            # Cached means made before this archive was begun: what an interrupted run made is this archive's own.
            row["cached"] = {task: result.created_at < since for task, result in digest.provenance.items()}
            row["provenance"] = {
                task: {"model": result.model, "revision": result.revision, "key": result.key}
                for task, result in digest.provenance.items()
            }
        if error:
            row["error"] = {"error_type": problem_of(error).error_type, "detail": str(error)}
        return row

    def _count(self, rows: Sequence[Row]) -> None:
        report = self.report
        report.records += len(rows)
        for row in rows:
            if row["error"]:
                report.failed += 1
                _tally(report.kinds, row["error"]["error_type"])
            elif all((row["cached"] or {"": False}).values()):
                report.cached += 1
            for topic in row["topics"] or ():
                _tally(report.topics, topic["name"])
            if row["text"]:
                _tally(report.words, _length(row["text"]))

    def _read_state(self) -> dict[str, Any] | None:
        """The checkpoint, if there is one of this very run."""
        try:
            state = json.loads(self._manifest.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ArchiveChanged(f"{str(self._manifest)!r} is no checkpoint ({error}). Use --restart.") from error
        if state.get("version") != VERSION:
            raise ArchiveChanged(f"{str(self._manifest)!r} was written by another version of Dateline. Use --restart.")
        changed = [name for name, value in self._identity.items() if state["identity"].get(name) != value]
        if changed:
            told = "; ".join(_change(name, state["identity"].get(name), self._identity[name]) for name in changed)
            raise ArchiveChanged(
                f"{str(self._out)!r} was begun differently: {told}. Run it as before, choose another --out, or start "
                "over with --restart."
            )
        return dict(state)

    def _take_up(self, state: dict[str, Any]) -> None:
        if state["report"]:
            self.report = Report(**state["report"])
        self.report.records = self.report.resumed_at = int(state["records"])

    def _save(self, stage: str, output: Writer, errors: Writer) -> None:
        assert self._state is not None
        self._state |= {
            "stage": stage, "records": self.report.records, "output": output.position(), "errors": errors.position(),
            "report": _plain(self.report),
        }  # fmt: skip
        self._write_state()

    def _write_state(self) -> None:
        temporary = self._manifest.with_name(self._manifest.name + ".partial")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(self._state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._manifest)

    def _remove(self) -> None:
        """Remove what an earlier run left, finished or not."""
        import shutil

        for path in (self._out, self._errors_path, self._manifest):
            spools = path.parent.glob(f"{path.name}.spool-*.partial")
            for found in (path, path.with_name(path.name + ".partial"), *spools):
                if found.is_dir():
                    shutil.rmtree(found)
                else:
                    found.unlink(missing_ok=True)


def _ahead(windows: Iterator[list[Record]], report: Report) -> Iterator[list[Record]]:
    """The windows, read ahead by a thread of their own."""
    waiting: queue.Queue[list[Record] | BaseException | None] = queue.Queue(WINDOWS_AHEAD)
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                started = time.monotonic()
                window = next(windows, None)
                report.seconds["reading"] += time.monotonic() - started
                waiting.put(window)
                if window is None:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that takes the windows
            waiting.put(error)

    reader = threading.Thread(target=read, name="dateline-reader", daemon=True)
    reader.start()
    try:
        while (window := waiting.get()) is not None:
            if isinstance(window, BaseException):
                raise window
            yield window
    finally:
        stop.set()


def _identity(source: Archive, plan: Plan, models: Mapping[Any, Any]) -> dict[str, Any]:
    """What must be the same for a run to be taken up."""
    return {
        "input": source.state(),
        "input_fields": asdict(source.fields),
        "models": models,
        "tasks": sorted(plan.wanted.models()),
        "summary_options": asdict(plan.wanted.summary),
        "topics_options": asdict(plan.wanted.topics),
        "output_format": plan.format,
        "output_fields": list(plan.fields),
        "include_text": plan.include_text,
        "limit": plan.limit,
        "keep_one_in": plan.keep_one_in,
        "window": WINDOW,
    }


def _change(name: str, before: object, after: object) -> str:
    if name == "input":
        known = {json.dumps(entry) for entry in before} if isinstance(before, list) else set()
        new = [entry[0] for entry in after if json.dumps(entry) not in known] if isinstance(after, list) else []
        return f"input ({', '.join(map(str, new[:3])) or 'a file is gone'})"
    return f"{name.replace('_', ' ')} (was {json.dumps(before)[:120]}, is {json.dumps(after)[:120]})"


def _plain(report: Report) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(report)))  # type: ignore[no-any-return]


def _tally(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _length(text: str) -> str:
    words = text.count(" ") + 1
    return next((f"under {most}" for most in (50, 200, 500, 1000, 5000) if words < most), "5000 and more")


def first_records(source: Archive, *, most: int = 5) -> list[Record]:
    """The first records, to look at.

    Raises:
        NoRecords: there are none.
    """
    found = list(islice(source, most))
    if not found:
        raise NoRecords("The archive holds no records.")
    return found
