"""The wheel alone, without the sources: installed into an environment of its own, it starts and answers."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.test_serve import get
from tests.conftest import ROOT, SEED_ID


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("models", "seeds", "service", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        source,
        source,
    ]
    subprocess.run(list(map(str, command)), check=True)
    [built] = source.glob("dateline-*.whl")
    return built


def test_every_module_and_every_file_of_the_model_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = [
        path.relative_to(ROOT).as_posix()
        for room in ("models", "seeds", "service")
        for path in (ROOT / room).rglob("*.py")
        if "training" not in path.parts
    ]
    assert [name for name in sources if name not in names] == []
    for name in ("catalog.toml", "news-minilm/model.safetensors", "vocabulary/mediatopics.tsv"):
        assert f"models/{name}" in names
    assert not [name for name in names if name.startswith(("tests/", "models/training/"))]


def test_it_starts_in_a_clean_environment(wheel: Path, tmp_path: Path, seeds_folder: Path) -> None:
    """Its dependencies are those of this environment, by a path file; the sources are not on it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    [packages] = (tmp_path / "venv" / "lib").glob("python3*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    command = [
        tmp_path / "venv" / "bin" / "python",
        "-c",
        "from service.cli import main; main()",
        "serve",
        "--port",
        "0",
    ]
    environment = os.environ | {"DATELINE_SEEDS": str(seeds_folder), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        list(map(str, command)), stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    )
    try:
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"ready on (http://\S+)", line):
                digest = get(f"{found[1]}/v1/articles/{SEED_ID}/digest")
                break
        else:
            pytest.fail("".join(lines))
    finally:
        process.kill()
        process.communicate(timeout=10)
    assert digest["topics"][0]["qcode"] == "medtop:16000000"
