"""The models that can be asked for by id, and those that are loaded. Knows nothing of what they compute."""

import threading
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Literal

from models.errors import UnknownModel
from models.types import Model, Task

if TYPE_CHECKING:
    import torch

DType = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Preset:
    """A model known by name. `languages` are BCP 47 tags; `*` is any."""

    id: str
    description: str
    tasks: tuple[Task, ...]
    languages: tuple[str, ...]
    licence: str


@lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """Every preset by id."""
    entries = tomllib.loads(files("models").joinpath("catalog.toml").read_text(encoding="utf-8"))
    return {
        id: Preset(id, entry["description"], tuple(entry["tasks"]), tuple(entry["languages"]), entry["licence"])
        for id, entry in entries.items()
    }


def preset(id: str) -> Preset:
    """The preset of that id.

    Raises:
        UnknownModel: there is none.
    """
    try:
        return presets()[id]
    except KeyError:
        known = ", ".join(presets())
        raise UnknownModel(f"There is no model {id!r}. Ask for one of: {known}.") from None


class Shelf:
    """Models by id, loaded when first asked for and kept. Safe to use from several threads."""

    def __init__(self, *, dtype: DType = "auto") -> None:
        self._dtype = dtype
        self._models: dict[str, Model] = {}
        self._loading = threading.Lock()

    def get(self, id: str) -> Model:
        """The model of that id.

        Raises:
            UnknownModel: there is none of that id.
            ModelCorrupt: its files are not what was recorded.
        """
        preset(id)
        with self._loading:
            if id not in self._models:
                self._models[id] = self._load(id)
            return self._models[id]

    def _load(self, id: str) -> Model:
        if id == "lead":
            from models.summarisers.lead import Lead

            return Lead()
        from models.embedded import Embedded  # torch loads here, and only here

        with as_file(files("models") / id) as folder:
            return Embedded(folder, id=id, dtype=_torch_dtype(self._dtype))


def _torch_dtype(name: DType) -> "torch.dtype | None":
    import torch

    return {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}[name]
