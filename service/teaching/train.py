"""From labelled rows to a model folder, and from that to its next revision. A folder is written whole or not at all,
and never changed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models.card import Method
from models.classifiers import learning, own_files
from models.classifiers.aim import Aim
from models.classifiers.learning import Examples, OwnReport
from models.errors import InvalidOption
from models.extractive.news_minilm import Embedded
from models.folder import read_checksums
from models.open import Inference, load_reader
from models.text.duplicates import signatures
from models.vocabulary.own import Vocabulary, stored_vocabulary
from seeds.errors import NoRecords
from seeds.store import Store
from service.teaching.folders import Write, install, own_folder, swap, unused_folder
from service.teaching.rows import LabelledArticle, Row, usable
from service.teaching.vectors import BASE, Advance, text_key, vectors_of

ENCODER_FILES = ("model.safetensors", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class Training:
    """The outcome of a training.

    Args:
        folder: the model's.
        skipped: how many rows were skipped, by reason.
        unknown: how many rows have each label that the vocabulary has not.
        places: of the rows that were learnt from; the report names rows by their index here.
        kept: the folder of the revision before, where there is one.
    """

    folder: Path
    skipped: dict[str, int]
    unknown: dict[str, int]
    places: tuple[str, ...]
    report: OwnReport
    kept: Path | None = None

    def report_fields(self) -> dict[str, Any]:
        """The report as JSON has it, with the places of rows for their numbers."""
        report = asdict(self.report)
        for doubt in report["doubts"]:
            doubt["place"] = self.places[doubt.pop("row")]
        report["contradictions"] = [
            [self.places[pair.row], self.places[pair.earlier]] for pair in self.report.contradictions
        ]
        return {"skipped": self.skipped, "unknown_labels": self.unknown, **report}


class Trainer:
    """Learns topics on the embedded model's vectors.

    Args:
        root: the folder of models.
        store: where vectors are kept.
        advance: is told how many articles have been read.
    """

    def __init__(self, root: Path, store: Store, inference: Inference, advance: Advance) -> None:
        self._root = root
        self._store = store
        self._inference = inference
        self._advance = advance

    @cached_property
    def _reader(self) -> Embedded:
        return load_reader(self._inference)

    def train(self, rows: Iterable[Row], *, name: str, aim: Aim, vocabulary: Vocabulary | None = None) -> Training:
        """Learn topics from rows, and write the model of that name.

        Args:
            vocabulary: the labels are terms of it; others are left out.

        Raises:
            NoRecords: no row can be learnt from.
            InvalidOption: the labels cannot be learnt, or the name is taken or cannot be used.
            OutputUnwritable: the folder cannot be written.
        """
        folder = unused_folder(self._root, name)
        examples, skipped, unknown = self._examples(rows, vocabulary)
        report, write = self._learnt(examples, name=name, aim=aim, vocabulary=vocabulary)
        install(write, folder)
        return Training(folder, skipped, unknown, examples.places, report)

    def learn(self, rows: Iterable[Row], *, name: str) -> Training:
        """Teach a model more rows: it becomes its next revision, and the one before is kept beside it. A row whose text
        is among the model's examples replaces that one.

        Raises:
            UnknownModel: there is no model of one's own of that name.
            InvalidOption: it cannot be taught more.
            NoRecords, OutputUnwritable: as `train` says.
        """
        folder = own_folder(self._root, name)
        examples, aim = own_files.stored_examples(folder), own_files.stored_aim(folder)
        if examples is None:
            raise InvalidOption(
                f"{name!r} was loaded as a vocabulary and has no examples to add to. Run: dateline train topics INPUT "
                f"--vocabulary {name} --name {name}-model"
            )
        ours, base = (read_checksums(one) for one in (folder, BASE))
        if any(ours.get(part) != base.get(part) for part in ENCODER_FILES):
            raise InvalidOption(f"{name!r} was trained on another news-minilm. Train it anew from its rows.")
        vocabulary = stored_vocabulary(folder)
        more, skipped, unknown = self._examples(rows, vocabulary)
        joined = examples.joined(more)
        report, write = self._learnt(joined, name=name, aim=aim, vocabulary=vocabulary)
        kept = swap(write, folder)
        return Training(folder, skipped, unknown, joined.places, report, kept)

    def _learnt(
        self, examples: Examples, *, name: str, aim: Aim, vocabulary: Vocabulary | None
    ) -> tuple[OwnReport, Write]:
        """What was learnt, and what writes it into a folder."""
        head, report = learning.learn(examples, self._reader, aim=aim, vocabulary=vocabulary)
        card = own_files.card(report, name=name, aim=aim, vocabulary=vocabulary)
        method: Method = "names and examples" if head.match else "examples"
        return report, lambda folder: own_files.write(
            head, method=method, vocabulary=vocabulary, card=card, base=BASE, folder=folder, examples=examples, aim=aim
        )  # fmt: skip

    def _examples(
        self, rows: Iterable[Row], vocabulary: Vocabulary | None
    ) -> tuple[Examples, dict[str, int], dict[str, int]]:
        """The examples, how many rows were skipped, by reason, and how many have each label that is unknown."""
        articles, skipped = usable(rows)
        known, unknown = _known(articles, vocabulary)
        vectors, indices = vectors_of([row.article for row in known], self._reader, self._store, self._advance)
        if len(indices) < len(known):
            skipped["unreadable_text"] += len(known) - len(indices)
        if not indices:
            raise NoRecords("No row has a text that can be read. Name the field of the text with --text-field.")
        read = [known[index] for index in indices]
        examples = Examples(
            vectors=vectors,
            labels=tuple(row.labels for row in read),
            texts=tuple(text_key(row.article) for row in read),
            places=tuple(row.place for row in read),
            signatures=signatures([row.article.text for row in read]),
        )
        return examples, dict(skipped), unknown


def _known(
    articles: list[LabelledArticle], vocabulary: Vocabulary | None
) -> tuple[list[LabelledArticle], dict[str, int]]:
    """The articles with the codes of their labels, and how many rows have each label that the vocabulary has not. A row
    of which no label is known is left out: what it is about cannot be told."""
    if vocabulary is None:
        return articles, {}
    known: list[LabelledArticle] = []
    unknown: dict[str, int] = {}
    for row in articles:
        terms = {label: vocabulary.find(label) for label in row.labels}
        for label in sorted(label for label, term in terms.items() if term is None):
            unknown[label] = unknown.get(label, 0) + 1
        codes = frozenset(term.code for term in terms.values() if term is not None)
        if codes or not row.labels:
            known.append(LabelledArticle(row.place, row.article, codes))
    if not any(row.labels for row in known):
        first = ", ".join(repr(label) for label in list(unknown)[:3])
        raise InvalidOption(
            f"No label of the rows is in the vocabulary {vocabulary.name!r}: {first or 'there is none'}. "
            f"`dateline vocabulary show {vocabulary.name}` lists its codes and names."
        )
    return known, unknown


def unlearnt(report: OwnReport, vocabulary: Vocabulary | None) -> list[str]:
    """The names of the vocabulary's terms that the model does not answer with, for want of examples."""
    learnt = {label.name for label in report.labels}
    return [term.name for code, term in vocabulary.terms.items() if code not in learnt] if vocabulary else []
