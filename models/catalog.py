"""The models Dateline knows by name, and where on disk a model of any id stands. Loads none of them."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from models.errors import ModelNotPulled, UnknownModel
from models.types import Scoring, Task

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preset:
    """A model known by name. `languages` are BCP 47 tags; `*` is any. The rest is for models of the hub: the `repo`
    there and the commit it is pinned to; `max_input_tokens`, `scoring`, `prefix`, `template` and `codes` (the Media
    Topics code of a label) where the model's own files are silent or wrong."""

    id: str
    description: str
    tasks: tuple[Task, ...]
    languages: tuple[str, ...]
    licence: str
    repo: str | None = None
    revision: str | None = None
    max_input_tokens: int | None = None
    scoring: Scoring | None = None
    prefix: str | None = None
    template: str | None = None
    codes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model stands. `id` is the one that results name: a preset's repo rather than the preset's name. `folder`
    is None for a model without files of its own."""

    id: str
    folder: Path | None
    preset: Preset | None


@lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """Every preset by id."""
    entries = tomllib.loads(files("models").joinpath("catalog.toml").read_text(encoding="utf-8"))
    return {id: _preset(id, entry) for id, entry in entries.items()}


def _preset(id: str, entry: dict[str, Any]) -> Preset:
    return Preset(id, **{**entry, "tasks": tuple(entry["tasks"]), "languages": tuple(entry["languages"])})


def preset_of(id: str) -> Preset | None:
    """The preset of that name, or of that repo on the hub."""
    return presets().get(id) or next((known for known in presets().values() if known.repo == id), None)


def place(id: str, *, root: Path, paths: bool = False) -> Place:
    """Where the model of that id stands: built in, under `root`, or with `paths` in any folder.

    Raises:
        UnknownModel: there is none.
        ModelNotPulled: the catalog knows it, but it is not under `root`.
    """
    known = preset_of(id)
    if known and not known.repo:
        return Place(known.id, None if known.id == "lead" else Path(str(files("models") / known.id)), known)
    if paths and (Path(id) / "config.json").exists():
        return Place(str(Path(id)), Path(id), None)
    canonical = known.repo if known and known.repo else id
    if HUB_ID.fullmatch(canonical) and (root / canonical / "config.json").is_file():
        return Place(canonical, root / canonical, known)
    if known:
        raise ModelNotPulled(f"Model {id!r} has not been pulled to {str(root)!r} yet. Run: dateline models pull {id}")
    names = ", ".join(presets())
    raise UnknownModel(
        f"There is no model {id[:200]!r} here. Presets: {names}. One of the Hugging Face hub has to be pulled first: "
        "dateline models pull ORGANISATION/NAME"
    )


def known_models(root: Path) -> list[dict[str, Any]]:
    """Every preset, and every other model under `root`: id, description, tasks, languages, licence, repo, and whether
    it can be asked for now (`ready`)."""
    here = pulled(root)
    listed = [
        {
            "id": known.id, "description": known.description, "tasks": known.tasks, "languages": known.languages,
            "licence": known.licence, "repo": known.repo, "ready": known.repo is None or known.repo in here,
        }
        for known in presets().values()
    ]  # fmt: skip
    repos = {known.repo for known in presets().values()}
    return listed + [
        {
            "id": id, "description": "In the folder of models", "tasks": _tasks_of(root / id), "languages": ("*",),
            "licence": "see the model's card", "repo": None, "ready": True,
        }
        for id in here if id not in repos
    ]  # fmt: skip


def describe(id: str, *, root: Path) -> dict[str, Any]:
    """What is known of a model without loading it.

    Raises:
        UnknownModel: there is none of that id.
    """
    known = preset_of(id)
    canonical = known.repo if known and known.repo else id
    folder = root / canonical if HUB_ID.fullmatch(canonical) else None
    here = folder is not None and (folder / "config.json").is_file()
    if known is None and not here:
        place(id, root=root)
    record = json.loads((folder / "pulled.json").read_text()) if folder and (folder / "pulled.json").exists() else {}
    return {
        **(asdict(known) if known else {"id": id, "tasks": _tasks_of(root / canonical)}),
        "ready": here or (known is not None and known.repo is None),
        "folder": str(folder) if here else None,
        "commit": record.get("commit"),
        "pulled_at": record.get("pulled_at"),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder and here else None,
        "engines": ["torch", *(["ctranslate2"] if folder and (folder / "ctranslate2" / "model.bin").exists() else [])],
    }


def _tasks_of(folder: Path) -> tuple[Task, ...]:
    """By the architecture's name; none where the configuration cannot be read."""
    try:
        named = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures") or [""]
    except (OSError, ValueError, AttributeError):
        return ()
    return ("summary",) if named[0].endswith("ForConditionalGeneration") else ("topics",)


def pulled(root: Path) -> list[str]:
    """The ids of the models under `root`, sorted: pulled ones, and folders that a user dropped there."""
    found = [*root.glob("*/config.json"), *root.glob("*/*/config.json")]
    ids = [path.parent.relative_to(root).as_posix() for path in found]
    return sorted(id for id in ids if HUB_ID.fullmatch(id) and not id.endswith("/ctranslate2"))
