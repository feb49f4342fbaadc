"""The documentation says what is so."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.settings import table
from tests import readme
from tests.conftest import ROOT

DOCS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted((ROOT / "docs").glob("*.md"))
TEXT = readme.README.read_text(encoding="utf-8")
EVERYTHING = "\n".join(path.read_text(encoding="utf-8") for path in DOCS)


def test_the_request_gets_the_reply_that_is_printed() -> None:
    printed = json.loads(section_body("reply", TEXT))
    actual = readme.reply(TEXT)
    for found in (printed, actual):
        for made in found["results"][0]["provenance"].values():
            for name in ("created_at", "milliseconds", "key"):
                del made[name]
            del made["parameters"]["dtype"], made["parameters"]["versions"]  # the machine's
    scores = [topic.pop("score") for topic in printed["results"][0]["topics"]]
    assert [topic.pop("score") for topic in actual["results"][0]["topics"]] == pytest.approx(scores, abs=0.03)
    assert actual == printed


def section_body(name: str, text: str) -> Any:
    found = re.search(r"```\w*\n(.*?)\n```", readme.section(text, name), re.DOTALL)
    assert found
    return found[1]


def test_the_settings_are_those_there_are() -> None:
    assert readme.section(readme.OPERATIONS.read_text(encoding="utf-8"), "settings").strip() == table()


def test_the_help_is_the_commands() -> None:
    assert section_body("help", readme.API.read_text(encoding="utf-8")) == readme.help_text()


def test_every_command_is_mentioned() -> None:
    from service.cli import app

    names = [
        command.name or (command.callback.__name__ if command.callback else "") for command in app.registered_commands
    ]
    assert [name for name in names if f"dateline {name}" not in EVERYTHING and f"make {name}" not in EVERYTHING] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_every_file_that_the_design_names_exists() -> None:
    """By its path, or by its name in a room that the same row names."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    files = {
        path.relative_to(ROOT).as_posix()
        for room in ("models", "seeds", "service")
        for path in (ROOT / room).rglob("*.*")
    }
    named = re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|toml))`", text)
    assert len(named) > 40
    assert [name for name in named if not any(file == name or file.endswith(f"/{name}") for file in files)] == []


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert [
        name
        for name in re.findall(r"`make ([\w-]+)`", EVERYTHING)
        if not re.search(rf"^{name}:", makefile, re.MULTILINE)
    ] == []


def test_every_option_that_the_docs_name_exists() -> None:
    from typer.main import get_command

    from service.cli import app

    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    options = {
        name for command in commands for option in command.params for name in (*option.opts, *option.secondary_opts)
    }
    options |= {"--address", "--head"}  # of Ray
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")))
    assert named - options == set()
