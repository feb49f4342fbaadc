"""Topics of one's own: from labelled rows to a model folder. Vectors are kept in the store, so that training again
takes seconds."""

import base64
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.catalog import ModelSource
from models.errors import InvalidOption, ModelError
from models.open import Inference, describe, load
from models.text.language import language_of
from models.types import Document, ModelInfo
from seeds.archives import ReadOptions, Record, Skipped, find_sources, open_records, slices
from seeds.article_rows import Correction
from seeds.errors import NoRecords, RecordError
from seeds.library import Library
from seeds.outputs.parts import PARTIAL
from seeds.records import SURROGATE, Article
from seeds.store import Result, Store, now
from service.errors import OutputUnwritable, problem_of
from service.keys import RESULT_VERSION

if TYPE_CHECKING:
    import numpy as np

    from models.training.own import Aim, OwnReport

BASE = Path(str(files("models"))) / "news-minilm"
DOCUMENTS_AT_ONCE = 64
LABEL_FIELDS = ("labels", "tags", "topics", "categories", "category", "section")
"""Fields that may hold labels, in order of preference."""
SEPARATORS = (";", "|")
"""Between labels in one string. A comma may be part of a label."""
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """`place` is its position in the input."""

    place: str
    article: Article
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Skip:
    """A row that cannot be learnt from."""

    reason: str


Row = LabelledArticle | Skip


@dataclass(frozen=True, slots=True)
class Training:
    """The outcome of a training.

    Args:
        folder: the model's.
        skipped: how many rows were skipped, by reason.
        places: of the rows that were learnt from; the report names rows by their index here.
    """

    folder: Path
    skipped: dict[str, int]
    places: tuple[str, ...]
    report: "OwnReport"


def archive_rows(path: str, options: ReadOptions, *, labels_field: str | None) -> Iterator[Row]:
    """The labelled rows of an archive.

    Raises:
        NoRecords: there is no input.
    """
    fields = (labels_field,) if labels_field else LABEL_FIELDS
    options = replace(options, more=fields)
    for source in find_sources(path):
        for part in slices(source, options):
            for record in open_records(part, options):
                if not isinstance(record, Skipped):
                    yield _labelled(record, fields)


def corrected_articles(library: Library) -> Iterator[Row]:
    """The articles whose topics a reader corrected, with the last correction of each."""
    latest: dict[str, Correction] = {}
    last_id = 0
    while corrections := library.corrections(after_id=last_id):
        latest |= {correction.article: correction for correction in corrections}
        last_id = corrections[-1].id
    for id, correction in latest.items():
        try:
            article = library.get(id)
        except RecordError as error:
            yield Skip(problem_of(error).error_type)
        else:
            yield LabelledArticle(id, article, frozenset(topic.qcode or topic.name for topic in correction.topics))


