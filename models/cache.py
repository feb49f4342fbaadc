"""The models that are loaded: loaded when first asked for, kept, and no more of them at once than the machine holds."""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from models import folder as folders
from models.card import Card, read_card
from models.catalog import ModelSource, find_model
from models.errors import ModelError, NoSpace
from models.generative.servers import Server, describe_server
from models.memory import available_memory, release_memory
from models.open import EMBEDDED, Inference, describe, load, load_remote, support_signature
from models.types import Model, ModelInfo

if TYPE_CHECKING:
    from models.extractive.news_minilm import Embedded

WORKING_SPACE = 1.3
"""Memory that a model takes while it works, as a multiple of its weights."""
FAILURE_SECONDS = 30.0
"""How long a failed load is remembered: loading again at every request would keep the machine busy for nothing."""
OPENMP_SPINS = "2000"
"""GOMP_SPINCOUNT: how long threads of torch's OpenMP (GNU's) look for work before they sleep, some microseconds. The
default is a hundred times as long: beside one other busy process a batch then takes half as long again, and alone it
is no faster."""

log = logging.getLogger("dateline")


class ModelCache:
    """Models by id. Safe to use from several threads: one model loads at a time, and once. What a model is, is read
    from its folder once; a folder that changes needs a restart.

    Args:
        root: the folder of pulled models.
        inference: how models are to run.
        max_loaded: pretrained models kept at once; the one unused for longest makes room. Embedded ones stay.
        paths: whether a path to a folder is an id too.
        servers: models behind OpenAI-compatible servers.
        extracts: whether an extract stands in where a server fails; else that is an error.
    """

    def __init__(
        self,
        root: Path,
        *,
        inference: Inference | None = None,
        max_loaded: int = 2,
        paths: bool = False,
        servers: Sequence[Server] = (),
        extracts: bool = True,
    ) -> None:
        self.root = root
        self._servers = {server.id: server for server in servers}
        self._extracts = extracts
        self._inference = inference or Inference()
        self._max_loaded = max_loaded
        self._paths = paths
        self._infos: dict[str, ModelInfo] = {}
        self._cards: dict[str, Card] = {}
        self._embedded: dict[str, Model] = {}
        self._pretrained: OrderedDict[str, Model] = OrderedDict()
        self._bytes: dict[str, int] = {}
        self._failures: dict[str, tuple[float, ModelError]] = {}
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    def info(self, id: str) -> ModelInfo:
        """What the model of that id is, without loading it.

        Raises:
            UnknownModel, ModelNotPulled: as `catalog.find_model` says.
            UnsupportedTask, ModelCorrupt, ModelUnavailable: as `open.describe` says.
        """
        if id not in self._infos:
            if server := self._servers.get(id):
                self._infos[id] = describe_server(server, support=support_signature())
            else:
                self._infos[id] = describe(self._find(id), self._inference)
        return self._infos[id]

    def card(self, id: str) -> Card:
        """What the model's folder says of its topics.

        Raises:
            UnknownModel, ModelNotPulled, ModelCorrupt: as `catalog.find_model` and `card.read_card` say.
        """
        if id not in self._cards:
            self._cards[id] = read_card(self._find(id).folder)
        return self._cards[id]

    def is_loaded(self, info: ModelInfo) -> bool:
        """Whether the model is in memory."""
        with self._lock:
            return info.id in self._pretrained or info.id in self._embedded

    def get(self, info: ModelInfo) -> Model:
        """The model, loaded if need be.

        Raises:
            ModelCorrupt: its files are not what was recorded, or cannot be loaded.
            ModelUnavailable: the engine cannot run it here.
            NoSpace: memory does not hold it.
        """
        if model := self._loaded(info.id):
            return model
        with self._loading:
            return self._loaded(info.id) or self._load(info)

    def loaded_ids(self) -> list[str]:
        """The ids of the models that are in memory."""
        with self._lock:
            return [*self._embedded, *self._pretrained]

    def _find(self, id: str) -> ModelSource:
        return find_model(id, root=self.root, paths=self._paths)

    def _loaded(self, id: str) -> Model | None:
        with self._lock:
            if id in self._pretrained:
                self._pretrained.move_to_end(id)
                return self._pretrained[id]
            return self._embedded.get(id)

    def _load(self, info: ModelInfo) -> Model:
        if server := self._servers.get(info.id):
            model = load_remote(server, info, reader=self._reader, extracts=self._extracts)
            with self._lock:
                self._embedded[info.id] = model
            return model
        self._raise_recent_failure(info.id)
        source = self._find(info.id)
        before = available_memory()
        try:
            model = _in_a_thread(partial(self._open, source, info))
        except ModelError as error:
            self._failures[info.id] = (time.monotonic(), error)
            raise
        with self._lock:
            self._bytes[info.id] = max(before - available_memory(), 0)
            stays = source.preset is not None and source.preset.repo is None
            (self._embedded if stays else self._pretrained)[info.id] = model
        return model

    def _raise_recent_failure(self, id: str) -> None:
        failed_at, error = self._failures.get(id, (-FAILURE_SECONDS, None))
        if error and time.monotonic() - failed_at < FAILURE_SECONDS:
            raise error
        self._failures.pop(id, None)

    def _open(self, source: ModelSource, info: ModelInfo) -> Model:
        os.environ.setdefault("GOMP_SPINCOUNT", OPENMP_SPINS)  # before torch is imported
        if source.folder is None or info.kind == "embedded":
            return load(source, info)
        log.info("loading %s", info.id)
        # Room is made after the files were checked: a damaged model must not drive a sound one out of memory.
        return load(source, info, make_room=partial(self._make_room, info, source.folder), reader=self._reader)

    def _reader(self) -> "Embedded":
        """The embedded model, for a model that writes."""
        return cast("Embedded", self.get(self.info(EMBEDDED)))

    def _make_room(self, info: ModelInfo, folder: Path) -> None:
        """Drop the models unused for longest until the new one fits.

        Raises:
            NoSpace: it does not fit even alone.
        """
        needed = int(WORKING_SPACE * folders.weights_bytes(folder, engine=info.engine))
        with self._lock:
            reclaimable = sum(self._bytes.get(id, 0) for id in self._pretrained)
        if needed <= available_memory() + reclaimable:
            while self._is_crowded(needed):
                self._drop_oldest(info.id)
        if (free := available_memory()) < needed:
            raise NoSpace(
                f"Model {info.id!r} needs about {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free. Choose "
                "a smaller model, or a machine with more memory."
            )

    def _is_crowded(self, needed: int) -> bool:
        with self._lock:
            count = len(self._pretrained)
        return count > 0 and (count >= self._max_loaded or available_memory() < needed)

    def _drop_oldest(self, new_id: str) -> None:
        with self._lock:
            dropped, _ = self._pretrained.popitem(last=False)
            self._bytes.pop(dropped, None)
        log.info("dropping %s from memory to make room for %s", dropped, new_id)
        release_memory()


def _in_a_thread(load_model: Callable[[], Model]) -> Model:
    """Torch's OpenMP keeps a team of threads for every thread that ever computed, until that one ends; once the teams
    together outnumber the cores they no longer spin between two operations but sleep, and a batch takes a sixth longer.
    So the thread that loads, and computes a little for it, must not live on beside the one that infers."""
    with ThreadPoolExecutor(1, thread_name_prefix="dateline-load") as thread:
        return thread.submit(load_model).result()
