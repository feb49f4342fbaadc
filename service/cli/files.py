"""Digests of what is named on the command line: files, folders, standard input."""

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from seeds.errors import NoRecords, RecordError, UnreadableRecord
from seeds.records import SUFFIX, Article, parse_seed
from service.digest import Digest, Digester, DigestOptions

STDIN = Path("-")
FILES_AT_ONCE = 32


def digest_files(paths: Sequence[Path], options: DigestOptions, *, digester: Digester) -> Iterator[Digest]:
    """A digest for each article at those paths, in order, as soon as its batch is done.

    Raises:
        NoRecords: as `read` says.
        ModelError, StoreError: as `Digester.ask` says.
    """
    records = read(paths)
    while batch := list(islice(records, FILES_AT_ONCE)):
        articles = [record for record in batch if isinstance(record, Article)]
        digests = iter(digester.ask(articles, options).result())
        yield from (next(digests) if isinstance(record, Article) else record for record in batch)


def read(paths: Sequence[Path]) -> Iterator[Article | Digest]:
    """The articles at those paths, in order; a file that cannot be read is a `Digest` with its error.

    Raises:
        NoRecords: a path does not exist, or is a folder without records.
    """
    for path in paths:
        if path == STDIN:
            yield _parse(sys.stdin.buffer.read(), "standard input", "-")
            continue
        try:
            members = _folder(path) if path.is_dir() else [path]
            exists = path.exists()
        except OSError as error:
            raise NoRecords(
                f"{str(path)[:80]!r} cannot be opened ({error.strerror}). Give a path, or a text on standard input."
            ) from error
        if not exists:
            raise NoRecords(f"There is no file or folder {str(path)!r}. Check the path; use - for standard input.")
        yield from map(_file, members)


def _folder(folder: Path) -> list[Path]:
    members = sorted(path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file())
    if not members:
        raise NoRecords(f"The folder {str(folder)!r} holds no records. Put the articles there as .txt files.")
    return members


def _file(path: Path) -> Article | Digest:
    name, identifier = _readable(str(path)), _readable(path.stem)
    try:
        return _parse(path.read_bytes(), name, identifier)
    except OSError as error:
        problem = UnreadableRecord(f"{name!r} cannot be read ({error.strerror}). Check its permissions.")
        return Digest(identifier, error=problem)


def _readable(name: str) -> str:
    """A file's name as text, whatever bytes it holds."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _parse(data: bytes, name: str, identifier: str) -> Article | Digest:
    try:
        return parse_seed(data, name=name, identifier=identifier)
    except RecordError as error:
        return Digest(identifier, error=error)
