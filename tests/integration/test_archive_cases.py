"""Inputs that went wrong for users of other tools and of our own first version (tests/cases/archives), each with the right
answer. Variants of each kind are in the tests of reading, outputs and runs."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import FormatChecker

from models.extractive.lead import Lead
from seeds.archives import find_sources
from service.digest import DigestOptions
from tests.archives import archive_run, rows
from tests.conftest import ROOT

CASES = ROOT / "tests" / "cases" / "archives"
TRAM = "The mayor opened the new tram line on Monday."
BRIDGE = "The county council voted on Tuesday to close the old swing bridge"


def run(source: Path, out: Path) -> list[dict[str, Any]]:
    """The rows of an archive made of a case, with its texts."""
    archive_run(source, out, model=Lead(), wanted=DigestOptions(summary_model="lead"), include_text=True).go()
    return rows(out)


def case_files(id: str) -> list[str]:
    for line in (CASES / "cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case["id"] == id:
            return [name for name in case["files"] if not name.endswith(".sh")]
    raise AssertionError(f"there is no case {id}")


def files(*ids: str) -> list[Any]:
    return [pytest.param(name, id=f"{id}-{name}") for id in ids for name in case_files(id)]


PAGES = {"m_chunked": 4, "m_mixed": 4, "warcio_capture": 5, "wget": 3, "resource": 1, "wet": 1, "dns": 1, "ftp": 1}


@pytest.mark.parametrize("name", files("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8"))
def test_every_page_of_a_warc_is_read(name: str, tmp_path: Path) -> None:
    found = run(CASES / name, tmp_path / "o.jsonl")
    count = next((count for start, count in PAGES.items() if Path(name).name.startswith(start)), 2)
    assert len(found) == count
    assert not any(row["error"] for row in found)
    expected = "Plain text of a page." if "wet" in name else BRIDGE
    assert all(expected in row["text"] for row in found)
    assert all(row["url"].startswith("http://") and row["id"] == row["url"] for row in found)


def test_a_title_with_control_characters_is_cleaned(tmp_path: Path) -> None:
    [first, _] = run(CASES / "warc" / "title_ctl.warc", tmp_path / "o.jsonl")
    assert first["title"] == "Atitle with ’marks’"


@pytest.mark.parametrize("name", files("C1", "E1", "E2", "E3", "E4", "E5", "E6"))
def test_every_item_of_a_feed_is_read(name: str, tmp_path: Path) -> None:
    found = run(CASES / name, tmp_path / "o.jsonl")
    three = {"nbsp_entity.xml", "bare_amp.xml", "ctl.xml"}
    assert len(found) == (3 if Path(name).name in three else 1)
    assert not any(row["error"] for row in found)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("rss/gb2312.xml", "text", "今天城市新电车线路开通。市长出席了仪式。"),
        ("rss/gb2312.xml", "title", "电车"),
        ("rss/media_credit.xml", "text", "Tram line opens."),
        ("rss/media_title_first.xml", "title", "Mayor opens tram"),
        ("rss/media_title_first.xml", "url", "http://x.org/1"),
        ("rss/media_title_first.xml", "id", "http://x.org/1"),
        ("rss/blogger.xml", "url", "http://b.org/2024/01/post.html"),
        ("rss/relative_base.xml", "url", "http://x.org/blog/post/1"),
        (
            "rss/atom_xhtml.xml", "text",
            f"Opening day\n\n{TRAM}\n\nIt links the harbour and the hospital.\n\nFare: two crowns\n\nEvery ten minutes",
        ),
        ("rss/atom_xhtml.xml", "title", "New tram"),
        (
            "rss/cdata.xml", "text",
            f"{TRAM} It links the harbour and the hospital.\n\nFare\n\nTwo\n\nTerm\n\nDef\n\nLine\ntwo\n\nthree & <b>",
        ),
        ("parquet/ts.parquet", "date", "2024-01-01T10:00:00"),
        ("parquet/date32.parquet", "date", "2024-01-01"),
        ("parquet/id_dec.parquet", "id", "12.50"),
        ("parquet/ts_tz.parquet", "date", "2024-01-01T11:00:00+01:00"),
        ("parquet/ts_ns.parquet", "date", "2024-01-01T10:00:00.123456789"),
        ("json/superdesk_guid.jsonl", "id", "urn:newsml:x"),
        ("json/superdesk_guid.jsonl", "text", f"{TRAM} It links the harbour and the hospital.\n\nSecond para."),
        ("json/nitf_only.json", "text", f"{TRAM} It links the harbour and the hospital.\n\nSecond para."),
        ("json/html_nocontenttype.json", "text", f"{TRAM} It links the harbor and the hospital.\n\nSecond para."),
        ("rss/newsml_itemset.xml", "id", "urn:x"),
        ("rss/newsml_itemset.xml", "text", f"{TRAM} It links the harbour and the hospital."),
    ],
)  # fmt: skip
def test_the_first_record_has_the_right_value(name: str, field: str, value: str, tmp_path: Path) -> None:
    first = run(CASES / name, tmp_path / "o.jsonl")[0]
    assert first["error"] is None
    assert first[field].replace("harbor ", "harbour ") == value.replace("harbor ", "harbour ")


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("parquet/ts_ns.parquet", [False, False]),
        ("parquet/invalid_utf8.parquet", [True, False]),
        ("parquet/invalid_title.parquet", [True, False]),
        ("parquet/ts_range.parquet", [True]),
        ("rss/sitemap.xml", [True]),
        ("rss/opml.xml", [True]),
        ("csv/notgz.csv.gz", [True]),
        ("csv/five_bytes.csv.gz", [True]),
        ("csv/bad.parquet", [True]),
        ("csv/zero.parquet", [True]),
        ("json/lines.json", [False, False]),
        ("json/deep1000.jsonl", [False, False]),
        ("csv/unbalanced.tsv", [False] * 6),
        ("csv/semicolon_bom.csv", [False, False]),
        ("csv/tab_named.csv", [False]),
        ("csv/utf16le_bom.csv", [False]),
        ("csv/UPPER.CSV.GZ", [False]),
        ("csv/tsv.TSV", [False]),
        ("csv/x.tsvish.csv", [False]),
        ("warc/UPPER.WARC.GZ", [False, False]),
        ("json/title_cr.jsonl", [False, False]),
    ],
)
def test_one_error_for_each_record_that_cannot_be_read(name: str, errors: list[bool], tmp_path: Path) -> None:
    found = run(CASES / name, tmp_path / "o.jsonl")
    assert [bool(row["error"]) for row in found] == errors
    assert all(len(row["id"]) <= 3 or not name.startswith("csv/") for row in found if not row["error"])


def test_a_damaged_first_file_costs_the_others_nothing(tmp_path: Path) -> None:
    found = run(CASES / "csv", tmp_path / "o.jsonl")
    readable = [row for row in found if not row["error"]]
    assert (len(readable), len(found) - len(readable)) == (13, 4)


def test_each_row_has_its_own_title_date_and_address(tmp_path: Path) -> None:
    first, second = run(CASES / "json" / "first_row_lacks_title.jsonl", tmp_path / "o.jsonl")
    assert (first["id"], first["title"]) == ("a", None)
    assert (second["id"], second["date"], second["url"]) == ("b", "2024-05-01", "http://x.org/b")
    assert second["title"] == "Earthquake kills dozens in coastal city"


def test_files_of_one_name_have_ids_of_their_own(tmp_path: Path) -> None:
    found = run(CASES / "cli" / "yy", tmp_path / "o.jsonl")
    assert [row["id"] for row in found] == [f"{year}/news.jsonl:{line}" for year in (2023, 2024) for line in (1, 2)]


def test_a_spreadsheet_reads_the_cells_and_runs_none(tmp_path: Path) -> None:
    out = tmp_path / "o.csv"
    archive_run(CASES / "out_in.jsonl", out, model=Lead(), wanted=DigestOptions(summary_model="lead")).go()
    with out.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len((CASES / "out_in.jsonl").read_text().splitlines())
    assert not any(str(cell).startswith(("=", "+", "-", "@")) for row in table for cell in row.values())
    archive_run(
        CASES / "json" / "title_cr.jsonl", tmp_path / "cr.csv", model=Lead(), wanted=DigestOptions(summary_model="lead")
    ).go()
    assert b'"a\rb"' in (tmp_path / "cr.csv").read_bytes()


def test_every_uri_is_one(tmp_path: Path) -> None:
    out = tmp_path / "o.ninjs.jsonl"
    archive_run(CASES / "out_in.jsonl", out, model=Lead(), wanted=DigestOptions(summary_model="lead")).go()
    uris = [item["uri"] for item in rows(out)]
    assert len(uris) == len(set(uris)) == 14
    for uri in uris:
        assert uri.isascii()
        assert FormatChecker().conforms(uri, "uri"), uri
    assert not FormatChecker().conforms("http://x.org/a b", "uri")  # the check can fail


def test_a_file_whose_name_looks_like_a_glob(tmp_path: Path) -> None:
    (tmp_path / "news[1].jsonl").write_bytes((CASES / "cli" / "n.jsonl").read_bytes())
    [source] = find_sources(str(tmp_path / "news[1].jsonl"))
    assert source.name == "news[1].jsonl"
