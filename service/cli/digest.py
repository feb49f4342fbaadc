"""`dateline digest`"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.options import SummaryOptions, TopicsOptions
from service.cli.exits import FAILED, SOME_FAILED, one_line_errors
from service.cli.options import TaskOptions, with_options

if TYPE_CHECKING:
    from service.digest import Digest, DigestOptions
    from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Output(TaskOptions):
    """What is made, and how it is shown."""

    as_json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False


@with_options(output=Output, summary=SummaryOptions, topics=TopicsOptions)
def digest(
    paths: Annotated[list[Path], typer.Argument(help="Text files, folders of .txt files, or - for standard input.")],
    output: Output,
    summary: SummaryOptions,
    topics: TopicsOptions,
) -> None:
    """Digest text files: readable on a terminal, JSON lines in a pipe.

    Results are kept when every file lies in the seeds folder, or when DATELINE_STORE is set.
    """
    with one_line_errors():
        from service.settings import read_settings

        settings = read_settings(summary_model=output.summary_model, topics_model=output.topics_model)
        options = output.digest_options(settings, summary, topics)
        failed, count = _run(paths, options, settings, as_json=output.as_json or not sys.stdout.isatty())
    if failed:
        raise typer.Exit(FAILED if failed == count else SOME_FAILED)


def _run(paths: Sequence[Path], options: DigestOptions, settings: Settings, *, as_json: bool) -> tuple[int, int]:
    """Digest and print, article by article; how many failed, of how many."""
    from seeds.store import Store
    from service.cli.files import digest_files
    from service.digest import Digester
    from service.settings import model_cache

    home = settings.seeds.resolve()
    is_stored = settings.store is not None or all(home in (path.resolve(), *path.resolve().parents) for path in paths)
    digester = Digester(
        model_cache(settings, paths=True),
        Store(settings.store_url if is_stored else "sqlite://"),
        max_article_characters=settings.max_article_characters,
        language_policy=settings.language_policy,
    )
    show = _printer(as_json=as_json)
    failed = count = 0
    for item in digest_files(paths, options, digester=digester):
        show(item)
        count += 1
        if item.error:
            failed += 1
            if as_json:  # on a terminal it is in the article's own block
                print(f"{item.id}: {item.error}", file=sys.stderr)
    return failed, count


def _printer(*, as_json: bool) -> Callable[[Digest], None]:
    if as_json:
        return lambda item: print(item.to_json(), flush=True)
    from rich.console import Console

    from service.cli.terminal import show

    console = Console()
    return lambda item: show(item, console=console)
