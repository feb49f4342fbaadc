"""`dateline export`"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import typer

from seeds.outputs import FIELDS, FORMATS, OutputFormat, output_format
from service.cli.exits import FAILED, USAGE, fail, one_line_errors

if TYPE_CHECKING:
    from seeds.library import Library
    from seeds.outputs import Row

ROWS_IN_A_PART = 20_000
T = TypeVar("T")


def export(
    out: Annotated[
        Path | None, typer.Option(help="File to write (Parquet: a folder); standard output when absent.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help=f"{', '.join(FORMATS)}; what the name of --out tells when absent.")
    ] = None,
    with_text: Annotated[bool, typer.Option("--with-text", help="The articles' texts too.")] = False,
    corrections: Annotated[
        bool, typer.Option("--corrections", help="What readers corrected, as JSON lines, instead of the articles.")
    ] = False,
) -> None:
    """Write out the articles that are kept, each with its latest results, those by the default models before others.

    They are those of the seeds folder, and those that were sent to the service. Nothing is computed or overwritten.
    """
    with one_line_errors():
        from seeds.library import Library
        from seeds.records import SeedFolder
        from seeds.store import Store
        from service.settings import read_settings

        format = format or (output_format(out) if out and not corrections else "jsonl")
        if format not in FORMATS:
            fail(f"--format is {format!r}. Name one of {', '.join(FORMATS)}.", USAGE)
        if corrections and format != "jsonl":
            fail("Corrections are written as JSON lines. Leave --format out.", USAGE)
        if format == "parquet" and out is None:
            fail("Parquet is written to a folder of its own. Name it with --out.", USAGE)
        if out is not None and out.exists():
            fail(f"{str(out)!r} exists. Choose another --out, or remove it.", USAGE)
        if out is not None and not out.parent.is_dir():
            fail(f"There is no folder {str(out.parent)!r}. Create it, or choose another --out.", USAGE)
        settings = read_settings()
        store = Store(settings.store_url)
        library = Library(store, SeedFolder(settings.seeds), follow=False)
        try:
            if corrections:
                count = _write_lines(out, _corrections(library))
            else:
                names = (*FIELDS[:5], *(["text"] if with_text else []), *FIELDS[5:])
                rows = _rows(library, {settings.summary_model, settings.topics_model})
                count = _write_rows(out, rows, format, [name for name in names if name != "error"])
        except OSError as error:
            if out is None:
                raise
            fail(f"{str(out)!r} cannot be written ({error.strerror or error}). Choose another --out.", FAILED)
        finally:
            store.close()
    print(f"dateline: {count:,} {'corrections' if corrections else 'articles'} written", file=sys.stderr)


def _rows(library: Library, models: set[str]) -> Iterator[Row]:
    """The rows of the articles that can be read."""
    from service.archive.rows import row_of

    after: int | None = 0
    while after is not None:
        exported, after = library.export(models=models, after=after)
        yield from (row_of(article, made, id=str(article.id)) for article, made in exported if article.text)


def _corrections(library: Library) -> Iterator[dict[str, object]]:
    last = 0
    while found := library.corrections(after=last):
        for correction in found:
            topics = [{"name": tag.name, "qcode": tag.qcode} for tag in correction.topics]
            yield {
                "article": correction.article, "topics": topics, "who": correction.who, "note": correction.note,
                "created_at": correction.created_at,
            }  # fmt: skip
        last = found[-1].id


def _write_lines(out: Path | None, values: Iterable[dict[str, object]]) -> int:
    import json

    counted = _Counted(values)
    _write(out, ((json.dumps(value, ensure_ascii=False) + "\n").encode() for value in counted))
    return counted.count


def _write_rows(out: Path | None, rows: Iterator[Row], format: OutputFormat, fields: list[str]) -> int:
    from itertools import islice

    from seeds.outputs import encode, header, suffix_of
    from seeds.outputs.parts import PARTIAL

    counted = _Counted(rows)
    values = iter(counted)
    suffix = suffix_of(out or Path(f"-.{format}"), format)
    parts = iter(lambda: list(islice(values, ROWS_IN_A_PART)), [])
    encoded = (encode(part, format, fields, suffix=suffix) for part in parts)
    if format == "parquet":
        assert out is not None
        partial = out.with_name(f"{out.name}.{os.getpid()}{PARTIAL}")
        partial.mkdir()
        for number, data in enumerate(encoded):
            _write(partial / f"part-{number:05}.parquet", [data])
        partial.rename(out)
    else:
        _write(out, (block for blocks in ([header(format, fields, suffix=suffix)], encoded) for block in blocks))
    return counted.count


def _write(out: Path | None, blocks: Iterable[bytes]) -> None:
    """Write all to standard output, or a file whole or not at all."""
    from seeds.outputs.parts import write_whole

    if out is None:
        for block in blocks:
            sys.stdout.buffer.write(block)
    else:
        write_whole(out, blocks, workshop=out.parent)


class _Counted(Generic[T]):
    """Counts what goes through."""

    def __init__(self, values: Iterable[T]) -> None:
        self.count = 0
        self._values = values

    def __iter__(self) -> Iterator[T]:
        for value in self._values:
            self.count += 1
            yield value
