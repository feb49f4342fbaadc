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
    assert not [name for name in imports(ROOT / "service" / "app.py") if name.startswith("service.cli")]
    for path in (ROOT / "service" / "cli").glob("*.py"):
        web = {"service.app", "service.routes", "service.huggingface", "service.schemas", "service.serving"}
        assert not set(imports_at_once(path)) & web, path


def imports_at_once(path: Path) -> Iterator[str]:
    """What a module imports when it is imported."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("room", ["seeds", "service/archive", "service/cli"])
def test_no_room_imports_in_a_circle(room: str) -> None:
    modules = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path
        for path in (ROOT / room).rglob("*.py")
    }
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    arrows = {
        name: [other for other in imports_at_once(path) if other in modules and other != name]
        for name, path in modules.items()
    }
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"a circle: {' -> '.join((*above, name))}"
        if name not in done:
            for other in arrows[name]:
                walk(other, (*above, name))
            done.add(name)

    for name in modules:
        walk(name, ())


def test_torch_is_touched_only_where_inference_happens() -> None:
    touching = {
        path.name
        for path in (ROOT / "models").rglob("*.py")
        if "training" not in path.parts and {name.split(".")[0] for name in imports(path)} & {"torch", "transformers"}
    }
    assert touching <= TOUCHES_TORCH


@pytest.mark.parametrize("arguments", [["--help"], ["digest", "--help"], ["models", "list", "--json"]])
def test_light_commands_are_light(arguments: list[str]) -> None:
    """Under 0.4 s of processor time, on a slow machine twice what importing the parser takes; and no torch."""
    command = (
        f"sys.argv = ['dateline', *{arguments!r}]\n"
        "from service.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
    )
    seconds, loads_torch = processor_seconds(command)
    bare, _ = processor_seconds("import typer, typer.main, rich.console, rich.table, rich.markdown, pydantic\n")
    assert seconds < max(0.4, 2 * bare)
    assert not loads_torch


def processor_seconds(script: str) -> tuple[float, bool]:
    """What a script takes, the best of three because a busy machine can only add, and whether it loads torch."""
    told = "used = resource.getrusage(resource.RUSAGE_SELF)\n"
    told += "print(used.ru_utime + used.ru_stime, 'torch' in sys.modules, file=sys.stderr)\n"
    whole = "import sys, resource\n" + script + told
    runs = [
        subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True).stderr.split()
        for _ in range(3)
    ]
    return min(float(seconds) for seconds, _ in runs), {loaded for _, loaded in runs} != {"False"}
