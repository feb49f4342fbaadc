"""Loads a caller's vocabulary as a model that matches its names with articles; lists and removes what was loaded."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from models.card import Method, read_card
from models.classifiers import learning, own_files
from models.errors import InvalidOption
from models.folder import revision_of
from models.open import Inference, load_reader
from models.vocabulary.own import Vocabulary, read_vocabulary
from service.errors import OutputUnwritable
from service.teaching.folders import install, own_folder, own_folders, unused_folder
from service.teaching.vectors import BASE


@dataclass(frozen=True, slots=True)
class Loaded:
    """A vocabulary or a model of one's own, as `vocabulary list` shows it."""

    name: str
    method: Method
    topics: int
    revision: str


def load_vocabulary(path: Path, *, name: str, root: Path, inference: Inference) -> Vocabulary:
    """Write the model of a vocabulary: it tags at once, by the terms' names.

    Raises:
        InvalidOption: the file is wrong, or the name is taken or cannot be used.
        ModelUnavailable, OutputUnwritable: as `read_vocabulary` and `install` say.
    """
    folder = unused_folder(root, name)
    vocabulary = read_vocabulary(path, name=name)
    head = learning.matching_head(vocabulary, load_reader(inference))
    card = own_files.matching_card(vocabulary)
    install(
        lambda partial: own_files.write(
            head, method="names", vocabulary=vocabulary, card=card, base=BASE, folder=partial
        ),
        folder,
    )  # fmt: skip
    return vocabulary


def loaded_vocabularies(root: Path) -> list[Loaded]:
    """Every vocabulary and model of one's own."""
    cards = [(folder, read_card(folder)) for folder in own_folders(root)]
    return [Loaded(folder.name, card.method, len(card.topics), revision_of(folder)) for folder, card in cards]


def remove_vocabulary(name: str, *, root: Path) -> None:
    """Remove a vocabulary that was loaded. Results that were made with it stay.

    Raises:
        UnknownModel: there is none of that name.
        InvalidOption: it is a model that was trained.
        OutputUnwritable: its folder cannot be removed.
    """
    folder = own_folder(root, name)
    if read_card(folder).method != "names":
        raise InvalidOption(f"{name!r} was trained from examples. To part with it, delete {str(folder)!r} yourself.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputUnwritable(f"{str(folder)!r} cannot be removed: {error.strerror or error}.") from error
