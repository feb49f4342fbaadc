"""What archives are written as."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from seeds.errors import NoRecords
from seeds.outputs import FIELDS, Row, encode, header, output_format
from seeds.outputs.ninjs import uri
from tests.archives import archive_run, read, rows, story, texts, write_jsonl
from tests.doubles import load_model

SCHEMA = Path(__file__).parents[3] / "shared" / "data" / "ninjs-schema_3.1.json"
NAMES = ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst", "o.csv", "o.csv.gz", "o.csv.zst", "o.parquet", "o.ninjs.jsonl"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_can_be_read_again(tmp_path: Path, name: str) -> None:
    from seeds.archives import ReadOptions

    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(1041)])
    report = archive_run(
        source, tmp_path / name, include_text=True, read=ReadOptions(slice_records=400, slice_bytes=100_000)
    ).go()
    assert (report.counts.records, report.counts.failed) == (1041, 0)
    again = read(tmp_path / name)
    assert texts(again) == [story(n)["text"] for n in range(1041)]
    if "ninjs" not in name:
        assert [record.article.id for record in again] == [f"s{n}" for n in range(1041)]


def test_parquet_is_a_folder_of_parts(tmp_path: Path) -> None:
    from seeds.archives import ReadOptions

    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(500)])
    out = tmp_path / "o.parquet"
    archive_run(source, out, include_text=True, read=ReadOptions(slice_records=200, slice_bytes=50_000)).go()
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"part-{number:05}.parquet" for number in range(len(names))]
    assert len(names) > 1
    [first] = parquet.read_table(out / names[0]).slice(0, 1).to_pylist()
    assert first["topics"][0]["name"] == "e"
    sentence = first["summary"]["sentences"][0]
    assert first["text"][sentence["start"] : sentence["end"]] == sentence["text"]


def test_a_name_that_tells_no_format_is_refused() -> None:
    with pytest.raises(NoRecords, match="--output-format"):
        output_format(Path("out.docx"))
    assert output_format(Path("OUT.CSV.GZ")) == "csv"


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=5))
def test_every_csv_reader_finds_the_same_cells(values: list[tuple[str, str]]) -> None:
    values = [(a.replace("\0", "").strip(), b.replace("\0", "").strip()) for a, b in values]
    data = encode([Row(id=a, title=b) for a, b in values], "csv", ("id", "title"), suffix=".csv", guard=False)
    text = (header("csv", ("id", "title"), suffix=".csv") + data).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["id", "title"], *([a, b] for a, b in values)]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'])
def test_formulas_are_disarmed_unless_asked_not_to(cell: str) -> None:
    row = Row(id="1", title=cell)
    guarded = encode([row], "csv", ("id", "title"), suffix=".csv").decode()
    bare = encode([row], "csv", ("id", "title"), suffix=".csv", guard=False).decode()
    assert next(csv.reader(io.StringIO(guarded, newline=""))) == ["1", "'" + cell]
    assert next(csv.reader(io.StringIO(bare, newline=""))) == ["1", cell]


def test_csv_has_the_columns_that_were_asked_for() -> None:
    assert header("csv", FIELDS, suffix=".csv") == b"id,title,date,url,language,summary,truncated,topics,error\n"
    assert header("csv", ("id", "topics"), suffix=".csv") == b"id,topics\n"


@pytest.mark.parametrize(
    ("url", "id", "expected"),
    [
        ("http://x.org/a b", "1", "http://x.org/a%20b"),
        ("<http://x.org/a>", "1", "http://x.org/a"),
        ('http://x.org/?q="a"&b={c}|d^e`', "1", "http://x.org/?q=%22a%22&b=%7Bc%7D%7Cd%5Ee%60"),
        ("http://x.org/%zz%20", "1", "http://x.org/%25zz%20"),
        ("http://日本.jp/パス", "1", "http://xn--wgv71a.jp/%E3%83%91%E3%82%B9"),
        ("http://[bad", "1", "urn:dateline:1"),
        ("http:///x", "1", "urn:dateline:1"),
        ("relative/path", "urn:x:1", "urn:x:1"),
        (None, "tag:x.org,2024:a b", "tag:x.org,2024:a%20b"),
        (None, "a b", "urn:dateline:a%20b"),
        (None, "a-b", "urn:dateline:a-b"),
        (None, "2024/news.jsonl:1", "urn:dateline:2024%2Fnews.jsonl%3A1"),
        ("C:\\news\\a.txt", "m", "urn:dateline:m"),
    ],
)
def test_ninjs_uris_are_uris(url: str | None, id: str, expected: str) -> None:
    assert uri(Row(id=id, url=url)) == expected


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_two_ids_share_a_uri(first: str, second: str) -> None:
    first, second = (text.encode(errors="replace").decode() for text in (first, second))
    assert (uri(Row(id=first)) == uri(Row(id=second))) <= (
        first == second or "<" in first + second or " " in first + second
    )


def uri_validator() -> Any:
    import jsonschema

    schema = json.loads(SCHEMA.read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.skipif(not SCHEMA.exists(), reason="IPTC's schema is not here")
def test_ninjs_validates(tmp_path: Path) -> None:
    validator = uri_validator()
    more: Sequence[dict[str, Any]] = (
        {"url": "http://x.org/a b", "language": "en_GB"}, {"id": "a b", "language": "english, mostly"}, {"title": None},
    )  # fmt: skip
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) | extra for n, extra in enumerate(more)] + [{"text": ""}])
    model = load_model("news-minilm", tmp_path)
    report = archive_run(source, tmp_path / "o.ninjs.jsonl", model=model, include_text=True).go()
    items = rows(tmp_path / "o.ninjs.jsonl")
    assert (len(items), report.counts.failed, report.counts.left_out) == (3, 1, 1)
    for item in items:
        validator.validate(item)
    assert any(subject["literal"].startswith("medtop:") for item in items for subject in item["subjects"])
