"""Seed files."""

import os
from pathlib import Path

import pytest

from seeds.errors import NoRecords, UnknownRecord, UnreadableRecord
from seeds.records import Article, SeedFolder, parse_seed
from tests.conftest import SEED_FILE, SEED_ID


def test_the_seed_record(seeds_folder: Path) -> None:
    article = SeedFolder(seeds_folder).get(SEED_ID)
    assert article.date == "2021-07-15"
    assert article.text.startswith('An Afghan official said "an indefinite ceasefire"')
    assert article.text.endswith("hoping to travel in the other direction.")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Text.", Article("Text.", id="x")),
        (b" date 2020-02-29 Text.", Article("Text.", id="x", date="2020-02-29")),
        (b"date 2020-02-29\n\nText.\n", Article("Text.", id="x", date="2020-02-29")),
        (b"\xef\xbb\xbfBOM.", Article("BOM.", id="x")),
        (b"A date 2020-02-29 inside.", Article("A date 2020-02-29 inside.", id="x")),
        ("Grüße – 你好.".encode(), Article("Grüße – 你好.", id="x")),
    ],
)
def test_parsing(data: bytes, expected: Article) -> None:
    assert parse_seed(data, name="x.txt", identifier="x") == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"date 2020-01-01", "empty"),
        (b"date 2021-02-30 Text.", "does not exist"),
        (b"caf\xe9", r"byte 0xE9 at offset 3.*iconv"),
        ("Text.".encode("utf-16"), "iconv -f UTF-16"),
        (b"PK\x03\x04zip", r"U\+0003 at character 2"),
        (b"clear \x1b[2J", r"U\+001B"),
        ("c1 \x9b".encode(), r"U\+009B"),
        (b"Text\x00text", r"U\+0000 at character 4"),
    ],
)
def test_what_is_no_article_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableRecord, match=message):
        parse_seed(data, name="x.txt")


def test_ids_are_sorted_and_other_files_are_no_records(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "notes.md", "results.db"):
        (tmp_path / name).write_text("Text.")
    (tmp_path / "c.txt").mkdir()
    assert SeedFolder(tmp_path).ids() == ["a", "b"]


@pytest.mark.parametrize("identifier", ["missing", "../articles/secret", "..", "", "a\0b", "a/b", "a" * 300])
def test_only_records_of_the_folder_can_be_read(tmp_path: Path, identifier: str) -> None:
    (tmp_path / "secret.txt").write_text("Secret.")
    folder = tmp_path / "articles"
    folder.mkdir()
    with pytest.raises(UnknownRecord, match="/v1/articles"):
        SeedFolder(folder).get(identifier)


def test_a_name_that_is_not_unicode_does_not_break_the_list(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Text.")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("Text.")
    assert SeedFolder(tmp_path).ids() == ["a"]


def test_a_missing_folder_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(NoRecords, match="DATELINE_SEEDS"):
        SeedFolder(tmp_path / "nowhere").ids()


def test_the_projects_seed_is_the_owners() -> None:
    import hashlib

    digest = hashlib.sha256(SEED_FILE.read_bytes()).hexdigest()
    assert digest == "989509ad44caa5981b2fef26eb4711ed77cf457d67418ba63471255804276cf1"
