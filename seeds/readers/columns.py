"""Parquet."""

from collections.abc import Iterator
from pathlib import Path

from seeds.errors import RecordError
from seeds.readers.archive import Record
from seeds.readers.fields import Fields

BATCH_ROWS = 512


def read_parquet(name: str, fields: Fields) -> Iterator[Record]:
    """One record a row, read in batches of rows."""
    import pyarrow
    from pyarrow import parquet

    short = Path(name).name
    try:
        with parquet.ParquetFile(name) as file:
            found = fields.guessed(file.schema_arrow.names)
            wanted = [column for column in _columns(found) if column in file.schema_arrow.names]
            number = 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted or None):
                for row in batch.to_pylist():
                    number += 1
                    place = f"{short}:{number}"
                    try:
                        yield Record(place, found.article(row, place=place))
                    except RecordError as error:
                        yield Record(place, error=error)
    except pyarrow.ArrowException as error:
        raise OSError(f"not readable as Parquet ({error})") from error


def _columns(fields: Fields) -> list[str]:
    named = (fields.text, fields.title, fields.id, fields.date, fields.url, fields.language)
    return [column for column in named if column]
