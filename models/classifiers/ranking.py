"""Which topics are returned, and in which order."""

from collections.abc import Sequence

from models.options import TopicsOptions
from models.types import Topic


def ranked(topics: Sequence[Topic], options: TopicsOptions, *, threshold: float) -> tuple[Topic, ...]:
    """The topics at or above the caller's threshold, or else `threshold`; the likeliest first, at most `limit`."""
    least = threshold if options.threshold is None else options.threshold
    likely = [topic for topic in topics if topic.score >= least]
    return tuple(sorted(likely, key=lambda topic: -topic.score)[: options.limit])
