"""The files that a run owns, by exact name. Nothing else is ever removed or overwritten, and none may be an input."""

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seeds.archives import Source
from seeds.archives.source import STDIN
from seeds.outputs.parts import PARTIAL, remove, write_whole
from service.errors import ArchiveChanged, InvalidRequest, OutputUnwritable

MANIFEST = ".run.json"
STORE = ".results.db"
STORE_FILES = ("", "-wal", "-shm", "-journal")
"""What SQLite writes beside a database, by what it adds to the name."""
BESIDE = (MANIFEST, ".errors.jsonl", *(STORE + more for more in STORE_FILES))
STAGES = ("running", "closing", "finished")
VERSION = 2
PART_FILE = re.compile(
    r"part-\d{5,}(?:\.[a-z]+(?:\.gz|\.zst)?|\.(?:report|duplicates)\.json)|.*\.\d+\.partial", re.DOTALL
)
"""What a run puts into its folder of parts."""


@dataclass(frozen=True, slots=True)
class RunPaths:
    """Where a run writes: the output, the manifest, the errors, and a folder of parts until it is finished."""

    out: Path
    suffix: str

    @property
    def manifest(self) -> Path:
        return self._beside(MANIFEST)

    @property
    def errors(self) -> Path:
        return self._beside(".errors.jsonl")

    @property
    def parts(self) -> Path:
        return self._beside(".parts")

    def part(self, index: int) -> Path:
        return self.parts / f"part-{index:05}{self.suffix}"

    def report(self, index: int) -> Path:
        return self.parts / f"part-{index:05}.report.json"

    def duplicates(self, index: int) -> Path:
        return self.parts / f"part-{index:05}.duplicates.json"

    def of_part(self, index: int) -> tuple[Path, ...]:
        """All that is written for a part."""
        return self.part(index), self.report(index), self.duplicates(index)

    @property
    def own(self) -> tuple[Path, ...]:
        return (self.out, self.manifest, self.errors, self.parts)

    def _beside(self, suffix: str) -> Path:
        return self.out.with_name(self.out.name + suffix)

    def read_manifest(self) -> dict[str, Any] | None:
        """The manifest of an earlier run; None where there is none.

        Raises:
            ArchiveChanged: something else stands at its name.
        """
        try:
            manifest = json.loads(self.manifest.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OutputUnwritable(
                f"{str(self.out)!r} cannot be written ({error.strerror}). Choose another --out."
            ) from error
        except ValueError as error:
            raise ArchiveChanged(
                f"{str(self.manifest)!r} stands where the manifest belongs, but cannot be read as one ({error}). "
                "Choose another --out."
            ) from error
        if not isinstance(manifest, dict) or manifest.get("dateline_archive") != VERSION or not _is_complete(manifest):
            raise ArchiveChanged(
                f"{str(self.manifest)!r} was not written by this version of Dateline, so what belongs to it is not "
                "certain. Choose another --out."
            )
        return manifest

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        data = json.dumps({"dateline_archive": VERSION, **manifest}).encode()
        write_whole(self.manifest, [data], workshop=self.parts)


def _is_complete(manifest: dict[str, Any]) -> bool:
    """Whether a manifest has what a run reads in it."""
    kinds: dict[str, type] = {"identity": dict, "started_at": str}
    if manifest.get("stage") in ("closing", "finished"):
        kinds |= {"counts": dict, "output_size": int, "parts": int}
    return manifest.get("stage") in STAGES and all(isinstance(manifest.get(name), kind) for name, kind in kinds.items())


def without_own(sources: Sequence[Source], given: str) -> list[Source]:
    """The sources of a folder or glob without what runs, this or others, have written there: the manifests beside them
    tell."""
    runs: dict[Path, bool] = {}

    def is_own(source: Source) -> bool:
        path = Path(source.path)
        for base in _outputs_that_may_own(path):
            if base not in runs:
                runs[base] = _is_run(base)
            if runs[base]:
                return True
        return False

    return [source for source in sources if source.path in (given, STDIN) or not is_own(source)]


def _outputs_that_may_own(path: Path) -> Iterator[Path]:
    """The outputs that a file would belong to, by its name."""
    yield path
    yield path.parent  # a folder of Parquet
    if path.parent.name.endswith(".parts"):
        yield path.parent.with_name(path.parent.name.removesuffix(".parts"))
    for suffix in BESIDE:
        if path.name.endswith(suffix) and path.name != suffix:
            yield path.with_name(path.name.removesuffix(suffix))


def _is_run(out: Path) -> bool:
    if not out.name or out.name == "..":
        return False
    try:
        return RunPaths(out, "").read_manifest() is not None
    except (ArchiveChanged, OutputUnwritable):
        return False


def refuse_inputs(paths: RunPaths, sources: Sequence[Source], *, more: Sequence[Path] = ()) -> None:
    """Refuse an output that is, holds or lies on an input.

    Args:
        more: other files that the run writes, such as its store.

    Raises:
        InvalidRequest: it does.
    """
    inputs = {identity: source for source in sources if (identity := _identity(source))}
    folders = {os.path.realpath(os.path.dirname(source.path) or ".") for source in sources if source.path != STDIN}
    for path in (*paths.own, *more):
        identity = _file_identity(path)
        if identity is not None and (source := inputs.get(identity)) is not None:
            raise _refusal(paths, path, f"is the input {source.path!r}")
        real = os.path.realpath(path)
        if os.path.isdir(real) and any(_lies_in(folder, real) for folder in folders):
            raise _refusal(paths, path, "holds the input")
        above = next((parent for parent in Path(real).parents if parent.is_file()), None)
        if above is not None:
            raise InvalidRequest(f"{str(path)!r} cannot be written: {str(above)!r} is a file, not a folder.")


def _refusal(paths: RunPaths, path: Path, what: str) -> InvalidRequest:
    written = (
        f"{str(path)!r}, which it would write beside --out {str(paths.out)!r},"
        if path != paths.out
        else f"--out {str(path)!r}"
    )
    return InvalidRequest(f"{written} {what}. Nothing was touched. Choose another --out.")


def _lies_in(folder: str, top: str) -> bool:
    return os.path.commonpath((folder, top)) == top


def _identity(source: Source) -> tuple[int, int] | None:
    if source.path != STDIN:
        return _file_identity(Path(source.path))
    try:
        state = os.fstat(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError):
        return None
    return (state.st_dev, state.st_ino)


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return (state.st_dev, state.st_ino)


def refuse_store(paths: RunPaths, store: Path) -> None:
    """Refuse an SQLite store that lies on what the run writes, or whose side files are another's.

    Raises:
        InvalidRequest: it does, or they are.
    """
    if any(os.path.realpath(store) == os.path.realpath(path) for path in paths.own):
        raise InvalidRequest(f"--store {str(store)!r} is a file that the run writes itself. Choose another.")
    if not store.exists():
        for more in STORE_FILES[1:]:
            if (beside := store.with_name(store.name + more)).exists():
                raise InvalidRequest(
                    f"{str(beside)!r} exists without {store.name!r}, and SQLite would overwrite it. Choose another "
                    f"--store."
                )


def refuse_strangers(paths: RunPaths, manifest: dict[str, Any] | None) -> None:
    """Refuse a place that something else occupies.

    Raises:
        ArchiveChanged: it does.
    """
    for folder in (paths.out, paths.parts):
        members = folder.iterdir() if manifest and folder.is_dir() and not folder.is_symlink() else ()
        strangers = sorted(member.name for member in members if not PART_FILE.fullmatch(member.name))
        if strangers:
            raise ArchiveChanged(
                f"The folder {str(folder)!r} holds {strangers[0]!r}, which this command did not write. Move that file "
                "away, or choose another --out."
            )
    for path in (paths.out, paths.errors, paths.parts):
        if os.path.lexists(path) and not _is_ours(path, paths, manifest):
            raise ArchiveChanged(
                f"{str(path)!r} exists already, and is not what an earlier run of this command wrote there. Choose "
                "another --out, or move it away."
            )


def _is_ours(path: Path, paths: RunPaths, manifest: dict[str, Any] | None) -> bool:
    """Whether the manifest says that a run put this there: output and errors only once they were put together, and the
    output as large as it was then (a folder may be half removed). A folder of parts without any may be what a run left
    that was stopped before its manifest."""
    if path.is_symlink():
        return False
    if path == paths.parts:
        unborn = re.compile(re.escape(paths.manifest.name) + r"\.\d+\.partial")  # a manifest that was being written
        return path.is_dir() and (manifest is not None or all(unborn.fullmatch(file.name) for file in path.iterdir()))
    if manifest is None or "output_size" not in manifest:
        return False
    if path == paths.errors:
        return path.is_file() and manifest["counts"]["failed"] > 0
    if path.is_dir():
        return sum(member.stat().st_size for member in path.iterdir()) <= int(manifest["output_size"])
    return path.stat().st_size == int(manifest["output_size"])


def remove_own(paths: RunPaths) -> None:
    """Remove what an earlier run wrote, by exact name, and leave the folder of parts empty; call `refuse_strangers`
    before."""
    for folder in (paths.out, paths.parts):
        if folder.is_dir() and not folder.is_symlink():
            remove([member for member in folder.iterdir() if PART_FILE.fullmatch(member.name)])
    if paths.out.is_dir() and not paths.out.is_symlink():
        paths.out.rmdir()
    remove([path for path in (paths.out, paths.errors, paths.manifest) if not path.is_dir()])


def remove_partials(paths: RunPaths) -> None:
    """Remove parts that an interruption left half written."""
    remove([path for path in paths.parts.iterdir() if PART_FILE.fullmatch(path.name) and path.name.endswith(PARTIAL)])
