"""Archives read: every format people hold, and what is wrong with it."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from seeds.archives import Fields, Skipped, find_sources
from seeds.errors import NoRecords
from tests.archives import TEXTS, errors, ids, read, read_all, story, texts, write_jsonl
from tests.articles import BUDGET, FOOTBALL, HARBOUR

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
    ".zst": lambda data: pyarrow.compress(data, codec="zstd", asbytes=True),
}  # fmt: skip


# ---- finding


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.txt").write_text(" date 2024-05-01 " + HARBOUR)
    (tmp_path / "deep" / "a.TXT").write_text(FOOTBALL)
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(BUDGET.encode()))
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes("Während des Sturms fiel das Licht aus.".encode("latin-1"))
    (tmp_path / ".hidden.txt").write_text(FOOTBALL)
    (tmp_path / "notes.docx").write_text("no")
    found = read(tmp_path)
    assert ids(found) == ["b", "c.txt.gz", "deep/a.TXT"]
    assert found[0].article.date == "2024-05-01"
    assert "empty" in errors(found)[0]
    assert "iconv -f WINDOWS-1252" in errors(found)[1]
    [latin] = read(tmp_path / "latin.txt", encoding="cp1252")
    assert latin.article.text.startswith("Während")


def test_places_and_default_ids_are_paths_from_the_root_of_the_input(tmp_path: Path) -> None:
    for year in ("2023", "2024"):
        (tmp_path / year).mkdir()
        (tmp_path / year / "news.jsonl").write_text('{"text": "It rained."}\nbad\n')
    wanted = [f"{year}/news.jsonl:{line}" for year in (2023, 2024) for line in (1, 2)]
    for name in (tmp_path, tmp_path / "*" / "news.jsonl"):
        found = read(name)
        assert [record.place for record in found] == wanted
        assert [record.article.id for record in found] == wanted
    [alone, _] = read(tmp_path / "2023" / "news.jsonl")
    assert alone.place == "news.jsonl:1"


def test_what_cannot_be_opened_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "gone.jsonl")
    (tmp_path / "notes.docx").write_text("?")
    write_jsonl(tmp_path / "z.jsonl", [story(1)])
    found = read(tmp_path)
    assert ids(found) == ["s1"]
    assert "a.jsonl cannot be read: it cannot be opened" in errors(found)[0]
    unread: list[str] = []
    find_sources(str(tmp_path), unread=unread)
    assert unread == ["notes.docx"]


def test_a_name_that_looks_like_a_glob_is_a_name_first(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "news[1].jsonl", [story(1)])
    assert ids(read(tmp_path / "news[1].jsonl")) == ["s1"]


@pytest.mark.parametrize("name", ["nothing.jsonl", "none/*.txt", "odd.docx"])
def test_nothing_to_read_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "odd.docx").write_text("?")
    with pytest.raises(NoRecords):
        find_sources(str(tmp_path / name))


# ---- rows


@pytest.mark.parametrize("suffix", [*PACKERS, ".GZ"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_lines_plain_and_packed(tmp_path: Path, kind: str, suffix: str) -> None:
    table = io.StringIO()
    if kind == "jsonl":
        table.write(
            "\n".join(json.dumps({"uri": f"u{n}", "Body": text, "headline": "H"}) for n, text in enumerate(TEXTS))
        )
    else:
        rows = [["uri", "Body", "headline"], *([f"u{n}", text, "H"] for n, text in enumerate(TEXTS))]
        csv.writer(table).writerows(rows)
    path = tmp_path / f"news.{kind}{suffix}"
    path.write_bytes(PACKERS[suffix.casefold()](table.getvalue().encode()))
    found = read(path)
    assert [(record.article.id, record.article.title) for record in found] == [(f"u{n}", "H") for n in range(3)]
    assert [text.replace("\r\n", "\n") for text in texts(found)] == TEXTS


@pytest.mark.parametrize(("slice_records", "slice_bytes"), [(1, 2**20), (7, 999), (64, 5_000), (10_000, 2**23)])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_slices_hold_the_same_records_as_the_whole(
    tmp_path: Path, slice_records: int, slice_bytes: int, suffix: str
) -> None:
    rows = [story(n) if n % 13 else {"id": f"s{n}", "text": ""} for n in range(500)]
    data = "".join(json.dumps(row) + ("\n" if n % 50 else "\n\n") for n, row in enumerate(rows)).encode()
    (tmp_path / f"a.jsonl{suffix}").write_bytes(PACKERS[suffix](data))
    table = io.StringIO()
    csv.writer(table).writerows(
        [["id", "title", "text"], *([row["id"], row.get("title"), row["text"]] for row in rows)]
    )
    (tmp_path / f"b.csv{suffix}").write_bytes(PACKERS[suffix](table.getvalue().encode()))
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "c.parquet", row_group_size=90)
    for name in (f"a.jsonl{suffix}", f"b.csv{suffix}", "c.parquet"):
        found = read(tmp_path / name, slice_records=slice_records, slice_bytes=slice_bytes)
        assert list(map(repr, found)) == list(map(repr, read(tmp_path / name)))
        assert [record.article.id for record in found] == [row["id"] for row in rows]


def test_what_is_wrong_with_a_row_is_said_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    lines = [
        json.dumps(story(1)).encode(), b"{broken", b"[1, 2]", b'{"id": "x"}', b'{"id": "y", "text": 7}',
        b'{"id": "z", "text": ""}', '{"text": "Während"}'.encode("latin-1"), b'{"text": "Nul \\u0000 here."}', b"  ",
        b"[" * 5000, json.dumps(story(2)).encode(),
    ]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    found = read(path)
    assert ids(found) == ["s1", "s2"]
    assert [text.split(":")[1].split(" ")[0] for text in errors(found)] == ["2", "3", "4", "5", "6", "7", "8", "10"]
    words = ["not JSON", "list", "--text-field", "int", "empty", "iconv", "control", "not JSON"]
    for text, word in zip(errors(found), words, strict=True):
        assert word in text


def test_a_row_that_cannot_be_read_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    known = {"id": "a1", "title": "A title", "date": "2024-05-01", "url": "http://x.org/1", "language": "en"}
    lines = [
        json.dumps(known | {"text": ""}).encode(), json.dumps(known | {"text": 7}).encode(), json.dumps(known).encode(),
        json.dumps(known | {"text": "Während"}, ensure_ascii=False).encode("latin-1"),
    ]  # fmt: skip
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    table = "id,title,date,url,language,text\na1,A title,2024-05-01,http://x.org/1,en,\n"
    (tmp_path / "b.csv").write_text(table)
    for record in read(tmp_path):
        assert record.error
        article = record.article
        values = (article.id, article.title, article.date, article.url, article.language)
        assert values == tuple(known.values()), record
        assert article.text == ""


def test_fields_are_guessed_for_each_set_of_keys(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "No title. It is short."}, {"body": "Another shape.", "headline": "H", "guid": "g"},
        {"text": "A third.", "title": "T", "date": "2024-05-01", "url": "http://x.org/b"},
    ]  # fmt: skip
    first, second, third = read(write_jsonl(tmp_path / "n.jsonl", rows))
    assert (first.article.id, first.article.title) == ("n.jsonl:1", None)
    assert (second.article.id, second.article.title, second.article.text) == ("g", "H", "Another shape.")
    assert (third.article.title, third.article.date, third.article.url) == ("T", "2024-05-01", "http://x.org/b")


def test_fields_can_be_named(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "odd.jsonl", [{"Inhalt": FOOTBALL, "text": "teaser", "nr": 7}])
    [record] = read(path, fields=Fields(text="Inhalt", id="nr"))
    assert (record.article.text, record.article.id) == (FOOTBALL, "7")


def test_blank_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "n.jsonl").write_text('\n{"text": "It rained."}\n   \n\n{"text": "It poured."}\n')
    found = read_all(tmp_path / "n.jsonl")
    assert [isinstance(item, Skipped) for item in found] == [True, False, True, True, False]


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("<p>One &amp; two.</p><p>Three.</p>", "One & two.\n\nThree."),
        ("Marks &amp; Spencer&nbsp;rose.", "Marks & Spencer\xa0rose."),
        ("One.<br>Two.<script>var x = 1 < 2;</script>", "One.\nTwo."),
        ("<noscript>never closed <p>But read.</p>", "never closed\n\nBut read."),
        ("a < b, and AT&T; if x<y then", "a < b, and AT&T; if x<y then"),
        ("I <3 it. 5 > 4 & so on.", "I <3 it. 5 > 4 & so on."),
    ],
)
def test_markup_in_text_fields_becomes_text(tmp_path: Path, marked: str, plain: str) -> None:
    path = write_jsonl(tmp_path / "n.jsonl", [{"text": marked, "title": marked}])
    [record] = read(path)
    assert record.article.text == plain
    [kept] = read(path, keep_markup=True)
    assert kept.article.text == marked


def test_a_text_in_paragraphs_is_put_together(tmp_path: Path) -> None:
    [record] = read(write_jsonl(tmp_path / "n.jsonl", [{"text": ["One.", "Two."]}]))
    assert record.article.text == "One.\n\nTwo."


def test_half_an_emoji_in_a_title_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"title": "Breaking \\ud83d", "text": "It rained."}\n{"id": "b", "text": "So \\ud83d."}\n')
    first, second = read(path)
    assert first.article.title == "Breaking \ufffd"
    assert "surrogate" in str(second.error)


# ---- JSON, told apart by content


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "1", "text": "One."}\n{"id": "2", "text": "Two."}\n',
        '[{"id": "1", "text": "One."},\n {"id": "2", "text": "Two."}]',
        '[\n  {"id": "1", "text": "One."},\n  {"id": "2", "text": "Two."}\n]',
        '{"articles": [\n{"id": "1", "text": "One."}, {"id": "2", "text": "Two."}]}',
        '{"id": "1",\n "text": "One."}\n{"id": "2",\n "text": "Two."}\n',
        '\ufeff[{"id": "1", "text": "One."}, {"id": "2", "text": "Two."}]',
    ],
)
@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".jsonl"])
def test_json_is_told_by_its_content(tmp_path: Path, text: str, suffix: str) -> None:
    path = tmp_path / f"news{suffix}"
    path.write_bytes(gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode())
    assert ids(read(path)) == ["1", "2"]


@pytest.mark.parametrize(
    "item",
    [
        {"uri": "x:1", "headline": "A title", "body_text": FOOTBALL, "versioncreated": "2020-01-01"},
        {"uri": "x:1", "headline": "A title", "body_xhtml": f"<p>{FOOTBALL}</p><script>no()</script>", "versioncreated": "2020-01-01"},
        {"guid": "x:1", "headline": "A title", "body_html": f"<p>{FOOTBALL}</p>", "versioncreated": "2020-01-01"},
        {"uri": "x:1", "headline": "A title", "body_html5": f"<p>{FOOTBALL}</p>", "versioncreated": "2020-01-01"},
        {"uri": "x:1", "headline": "A title", "body_longtext": FOOTBALL, "pubstatus": "usable", "versioncreated": "2020-01-01"},
        {
            "uri": "x:1", "standard": {"name": "ninjs", "version": "3.1"}, "headlines": [{"role": "main", "value": "A title"}],
            "bodies": [{"role": "main", "contentType": "text/plain", "value": FOOTBALL}], "firstCreated": "2020-01-01",
        },
        {
            "uri": "x:1", "standard": {"name": "ninjs", "version": "2.0"}, "headlines": [{"value": "A title"}],
            "bodies": [{"value": f"<p>{FOOTBALL}</p>"}], "firstCreated": "2020-01-01",
        },
        {
            "uri": "x:1", "standard": {"name": "ninjs", "version": "3.0"}, "headlines": [{"value": "A title"}],
            "bodies": [{"role": "nitf", "value": f"<nitf><body><body.head><hedline><hl1>Twice</hl1></hedline></body.head>"
                        f"<body.content><p>{FOOTBALL}</p></body.content></body></nitf>"}], "firstCreated": "2020-01-01",
        },
    ],
)  # fmt: skip
def test_ninjs_of_every_version(tmp_path: Path, item: dict[str, Any]) -> None:
    (tmp_path / "item.json").write_text(json.dumps(item))
    (tmp_path / "many.json").write_text(json.dumps({"items": [item, item, 3, {"uri": "x:2", "versioncreated": "n"}]}))
    write_jsonl(tmp_path / "lines.jsonl", [item])
    for name in ("item.json", "lines.jsonl"):
        [record] = read(tmp_path / name)
        assert record.error is None
        assert (record.article.id, record.article.title, record.article.date) == ("x:1", "A title", "2020-01-01")
        assert record.article.text.split() == FOOTBALL.split()
    many = read(tmp_path / "many.json")
    assert len(texts(many)) == 2
    assert "picture" in errors(many)[1]


# ---- CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_sniffed(tmp_path: Path, delimiter: str, encoding: str) -> None:
    table = io.StringIO()
    rows = [["id", "title", "text"], ["1", "Über; uns, alle", "Während es regnete, fiel das Licht aus.\n\nNur kurz."],
            ["2", "Zwei", 'Sie sagte: "Nein."'], ["3", "Drei", "Kurz."]]  # fmt: skip
    csv.writer(table, delimiter=delimiter).writerows(rows)
    (tmp_path / "news.csv").write_bytes(table.getvalue().encode(encoding))
    found = read(tmp_path / "news.csv")
    assert [[record.article.id, record.article.title, record.article.text] for record in found] == rows[1:]


def test_delimiter_and_encoding_can_be_forced(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes("id^title^text\n1^Москва^Шёл дождь.\n".encode("koi8-r"))
    [record] = read(tmp_path / "odd.csv", delimiter="^", encoding="koi8-r")
    assert (record.article.title, record.article.text) == ("Москва", "Шёл дождь.")


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_a_stray_quotation_mark_costs_no_other_row(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "title", "text"], ["1", '"Wheel guest wins', "One."], ["2", "Two", "Two."], ["3", 'He said "no"', "Three."],
            ["4", 'Five"', "Four."], ["5", "Six", '5" nails are short.']]  # fmt: skip
    (tmp_path / "n.csv").write_text("".join(delimiter.join(row) + "\n" for row in rows))
    found = read(tmp_path / "n.csv")
    assert ids(found) == ["1", "2", "3", "4", "5"]
    assert texts(found) == ["One.", "Two.", "Three.", "Four.", '5" nails are short.']


def test_a_mark_that_is_never_closed_costs_its_own_row(tmp_path: Path) -> None:
    rows = "".join(f'{n},"Text {n} has\ntwo lines."\n' for n in range(100))
    damaged = rows.replace('50,"Text 50', "50,Text 50").replace(
        '70,"Text 70 has\ntwo lines."', '70,"Text 70 has\ntwo lines.'
    )
    (tmp_path / "n.csv").write_text("id,text\n" + damaged)
    found = read(tmp_path / "n.csv")
    assert {str(n) for n in range(100)} - set(ids(found)) <= {"50", "70"}
    assert [text for text in texts(found) if not text.endswith("two lines.")] == ["Text 50 has"]
    assert len(errors(found)) == 3  # the second line of 50, and both of 70


def test_bad_rows_of_csv(tmp_path: Path) -> None:
    lines = ["id,text", "1,Fine text here.", "2", "3,Ünder", '4,"Two\nlines."', "5,a,b", "6,Extra commas.,,", "", ",,"]
    content = "\n".join(lines).encode().replace("Ünder".encode(), b"W\xe4hrend") + "\n7,Ürlich.\n".encode()
    (tmp_path / "n.csv").write_bytes(content)
    found = read(tmp_path / "n.csv")
    assert texts(found) == ["Fine text here.", "Two\nlines.", "Extra commas.", "Ürlich."]
    assert [record.article.id for record in found if record.error] == ["2", "3", "5"]
    assert "1 values under 2 names" in errors(found)[0]
    assert "--encoding" in errors(found)[1]


# ---- Parquet


def test_parquet_values_become_text(tmp_path: Path) -> None:
    times = pyarrow.array([1_704_103_200_000_000], pyarrow.timestamp("us"))
    columns: dict[str, Any] = {
        "date": times, "published": times.cast(pyarrow.timestamp("us", "Europe/Berlin")), "content": ["It rained."], "guid": [7],
        "title": pyarrow.array(["A"]).dictionary_encode(),
    }  # fmt: skip
    parquet.write_table(pyarrow.table(columns), tmp_path / "n.parquet")
    [record] = read(tmp_path / "n.parquet")
    article = record.article
    assert (article.date, article.id, article.title) == ("2024-01-01T10:00:00", "7", "A")
    [zoned] = read(tmp_path / "n.parquet", fields=Fields(date="published"))
    assert zoned.article.date == "2024-01-01T11:00:00+01:00"


def test_a_value_that_is_repeated_a_thousand_times_does_not_fill_the_memory(tmp_path: Path) -> None:
    column = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1000, pyarrow.int32()), ["It rained. " * 20_000])
    parquet.write_table(pyarrow.table({"text": column}), tmp_path / "bomb.parquet")
    assert len(texts(read(tmp_path / "bomb.parquet", slice_records=100))) == 1000


# ---- damage and limits


def test_a_damaged_tail_is_one_error_after_what_could_be_read(tmp_path: Path) -> None:
    data = gzip.compress("".join(json.dumps(story(n)) + "\n" for n in range(2000)).encode())
    (tmp_path / "half.jsonl.gz").write_bytes(data[: len(data) // 2])
    (tmp_path / "whole.jsonl").write_text(json.dumps(story(7)))
    found = read(tmp_path)
    assert len(found) > 500
    [message] = errors(found)
    assert "half.jsonl.gz" in message
    assert found[-1].error is None  # the next file is read all the same


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_record_of_70_megabytes_is_refused_and_the_next_read(tmp_path: Path, suffix: str) -> None:
    line = '{"text": "' + "a" * 70_000_000 + '"}\n'
    data = (json.dumps(story(1)) + "\n" + line + json.dumps(story(2)) + "\n").encode()
    (tmp_path / f"big.jsonl{suffix}").write_bytes(gzip.compress(data, 1) if suffix else data)
    found = read(tmp_path / f"big.jsonl{suffix}")
    assert ids(found) == ["s1", "s2"]
    assert "more than 67,108,864 bytes" in errors(found)[0]


@pytest.mark.parametrize("name", ["bomb.txt.gz", "bomb.json.gz", "bomb.xml.gz", "bomb.html.gz"])
def test_a_document_that_unpacks_to_too_much_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b" " * 70_000_000))
    [message] = errors(read(tmp_path / name))
    assert "67,108,864 bytes" in message


@pytest.mark.parametrize(
    "name", ["a.jsonl.gz", "a.csv.gz", "a.csv.zst", "a.parquet", "a.warc.gz", "a.txt.xz", "a.xml.bz2"]
)
@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08\x00\x9e", b"plain text, plainly", b"\x00\xff" * 50])
def test_an_unreadable_first_file_is_one_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    write_jsonl(tmp_path / "z.jsonl", [story(1)])
    found = read(tmp_path)
    assert ids(found) == ["s1"]
    assert len(errors(found)) == 1
    assert name in errors(found)[0]


@pytest.mark.parametrize("suffix", [".bz2", ".xz", ".gz", ".zst"])
def test_a_damaged_second_stream_is_not_taken_for_garbage(tmp_path: Path, suffix: str) -> None:
    streams = [
        PACKERS[suffix]("".join(json.dumps(story(n + m)) + "\n" for m in range(400)).encode()) for n in (0, 1000)
    ]
    (tmp_path / f"whole.jsonl{suffix}").write_bytes(b"".join(streams))
    assert len(read(tmp_path / f"whole.jsonl{suffix}")) == 800
    damaged = streams[1][:12] + bytes([byte ^ 0x55 for byte in streams[1][12:60]]) + streams[1][60:]
    (tmp_path / f"bad.jsonl{suffix}").write_bytes(streams[0] + damaged)
    assert errors(read(tmp_path / f"bad.jsonl{suffix}"))


def test_a_column_without_a_name_is_no_date(tmp_path: Path) -> None:
    (tmp_path / "pandas.csv").write_text(",id,title,text\n0,a,T,It rained.\n")
    [record] = read(tmp_path / "pandas.csv")
    article = record.article
    assert (article.id, article.date, article.url, article.language) == ("a", None, None, None)


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("One.\n\nTwo with <b>bold</b>.\n\nThree.", "One.\n\nTwo with bold.\n\nThree."),
        ("<p>One.</p>\n\nTwo by hand.\n\nThree.", "One.\n\nTwo by hand.\n\nThree."),
        ("Caf&eacute; for &euro;5 &bull; &copy;", "Café for €5 • ©"),
        ("<center>One</center><time>two</time>", "One\n\ntwo"),
        ("&lt;p&gt;Hello &amp;amp; bye&lt;/p&gt;", "Hello & bye"),
        ("<p>A</p><script>var a=1</script><p>B</p><script>var b=2;", "A\n\nB"),
        ("If a <b and c> d then stop.", "If a <b and c> d then stop."),
        ("<![CDATA[<p>Hello</p>]]>", "Hello"),
        ("<pre>one\ntwo</pre><p>three</p>", "one\ntwo\n\nthree"),
    ],
)
def test_markup_as_it_is_met(tmp_path: Path, marked: str, plain: str) -> None:
    [record] = read(write_jsonl(tmp_path / "n.jsonl", [{"text": marked}]))
    assert record.article.text == plain


def test_an_article_with_a_list_of_its_own_is_an_article(tmp_path: Path) -> None:
    item = {"id": "art", "text": "The article.", "items": [{"id": "rel", "title": "Related"}]}
    (tmp_path / "a.json").write_text(json.dumps(item))
    assert ids(read(tmp_path / "a.json")) == ["art"]
    lists = {"articles": [{"id": "1", "text": "One."}], "results": [{"id": "2", "text": "Two."}]}
    (tmp_path / "b.json").write_text(json.dumps(lists))
    assert ids(read(tmp_path / "b.json")) == ["1", "2"]


def test_one_bad_byte_in_a_json_document_costs_its_item(tmp_path: Path) -> None:
    data = '[{"id": "1", "text": "W\xe4hrend."}, {"id": "2", "text": "One\nline."}]'.encode("latin-1")
    (tmp_path / "a.json").write_bytes(data)
    bad, good = read(tmp_path / "a.json")
    assert (bad.article.id, bool(bad.error), good.article.text) == ("1", True, "One\nline.")


@pytest.mark.parametrize(
    "content",
    ["id,title,text\r1,A,One.\r2,B,Two.\r", 'id,"the\ntitle",text\n1,A,One.\n2,B,Two.\n', ",,\nid,title,text\n1,A,One.\n2,B,Two.\n",
     "sep=;\nid;title;text\n1;A;One.\n2;B;Two.\n", "sep=\t\nid\ttitle\ttext\n1\tA\tOne.\n2\tB\tTwo.\n"],
)  # fmt: skip
def test_csv_as_spreadsheets_write_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "n.csv").write_bytes(content.encode())
    found = read(tmp_path / "n.csv")
    assert (ids(found), texts(found)) == (["1", "2"], ["One.", "Two."])


def test_a_glob_of_everything_reads_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write_jsonl(tmp_path / "a.jsonl", [story(1)])
    write_jsonl(tmp_path / "sub" / "b.jsonl", [story(2)])
    assert ids(read(tmp_path / "**")) == ["s1", "s2"]


def test_a_damaged_row_group_costs_itself(tmp_path: Path) -> None:
    table = pyarrow.table({"id": [str(n) for n in range(40)], "text": [f"Row {n} rained. " * 30 for n in range(40)]})
    path = tmp_path / "n.parquet"
    parquet.write_table(table, path, row_group_size=10, compression="gzip", use_dictionary=False)
    column = parquet.ParquetFile(path).metadata.row_group(1).column(1)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + column.total_compressed_size] = bytes(
        column.total_compressed_size
    )
    path.write_bytes(data)
    found = read(path)
    assert set(ids(found)) >= {str(n) for n in (*range(10), *range(20, 40))}
    assert errors(found)
