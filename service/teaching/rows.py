"""Where the rows that topics are learnt from come from: an archive with labels, or what readers corrected."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seeds.archives import ReadOptions, Record, Skipped, find_sources, open_records, slices
from seeds.article_rows import Correction
from seeds.errors import NoRecords, RecordError
from seeds.library import Library
from seeds.records import SURROGATE, Article
from service.errors import problem_of

LABEL_FIELDS = ("labels", "tags", "topics", "categories", "category", "section")
"""Fields that may hold labels, in order of preference."""
SEPARATORS = (";", "|")
"""Between labels in one string. A comma may be part of a label."""


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


def usable(rows: Iterable[Row]) -> tuple[list[LabelledArticle], Counter[str]]:
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
