"""Command-line options declared once, as fields of dataclasses, and given to commands as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

if TYPE_CHECKING:
    from models.types import SummaryOptions, TopicsOptions
    from service.digest import Wanted
    from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What is asked for of every article."""

    tasks: Annotated[str, typer.Option(help="What to make, with commas between.")] = "summary,topics"
    summary_model: Annotated[str | None, typer.Option(help="Model that summarises.")] = None
    topics_model: Annotated[str | None, typer.Option(help="Model that tags.")] = None
    sentences: Annotated[int | None, typer.Option(help="Sentences of a summary, at most.")] = None
    max_words: Annotated[int | None, typer.Option(help="Words of a summary, at most.")] = None
    truncation: Annotated[
        Literal["chunk", "truncate", "error"],
        typer.Option(help="What to do with articles longer than the model reads."),
    ] = "chunk"
    min_words: Annotated[
        int | None, typer.Option(help="Words of a summary, at least about; for models that write.")
    ] = None
    beams: Annotated[int | None, typer.Option(help="Width of the search; for models that write.")] = None
    labels: Annotated[str, typer.Option(help="Your own labels, with commas between, instead of the Media Topics.")] = ""
    threshold: Annotated[float | None, typer.Option(help="Lowest score of a topic.")] = None
    scoring: Annotated[
        Literal["sigmoid", "softmax", "none"] | None, typer.Option(help="How a classifier's logits become scores.")
    ] = None
    multi_label: Annotated[
        bool | None, typer.Option(help="For zero-shot models: judge labels one by one, or let them compete.")
    ] = None
    template: Annotated[
        str | None, typer.Option(help="For zero-shot models: the sentence that a label is put into.")
    ] = None

    def requested(self, settings: Settings, *, topic_limit: int | None) -> Wanted:
        """The tasks, with the models of the settings and the options given.

        Raises:
            typer.BadParameter: a task does not exist.
        """
        from models.types import TASKS, SummaryOptions, TopicsOptions
        from service.digest import Wanted

        asked = split(self.tasks)
        unknown = [task for task in asked if task not in TASKS]
        if unknown or not asked:
            raise typer.BadParameter(f"{', '.join(unknown) or 'nothing'} is no task; there are {', '.join(TASKS)}")
        summary: SummaryOptions = SummaryOptions(
            sentences=self.sentences, max_words=self.max_words, truncation=self.truncation, min_words=self.min_words,
            beams=self.beams,
        )  # fmt: skip
        topics: TopicsOptions = TopicsOptions(
            labels=tuple(split(self.labels)), threshold=self.threshold, limit=topic_limit, scoring=self.scoring,
            multi_label=self.multi_label, template=self.template,
        )  # fmt: skip
        return Wanted(
            summary_model=settings.summary_model if "summary" in asked else None,
            summary=summary,
            topics_model=settings.topics_model if "topics" in asked else None,
            topics=topics,
        )


def split(listed: str) -> list[str]:
    """The entries of a list with commas."""
    return [entry.strip() for entry in listed.split(",") if entry.strip()]


def with_options(kind: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one option for each field of a dataclass; the command takes them as one value, `options`."""
    hints = get_type_hints(kind, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        before = [parameter for parameter in own if parameter.name != "options"]

        @wraps(command)
        def run(*args: Any, **values: Any) -> None:
            chosen = {parameter.name: values.pop(parameter.name) for parameter in parameters}
            command(*args, **values, options=kind(**chosen))

        run.__signature__ = inspect.Signature([*before, *parameters])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*before, *parameters)}
        del run.__wrapped__
        return run

    return decorate
