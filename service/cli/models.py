"""`dateline models list`, `show` and `pull`"""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from service.cli.exits import one_line_errors

Engines = Literal["torch", "ctranslate2"]

models_app = typer.Typer(help="The models that can be asked for.", no_args_is_help=True)


@models_app.command("list")
def models_list(
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """List the models that can be asked for: presets, and what was pulled."""
    with one_line_errors():
        import json
        from dataclasses import asdict

        from models.catalog import list_models
        from service.settings import read_settings

        settings = read_settings()
        entries = list_models(settings.models_folder, servers=settings.engines)
        if as_json or not sys.stdout.isatty():
            for entry in entries:
                print(json.dumps(asdict(entry)))
            return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "ready", "does", "languages", "licence", "", box=None, pad_edge=False)
    for entry in entries:
        languages = ", ".join(entry.languages) if len(entry.languages) < 5 else f"{len(entry.languages)} languages"
        ready = "yes" if entry.ready else "to pull"
        table.add_row(entry.id, ready, ", ".join(entry.tasks), languages, entry.licence, entry.description)
    Console().print(table)


@models_app.command("show")
def models_show(id: Annotated[str, typer.Argument(help="A preset, or the id of a model that was pulled.")]) -> None:
    """Print what is known of a model, as JSON: its pin, licence, limits, and what is on disk."""
    with one_line_errors():
        import json
        from dataclasses import asdict

        from models.catalog import model_details
        from service.settings import read_settings

        details = asdict(model_details(id, root=read_settings().models_folder))
        print(json.dumps((details.pop("preset") or {}) | details, indent=2, ensure_ascii=False))


@models_app.command("pull")
def models_pull(
    ids: Annotated[list[str], typer.Argument(help="Presets, or ids of the hub such as facebook/bart-large-cnn.")],
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit; by default the preset's pin.")] = None,
    engine: Annotated[
        Engines | None,
        typer.Option(help="ctranslate2 converts for it, torch does not; by default where it is installed."),
    ] = None,
) -> None:
    """Fetch models from the Hugging Face hub, so that they serve without network. An interrupted pull goes on where it
    stopped."""
    with one_line_errors():
        if not sys.stderr.isatty():
            from huggingface_hub.utils.tqdm import disable_progress_bars

            disable_progress_bars()
        from models.pull import pull
        from service.settings import read_settings

        root = read_settings().models_folder
        for id in ids:
            done = pull(id, root=root, revision=revision, engine=engine)
            how = f"{done.fetched_bytes / 1e6:,.0f} MB fetched" if done.fetched_bytes else "already here"
            print(f"{done.id} at {done.commit[:12]} in {done.folder} ({how}, {done.engines})")
