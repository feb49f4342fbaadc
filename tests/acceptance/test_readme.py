"""The README says what is so."""

import json
import re
from typing import Any

import pytest

from service.settings import table
from tests import readme
from tests.conftest import ROOT

TEXT = readme.README.read_text(encoding="utf-8")


def test_the_request_gets_the_reply_that_is_printed() -> None:
    printed = json.loads(section_body("reply"))
    actual = readme.reply(TEXT)
    for found in (printed, actual):
        for made in found["results"][0]["provenance"].values():
            for name in ("created_at", "milliseconds", "key"):
                del made[name]
            del made["parameters"]["dtype"]  # the machine's
    scores = [topic.pop("score") for topic in printed["results"][0]["topics"]]
    assert [topic.pop("score") for topic in actual["results"][0]["topics"]] == pytest.approx(scores, abs=0.03)
    assert actual == printed


def section_body(name: str) -> Any:
    found = re.search(r"```\w*\n(.*?)\n```", readme.section(TEXT, name), re.DOTALL)
    assert found
    return found[1]


def test_the_settings_are_those_there_are() -> None:
    assert readme.section(TEXT, "settings").strip() == table()


def test_the_help_is_the_commands() -> None:
    assert section_body("help") == readme.help_text()


def test_every_command_is_mentioned() -> None:
    from service.cli import app

    names = [
        command.name or (command.callback.__name__ if command.callback else "") for command in app.registered_commands
    ]
    assert [name for name in names if f"dateline {name}" not in TEXT and f"make {name}" not in TEXT] == []


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", TEXT)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert [
        name for name in re.findall(r"`make (\w+)`", TEXT) if not re.search(rf"^{name}:", makefile, re.MULTILINE)
    ] == []


def test_every_option_that_the_docs_name_exists() -> None:
    from dataclasses import fields

    from service.cli.archive import ArchiveOptions

    options = {"--" + field.name.replace("_", "-") for field in fields(ArchiveOptions)} | {
        "--no-guard",
        "--address",
        "--head",
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / "docs" / "archives.md").read_text(encoding="utf-8")))
    assert named - options == set()
