"""Text files, one article each."""

from collections.abc import Iterator
from pathlib import Path

from seeds.errors import RecordError, UnreadableRecord
from seeds.readers.archive import COMPRESSIONS, MAX_RECORD_BYTES, STDIN, Record, open_file
from seeds.readers.fields import Fields
from seeds.records import SUFFIX, parse_seed


def read_text(name: str, fields: Fields) -> Iterator[Record]:
    """The one article in a seed file; its id is the file's name."""
    place = "standard input" if name == STDIN else name
    with open_file(name) as data:
        content = data.read(MAX_RECORD_BYTES + 1)
    if len(content) > MAX_RECORD_BYTES:
        yield Record(place, error=UnreadableRecord(f"{place} has more than {MAX_RECORD_BYTES:,} bytes. Split it."))
        return
    try:
        yield Record(place, parse_seed(content, name=place, identifier=_identifier(name)))
    except RecordError as error:
        yield Record(place, error=error)


def _identifier(name: str) -> str:
    stem = Path(name).name
    for compression in COMPRESSIONS:
        stem = stem.removesuffix(compression)
    return stem.removesuffix(SUFFIX).encode(errors="surrogateescape").decode(errors="replace")
