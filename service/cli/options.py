"""Command-line options declared once, as fields of dataclasses, and given to commands as one value. Those of the tasks
are declared in `models.options`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from models.options import SummaryOptions, TopicsOptions
    from service.digest import DigestOptions
    from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What is made of every article, and by which models."""

    tasks: Annotated[str, typer.Option(help="What to make, with commas between.")] = "summary,topics"
    summary_model: Annotated[str | None, typer.Option(help="Model that summarises.")] = None
    topics_model: Annotated[str | None, typer.Option(help="Model that tags.")] = None

    def digest_options(self, settings: Settings, summary: SummaryOptions, topics: TopicsOptions) -> DigestOptions:
        """The tasks, with the models of the settings and the options given.

        Raises:
            typer.BadParameter: a task does not exist.
        """
        from models.options import TASKS
        from service.digest import DigestOptions

        names = split(self.tasks)
        unknown = [name for name in names if name not in TASKS]
        if unknown or not names:
            raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is no task; there are {', '.join(TASKS)}")
        return DigestOptions(
            summary_model=settings.summary_model if "summary" in names else None,
            summary=summary,
            topics_model=settings.topics_model if "topics" in names else None,
            topics=topics,
        )


def split(listed: str) -> list[str]:
    """The entries of a list with commas."""
    return [entry.strip() for entry in listed.split(",") if entry.strip()]


def with_options(
    renamed: Mapping[str, str] | None = None, /, **kinds: type[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each field of some dataclasses. The command takes each dataclass as one value, by
    the keyword it has here.

    Args:
        renamed: what an option of a task is called on this command, where its own name means something else here.
    """
    renamed = renamed or {}
    groups = {
        keyword: [(entry.name, _parameter(entry, hints[entry.name], renamed)) for entry in fields(kind)]
        for keyword, kind in kinds.items()
        for hints in [get_type_hints(kind, include_extras=True)]
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        arguments = [parameter for parameter in own if parameter.name not in kinds]
        options = [parameter for group in groups.values() for _, parameter in group]

        @wraps(command)
        def run(*args: Any, **values: Any) -> None:
            chosen = {
                keyword: kinds[keyword](**{name: _value(values.pop(parameter.name), name) for name, parameter in group})
                for keyword, group in groups.items()
            }
            command(*args, **values, **chosen)

        run.__signature__ = inspect.Signature([*arguments, *options])  # type: ignore[attr-defined]  # typer reads it
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*arguments, *options)}
        del run.__wrapped__
        return run

    return decorate


def _parameter(entry: Field[Any], hint: Any, renamed: Mapping[str, str]) -> inspect.Parameter:
    """The option of a field: as its annotation says, or as `models.options` declares it."""
    name, default = entry.name, inspect.Parameter.empty if entry.default is MISSING else entry.default
    if "description" in entry.metadata:
        name = renamed.get(name, name)
        help = f"{entry.metadata['description']}."
        if entry.name == "labels":
            hint, default, help = str, "", f"{entry.metadata['description']}; with commas between."
        hint = Annotated[hint, typer.Option(help=help, min=entry.metadata.get("ge"), max=entry.metadata.get("le"))]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


def _value(value: Any, name: str) -> Any:
    return tuple(split(value)) if name == "labels" else value
