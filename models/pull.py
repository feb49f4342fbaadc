"""Pulls models from the hub: the only caller of the hub's client. Resolves a revision to a commit, fetches the files
that are needed, checks every one, turns `.bin` weights into safetensors and leaves a folder that serves without
network."""

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is of the library the client uses
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from models import folder as folders
from models.catalog import HUB_ID, preset_of
from models.errors import HubRefused, InvalidOption, ModelCorrupt, ModelUnavailable, NoSpace, UnknownModel
from models.open import EngineName

WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json")
PICKLED = re.compile(r"pytorch_model(-\d{5}-of-\d{5})?\.bin|pytorch_model\.bin\.index\.json")
BESIDE = re.compile(
    r"config\.json|generation_config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|special_tokens_map\.json"
    r"|added_tokens\.json|vocab\.json|vocab\.txt|merges\.txt|.*\.model|README\.md|LICEN[SC]E.*"
)
PARTIAL = ".partial"
CONVERTING = "converting"
MARGIN_BYTES = 100 * 1024**2
"""Space that is left free on the disk."""
CONNECTION_SECONDS = 20

log = logging.getLogger("dateline")


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that stands ready. `fetched_bytes` is 0 where it was here already."""

    id: str
    commit: str
    folder: Path
    fetched_bytes: int

    @property
    def engines(self) -> str:
        return "for torch and CTranslate2" if folders.is_converted(self.folder) else "for torch"


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int
    sha256: str | None
    git_sha1: str | None


def pull(id: str, *, root: Path, revision: str | None = None, engine: EngineName | None = None) -> Pulled:
    """Fetch a model into `root`, whole or not at all; what an interrupted pull fetched is taken up by the next.

    Args:
        id: a preset, or an id of the hub.
        revision: a branch, tag or commit; by default the preset's pin, or the hub's main branch.
        engine: "ctranslate2" converts a summariser for it, beside the weights; "torch" does not; by default it is
            converted where CTranslate2 is installed and knows the architecture.

    Raises:
        InvalidOption: the id is none of the hub.
        UnknownModel: the hub has no such model or revision, or it holds no weights.
        HubRefused: the hub wants an access token.
        ModelUnavailable: the hub cannot be reached, or broke off.
        NoSpace: the disk cannot hold it.
        ModelCorrupt: what arrived is not what the hub announced, or cannot be loaded.
    """
    preset = preset_of(id)
    repo = preset.repo if preset else id
    if repo is None:
        raise InvalidOption(f"Model {id!r} ships with Dateline; there is nothing to pull.")
    if not HUB_ID.fullmatch(repo):
        raise InvalidOption(f"{id!r} is no id of the hub. Ids look like 'facebook/bart-large-cnn'.")
    folder = root / repo
    requested = revision or (preset.revision if preset else None)
    with _alone(root, repo):
        if _is_whole(folder) and _stands(folder, requested):
            commit, fetched = folders.commit_of(folder) or "", 0
        else:
            commit, fetched = _fetch(repo, requested or "main", folder=folder, root=root)
        if not _has_sound_conversion(folder):
            _convert(folder, engine)
    return Pulled(repo, commit, folder, fetched)


@contextmanager
def _alone(root: Path, repo: str) -> Iterator[None]:
    """Keep other processes from pulling the same model meanwhile: they wait, and then find it here."""
    lock = FileLock(root / PARTIAL / f"{repo.replace('/', '--')}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("Another process is pulling %s; waiting for it.", repo)
        lock.acquire()
    except OSError:  # where nothing can be written nothing can get into each other's way
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _stands(folder: Path, requested: str | None) -> bool:
    """Whether what is here is what is requested. A branch may have moved: the hub is asked unless it cannot be."""
    return folders.commit_of(folder) == requested or (constants.HF_HUB_OFFLINE and requested is None)


def _is_whole(folder: Path) -> bool:
    """Whether a pulled model is here, and its files are those that were recorded."""
    try:
        return folders.commit_of(folder) is not None and bool(folders.check_checksums(folder))
    except ModelCorrupt:
        return False


def _fetch(repo: str, revision: str, *, folder: Path, root: Path) -> tuple[str, int]:
    with _hub_errors(repo, revision):
        info = HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=CONNECTION_SECONDS)
    commit = str(info.sha)
    if _is_whole(folder) and folders.commit_of(folder) == commit:
        return commit, 0
    chosen = _needed([_file(sibling) for sibling in info.siblings or ()], repo, commit)
    total = sum(file.size for file in chosen)
    partial = root / PARTIAL / f"{repo.replace('/', '--')}@{commit}"
    _check_space(root, total - _size(partial), converts=any(PICKLED.fullmatch(file.name) for file in chosen))
    with _hub_errors(repo, revision):
        snapshot_download(
            repo, revision=commit, local_dir=partial, allow_patterns=[file.name for file in chosen], max_workers=4,
            etag_timeout=CONNECTION_SECONDS,
        )  # fmt: skip
    _verify(partial, chosen)
    _finish(partial, repo, commit)
    _move(partial, folder)
    return commit, total


def _file(sibling: Any) -> _File:
    lfs = sibling.lfs
    sha256 = lfs.get("sha256") if isinstance(lfs, dict) else getattr(lfs, "sha256", None)
    return _File(sibling.rfilename, int(sibling.size or 0), sha256, None if sha256 else sibling.blob_id)


def _needed(files: Sequence[_File], repo: str, commit: str) -> list[_File]:
    """The files to fetch: safetensors where there are any, pickled weights only where not."""
    weights = [file for file in files if WEIGHTS.fullmatch(file.name)]
    if not weights:
        weights = [file for file in files if PICKLED.fullmatch(file.name)]
    beside = [file for file in files if BESIDE.fullmatch(file.name)]
    if not weights or not any(file.name == "config.json" for file in beside):
        raise UnknownModel(
            f"{repo!r} at {commit[:12]} holds no weights that can be loaded (model.safetensors or pytorch_model.bin, "
            "with config.json). It may be a data set, a GGUF or an adapter: choose the original model."
        )
    return weights + beside


def _check_space(root: Path, needed: int, *, converts: bool) -> None:
    root.mkdir(parents=True, exist_ok=True)
    needed = max(needed, 0) * (2 if converts else 1) + MARGIN_BYTES
    free = shutil.disk_usage(root).free
    if free < needed:
        raise NoSpace(
            f"The model needs {needed / 1e9:.1f} GB in {str(root)!r}; {free / 1e9:.1f} GB are free. Free some "
            "space, or set DATELINE_MODELS to another disk."
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _verify(folder: Path, files: Sequence[_File]) -> None:
    """Compare every file with what the hub announced: SHA-256 of large files, git's own hash of small ones. A file that
    differs is deleted, so that the next pull fetches it again."""
    for file in files:
        path = folder / file.name
        with path.open("rb") as data:
            if file.sha256:
                right = hashlib.file_digest(data, "sha256").hexdigest() == file.sha256
            else:
                content = data.read()
                header = f"blob {len(content)}\0".encode()
                right = hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == file.git_sha1
        if not right:
            path.unlink()
            raise ModelCorrupt(
                f"{file.name!r} arrived damaged: its hash is not the one the hub announced. Pull again; if it happens "
                "twice, something between here and the hub changes files."
            )


def _finish(folder: Path, repo: str, commit: str) -> None:
    """Make what was fetched ready to serve."""
    if any(PICKLED.fullmatch(path.name) for path in folder.iterdir()):
        _to_safetensors(folder)
    if not (folder / "tokenizer.json").exists():
        from models.checkpoint import load_pretrained_tokenizer

        load_pretrained_tokenizer(folder).save_pretrained(folder)
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    record = {"id": repo, "commit": commit, "pulled_at": datetime.now(UTC).isoformat(timespec="seconds")}
    (folder / folders.PULLED).write_text(json.dumps(record) + "\n", encoding="utf-8")
    recorded = {".safetensors", ".json", ".model", ".txt", ".jinja"}
    folders.write_checksums(folder, [path.name for path in folder.iterdir() if path.suffix in recorded])


def _to_safetensors(folder: Path) -> None:
    """Read pickled weights with torch's weights-only loader, which runs no code, and write them as safetensors."""
    import torch

    from models.checkpoint import auto_class, check_complete

    auto = auto_class(folders.kind_of(folder))
    pickled = [path for path in folder.iterdir() if PICKLED.fullmatch(path.name)]
    for path in pickled:
        if path.suffix == ".bin":
            try:
                torch.load(path, map_location="meta", weights_only=True)
            except Exception as error:  # whatever a damaged or hostile pickle raises
                raise ModelCorrupt(
                    f"{path.name!r} cannot be read as plain weights ({str(error).splitlines()[0]}). It is damaged, or "
                    "would run code when loaded; Dateline never does that."
                ) from error
    try:
        model, loading = auto.from_pretrained(
            folder, dtype="auto", local_files_only=True, use_safetensors=False, output_loading_info=True
        )
        check_complete(folder, loading["missing_keys"])
        model.save_pretrained(folder / CONVERTING)
        for path in (folder / CONVERTING).iterdir():
            path.replace(folder / path.name)
        (folder / CONVERTING).rmdir()
    except ModelCorrupt:
        raise
    except Exception as error:  # as above
        raise ModelCorrupt(f"The weights in {str(folder)!r} cannot be turned into safetensors: {error}") from error
    for path in pickled:
        path.unlink()


