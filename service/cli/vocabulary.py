"""`dateline vocabulary load`, `list`, `show` and `remove`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli.exits import one_line_errors

vocabulary_app = typer.Typer(help="Vocabularies of your own: desks, a thesaurus, tags.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The name it was loaded under.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")]


@vocabulary_app.command("load")
def vocabulary_load(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines, or SKOS (.ttl, .rdf, .nt; dateline[skos]).")],
    name: Annotated[str, typer.Option(help="What it is asked for by.")],
) -> None:
    """Load a vocabulary. It tags at once, by matching names and descriptions; `dateline train topics` teaches it."""
    with one_line_errors():
        from models.open import Inference
        from service.settings import read_settings
        from service.teaching.vocabularies import load_vocabulary

        settings = read_settings()
        inference = Inference(dtype=settings.dtype, engine=settings.engine)
        vocabulary = load_vocabulary(file, name=name, root=settings.models_folder, inference=inference)
        print(f"{len(vocabulary.terms):,} terms are loaded. Ask for them: dateline digest --topics-model {name} FILE")


@vocabulary_app.command("list")
def vocabulary_list(as_json: AsJson = False) -> None:
    """List the vocabularies that were loaded, and the models that were trained here."""
    with one_line_errors():
        import json
        from dataclasses import asdict

        from service.settings import read_settings
        from service.teaching.vocabularies import loaded_vocabularies

        entries = loaded_vocabularies(read_settings().models_folder)
        if as_json or not sys.stdout.isatty():
            for entry in entries:
                print(json.dumps(asdict(entry), ensure_ascii=False))
            return
        width = max((len(entry.name) for entry in entries), default=4)
        print(f"{'name':{width}}  topics  known by            revision")
        for entry in entries:
            print(f"{entry.name:{width}}  {entry.topics:6,}  {entry.method:18}  {entry.revision}")


@vocabulary_app.command("show")
def vocabulary_show(name: Name, as_json: AsJson = False) -> None:
    """Print the terms of a vocabulary: code, name, the one above."""
    with one_line_errors():
        import json
        from dataclasses import asdict

        from service.settings import read_settings
        from service.teaching.folders import vocabulary_named

        terms = vocabulary_named(name, root=read_settings().models_folder).terms.values()
        for term in terms:
            if as_json or not sys.stdout.isatty():
                print(json.dumps(asdict(term), ensure_ascii=False))
            else:
                print(f"{term.code}  {term.name}" + (f"  (under {term.broader})" if term.broader else ""))


@vocabulary_app.command("remove")
def vocabulary_remove(name: Name) -> None:
    """Remove a vocabulary that was loaded. Results that were made with it stay."""
    with one_line_errors():
        from service.settings import read_settings
        from service.teaching.vocabularies import remove_vocabulary

        remove_vocabulary(name, root=read_settings().models_folder)
        print(f"{name} is removed.")
