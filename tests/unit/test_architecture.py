"""Which room may import what (the arrows of the design), and what the light paths must not load."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = {"torch", "transformers", "ctranslate2", "safetensors", "tokenizers"}
WEB = {"fastapi", "starlette", "uvicorn", "pydantic", "pydantic_settings"}
SQL = {"sqlalchemy", "sqlite3", "psycopg"}
FORBIDDEN = {
    "seeds": {"service", "models"} | HEAVY | WEB,
    "models": {"service", "seeds"} | WEB | SQL,
    "service": HEAVY | SQL,
}
TOUCHES_TORCH = {
    "embedded.py", "encoder.py", "loading.py", "network.py", "shelf.py", "pretrained.py", "pulling.py",
    "torch_engine.py", "ct2_engine.py", "classifier.py", "zero_shot.py",
}  # fmt: skip


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""


def modules() -> list[Path]:
    return [path for room in FORBIDDEN for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_import_only_along_the_arrows(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & FORBIDDEN[room]
    assert "tests" not in roots


def test_the_doors_do_not_import_each_other() -> None:
    """The serve command does so when it is run, not before."""
    app = set(imports(ROOT / "service" / "app.py"))
    assert "service.cli" not in app
    top_level = [
        node for node in ast.parse((ROOT / "service" / "cli.py").read_text()).body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("service")
    ]  # fmt: skip
    assert top_level == []


def test_torch_is_touched_only_where_inference_happens() -> None:
    touching = {
        path.name
        for path in (ROOT / "models").rglob("*.py")
        if "training" not in path.parts and {name.split(".")[0] for name in imports(path)} & {"torch", "transformers"}
    }
    assert touching <= TOUCHES_TORCH


@pytest.mark.parametrize("arguments", [["--help"], ["digest", "--help"], ["models", "list", "--json"]])
def test_light_commands_are_light(arguments: list[str]) -> None:
    """Under 0.4 s of processor time, and no torch. The best of three: a busy machine can only add."""
    script = (
        "import sys, resource\n"
        f"sys.argv = ['dateline', *{arguments!r}]\n"
        "from service.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(used.ru_utime + used.ru_stime, 'torch' in sys.modules, file=sys.stderr)\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr.split()
        for _ in range(3)
    ]
    assert min(float(seconds) for seconds, _ in runs) < 0.4
    assert {loaded for _, loaded in runs} == {"False"}
