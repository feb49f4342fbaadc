"""Files that appear whole or not at all."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

PARTIAL = ".partial"


def write_whole(path: Path, blocks: Iterable[bytes], *, workshop: Path) -> None:
    """Write a file in `workshop`, sync it, and move it to its name: a power cut leaves all of it or nothing. Nothing
    but that name is touched outside the workshop.

    Args:
        workshop: a folder on the same file system.

    Raises:
        OSError: it cannot be written.
    """
    partial = workshop / f"{path.name}.{os.getpid()}{PARTIAL}"  # two processes may write the same file
    with partial.open("wb") as file:
        file.writelines(blocks)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def contents(paths: Iterable[Path]) -> Iterator[bytes]:
    """The bytes of some files, one behind the other, in blocks."""
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                yield block


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
