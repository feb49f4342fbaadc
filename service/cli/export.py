"""`dateline export`"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seeds.outputs import FIELDS, FORMATS, OutputFormat, encode, header, output_format, suffix_of
from seeds.outputs.formats import COMPRESSIONS
from seeds.outputs.parts import PARTIAL, write_whole
from service.cli.exits import FAILED, SOME_FAILED, USAGE, fail, one_line_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from seeds.article_rows import Correction
    from seeds.library import Library
    from seeds.outputs import Row

ROWS_IN_A_BLOCK = 5_000


def export(
    out: Annotated[
        Path | None, typer.Option(help="File to write (Parquet: a folder); standard output when absent.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help=f"{', '.join(FORMATS)}; by the name of --out when absent, else jsonl.")
    ] = None,
    with_text: Annotated[bool, typer.Option("--with-text", help="Write the articles' texts too.")] = False,
    corrections: Annotated[
        bool, typer.Option("--corrections", help="Write readers' corrections as JSON lines instead of the articles.")
    ] = False,
) -> None:
    """Write out the articles that the service lists, each with its latest results; those of the default models first.

    Nothing is computed or overwritten. Articles of the seeds folder are listed from the first start of the service on.
    """
    with one_line_errors():
        from seeds.library import Library
        from seeds.records import SeedFolder
        from seeds.store import Store
        from service.settings import read_settings

        chosen = _format(format, out, corrections=corrections)
        settings = read_settings()
        store = Store(settings.store_url)
        library = Library(store, SeedFolder(settings.seeds), follow=False)
        writing = _Writing(library, {settings.summary_model, settings.topics_model})
        fields = [name for name in FIELDS if name != "error"] + (["text"] if with_text else [])
        blocks = writing.corrections() if corrections else writing.articles(out, chosen, fields)
        try:
            if out is None:
                sys.stdout.buffer.writelines(blocks)
            elif chosen == "parquet":
                _write_folder(out, blocks)
            else:
                write_whole(out, blocks, workshop=out.parent)
        except OSError as error:
            if out is None:
                raise
            fail(f"{str(out)!r} cannot be written ({error.strerror or error}). Choose another --out.", FAILED)
        finally:
            store.close()
    print(f"dateline: {writing.count:,} {'corrections' if corrections else 'articles'} written", file=sys.stderr)
    if writing.unreadable:
        print(f"dateline: {writing.unreadable:,} seed files cannot be read and are missing", file=sys.stderr)
        raise typer.Exit(SOME_FAILED)


def _format(written: str | None, out: Path | None, *, corrections: bool) -> OutputFormat:
    """The format to write, once all options are found to go together."""
    format = written or (output_format(out) if out and not corrections else "jsonl")
    if format not in FORMATS:
        fail(f"--format is {format!r}. Name one of {', '.join(FORMATS)}.", USAGE)
    if corrections and (format != "jsonl" or (out is not None and out.suffix in COMPRESSIONS)):
        fail("Corrections are written as plain JSON lines. Leave --format out, and end --out in .jsonl.", USAGE)
    if format == "parquet" and out is None:
        fail("Parquet is written to a folder of its own. Name it with --out.", USAGE)
    if out is not None and out.exists():
        fail(f"{str(out)!r} exists. Choose another --out, or remove it.", USAGE)
    if out is not None and not out.parent.is_dir():
        fail(f"There is no folder {str(out.parent)!r}. Create it, or choose another --out.", USAGE)
    return format


class _Writing:
    """Turns what is exported into bytes, and counts it."""

    def __init__(self, library: Library, models: Collection[str]) -> None:
        self.count = 0
        self.unreadable = 0
        self._library = library
        self._models = models

    def articles(self, out: Path | None, format: OutputFormat, fields: Sequence[str]) -> Iterator[bytes]:
        """The articles in blocks; each block of Parquet is a file."""
        suffix = suffix_of(out or Path(f"-.{format}"), format)
        if head := header(format, fields, suffix=suffix):
            yield head
        for rows in self._rows():
            self.count += len(rows)
            yield encode(rows, format, fields, suffix=suffix)

    def corrections(self) -> Iterator[bytes]:
        """The corrections in blocks."""
        last_id = 0
        while corrections := self._library.corrections(after_id=last_id):
            self.count += len(corrections)
            yield "".join(_line(correction) for correction in corrections).encode()
            last_id = corrections[-1].id

    def _rows(self) -> Iterator[list[Row]]:
        from service.archive.rows import row_of

        after: int | None = 0
        while after is not None:
            exported, after = self._library.export(models=self._models, after_number=after, limit=ROWS_IN_A_BLOCK)
            rows = [row_of(article, results, id=str(article.id)) for article, results in exported if article.text]
            self.unreadable += len(exported) - len(rows)
            if rows:
                yield rows


def _line(correction: Correction) -> str:
    values: dict[str, Any] = {
        "article": correction.article,
        "topics": [{"name": topic.name, "qcode": topic.qcode} for topic in correction.topics],
        "who": correction.who,
        "note": correction.note,
        "created_at": correction.created_at,
    }
    return json.dumps(values, ensure_ascii=False) + "\n"


def _write_folder(out: Path, files: Iterator[bytes]) -> None:
    """Write the files of a folder, all or none."""
    partial = out.with_name(f"{out.name}.{os.getpid()}{PARTIAL}")
    partial.mkdir()
    try:
        for number, data in enumerate(files):
            write_whole(partial / f"part-{number:05}.parquet", [data], workshop=partial)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
