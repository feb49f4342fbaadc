"""Vocabularies of a caller's own: a newsroom's desks, a library's thesaurus. Read from CSV, JSON lines or SKOS, and
kept in the folder of the model that answers with them."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models.errors import InvalidOption, ModelCorrupt, ModelUnavailable
from models.options import MAX_LABEL_CHARACTERS, UNPRINTABLE
from models.types import Topic
from models.vocabulary import concepts

VOCABULARY = "vocabulary.json"
"""In a model's folder: the vocabulary that its topics are from."""
MOST_TERMS = 20_000
MOST_DESCRIPTION = 1_000
UNSTATED = "und"
"""The language of a name that states none (BCP 47)."""
SKOS_FORMATS = {".ttl": "turtle", ".rdf": "xml", ".nt": "nt"}  # JSON-LD may name a context that has to be fetched
DELIMITERS = {".csv": ",", ".tsv": "\t"}
FORMATS = "CSV (.csv, .tsv), JSON lines (.jsonl), SKOS (.ttl, .rdf, .nt)"


@dataclass(frozen=True, slots=True)
class Term:
    """An entry of a vocabulary.

    Args:
        code: names it for machines, for as long as the vocabulary lives.
        names: for people, by language (BCP 47; `und` where none is stated).
        broader: the code of the one above it.
    """

    code: str
    names: Mapping[str, str]
    description: str | None = None
    broader: str | None = None
    uri: str | None = None

    @property
    def name(self) -> str:
        """In English where it has an English name, which the embedded model knows best; else the first."""
        english = (name for language, name in self.names.items() if language.split("-")[0] == "en")
        return next(english, None) or self.names.get(UNSTATED) or next(iter(self.names.values()))

    @property
    def spoken(self) -> str:
        """What an article is matched with."""
        return f"{self.name}: {self.description}" if self.description else self.name


@dataclass(frozen=True)
class Vocabulary:
    """The terms by code, in the order of their file, and the name they were loaded under."""

    name: str
    terms: Mapping[str, Term]

    def find(self, label: str) -> Term | None:
        """The term that a label means: its code, its address, or one of its names in any language. A name that several
        terms have means none of them."""
        return self._by_code.get(_folded(label)) or self._by_name.get(_folded(label))

    @cached_property
    def _by_code(self) -> dict[str, Term]:
        return {_folded(written): term for term in self.terms.values() for written in (term.code, term.uri) if written}

    @cached_property
    def _by_name(self) -> dict[str, Term | None]:
        found: dict[str, Term | None] = {}
        for term in self.terms.values():
            for written in {_folded(name) for name in term.names.values()}:
                found[written] = None if written in found else term
        return found


def topic_of(label: str, vocabulary: Vocabulary | None) -> Topic:
    """What a label of a model of one's own stands for, without a score: the term or the Media Topic that it is the code
    of, or itself."""
    if vocabulary is not None and (term := vocabulary.terms.get(label)):
        return Topic(term.name, 0.0, term.code, term.uri)
    concept = concepts().get(label)
    return Topic(concept.name, 0.0, concept.qcode, concept.uri) if concept else Topic(label, 0.0)


