"""The command line: one module a command. They parse, call the same path as HTTP, and print; what is heavy is imported
where it is used."""

from __future__ import annotations

from typing import Annotated

import typer

from service import __version__
from service.cli.archive import archive
from service.cli.digest import digest
from service.cli.evaluate import evaluate
from service.cli.export import export
from service.cli.models import models_app
from service.cli.serve import serve
from service.cli.train import train_app
from service.cli.vocabulary import vocabulary_app

app = typer.Typer(
    help="Summarise news articles and tag their topics. Settings come from DATELINE_… variables; see the README.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (serve, digest, archive, export):
    app.command()(command)
app.add_typer(models_app, name="models")
app.add_typer(train_app, name="train")
app.add_typer(vocabulary_app, name="vocabulary")
app.command()(evaluate)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"dateline {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """What every command takes."""


def main() -> None:
    app()
