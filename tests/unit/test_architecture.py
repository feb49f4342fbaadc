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
    "checkpoint.py", "classifiers/classifier.py", "classifiers/learning.py", "classifiers/network.py", "classifiers/own.py", "classifiers/own_files.py",
    "classifiers/zero_shot.py",
    "extractive/encoder.py", "extractive/network.py", "extractive/news_minilm.py", "generative/ctranslate2.py",
    "generative/instruct.py", "generative/remote.py", "generative/support.py", "generative/torch.py", "memory.py", "pull.py",
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


def test_http_and_the_command_line_do_not_know_each_other() -> None:
    """The serve command imports the server when it is run, not before."""
    for room, other in (("http", "service.cli"), ("cli", "service.http")):
        for path in (ROOT / "service" / room).glob("*.py"):
            assert not [name for name in imports_at_once(path) if name.startswith(other)], path


def test_the_queue_knows_nothing_of_http() -> None:
    for path in (ROOT / "service" / "queue").glob("*.py"):
        assert not [name for name in imports(path) if name.startswith(("service.http", "service.cli"))], path


def imports_at_once(path: Path) -> Iterator[str]:
    """What a module imports when it is imported."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_imports_in_a_circle() -> None:
    modules = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path
        for room in FORBIDDEN
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
        path.relative_to(ROOT / "models").as_posix()
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


def test_the_service_imports_no_torch_before_a_model_is_loaded() -> None:
    """Which sets how torch's threads wait, in the environment, and that is read once."""
    _, loads_torch = processor_seconds("import service.http.app\n")
    assert not loads_torch


def processor_seconds(script: str) -> tuple[float, bool]:
    """What a script takes, the best of three because a busy machine can only add, and whether it loads torch."""
    printed = "used = resource.getrusage(resource.RUSAGE_SELF)\n"
    printed += "print(used.ru_utime + used.ru_stime, 'torch' in sys.modules, file=sys.stderr)\n"
    whole = "import sys, resource\n" + script + printed
    runs = [
        subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True).stderr.split()
        for _ in range(3)
    ]
    return min(float(seconds) for seconds, _ in runs), {loaded for _, loaded in runs} != {"False"}