def train(
    rows: Iterable[Row],
    *,
    name: str,
    root: Path,
    store: Store,
    inference: Inference,
    aim: "Aim",
    advance: Advance,
) -> Training:
    """Learn topics from rows, and write the model into the folder `root / name`, whole or not at all.

    Raises:
        NoRecords: no row can be learnt from.
        InvalidOption: the labels cannot be learnt, or the name is taken or cannot be used.
        OutputUnwritable: the folder cannot be written.
    """
    from models.extractive.news_minilm import Embedded
    from models.training import own

    folder = _new_folder(root, name)
    articles, skipped = _usable(rows)
    source = ModelSource("news-minilm", BASE, None)
    info = describe(source, inference)
    reader = load(source, info)
    assert isinstance(reader, Embedded)
    vectors, indices = _vectors([row.article for row in articles], reader, info, store, advance)
    if len(indices) < len(articles):
        skipped["unreadable_text"] += len(articles) - len(indices)
        articles = [articles[index] for index in indices]
    if not articles:
        raise NoRecords("No row has a text that can be read. Name the field of the text with --text-field.")
    texts = [" ".join(row.article.text.split()) for row in articles]
    head, report = own.learn(vectors, [row.labels for row in articles], texts, reader, aim=aim)
    partial = folder.with_name(f".{name}.{os.getpid()}{PARTIAL}")
    try:
        own.write(head, report, base=BASE, folder=partial, name=name, aim=aim)
        partial.rename(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise OutputUnwritable(
            f"{str(folder)!r} cannot be written ({error.strerror or error}). Free some space, or set DATELINE_MODELS "
            "to another folder."
        ) from error
    return Training(folder, dict(skipped), tuple(row.place for row in articles), report)


def _labelled(record: Record, fields: Sequence[str]) -> Row:
    if record.error:
        return Skip(problem_of(record.error).error_type)
    for field in fields:
        if field in record.more and (labels := _labels(record.more[field])) is not None:
            return LabelledArticle(record.place, record.article, labels)
    return Skip("no_labels")


def _labels(value: Any) -> frozenset[str] | None:
    """The labels in a field: a list of names or of topics, or a string; None where it is something else."""
    if isinstance(value, str):
        separator = next((separator for separator in SEPARATORS if separator in value), None)
        value = value.split(separator) if separator else [value]
    if not isinstance(value, list):
        return None
    names = [item.get("name") if isinstance(item, dict) else item for item in value]
    if not all(isinstance(name, str) for name in names):
        return None
    one_line = (SURROGATE.sub("\ufffd", " ".join(str(name).split())) for name in names)
    return frozenset(name for name in one_line if name)


def _new_folder(root: Path, name: str) -> Path:
    if Path(name).name != name or not name.isprintable() or name.startswith("."):
        raise InvalidOption(f"{name!r} cannot be the name of a model. Use letters, digits and dashes.")
    folder = root / name
    if folder.exists():
        raise InvalidOption(f"There is a model {name!r} already. Choose another --name; a model is never changed.")
    return folder


def _usable(rows: Iterable[Row]) -> tuple[list[LabelledArticle], Counter[str]]:
    """The rows that can be learnt from, and how many of the others there are, by reason."""
    articles: list[LabelledArticle] = []
    skipped: Counter[str] = Counter()
    for row in rows:
        if isinstance(row, Skip):
            skipped[row.reason] += 1
        else:
            articles.append(row)
    if not articles:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in skipped.items()) or "there is none"
        raise NoRecords(f"No row can be learnt from ({reasons}). Name the field of the labels with --labels-field.")
    return articles, skipped


def _vectors(
    articles: Sequence[Article], reader: Any, info: ModelInfo, store: Store, advance: Advance
) -> tuple["np.ndarray", list[int]]:
    """The vectors of the articles that can be read, `[rows, hidden]`, and the indices of those articles."""
    import numpy as np

    documents = [_document(article) for article in articles]
    keys = [_key(document, info) for document in documents]
    values = {key: result.value for key, result in store.find(keys).items()}
    missing = list({key: document for key, document in zip(keys, documents, strict=True) if key not in values}.items())
    for start in range(0, len(missing), DOCUMENTS_AT_ONCE):
        advance(len(articles) - len(missing) + start, len(articles))
        batch = missing[start : start + DOCUMENTS_AT_ONCE]
        vectors = reader.vectors([document for _, document in batch])
        results = [
            Result(key, "vector", key, info.id, info.revision, "{}", None, _encoded(vector), 0.0, now())
            for (key, _), vector in zip(batch, vectors, strict=True)
            if not isinstance(vector, ModelError)
        ]
        store.save(results)
        values |= {result.key: result.value for result in results}
    advance(len(articles), len(articles))
    indices = [index for index, key in enumerate(keys) if key in values]
    return np.array([_decoded(values[keys[index]]) for index in indices]), indices


def _document(article: Article) -> Document:
    return Document(article.text, article.title, language_of(article.text, article.language))


def _encoded(vector: Any) -> str:
    """A vector as a JSON string: the base64 of float16 numbers."""
    return json.dumps(base64.b64encode(vector.numpy().astype("<f2").tobytes()).decode())


def _decoded(value: str) -> "np.ndarray":
    import numpy as np

    return np.frombuffer(base64.b64decode(json.loads(value)), dtype="<f2").astype("float32")


def _key(document: Document, info: ModelInfo) -> str:
    signature = [
        "vector", RESULT_VERSION, info.revision, info.dtype, dict(info.parameters), document.text, document.title,
        document.language,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(signature, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
