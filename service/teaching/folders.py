"""Where the folders of models of one's own are, which vocabulary each has, and how a new one takes its place."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from models.card import read_card
from models.catalog import HUB_ID, presets
from models.errors import InvalidOption, UnknownModel
from models.folder import OWN_CONFIG
from models.vocabulary.own import Vocabulary
from seeds.outputs.parts import PARTIAL
from service.errors import OutputUnwritable

KEPT = re.compile(r"\.\d+$")
"""The end of the name under which an earlier revision is kept."""
Write = Callable[[Path], None]
"""Writes a model into a folder that it makes."""


def unused_folder(root: Path, name: str) -> Path:
    """The folder for a new model.

    Raises:
        InvalidOption: the name is taken or cannot be used.
    """
    if not HUB_ID.fullmatch(name) or "/" in name or name in presets() or KEPT.search(name):
        raise InvalidOption(
            f"{name!r} cannot be the name of a model of your own. Use letters, digits and dashes; a full stop and a "
            "number at the end mark an earlier revision."
        )
    folder = root / name
    if folder.exists():
        raise InvalidOption(f"There is a model {name!r} already. Choose another name; a model is never changed.")
    return folder


def own_folder(root: Path, name: str) -> Path:
    """The folder of a model of one's own.

    Raises:
        UnknownModel: there is none of that name.
    """
    folder = root / name
    if not HUB_ID.fullmatch(name) or not (folder / OWN_CONFIG).is_file():
        names = ", ".join(one.name for one in own_folders(root)) or "none yet"
        raise UnknownModel(f"There is no vocabulary or model of your own called {name[:200]!r}. There are: {names}.")
    return folder


def vocabulary_named(name: str, *, root: Path) -> Vocabulary:
    """A vocabulary that was loaded, or that a model was trained on.

    Raises:
        UnknownModel: there is none of that name.
        InvalidOption: the model was trained without one.
    """
    vocabulary = read_card(own_folder(root, name)).vocabulary
    if vocabulary is None:
        raise InvalidOption(f"{name!r} was trained without a vocabulary: its topics are the labels of its rows.")
    return vocabulary


def own_folders(root: Path) -> list[Path]:
    """The folders of all models of one's own, by name."""
    return sorted(path.parent for path in root.glob(f"*/{OWN_CONFIG}") if not path.parent.name.startswith("."))


def install(write: Write, folder: Path) -> None:
    """Write a model into its folder, whole or not at all.

    Raises:
        OutputUnwritable: it cannot be written.
    """
    partial = _written(write, folder)
    try:
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _unwritable(folder, error) from error


def swap(write: Write, folder: Path) -> Path:
    """Put a new model in the place of the one in `folder`, which is kept under a name with the next number.

    Returns:
        Where the one before is now.

    Raises:
        OutputUnwritable: the new one cannot be written; the one before stays where it is.
    """
    partial = _written(write, folder)
    try:
        return _swapped(partial, folder)
    except OutputUnwritable:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def rollback(root: Path, name: str, *, to: int | None = None) -> tuple[Path, Path | None]:
    """Put a revision that was kept back in its place. The present one is kept in turn.

    Args:
        to: its number; the one that was kept last when None.

    Returns:
        The folder that was put back, and where the one it replaced is kept; None where there was none (a swap was
        interrupted).

    Raises:
        UnknownModel: no such revision was kept.
        OutputUnwritable: the folders cannot be renamed.
    """
    folder = root / name
    earlier = _kept(folder) if HUB_ID.fullmatch(name) else {}
    if not earlier:
        raise UnknownModel(f"There is no earlier revision of {name[:200]!r}. `dateline train learn` keeps one.")
    chosen = earlier.get(max(earlier) if to is None else to)
    if chosen is None:
        raise UnknownModel(f"There is no {name}.{to}. Earlier revisions: {', '.join(map(str, sorted(earlier)))}.")
    if folder.exists():
        return folder, _swapped(chosen, folder)
    try:
        chosen.rename(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder, None


def partial_folder(folder: Path, process: int) -> Path:
    """Where a process writes a model before it takes its place."""
    return folder.with_name(f".{folder.name}.{process}{PARTIAL}")


def _swapped(other: Path, folder: Path) -> Path:
    """Give `folder`'s name to another, and say where it is kept now. Where that fails, all is as before."""
    kept = _next(folder)
    try:
        folder.rename(kept)
        try:
            other.rename(folder)
        except OSError:
            kept.rename(folder)
            raise
    except OSError as error:
        raise _unwritable(folder, error) from error
    return kept


def _written(write: Write, folder: Path) -> Path:
    partial = partial_folder(folder, os.getpid())
    try:
        write(partial)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise _unwritable(folder, error) from error
    return partial


def _kept(folder: Path) -> dict[int, Path]:
    """The revisions that were kept, by number."""
    numbers = ((path.name.removeprefix(f"{folder.name}."), path) for path in folder.parent.glob(f"{folder.name}.*"))
    return {int(number): path for number, path in numbers if number.isdecimal()}


def _next(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.{max(_kept(folder), default=0) + 1}")


def _unwritable(folder: Path, error: OSError) -> OutputUnwritable:
    return OutputUnwritable(
        f"{str(folder)!r} cannot be written ({error.strerror or error}). Free some space, or set DATELINE_MODELS to "
        "another folder."
    )
