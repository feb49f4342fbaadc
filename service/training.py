"""Topics of one's own: from labelled rows to a model that can be asked for. Vectors are kept beside the records, so
that training again takes seconds."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.catalog import ModelSource
from models.errors import InvalidOption, ModelError
from models.open import Inference, describe, load
from models.text.language import language_of
from models.types import Document, ModelInfo
from seeds.archives import ReadOptions, Record, Skipped, find_sources, open_records, slices
from seeds.errors import NoRecords
from seeds.library import Correction, Library
from seeds.records import SURROGATE, Article
from seeds.store import Result, Store, now
from service.errors import OutputUnwritable, problem_of
from service.keys import RESULT_VERSION

if TYPE_CHECKING:
    import numpy as np

    from models.training.own import Aim, OwnReport

BASE = Path(str(files("models"))) / "news-minilm"
AT_ONCE = 64
LABEL_FIELDS = ("labels", "tags", "topics", "categories", "category", "section")
"""Where labels are looked for, in this order, if nobody says where."""
SEPARATORS = (";", "|")
"""Between labels in one text; a comma may stand within a label."""
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled article; `place` says where it stands."""

    place: str
    article: Article
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training: how many rows were left out, and why; the places of the rows; what was learnt."""

    folder: Path
    skipped: dict[str, int]
    places: tuple[str, ...]
    report: "OwnReport"


def rows_of(path: str, options: ReadOptions, *, labels_field: str | None) -> Iterator[Row | str]:
    """The labelled rows of an archive; for a row that cannot be used, why not.

    Raises:
        NoRecords: there is no input.
    """
    wanted = (labels_field,) if labels_field else LABEL_FIELDS
    options = ReadOptions(options.fields, options.delimiter, options.encoding, options.keep_markup, more=wanted)
    for source in (part for whole in find_sources(path) for part in slices(whole, options)):
        for record in open_records(source, options):
            if isinstance(record, Skipped):
                continue
            yield problem_of(record.error).error_type if record.error else _row(record, wanted)


def rows_of_corrections(library: Library) -> Iterator[Row | str]:
    """What readers said the topics of the articles are, the last word on each."""
    latest: dict[str, Correction] = {}
    last = 0
    while found := library.corrections(after=last):
        latest |= {correction.article: correction for correction in found}
        last = found[-1].id
    for id, correction in latest.items():
        yield Row(id, library.get(id), frozenset(tag.qcode or tag.name for tag in correction.topics))


def _row(record: Record, wanted: Sequence[str]) -> Row | str:
    for name in wanted:
        if name in record.more and (labels := _labels(record.more[name])) is not None:
            return Row(record.place, record.article, labels)
    return "no labels"


def _labels(value: Any) -> frozenset[str] | None:
    """The labels in a field: a list of names or of topics with names, or a text; None where it is something else."""
    if isinstance(value, str):
        separator = next((mark for mark in SEPARATORS if mark in value), None)
        value = value.split(separator) if separator else [value]
    if not isinstance(value, list):
        return None
    names = [item.get("name") if isinstance(item, dict) else item for item in value]
    written = [SURROGATE.sub("\ufffd", " ".join(name.split())) for name in names if isinstance(name, str)]
    return frozenset(filter(None, written)) if len(written) == len(names) else None


def train(
    rows: Iterator[Row | str],
    *,
    name: str,
    root: Path,
    store: Store,
    inference: Inference,
    aim: "Aim",
    advance: Advance,
) -> Trained:
    """Learn topics from rows, and write the model into a folder of that name.

    Raises:
        NoRecords: no row can be used.
        InvalidOption: the labels cannot be learnt, or the name cannot be had.
        OutputUnwritable: the folder cannot be written.
    """
    from models.extractive.news_minilm import Embedded
    from models.training import own

    folder = root / name
    if Path(name).name != name or not name.isprintable() or name.startswith("."):
        raise InvalidOption(f"{name!r} cannot be the name of a model. Use letters, digits and dashes.")
    if folder.exists():
        raise InvalidOption(f"There is a model {name!r} already. Choose another --name; a model is never changed.")
    kept: list[Row] = []
    skipped: dict[str, int] = {}
    for row in rows:
        if isinstance(row, Row):
            kept.append(row)
        else:
            skipped[row] = skipped.get(row, 0) + 1
    if not kept:
        reasons = ", ".join(f"{reason} {count}" for reason, count in skipped.items()) or "there is none"
        raise NoRecords(f"No row can be learnt from ({reasons}). Name the field of the labels with --labels-field.")
    source = ModelSource("news-minilm", BASE, None)
    info = describe(source, inference)
    reader = load(source, info)
    assert isinstance(reader, Embedded)
    vectors, usable = _vectors(kept, reader, info, store, advance)
    if unread := len(kept) - len(usable):
        skipped["unreadable text"] = unread
    kept = [kept[number] for number in usable]
    if not kept:
        raise NoRecords("No row has a text that can be read. Name the field of the text with --text-field.")
    texts = [" ".join(row.article.text.split()) for row in kept]
    head, report = own.learn(vectors, [row.labels for row in kept], texts, reader, aim=aim)
    try:
        own.write(head, report, base=BASE, folder=folder, name=name, aim=aim)
    except OSError as error:
        raise OutputUnwritable(f"{str(folder)!r} cannot be written ({error.strerror}). Set DATELINE_MODELS.") from error
    return Trained(folder, skipped, tuple(row.place for row in kept), report)


def _vectors(
    rows: Sequence[Row], reader: Any, info: ModelInfo, store: Store, advance: Advance
) -> tuple["np.ndarray", list[int]]:
    """The vectors of the rows that can be read, `[rows, hidden]`, and the rows' numbers."""
    import numpy as np

    documents = [
        Document(row.article.text, row.article.title, language_of(row.article.text, row.article.language))
        for row in rows
    ]
    keys = [_key(document, info) for document in documents]
    stored = store.find(keys)
    found = {key: _decoded(result.value) for key, result in stored.items()}
    missing = list({key: document for key, document in zip(keys, documents, strict=True) if key not in found}.items())
    advance(len(rows) - len(missing), len(rows))
    for start in range(0, len(missing), AT_ONCE):
        batch = missing[start : start + AT_ONCE]
        made: list[Result] = []
        vectors = reader.vectors([document for _, document in batch])
        for (key, _), vector in zip(batch, vectors, strict=True):
            if isinstance(vector, ModelError):
                continue
            value = json.dumps(base64.b64encode(vector.numpy().astype("<f2").tobytes()).decode())
            found[key] = _decoded(value)
            made.append(Result(key, "vector", key, info.id, info.revision, "{}", None, value, 0.0, now()))
        store.save(made)
        advance(len(rows) - len(missing) + start + len(batch), len(rows))
    usable = [number for number, key in enumerate(keys) if key in found]
    return np.array([found[keys[number]] for number in usable]), usable


def _decoded(value: str) -> Any:
    import numpy as np

    return np.frombuffer(base64.b64decode(json.loads(value)), dtype="<f2").astype("float32")


def _key(document: Document, info: ModelInfo) -> str:
    made = [
        "vector", RESULT_VERSION, info.revision, info.dtype, dict(info.parameters), document.text, document.title,
        document.language,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(made, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
