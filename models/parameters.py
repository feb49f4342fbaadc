"""What a model makes of a caller's options: refused where they are out of range or not for it, and completed with its
own defaults for the key of a result."""

import math

from models.errors import InvalidOption, UnsupportedTask
from models.options import (
    DECLARED,
    LENGTHS,
    MAX_LABEL_CHARACTERS,
    MAX_LABELS,
    UNPRINTABLE,
    Options,
    SummaryOptions,
    Task,
    TopicsOptions,
)  # fmt: skip
from models.types import ModelInfo

OTHER_MODEL = {"summary": "For summaries use 'news-minilm'.", "topics": "For topics use 'news-minilm'."}
TOKENS_PER_WORD = 1.3
"""Of English."""


def key_parameters(task: Task, options: Options, info: ModelInfo) -> dict[str, object]:
    """Every parameter that can change output: the options that the model takes, its defaults where the caller left
    them out, and what the model itself brings (`info.parameters`).

    Raises:
        UnsupportedTask, InvalidOption: as `check` says.
    """
    check(task, options, info)
    defaults = info.defaults
    if any(getattr(options, name, None) is not None for name in LENGTHS):
        defaults = {name: value for name, value in defaults.items() if name not in LENGTHS}
    values: dict[str, object] = {}
    for declared in DECLARED[task]:
        value = getattr(options, declared.name)
        if info.kind in declared.kinds:
            values[declared.name] = defaults.get(declared.name) if value is None else value
    if info.max_input_tokens is None:  # it reads the whole article, whatever is to become of the rest
        values.pop("truncation", None)
    if task == "summary" and "target_words" in defaults:
        values["target_words"] = defaults["target_words"]
    return values | dict(info.parameters)


def check(task: Task, options: Options, info: ModelInfo) -> None:
    """Refuse options that are out of range, or that the model does not take.

    Raises:
        UnsupportedTask: the model does not do the task.
        InvalidOption: the message names the option, its value and what is allowed.
    """
    if task not in info.tasks:
        raise UnsupportedTask(f"Model {info.id!r} does not do {task}. {OTHER_MODEL[task]}")
    for declared in DECLARED[task]:
        value = getattr(options, declared.name)
        if value == declared.default:
            continue
        if info.kind not in declared.kinds:
            raise InvalidOption(f"Model {info.id!r} does not take {declared.name}. {declared.remedy}")
        if isinstance(value, int | float) and not declared.allows(value):
            raise InvalidOption(f"{declared.name} is {value:,}; {declared.bounds()}. Leave it out for the default.")
    if isinstance(options, SummaryOptions):
        _check_lengths(options, info)
    else:
        _check_labels(options, info)
        _check_template(options)


def least_tokens(words: int) -> int:
    """The tokens of about that many words."""
    return math.ceil(TOKENS_PER_WORD * words)


def _check_lengths(options: SummaryOptions, info: ModelInfo) -> None:
    if options.min_words and options.max_words and options.min_words > options.max_words:
        raise InvalidOption(
            f"min_words is {options.min_words} and max_words {options.max_words}. Lower the first or raise the second."
        )
    least, most = least_tokens(options.min_words or 0), info.max_output_tokens
    if most is not None and least > most:
        raise InvalidOption(
            f"min_words is {options.min_words:,}, some {least:,} tokens; model {info.id!r} writes at most {most:,}. "
            "Ask for fewer."
        )


def _check_labels(options: TopicsOptions, info: ModelInfo) -> None:
    labels = options.labels
    if len(labels) > MAX_LABELS:
        raise InvalidOption(
            f"{len(labels):,} labels were sent; {info.id} takes at most {MAX_LABELS}. Send them in several requests."
        )
    if any(not label.strip() or len(label) > MAX_LABEL_CHARACTERS for label in labels):
        raise InvalidOption(f"A label is empty or longer than {MAX_LABEL_CHARACTERS} characters. Send short names.")
    if any(UNPRINTABLE.search(label) for label in labels):
        raise InvalidOption("A label holds a control character or an unpaired surrogate. Send plain Unicode text.")
    if len(set(labels)) < len(labels):
        raise InvalidOption("A label was sent twice. Send each label once.")


def _check_template(options: TopicsOptions) -> None:
    template = options.template
    if template is None:
        return
    if UNPRINTABLE.search(template):
        raise InvalidOption("The template holds a control character or an unpaired surrogate. Send plain Unicode text.")
    if "{}" not in template or len(template) > MAX_LABEL_CHARACTERS:
        raise InvalidOption(
            f"The template {template[:80]!r} has no {{}} where the label goes, or is longer than "
            f"{MAX_LABEL_CHARACTERS} characters. For example: 'This text is about {{}}.'"
        )
