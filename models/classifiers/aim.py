"""What a model of one's own is to be good at. Without torch: it is asked for before anything is learnt."""

from dataclasses import dataclass
from typing import Literal

from models.errors import InvalidOption

AimName = Literal["f1", "precision", "recall"]


@dataclass(frozen=True, slots=True)
class Aim:
    """What each label's threshold is chosen for: the best F1, or the best recall where precision is at least so much,
    or the other way round."""

    name: AimName = "f1"
    least: float = 0.0

    @classmethod
    def parse(cls, written: str) -> "Aim":
        """Of `f1`, `precision=0.9` or `recall=0.8`.

        Raises:
            InvalidOption: it is none of these.
        """
        name, _, value = written.partition("=")
        try:
            least = float(value) if value else 0.0
        except ValueError:
            least = -1.0
        if name == "f1" and not value:
            return cls()
        if name in ("precision", "recall") and 0 < least < 1:
            return cls(name, least)  # type: ignore[arg-type]  # it is one of them
        raise InvalidOption(f"The aim is {written!r}. Name one: f1, precision=0.9 or recall=0.8.")