def read_vocabulary(path: Path, *, name: str) -> Vocabulary:
    """The vocabulary in a file, whose format is told by its suffix.

    CSV has a column `name`, or one a language such as `name_en`; `code` (the name where it is missing), `description`,
    `broader` and `uri` may stand beside it. JSON lines have the same fields, and `names` may be an object by language.

    Raises:
        InvalidOption: the file cannot be read, or a term is wrong; the message says where.
        ModelUnavailable: SKOS was asked for and rdflib is not installed.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in SKOS_FORMATS:
            found = list(_skos(path, SKOS_FORMATS[suffix]))
        elif suffix in DELIMITERS:
            found = list(_csv(path, DELIMITERS[suffix]))
        elif suffix in (".jsonl", ".ndjson", ".json"):
            found = list(_json_lines(path))
        else:
            raise InvalidOption(f"{str(path)!r} has no suffix of a vocabulary. Dateline reads {FORMATS}.")
    except OSError as error:
        raise InvalidOption(f"{str(path)!r} cannot be read: {error.strerror or error}. Name another file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidOption(f"{str(path)!r} cannot be read: {error}. Save it as UTF-8 text.") from error
    return Vocabulary(name, checked(found, str(path)))


def checked(found: Sequence[tuple[str, Term]], path: str) -> dict[str, Term]:
    """The terms by code.

    Args:
        found: each with the place where it stands.

    Raises:
        InvalidOption: there are none, or too many, or one is wrong.
    """
    if not found:
        raise InvalidOption(f"{path!r} holds no term. Each needs a name.")
    if len(found) > MOST_TERMS:
        raise InvalidOption(
            f"{path!r} holds {len(found):,} terms; at most {MOST_TERMS:,} can be loaded. Leave out rare ones."
        )
    terms: dict[str, Term] = {}
    for place, term in found:
        for written in (term.code, *term.names.values()):
            if not written.strip() or len(written) > MAX_LABEL_CHARACTERS or UNPRINTABLE.search(written):
                raise InvalidOption(
                    f"{path}, {place}: {written[:40]!r} cannot be a code or name. It needs 1 to {MAX_LABEL_CHARACTERS} "
                    "printable characters."
                )
        if term.code in terms:
            raise InvalidOption(f"{path}, {place}: the code {term.code!r} is there twice. Give each term its own.")
        terms[term.code] = term
    for place, term in found:
        if term.broader is not None and term.broader not in terms:
            raise InvalidOption(f"{path}, {place}: broader is {term.broader!r}, which is no code of this vocabulary.")
        above, seen = term.broader, {term.code}
        while above is not None:
            if above in seen:
                raise InvalidOption(f"{path}, {place}: {term.code!r} is broader than itself. Correct `broader`.")
            seen.add(above)
            above = terms[above].broader
    return terms


def write_vocabulary(vocabulary: Vocabulary, folder: Path) -> None:
    """Write `vocabulary.json` into a model's folder.

    Raises:
        OSError: it cannot be written.
    """
    values = {"name": vocabulary.name, "terms": [asdict(term) for term in vocabulary.terms.values()]}
    (folder / VOCABULARY).write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def stored_vocabulary(folder: Path) -> Vocabulary | None:
    """The vocabulary in a model's folder; None where it has none.

    Raises:
        ModelCorrupt: the file is not of the expected form.
    """
    path = folder / VOCABULARY
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        terms = [Term(**term) for term in values["terms"]]
        return Vocabulary(values["name"], {term.code: term for term in terms})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelCorrupt(f"{str(path)!r} is no vocabulary: {error}. Load it again.") from error


def _csv(path: Path, delimiter: str) -> Iterator[tuple[str, Term]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
        for row in reader:
            if None in row:
                raise InvalidOption(
                    f"{path}, line {reader.line_num} has more values than there are columns. Put a name that holds "
                    f"{delimiter!r} between quotation marks."
                )
            values = {(key or "").strip().lower(): value for key, value in row.items() if isinstance(value, str)}
            yield f"line {reader.line_num}", _term(values, f"{path}, line {reader.line_num}")


def _json_lines(path: Path) -> Iterator[tuple[str, Term]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                place = f"{path}, line {number}"
                try:
                    values = json.loads(line)
                except ValueError as error:
                    raise InvalidOption(f"{place} is not JSON: {error}. Each line holds one object.") from error
                if not isinstance(values, dict):
                    raise InvalidOption(f"{place} is no JSON object. Each line holds one, with `code` and `name`.")
                yield f"line {number}", _term(values, place)


def _term(values: Mapping[str, Any], place: str) -> Term:
    """A term from the columns of a row or the fields of an object."""
    stated = values.get("names")
    names = dict(stated) if isinstance(stated, dict) else {}
    for key, value in values.items():
        if key.startswith("name") and key != "names" and isinstance(value, str) and value.strip():
            names[key.removeprefix("name").lstrip("_-@ ") or UNSTATED] = " ".join(value.split())
    if not names or not all(isinstance(name, str) for name in names.values()):
        raise InvalidOption(f"{place} has no name. A term needs `name`, or one a language such as `name_en`.")
    first = next(iter(names.values()))
    description = _text(values, "description")
    return Term(
        code=_text(values, "code") or _text(values, "qcode") or names.get("en") or first,
        names=names,
        description=description and description[:MOST_DESCRIPTION],
        broader=_text(values, "broader"),
        uri=_text(values, "uri"),
    )


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return " ".join(str(value).split()) or None if isinstance(value, str | int) else None


def _skos(path: Path, format: str) -> Iterator[tuple[str, Term]]:
    """The concepts of a SKOS file (W3C 2009): preferred labels, definitions or scope notes, notations, broader ones."""
    try:
        from rdflib import Graph
        from rdflib.namespace import RDF, SKOS
    except ModuleNotFoundError as error:
        raise ModelUnavailable("Reading SKOS needs rdflib. Run: pip install 'dateline[skos]'") from error
    graph = Graph()
    try:
        graph.parse(path.as_posix(), format=format)
    except OSError:
        raise
    except Exception as error:  # rdflib's parsers raise nearly anything
        reason = " ".join(str(error).split())[:200]
        raise InvalidOption(f"{str(path)!r} is not the {format} that its suffix says: {reason}") from error
    concepts = sorted(set(graph.subjects(RDF.type, SKOS.Concept)), key=str)
    codes = {concept: _notation(graph.value(concept, SKOS.notation), str(concept)) for concept in concepts}
    if len(set(codes.values())) < len(codes):
        codes = {concept: str(concept) for concept in concepts}
    for concept in concepts:
        names = {
            getattr(label, "language", None) or UNSTATED: " ".join(str(label).split())
            for label in sorted(graph.objects(concept, SKOS.prefLabel), key=str)
        }
        if not names:
            raise InvalidOption(f"{path}: {concept} has no skos:prefLabel. Give it a name.")
        above = next(
            (codes[one] for one in sorted(graph.objects(concept, SKOS.broader), key=str) if one in codes), None
        )
        yield (
            str(concept),
            Term(codes[concept], names, _described(_literals(graph, concept, SKOS)), above, str(concept)),
        )


def _notation(value: object, uri: str) -> str:
    return " ".join(str(value).split()) if value is not None else uri.rstrip("/#").replace("#", "/").rsplit("/", 1)[-1]


def _literals(graph: Any, concept: Any, skos: Any) -> list[Any]:
    return [one for kind in (skos.definition, skos.scopeNote) for one in sorted(graph.objects(concept, kind), key=str)]


def _described(found: Iterable[Any]) -> str | None:
    """The English description, or the one that states no language, or the first."""
    literals = list(found)
    order = sorted(literals, key=lambda one: {"en": 0, None: 1}.get(getattr(one, "language", None), 2))
    return " ".join(str(order[0]).split())[:MOST_DESCRIPTION] if order else None


def _folded(label: str) -> str:
    return " ".join(label.split()).casefold()
