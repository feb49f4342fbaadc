"""Which language a text is in: as its record states, or as py3langid (after Lui & Baldwin 2012, langid.py) finds."""

from functools import cache
from typing import Any

from models.text.visible import readable

READ_CHARACTERS = 300
"""The opening tells: on 300 news articles none was mistaken, and all of it would take five times as long."""
SURE = 0.5
"""A guess that is less probable is none: a headline of three words may be in any language."""
UNKNOWN = "und"
"""BCP 47's tag for a language that is not determined."""


def primary(tag: str) -> str:
    """The language of a BCP 47 tag: `en` of `en-GB`."""
    return tag.replace("_", "-").split("-", maxsplit=1)[0].strip().lower()


def language_of(text: str, stated: str | None = None) -> str:
    """The language of `text`, by its two-letter code: the stated one, else the one found; `und` where none is sure."""
    if stated and (language := primary(stated)):
        return language
    found, probability = _identifier().classify(readable(text[: 2 * READ_CHARACTERS])[:READ_CHARACTERS])
    return str(found) if probability >= SURE else UNKNOWN


def knows(languages: tuple[str, ...], language: str) -> bool:
    """Whether a model of these languages can read that one; one that is not determined passes."""
    return language == UNKNOWN or "*" in languages or language in map(primary, languages)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # it reads its model for half a second

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
