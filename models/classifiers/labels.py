"""What a classifier's own labels mean: Media Topics where they stand for one, and how logits become scores."""

from collections.abc import Mapping, Sequence

from models import vocabulary
from models.options import Scoring
from models.types import Topic


def topics_of(labels: Sequence[str], codes: Mapping[str, str]) -> list[Topic]:
    """Each label as a topic without a score: under the vocabulary's name where it stands for a Media Topic. A second
    label for the same Media Topic keeps its own name.

    Args:
        codes: the Media Topics code of a label, where its name does not tell.
    """
    topics: list[Topic] = []
    names: set[str] = set()
    for label in labels:
        concept = vocabulary.concept(codes[label]) if label in codes else vocabulary.find(label)
        if concept is None or concept.name in names:
            topics.append(Topic(label, 0.0))
        else:
            topics.append(Topic(concept.name, 0.0, concept.qcode, concept.uri))
        names.add(topics[-1].name)
    return topics


def scoring_of(problem_type: str | None, *, labels: int) -> Scoring:
    """What a configuration means: `problem_type`, and where it says nothing one label among several."""
    if problem_type == "multi_label_classification" or labels == 1:
        return "sigmoid"
    return "none" if problem_type == "regression" else "softmax"
