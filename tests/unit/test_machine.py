"""What models run on: the device, the number format that suits it, and what the private operations are worth."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from models import memory
from models.catalog import find_model
from models.extractive import encoder
from models.open import Inference, describe


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What was found out of this machine is forgotten before and after."""
    for function in (memory.device, memory.best_dtype, memory.processor_flags, encoder.has_fused_operations):
        function.cache_clear()
    yield
    for function in (memory.device, memory.best_dtype, memory.processor_flags, encoder.has_fused_operations):
        function.cache_clear()


def test_a_gpu_that_torch_cannot_use_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the device nor the number format: they are decided together."""
    monkeypatch.setattr(memory, "GPU_DRIVERS", (tmp_path,))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(memory, "BFLOAT16_FLAGS", frozenset({"no processor has this"}))
    assert memory.device() == "cpu"
    assert memory.best_dtype() == "float32"


@pytest.mark.parametrize(("computes", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_on_a_gpu_the_format_is_what_the_gpu_computes_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, computes: bool, dtype: str
) -> None:
    monkeypatch.setattr(memory, "GPU_DRIVERS", (tmp_path,))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: computes)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (7, 8))
    assert (memory.device(), memory.best_dtype(), memory.available_memory()) == ("cuda", dtype, 7)


def test_the_processors_flags_are_those_that_torch_sees() -> None:
    capabilities = torch.cpu.get_capabilities()
    expected = {name for name in memory.BFLOAT16_FLAGS if capabilities.get(name)}
    assert memory.BFLOAT16_FLAGS & memory.processor_flags() == expected


def test_the_embedded_model_is_described_in_the_format_it_will_run_in() -> None:
    source = find_model("news-minilm", root=Path("none"))
    assert describe(source, Inference()).dtype == memory.best_dtype()
    assert describe(source, Inference(dtype="float32")).dtype == "float32"


def test_private_operations_that_are_gone_or_compute_something_else_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> torch.Tensor:
        raise AttributeError("_linear_pointwise")

    monkeypatch.setattr(encoder, "_fused_linear", gone)
    assert not encoder.has_fused_operations()
    encoder.has_fused_operations.cache_clear()
    monkeypatch.setattr(encoder, "_fused_linear", lambda layer, values, activation, to: values.new_zeros(48, 32))
    assert not encoder.has_fused_operations()
