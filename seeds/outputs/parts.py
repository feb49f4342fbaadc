"""Files that appear whole or not at all, and outputs put together from them."""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

PARTIAL = ".partial"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its name, sync it, and move it there: a power cut leaves all of it or nothing.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")  # two processes may write the same part
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def put_together(path: Path, header: bytes, parts: Iterable[Path]) -> None:
    """Write `header` and the bytes of the parts, one behind the other, to `path`, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(path.name + PARTIAL)
    with partial.open("wb") as file:
        file.write(header)
        for part in parts:
            with part.open("rb") as data:
                shutil.copyfileobj(data, file, 2**20)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def remove(paths: Sequence[Path]) -> None:
    """Remove files that may be gone already."""
    for path in paths:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
