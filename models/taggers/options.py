"""Options of topics that every tagger reads the same way. Knows nothing of models."""

import re

from models.errors import InvalidOption
from models.types import Topic, TopicsOptions

MAX_LABELS = 200
MAX_LABEL_CHARACTERS = 200
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check(options: TopicsOptions, *, takes: frozenset[str], model: str) -> None:
    """Refuse options that are out of range, or that the model does not take.

    Args:
        takes: which of `labels`, `scoring`, `multi_label` and `template` the model takes.

    Raises:
        InvalidOption: one is.
    """
    for name in ("labels", "scoring", "multi_label", "template"):
        if getattr(options, name) not in (None, ()) and name not in takes:
            hint = {"labels": "Use a zero-shot model or 'news-minilm' for labels of your own."}.get(
                name, "Leave it out."
            )
            raise InvalidOption(f"Model {model!r} does not take {name}. {hint}")
    if len(options.labels) > MAX_LABELS:
        raise InvalidOption(
            f"{len(options.labels):,} labels were sent; {model} takes at most {MAX_LABELS}. Send them in parts."
        )
    if any(not label.strip() or len(label) > MAX_LABEL_CHARACTERS for label in options.labels):
        raise InvalidOption(f"A label is empty or longer than {MAX_LABEL_CHARACTERS} characters. Send short names.")
    if any(UNPRINTABLE.search(label) for label in options.labels):
        raise InvalidOption("A label holds a control character or an unpaired surrogate. Send plain Unicode text.")
    if len(set(options.labels)) < len(options.labels):
        raise InvalidOption("A label was sent twice. Send each label once.")
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise InvalidOption(f"threshold is {options.threshold}; it must lie between 0 and 1.")
    if options.limit is not None and options.limit < 1:
        raise InvalidOption(f"limit is {options.limit}; it must be at least 1. Leave it out for all topics.")
    if options.template is not None and UNPRINTABLE.search(options.template):
        raise InvalidOption("The template holds a control character or an unpaired surrogate. Send plain Unicode text.")
    if options.template is not None and ("{}" not in options.template or len(options.template) > MAX_LABEL_CHARACTERS):
        raise InvalidOption(
            f"The template {options.template[:80]!r} has no {{}} where the label goes, or is longer than "
            f"{MAX_LABEL_CHARACTERS} characters. For example: 'This text is about {{}}.'"
        )


def ranked(topics: list[Topic], options: TopicsOptions, *, threshold: float) -> tuple[Topic, ...]:
    """The topics at or above the caller's threshold, or else `threshold`; the likeliest first, as many as asked for."""
    least = threshold if options.threshold is None else options.threshold
    kept = [topic for topic in topics if topic.score >= least]
    return tuple(sorted(kept, key=lambda topic: -topic.score)[: options.limit])
