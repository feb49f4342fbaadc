"""The archive runs of a folder, as their manifests describe them: for the API and the page. It only reads."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from service.archive.paths import MANIFEST, RunPaths
from service.archive.report import Counts, PartReport
from service.errors import ArchiveChanged, OutputUnwritable, UnknownRun

REPORTS = "part-*.report.json"


@dataclass(frozen=True, slots=True)
class RunState:
    """How a run stands.

    Args:
        name: of its output.
        stage: `running`, `closing` or `finished`; a run that was stopped is `running` until it is taken up.
        output_bytes: of the file that can be had; 0 until it is finished, and where it is a folder.
    """

    name: str
    stage: str
    started_at: str
    inputs: tuple[str, ...]
    models: dict[str, str]
    counts: Counts
    output_bytes: int


def runs(folder: Path) -> list[RunState]:
    """The runs whose outputs lie in the folder, the latest first. Files that are not manifests are skipped."""
    found = []
    for manifest in folder.glob(f"*{MANIFEST}"):
        try:
            found.append(_state(_paths(folder, manifest.name.removesuffix(MANIFEST))))
        except UnknownRun:
            continue
    return sorted(found, key=lambda run: run.started_at, reverse=True)


def run(folder: Path, name: str) -> RunState:
    """The run of that output.

    Raises:
        UnknownRun: there is none.
    """
    return _state(_paths(folder, name))


def output(folder: Path, name: str) -> Path:
    """The file that a finished run wrote.

    Raises:
        UnknownRun: there is no such run, it is not finished, or its output is a folder.
    """
    paths = _paths(folder, name)
    if _state(paths).stage != "finished" or not paths.out.is_file():
        raise UnknownRun(f"The run {name!r} has no output file: it is not finished, or its output is a folder.")
    return paths.out


def failures(folder: Path, name: str, *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """The records that failed, in order, without the first of them. While the run goes on `record` counts the rows of
    a part; later, those of the output.

    Args:
        after: how many to leave out.

    Raises:
        UnknownRun: there is no such run.
    """
    return list(islice(_failures(_paths(folder, name)), after, after + limit))


def _paths(folder: Path, name: str) -> RunPaths:
    if not name or Path(name).name != name or not name.isprintable():
        raise UnknownRun(f"There is no archive run {name!r}. GET /v1/runs lists them.")
    return RunPaths(folder / name, "")


def _state(paths: RunPaths) -> RunState:
    unknown = UnknownRun(f"There is no archive run {paths.out.name!r}. GET /v1/runs lists them.")
    try:
        manifest = paths.read_manifest()
        if manifest is None:
            raise unknown
        return _of_manifest(paths, manifest)
    except (ArchiveChanged, OutputUnwritable, OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise unknown from error  # whatever stands there is no manifest


def _of_manifest(paths: RunPaths, manifest: dict[str, Any]) -> RunState:
    identity = manifest["identity"]
    counts = Counts()
    if "counts" in manifest:
        counts = Counts.from_json(manifest["counts"])
    else:
        for report in _reports(paths):
            counts.add(report.counts)
    return RunState(
        paths.out.name,
        manifest["stage"],
        manifest["started_at"],
        tuple(str(source[0]) for source in identity.get("input", ())),
        {task: str(info.get("id")) for task, info in identity.get("models", {}).items()},
        counts,
        manifest.get("output_size", 0) if manifest["stage"] == "finished" and paths.out.is_file() else 0,
    )


def _reports(paths: RunPaths) -> Iterator[PartReport]:
    for path in sorted(paths.parts.glob(REPORTS), key=lambda path: (len(path.name), path.name)):
        try:
            yield PartReport.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError):  # it was being written, or removed, just then
            continue


def _failures(paths: RunPaths) -> Iterator[dict[str, Any]]:
    stage = _state(paths).stage
    if stage != "running" and paths.errors.exists():
        with paths.errors.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)
    elif stage != "finished":
        for report in _reports(paths):
            yield from map(asdict, report.failures)
