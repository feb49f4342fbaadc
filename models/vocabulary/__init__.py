"""IPTC Media Topics, joined on code. Names drift between releases and between models; codes do not."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from models.errors import InvalidOption

RELEASE = "iptc-mediatopics-2023-10-24+names-2025-03-31"
CREDIT = "IPTC Media Topics, © IPTC, www.iptc.org, CC BY 4.0"
URI_PREFIX = "http://cv.iptc.org/newscodes/mediatopic/"
TOP_LEVEL = tuple(f"medtop:{number:02}000000" for number in range(1, 18))
"""The 17 top-level topics, in the order of their codes."""


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept of the vocabulary. `broader`: the qcode of the one above it; `retired`: the date IPTC retired it."""

    qcode: str
    name: str
    broader: str | None
    retired: str | None

    @property
    def uri(self) -> str:
        return URI_PREFIX + self.qcode.removeprefix("medtop:")


@lru_cache(maxsize=1)
def concepts() -> dict[str, Concept]:
    """Every concept by qcode, retired ones included, in the vocabulary's own order."""
    with files(__package__).joinpath("mediatopics.tsv").open(encoding="utf-8") as lines:
        next(lines)  # the credit line
        return {
            f"medtop:{row['code']}": Concept(
                qcode=f"medtop:{row['code']}",
                name=row["name"],
                broader=f"medtop:{row['broader']}" if row["broader"] else None,
                retired=row["retired"] or None,
            )
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def down_to(levels: int | None) -> list[Concept]:
    """The concepts of the first levels of the tree, or of all, in the vocabulary's own order."""
    found = concepts()
    if levels is None:
        return list(found.values())
    kept: set[str | None] = {None}
    for _ in range(levels):
        kept |= {one.qcode for one in found.values() if one.broader in kept}
    return [one for one in found.values() if one.qcode in kept]


def concept(qcode: str) -> Concept:
    """The concept of that code.

    Raises:
        InvalidOption: the vocabulary holds no such code.
    """
    try:
        return concepts()[qcode]
    except KeyError:
        message = f"{qcode!r} is not a code of {RELEASE}. Codes look like 'medtop:04000000'; GET /v1/topics lists them."
        raise InvalidOption(message) from None


def find(label: str) -> Concept | None:
    """The concept that a model's own label means: a code (`medtop:04000000`, `04000000`, a URI) or a name of the
    vocabulary, today's or the former one of "politics and government"; None where it means none."""
    written = label.strip().casefold()
    code = written.removeprefix(URI_PREFIX).removeprefix("medtop:")
    return concepts().get(f"medtop:{code}") or _names().get(written)


@lru_cache(maxsize=1)
def _names() -> dict[str, Concept]:
    names: dict[str, Concept] = {"politics": concept("medtop:11000000")}
    for known in concepts().values():
        if known.retired is None:
            names.setdefault(known.name.casefold(), known)
    for qcode in TOP_LEVEL:
        names[concept(qcode).name.casefold()] = concept(qcode)
    return names
