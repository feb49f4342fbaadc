"""The models that Dateline knows by name, and where on disk a model of any id is."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from models import folder as folders
from models.errors import ModelCorrupt, ModelNotPulled, UnknownModel, UnsupportedTask
from models.generative.servers import Server
from models.options import Scoring, Task

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
class ModelSource:
    """Where a model comes from. `id` is the one that results name: a preset's repo rather than the preset's name.
    `folder` is None for a model without files of its own."""

    id: str
    folder: Path | None
    preset: Preset | None


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A model that can be asked for. `repo` is its id on the hub where that is not the id itself; `ready` says whether
    it can be asked for now."""

    id: str
    description: str
    tasks: tuple[Task, ...]
    languages: tuple[str, ...]
    licence: str
    repo: str | None
    ready: bool


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """What is known of a model without loading it. `commit`, `pulled_at`, `bytes` and `folder` are of a model on this
    disk."""

    id: str
    tasks: tuple[Task, ...]
    preset: Preset | None
    ready: bool
    folder: str | None
    commit: str | None
    pulled_at: str | None
    bytes: int | None
    engines: tuple[str, ...]


@lru_cache(maxsize=1)
def presets() -> dict[str, Preset]:
    """Every preset by id."""
    entries = tomllib.loads(files("models").joinpath("catalog.toml").read_text(encoding="utf-8"))
    return {id: _preset(id, entry) for id, entry in entries.items()}


def _preset(id: str, entry: dict[str, Any]) -> Preset:
    return Preset(id, **{**entry, "tasks": tuple(entry["tasks"]), "languages": tuple(entry["languages"])})


def preset_of(id: str) -> Preset | None:
    """The preset of that name, or of that repo on the hub."""
    return presets().get(id) or next((preset for preset in presets().values() if preset.repo == id), None)


def find_model(id: str, *, root: Path, paths: bool = False) -> ModelSource:
    """Where the model of that id is: built in, under `root`, or with `paths` in any folder.

    Raises:
        UnknownModel: there is none.
        ModelNotPulled: the catalog knows it, but it is not under `root`.
    """
    preset = preset_of(id)
    if preset and not preset.repo:
        folder = None if preset.id == "lead" else Path(str(files("models") / preset.id))
        return ModelSource(preset.id, folder, preset)
    if paths and (Path(id) / "config.json").exists():
        return ModelSource(str(Path(id)), Path(id), None)
    canonical = preset.repo if preset and preset.repo else id
    if HUB_ID.fullmatch(canonical) and (root / canonical / "config.json").is_file():
        return ModelSource(canonical, root / canonical, preset)
    if preset:
        raise ModelNotPulled(f"Model {id!r} has not been pulled to {str(root)!r} yet. Run: dateline models pull {id}")
    names = ", ".join(presets())
    raise UnknownModel(
        f"There is no model {id[:200]!r} here. Presets: {names}. One of the Hugging Face hub has to be pulled first: "
        "dateline models pull ORGANISATION/NAME"
    )


def list_models(root: Path, *, servers: Sequence[Server] = ()) -> list[CatalogEntry]:
    """Every preset, every other model under `root`, and the models behind servers."""
    pulled = pulled_ids(root)
    entries = [
        CatalogEntry(
            preset.id, preset.description, preset.tasks, preset.languages, preset.licence, preset.repo,
            ready=preset.repo is None or preset.repo in pulled,
        )
        for preset in presets().values()
    ]  # fmt: skip
    repos = {preset.repo for preset in presets().values()}
    others = [
        CatalogEntry(
            id, "In the folder of models", tasks_of(root / id), ("*",), "see the model's card", repo=None, ready=True
        )
        for id in pulled
        if id not in repos
    ]
    remote = [
        CatalogEntry(
            server.id, f"{server.model}, behind a server", folders.TASKS_OF["remote"], ("*",), "see the model's card",
            repo=None, ready=True,
        )
        for server in servers
    ]  # fmt: skip
    return entries + others + remote


def model_details(id: str, *, root: Path) -> ModelDetails:
    """What is known of a model.

    Raises:
        UnknownModel: there is none of that id.
        ModelCorrupt: what was recorded when it was pulled cannot be read.
    """
    preset = preset_of(id)
    try:
        source = find_model(id, root=root)
    except ModelNotPulled:
        source = None
    folder = source.folder if source and (preset is None or preset.repo) else None
    return ModelDetails(
        id=preset.id if preset else id,
        tasks=preset.tasks if preset else tasks_of(folder or root / id),
        preset=preset,
        ready=source is not None,
        folder=str(folder) if folder else None,
        commit=folders.commit_of(folder) if folder else None,
        pulled_at=folders.pulled_at(folder) if folder else None,
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder else None,
        engines=("torch", "ctranslate2") if folder and folders.is_converted(folder) else ("torch",),
    )


def tasks_of(folder: Path) -> tuple[Task, ...]:
    """What the model there does; nothing where its configuration cannot be read or names another architecture."""
    try:
        return folders.TASKS_OF[folders.kind_of(folder)]
    except (ModelCorrupt, UnsupportedTask):
        return ()


def pulled_ids(root: Path) -> list[str]:
    """The ids of the models under `root`, sorted: pulled ones, and folders that a user dropped there."""
    paths = [*root.glob("*/config.json"), *root.glob("*/*/config.json")]
    ids = [path.parent.relative_to(root).as_posix() for path in paths]
    return sorted(id for id in ids if HUB_ID.fullmatch(id) and not id.endswith(f"/{folders.CONVERTED}"))
