"""What the machine computes with: its device, its best number format, and the memory that is free there. Says so
without importing torch wherever a file of the kernel's does."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

Device = Literal["cpu", "cuda"]
GPU_DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidia0"), Path("/dev/dxg"), Path("/dev/kfd"))
"""One of them exists wherever torch can have a GPU: NVIDIA's driver, WSL, AMD's driver."""
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@lru_cache(maxsize=1)
def device() -> Device:
    """Where models run: the GPU if torch can use one."""
    if not any(path.exists() for path in GPU_DRIVERS):
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@lru_cache(maxsize=1)
def best_dtype() -> str:
    """bfloat16 where `device` computes in it, else float32."""
    if device() == "cuda":
        import torch

        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if BFLOAT16_FLAGS & processor_flags() else "float32"


@lru_cache(maxsize=1)
def processor_flags() -> frozenset[str]:
    """What the first processor can do, by the kernel's names; empty where the kernel does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), ()))


def available_memory() -> int:
    """Bytes that a model can take on `device`."""
    if device() == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info()
        return int(free)
    return available_ram()


def available_ram() -> int:
    """Bytes that can be taken without swapping, within the container's limit where there is one (cgroup v2)."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    free = int(fields["MemAvailable"].split()[0]) * 1024
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            lines_of_stat = Path("/sys/fs/cgroup/memory.stat").read_text().splitlines()
            statistics = dict(line.split() for line in lines_of_stat)
            cache = int(statistics.get("inactive_file", 0))
            free = min(free, int(limit) - int(Path("/sys/fs/cgroup/memory.current").read_text()) + cache)
    except OSError:
        pass
    return free


def resident_memory() -> int | None:
    """Bytes of memory that this process holds; None where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as fields:
            return int(fields.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def release_memory() -> None:
    """Give back what dropped models held: Python's garbage, and on a GPU the blocks that torch keeps for later."""
    import gc

    gc.collect()
    if device() == "cuda":
        import torch

        torch.cuda.empty_cache()
