"""The models that are loaded: loaded when first asked for, kept, and no more of them at once than the machine holds.
Knows nothing of what they compute."""

import gc
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from models.catalog import Place, place
from models.errors import ModelLoading, NoSpace
from models.types import Model

if TYPE_CHECKING:
    import torch

DType = Literal["auto", "float32", "bfloat16", "int8"]
EngineName = Literal["auto", "torch", "ctranslate2"]
WORKING_SPACE = 1.3
"""Memory that a model takes while it works, as a multiple of its weights."""
MOST_WAITING = 32
"""Threads that may wait for a model to be loaded; the service needs the others."""
SPINS = "2000"
"""How long threads of torch's OpenMP (GNU's) look for work before they sleep, some microseconds. By default a hundred
times as long: beside one other busy process a batch then takes half as long again, and alone none is the faster."""

log = logging.getLogger("dateline")


class Shelf:
    """Models by id. Safe to use from several threads: one model loads at a time, and once.

    Args:
        root: the folder of pulled models.
        max_loaded: pretrained models kept at once; the one unused for longest makes room. Embedded ones stay.
        paths: whether a path to a folder is an id too.
    """

    def __init__(
        self,
        root: Path,
        *,
        dtype: DType = "auto",
        engine: EngineName = "auto",
        max_loaded: int = 2,
        paths: bool = False,
    ) -> None:
        self.root = root
        self.generation = 0
        """Grows with every model that is loaded."""
        self._dtype = dtype
        self._engine = engine
        self._max_loaded = max_loaded
        self._paths = paths
        self._embedded: dict[str, Model] = {}
        self._pretrained: OrderedDict[str, Model] = OrderedDict()
        self._bytes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._waiting = threading.BoundedSemaphore(MOST_WAITING)

    def get(self, id: str) -> Model:
        """The model of that id.

        Raises:
            UnknownModel, ModelNotPulled: as `catalog.place` says.
            ModelCorrupt: its files are not what was recorded, or cannot be loaded.
            NoSpace: memory does not hold it.
            ModelLoading: it is being loaded, and many wait for it already.
        """
        where = place(id, root=self.root, paths=self._paths)
        if found := self._known(where.id):
            return found
        if not self._waiting.acquire(blocking=False):
            raise ModelLoading(
                f"Model {where.id!r} is not loaded yet, and {MOST_WAITING} requests already wait for a model to be "
                "loaded. Try again in some seconds."
            )
        try:
            with self._loading:
                return self._known(where.id) or self._loaded(where)
        finally:
            self._waiting.release()

    def check(self, id: str) -> None:
        """Whether there is such a model, without loading it.

        Raises:
            UnknownModel, ModelNotPulled: as `catalog.place` says.
        """
        place(id, root=self.root, paths=self._paths)

    def loaded(self) -> list[str]:
        """The ids of the models that are in memory."""
        with self._lock:
            return [*self._embedded, *self._pretrained]

    def _loaded(self, where: Place) -> Model:
        before = available_memory()
        model = _in_thread_of_its_own(partial(self._load, where))
        with self._lock:
            self._bytes[where.id] = max(before - available_memory(), 0)
            (self._embedded if self._stays(where) else self._pretrained)[where.id] = model
            self.generation += 1
        return model

    def _known(self, id: str) -> Model | None:
        with self._lock:
            if id in self._pretrained:
                self._pretrained.move_to_end(id)
                return self._pretrained[id]
            return self._embedded.get(id)

    @staticmethod
    def _stays(where: Place) -> bool:
        return where.preset is not None and where.preset.repo is None

    def _load(self, where: Place) -> Model:
        if where.folder is None:
            from models.summarisers.lead import Lead

            return Lead()
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
        from models import loading  # torch loads here, and only here

        if loading.kind_of(where.folder) == "embedded":
            from models.embedded import Embedded

            return Embedded(where.folder, id=where.id, dtype=self._torch_dtype())
        revision = loading.revision_of(where.folder)  # no sound model makes room for a damaged one
        self._make_room(where)
        from models.pretrained import load

        log.info("loading %s", where.id)
        return load(
            where,
            dtype=self._torch_dtype(),
            engine=self._engine_for(where.folder),
            quantised=self._quantised(),
            revision=revision,
        )

    def _make_room(self, where: Place) -> None:
        """Drop the models unused for longest until the new one fits.

        Raises:
            NoSpace: it does not fit even alone.
        """
        assert where.folder is not None
        needed = int(WORKING_SPACE * self._weights_bytes(where.folder))
        with self._lock:
            at_most = available_memory() + sum(self._bytes.get(id, 0) for id in self._pretrained)
        while needed <= at_most:
            with self._lock:
                crowded = len(self._pretrained) >= self._max_loaded
                if not self._pretrained or not (crowded or available_memory() < needed):
                    break
                dropped = next(iter(self._pretrained))
                del self._pretrained[dropped]
                self._bytes.pop(dropped, None)
            log.info("dropping %s from memory to make room for %s", dropped, where.id)
            gc.collect()
        if (free := available_memory()) < needed:
            raise NoSpace(
                f"Model {where.id!r} needs about {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free. Choose "
                "a smaller model, or a machine with more memory."
            )

    def _weights_bytes(self, folder: Path) -> int:
        """What the weights take once they are loaded, by the file that will be."""
        if self._engine_for(folder) == "ctranslate2" and (folder / "ctranslate2" / "model.bin").exists():
            return (folder / "ctranslate2" / "model.bin").stat().st_size
        return sum(path.stat().st_size for path in folder.glob("*.safetensors"))

    def _torch_dtype(self) -> "torch.dtype | None":
        import torch

        return {"float32": torch.float32, "bfloat16": torch.bfloat16}.get(self._dtype)

    def _quantised(self) -> str:
        return "auto" if self._dtype == "auto" else self._dtype

    def _engine_for(self, folder: Path) -> EngineName:
        if self._engine != "auto":
            return self._engine
        converted = (folder / "ctranslate2" / "model.bin").exists()
        return "ctranslate2" if converted and find_spec("ctranslate2") else "torch"


def _in_thread_of_its_own(load: Callable[[], Model]) -> Model:
    """Torch's OpenMP keeps a team of threads for every thread that ever computed, until that one ends; once the teams
    together outnumber the cores they no longer spin between two operations but sleep, and a batch takes a sixth longer.
    So the thread that loads, and computes a little for it, must not live on beside the one that infers."""
    with ThreadPoolExecutor(1, thread_name_prefix="dateline-load") as thread:
        return thread.submit(load).result()


def available_memory() -> int:
    """Bytes that can be taken without swapping, within the container's limit where there is one (cgroup v2)."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    free = int(fields["MemAvailable"].split()[0]) * 1024
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            told = (line.split() for line in Path("/sys/fs/cgroup/memory.stat").read_text().splitlines())
            cache = next((int(size) for name, size in told if name == "inactive_file"), 0)
            free = min(free, int(limit) - int(Path("/sys/fs/cgroup/memory.current").read_text()) + cache)
    except OSError:
        pass
    return free
