"""Articles from paths named on the command line: files, folders, standard input. Knows nothing of models."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from seeds.errors import NoRecords, RecordError, UnreadableRecord
from seeds.records import SUFFIX, Article, parse_seed
from service.digest import Digest

STDIN = Path("-")


def read(paths: Sequence[Path]) -> Iterator[Article | Digest]:
    """The articles at those paths, in order; a file that cannot be read is a `Digest` with its error.

    Raises:
        NoRecords: a path does not exist, or is a folder without records.
    """
    for path in paths:
        if path == STDIN:
            yield _parse(sys.stdin.buffer.read(), "standard input", "-")
        elif path.is_dir():
            yield from _folder(path)
        elif path.exists():
            yield _file(path)
        else:
            raise NoRecords(f"There is no file or folder {str(path)!r}. Check the path; use - for standard input.")


def _folder(folder: Path) -> Iterator[Article | Digest]:
    members = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file())
    if not members:
        raise NoRecords(f"The folder {str(folder)!r} holds no records. Put the articles there as .txt files.")
    yield from map(_file, members)


def _file(path: Path) -> Article | Digest:
    try:
        return _parse(path.read_bytes(), str(path), path.stem)
    except OSError as error:
        problem = UnreadableRecord(f"{str(path)!r} cannot be read ({error.strerror}). Check its permissions.")
        return Digest(path.stem, error=problem)


def _parse(data: bytes, name: str, identifier: str) -> Article | Digest:
    try:
        return parse_seed(data, name=name, identifier=identifier)
    except RecordError as error:
        return Digest(identifier, error=error)