def _has_sound_conversion(folder: Path) -> bool:
    """Whether a conversion is here, whole; a damaged one is removed."""
    converted = folder / folders.CONVERTED
    try:
        return bool(folders.check_checksums(converted)) if converted.is_dir() else False
    except ModelCorrupt:
        shutil.rmtree(converted)
        return False


def _convert(folder: Path, engine: EngineName | None) -> None:
    """Convert for CTranslate2, if it is asked for, or if it can be done."""
    if engine == "torch" or folders.kind_of(folder) != "generative":
        return
    if engine is None and not find_spec("ctranslate2"):
        return
    from models.generative.ctranslate2 import convert

    try:
        convert(folder)
    except ModelCorrupt:
        if engine is not None:
            raise


def _move(partial: Path, folder: Path) -> None:
    """Put the finished folder in its place; one of another commit is replaced."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = partial.with_name(partial.name + ".old")
    shutil.rmtree(aside, ignore_errors=True)
    if folder.exists():
        folder.rename(aside)
    partial.rename(folder)
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _hub_errors(repo: str, revision: str) -> Iterator[None]:
    """Turn the hub client's errors into ours."""
    try:
        yield
    except GatedRepoError as error:
        raise HubRefused(
            f"Model {repo!r} is gated: accept its conditions on the hub, then set HF_TOKEN to an access token."
        ) from error
    except RevisionNotFoundError as error:
        raise UnknownModel(f"Model {repo!r} has no revision {revision!r}. Leave it out for the main branch.") from error
    except RepositoryNotFoundError as error:
        status = getattr(getattr(error, "response", None), "status_code", 404)
        raise (HubRefused if status == 401 else UnknownModel)(
            f"The hub has no model {repo!r}, or does not show it. Check the spelling; a private model needs HF_TOKEN."
        ) from error
    except HFValidationError as error:
        raise InvalidOption(f"{repo!r} is no id of the hub: {error}") from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        how = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the hub cannot be reached"
        raise ModelUnavailable(f"Model {repo!r} is not here and {how}. Connect once and pull it again.") from error
    except HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in {401, 403}:
            raise HubRefused(f"The hub refuses {repo!r} ({status}). Set HF_TOKEN to a valid access token.") from error
        raise ModelUnavailable(
            f"The hub answered {status} for {repo!r}. Try again later; what has arrived is kept."
        ) from error
    except (HTTPError, OSError) as error:
        if isinstance(error, OSError) and error.errno == 28:
            raise NoSpace(f"The disk is full: {error}. Free some space and pull again.") from error
        raise ModelUnavailable(
            f"Model {repo!r} cannot be fetched: {type(error).__name__} {error}. Pull again: what has arrived is kept."
        ) from error
