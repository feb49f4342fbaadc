"""Archives: every format in and out, every kind of damage, every interruption."""

import csv
import gc
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

import seeds.exports
from models.shelf import Shelf
from models.summarisers.lead import Lead
from seeds.errors import NoRecords, StoreUnavailable
from seeds.exports import OutputFormat, output_format
from seeds.readers import Fields, Record, open_archive
from seeds.store import Store
from service.archive import WINDOW, Plan, Run
from service.digest import Digester, Wanted
from service.engines import Here
from service.errors import ArchiveChanged
from tests.acceptance.test_cli import DATELINE
from tests.articles import BUDGET, FOOTBALL, HARBOUR
from tests.doubles import INFO, Counting, OneShelf
from tests.patience import until

TEXTS = [HARBOUR, FOOTBALL, BUDGET]
NINJS = Path(__file__).parents[3] / "shared" / "data" / "ninjs-schema_3.1.json"


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def story(number: int) -> dict[str, Any]:
    return {"id": f"s{number}", "title": f"Story {number}", "text": f"Story {number} begins here. {TEXTS[number % 3]}"}


def read(source: Path | str, **options: Any) -> list[Record]:
    return list(open_archive(str(source), **options))


def errors(records: list[Record]) -> list[str]:
    return [str(record.error) for record in records if record.error]


def run(
    source: Path | str, out: Path, *, model: Any = None, format: OutputFormat | None = None, restart: bool = False,
    store: Store | None = None, **plan: Any,
) -> Run:  # fmt: skip
    """The archive run, ready to go."""
    chosen = model or Counting()
    wanted = plan.pop("wanted", Wanted(summary_model=chosen.info.id, topics_model=chosen.info.id))
    digester = Digester(OneShelf({chosen.info.id: chosen}), store or Store(f"sqlite:///{out}.results.db"))
    return Run(
        open_archive(str(source)), out, Plan(wanted, format or output_format(out), **plan), engine=Here(digester, wanted),
        models={"summary": chosen.info.revision}, restart=restart,
    )  # fmt: skip


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---- reading


def test_a_folder_of_seed_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.txt").write_text(" date 2024-05-01 " + HARBOUR)
    (tmp_path / "deep" / "a.txt").write_text(FOOTBALL)
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(BUDGET.encode()))
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes("Während des Sturms fiel das Licht aus.".encode("latin-1"))
    (tmp_path / ".hidden.txt").write_text(FOOTBALL)
    (tmp_path / "notes.docx").write_text("no")
    found = read(tmp_path)
    assert [record.article.id for record in found if record.article] == ["b", "c", "a"]
    assert found[0].article is not None
    assert found[0].article.date == "2024-05-01"
    told = errors(found)
    assert "empty" in told[0]
    assert "iconv -f WINDOWS-1252" in told[1]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_lines_plain_and_packed(tmp_path: Path, kind: str, suffix: str) -> None:
    table = io.StringIO()
    if kind == "jsonl":
        table.write(
            "\n".join(json.dumps({"uri": f"u{n}", "Body": text, "headline": "H"}) for n, text in enumerate(TEXTS))
        )
    else:
        writer = csv.writer(table)
        writer.writerows([["uri", "Body", "headline"], *([f"u{n}", text, "H"] for n, text in enumerate(TEXTS))])
    data = table.getvalue().encode()
    packed = {"": data, ".gz": gzip.compress(data), ".zst": pyarrow.compress(data, codec="zstd", asbytes=True)}[suffix]
    path = tmp_path / f"news.{kind}{suffix}"
    path.write_bytes(packed)
    found = [record.article for record in read(path)]
    assert [(a.id, a.text, a.title) for a in found if a] == [(f"u{n}", text, "H") for n, text in enumerate(TEXTS)]


def test_parquet_is_read_in_batches(tmp_path: Path) -> None:
    table = pyarrow.table({"content": [f"Row {n} has a text." for n in range(2000)], "guid": list(range(2000))})
    parquet.write_table(table, tmp_path / "news.parquet", row_group_size=300)
    found = read(tmp_path / "news.parquet")
    assert len(found) == 2000
    assert found[1234].article is not None
    assert (found[1234].article.text, found[1234].article.id) == ("Row 1234 has a text.", "1234")


@pytest.mark.parametrize(
    "item",
    [
        {"uri": "x:1", "headline": "A title", "body_text": FOOTBALL, "versioncreated": "2020-01-01"},
        {"uri": "x:1", "headline": "A title", "body_xhtml": f"<p>{FOOTBALL}</p><script>no()</script>", "versioncreated": "2020-01-01"},
        {
            "uri": "x:1", "standard": {"name": "ninjs", "version": "3.1"}, "headlines": [{"role": "main", "value": "A title"}],
            "bodies": [{"role": "main", "contentType": "text/plain", "value": FOOTBALL}], "firstCreated": "2020-01-01",
        },
    ],
)  # fmt: skip
def test_ninjs_of_every_version(tmp_path: Path, item: dict[str, Any]) -> None:
    (tmp_path / "item.json").write_text(json.dumps(item))
    (tmp_path / "many.json").write_text(json.dumps({"items": [item, item, 3, {"uri": "x:2", "versioncreated": "n"}]}))
    write_jsonl(tmp_path / "lines.jsonl", [item])
    for name in ("item.json", "lines.jsonl"):
        [record] = read(tmp_path / name)
        assert record.article is not None, record.error
        assert (record.article.id, record.article.title, record.article.date) == ("x:1", "A title", "2020-01-01")
        assert record.article.text.split() == FOOTBALL.split()
    many = read(tmp_path / "many.json")
    assert len([record for record in many if record.article]) == 2
    assert "picture" in errors(many)[1]


def test_feeds(tmp_path: Path) -> None:
    rss = f"""<rss xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
      <item><title>Cup &amp; glory</title><guid>g1</guid><link>http://x/1</link><pubDate>Mon</pubDate>
        <description>Short.</description><content:encoded><![CDATA[<p>{FOOTBALL}</p>]]></content:encoded></item>
      <item><title>Nothing</title></item></channel></rss>"""
    atom = f"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a1</id><link href="http://x/2"/>
      <title>B</title><updated>2020</updated><content type="html">&lt;p&gt;{BUDGET}&lt;/p&gt;</content></entry></feed>"""
    (tmp_path / "a.rss").write_text(rss)
    (tmp_path / "b.atom").write_text(atom)
    (tmp_path / "c.xml").write_text(rss[:-40])
    first, empty, second, *cut = read(tmp_path)
    assert first.article is not None
    assert (first.article.id, first.article.title, first.article.url) == ("g1", "Cup & glory", "http://x/1")
    assert first.article.text.split() == FOOTBALL.split()
    assert "neither content" in str(empty.error)
    assert second.article is not None
    assert (second.article.id, second.article.url) == ("a1", "http://x/2")
    assert "not well-formed" in str(cut[-1].error)


def make_warc(path: Path, texts: list[str]) -> None:
    with warnings.catch_warnings(), path.open("wb") as file:
        warnings.simplefilter("ignore", ResourceWarning)  # the writer leaves its temporary files to the collector
        writer = WARCWriter(file, gzip=path.suffix == ".gz")
        for number, text in enumerate(texts):
            paragraphs = "".join(f"<p>{part}</p>" for part in text.split("\n\n"))
            html = (
                f"<html lang='en'><head><title>Page {number}</title><meta property='article:published_time' "
                f"content='2024-01-0{number + 1}'></head><body><nav><a href='/'>Home</a> <a href='/x'>More</a></nav>"
                f"<article><h1>Page {number}</h1>{paragraphs}</article><footer>© us</footer></body></html>"
            )
            for kind, body in (("text/html; charset=utf-8", html.encode()), ("image/png", b"\x89PNG")):
                headers = StatusAndHeaders("200 OK", [("Content-Type", kind)], protocol="HTTP/1.1")
                writer.write_record(
                    writer.create_warc_record(
                        f"http://news.test/{number}", "response", payload=io.BytesIO(body), http_headers=headers
                    )
                )
        gc.collect()


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz"])
def test_warc_gives_its_articles_and_counts_what_is_broken(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"crawl{suffix}"
    make_warc(path, TEXTS)
    found = [record.article for record in read(path)]
    assert [a.url for a in found if a] == [f"http://news.test/{n}" for n in range(3)]
    assert found[1] is not None
    assert (found[1].title, found[1].date, found[1].language) == ("Page 1", "2024-01-02", "en")
    assert "Striker Ida Lund scored twice" in found[1].text
    assert "Home" not in found[1].text


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz"])
def test_a_warc_cut_off_anywhere_gives_whole_articles_and_one_error(tmp_path: Path, suffix: str) -> None:
    path, cut = tmp_path / f"crawl{suffix}", tmp_path / f"cut{suffix}"
    make_warc(path, TEXTS)
    data = path.read_bytes()
    whole = [record.article for record in read(path)]
    silent = 0
    for size in range(1, len(data), 13):
        cut.write_bytes(data[:size])
        found = read(cut)
        articles = [record.article for record in found if record.article]
        assert articles == whole[: len(articles)]
        assert len(errors(found)) <= 1
        silent += not errors(found)
    cut.write_bytes(data + bytes(1_000))  # padding is no record, but costs none
    assert [record.article for record in read(cut) if record.article] == whole
    assert silent <= 6  # the seams between its six records, where nothing shows that more was to come


def test_what_is_wrong_with_a_row_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    lines = [
        json.dumps(story(1)).encode(), b"{broken", b"[1, 2]", b'{"id": "x"}', b'{"id": "y", "text": 7}',
        b'{"id": "z", "text": ""}', '{"text": "Während"}'.encode("latin-1"), b'{"text": "Nul \\u0000 here."}', b"  ",
        b"[" * 5000, json.dumps(story(2)).encode(),
    ]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    found = read(path)
    assert [record.article.id for record in found if record.article] == ["s1", "s2"]
    assert [text.split(":")[1].split(" ")[0] for text in errors(found)] == ["2", "3", "4", "5", "6", "7", "8", "10"]
    for text, told in zip(
        errors(found), ["not JSON", "list", "--text-field", "int", "empty", "iconv", "control", "not JSON"], strict=True
    ):
        assert told in text


def test_bad_rows_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_bytes('id,text\n1,Fine text here.\n2\n3,W\xe4hrend\n4,"Two\nlines."\n'.encode("latin-1"))
    found = read(path)
    assert [record.article.text for record in found if record.article] == ["Fine text here.", "Two\nlines."]
    assert "1 values under 2 names" in errors(found)[0]
    assert "not UTF-8" in errors(found)[1]


def test_a_damaged_tail_is_one_error_after_what_could_be_read(tmp_path: Path) -> None:
    data = gzip.compress("".join(json.dumps(story(n)) + "\n" for n in range(2000)).encode())
    (tmp_path / "half.jsonl.gz").write_bytes(data[: len(data) // 2])
    (tmp_path / "whole.jsonl").write_text(json.dumps(story(7)))
    found = read(tmp_path)
    assert len(found) > 500
    [told] = [text for text in errors(found) if "any further" in text]
    assert "half.jsonl.gz" in told
    assert found[-1].article is not None  # the next file is read all the same


def test_a_record_of_70_megabytes_is_refused_and_the_next_read(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    with path.open("w") as file:
        file.write(json.dumps(story(1)) + "\n" + '{"text": "' + "a" * 70_000_000 + '"}\n' + json.dumps(story(2)) + "\n")
    found = read(path)
    assert [record.article.id for record in found if record.article] == ["s1", "s2"]
    assert "more than 67,108,864 bytes" in errors(found)[0]


def test_fields_can_be_named(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "odd.jsonl", [{"Inhalt": FOOTBALL, "text": "teaser", "nr": 7}])
    [record] = read(path, fields=Fields(text="Inhalt", id="nr"))
    assert record.article is not None
    assert (record.article.text, record.article.id) == (FOOTBALL, "7")


@pytest.mark.parametrize("name", ["nothing.jsonl", "none/*.txt", "odd.docx"])
def test_nothing_to_read_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "odd.docx").write_text("?")
    with pytest.raises(NoRecords):
        open_archive(str(tmp_path / name))


# ---- writing


@pytest.mark.parametrize(
    "name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst", "o.csv", "o.csv.gz", "o.parquet", "o.ninjs.jsonl"]
)
def test_what_is_written_can_be_read_again(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds.exports, "PART_ROWS", 700)
    count = 2 * WINDOW + 17
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(count)])
    report = run(source, tmp_path / name, include_text=True).go()
    assert (report.records, report.failed) == (count, 0)
    again = [record.article for record in read(tmp_path / name)]
    assert [a.text for a in again if a] == [story(n)["text"] for n in range(count)]
    if "ninjs" not in name:
        assert [a.id for a in again if a] == [f"s{n}" for n in range(count)]
    if name == "o.parquet":
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["part-00000.parquet", "part-00001.parquet"]
        [first] = parquet.read_table(tmp_path / name / "part-00000.parquet").slice(0, 1).to_pylist()
        assert first["topics"][0]["name"] == "e"
        sentence = first["summary"]["sentences"][0]
        assert first["text"][sentence["start"] : sentence["end"]] == sentence["text"]


@pytest.mark.skipif(not NINJS.exists(), reason="IPTC's schema is not here")
def test_ninjs_validates(tmp_path: Path) -> None:
    import jsonschema

    validator = jsonschema.Draft202012Validator(json.loads(NINJS.read_text()))
    source = write_jsonl(
        tmp_path / "in.jsonl", [story(n) | {"url": "http://x/1", "language": "en"} for n in range(3)] + [{"text": ""}]
    )
    model = Shelf(tmp_path).get("news-minilm")
    report = run(source, tmp_path / "o.ninjs.jsonl", model=model, include_text=True).go()
    items = rows(tmp_path / "o.ninjs.jsonl")
    assert (len(items), report.failed) == (3, 1)
    for item in items:
        validator.validate(item)
    assert any(subject["literal"].startswith("medtop:") for item in items for subject in item["subjects"])


def test_one_row_for_each_record_in_order_whatever_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    write_jsonl(path, [story(0), {"id": "none"}, story(0), {"text": HARBOUR}, {"id": "nul", "text": "a\x00b"}])
    out = tmp_path / "o.jsonl"
    model = Counting()
    report = run(path, out, model=model).go()
    found = rows(out)
    assert [row["id"] for row in found] == ["s0", "in.jsonl:2", "s0", "in.jsonl:4", "in.jsonl:5"]
    assert [bool(row["error"]) for row in found] == [False, True, False, False, True]
    assert found[0] == found[2]
    assert len(model.seen) == 2  # the wire copy was computed once
    assert (report.failed, report.kinds) == (2, {"unreadable_text": 2})
    quarantined = rows(tmp_path / "o.jsonl.errors.jsonl")
    assert [(row["record"], row["place"]) for row in quarantined] == [(2, "in.jsonl:2"), (5, "in.jsonl:5")]
    assert set(found[0]) == {
        "id",
        "title",
        "date",
        "url",
        "language",
        "summary",
        "topics",
        "cached",
        "provenance",
        "error",
    }
    assert found[0]["summary"]["text"]


def test_fields_limit_and_sample(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(100)])
    run(source, tmp_path / "few.jsonl", fields=("id", "error"), limit=7).go()
    assert rows(tmp_path / "few.jsonl") == [{"id": f"s{n}", "error": None} for n in range(7)]
    run(source, tmp_path / "some.jsonl", fields=("id",), keep_one_in=30).go()
    assert [row["id"] for row in rows(tmp_path / "some.jsonl")] == ["s0", "s30", "s60", "s90"]


def test_results_that_are_stored_are_not_computed_again_and_said_to_be_cached(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(50)])
    store, model = Store(f"sqlite:///{tmp_path}/r.db"), Counting()
    first = run(source, tmp_path / "one.jsonl", model=model, store=store).go()
    time.sleep(0.01)
    second = run(source, tmp_path / "two.jsonl", model=model, store=store).go()
    assert (first.cached, second.cached, len(model.seen)) == (0, 50, 50)
    assert [row["topics"] for row in rows(tmp_path / "one.jsonl")] == [
        row["topics"] for row in rows(tmp_path / "two.jsonl")
    ]


# ---- going on


class Breaking(Counting):
    """Computes so many articles, then breaks off as a power cut would, in the middle of a window."""

    left: int = 10**9

    def run(self, work: Any) -> Any:
        self.left -= len(work)
        if self.left < 0:
            raise KeyboardInterrupt
        return super().run(work)


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst", "o.csv", "o.parquet", "o.ninjs.jsonl"])
def test_an_interrupted_run_goes_on_and_the_output_is_the_same_to_the_byte(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds.exports, "PART_ROWS", 600)
    monkeypatch.setattr("service.archive.WINDOW", 64)
    inputs = [story(n) if n % 50 else {"id": str(n)} for n in range(1500)]
    source = write_jsonl(tmp_path / "in.jsonl", inputs)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = run(source, tmp_path / "a" / name).go()
    interruptions = 0
    while True:
        model = Breaking()
        model.left = 333
        try:
            report = run(source, tmp_path / "b" / name, model=model).go()
            break
        except KeyboardInterrupt:
            interruptions += 1
            assert not (tmp_path / "b" / name).exists()
    assert interruptions == 4
    assert contents(tmp_path / "a" / name) == contents(tmp_path / "b" / name)
    assert contents(tmp_path / "a" / f"{name}.errors.jsonl") == contents(tmp_path / "b" / f"{name}.errors.jsonl")
    assert replace(report, resumed_at=0, seconds={}) == replace(whole, resumed_at=0, seconds={})
    assert not list((tmp_path / "b").glob("*.partial"))


def contents(path: Path) -> Any:
    if path.is_dir():
        return {member.name: member.read_bytes() for member in sorted(path.iterdir())}
    return path.read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_embedded_model_gives_the_same_bytes_after_an_interruption(tmp_path: Path, dtype: Any) -> None:
    """Where scores depend on what shares a batch, the batches must be the same."""
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(150)])
    shelf = Shelf(tmp_path, dtype=dtype)
    run(source, tmp_path / "a.jsonl", model=shelf.get("news-minilm")).go()

    class Cut:
        """The model, until it has read so many."""

        info = shelf.get("news-minilm").info
        parameters = staticmethod(shelf.get("news-minilm").parameters)
        left = 70

        def run(self, work: Any) -> Any:
            self.left -= len(work)
            if self.left < 0:
                raise KeyboardInterrupt
            return shelf.get("news-minilm").run(work)

    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "b.jsonl", model=Cut()).go()
    run(source, tmp_path / "b.jsonl", model=shelf.get("news-minilm")).go()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_finished_archive_is_not_done_again(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])
    run(source, tmp_path / "o.jsonl").go()
    model = Counting()
    before = (tmp_path / "o.jsonl").stat().st_mtime_ns
    assert run(source, tmp_path / "o.jsonl", model=model).go().already_finished
    assert (model.runs, (tmp_path / "o.jsonl").stat().st_mtime_ns) == (0, before)
    again = run(source, tmp_path / "o.jsonl", restart=True).go()
    assert (again.already_finished, again.records, again.cached) == (False, 10, 10)


def test_what_changed_is_named_and_never_mixed(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])
    run(source, tmp_path / "o.jsonl").go()
    with pytest.raises(ArchiveChanged, match="include text"):
        run(source, tmp_path / "o.jsonl", include_text=True)
    with pytest.raises(ArchiveChanged, match=r"models.*r1.*r2"):
        run(source, tmp_path / "o.jsonl", model=Counting(info=replace(INFO, revision="r2")))
    write_jsonl(source, [story(n) for n in range(11)])
    with pytest.raises(ArchiveChanged, match=r"input \(.*in.jsonl\)"):
        run(source, tmp_path / "o.jsonl")
    assert run(source, tmp_path / "o.jsonl", restart=True).go().records == 11


def test_a_file_that_is_not_ours_is_not_overwritten(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    (tmp_path / "o.jsonl").write_text("mine")
    with pytest.raises(ArchiveChanged, match="was not made by this command"):
        run(source, tmp_path / "o.jsonl")
    assert (tmp_path / "o.jsonl").read_text() == "mine"


def test_a_store_that_fails_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])

    class Full(Store):
        def save(self, new: Any) -> None:
            raise StoreUnavailable("disk full")

    with pytest.raises(StoreUnavailable):
        run(source, tmp_path / "o.jsonl", store=Full(f"sqlite:///{tmp_path}/r.db")).go()
    assert run(source, tmp_path / "o.jsonl").go().records == 10


def test_a_run_that_was_cut_while_closing_is_closed(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(10)])
    out = tmp_path / "o.jsonl"
    run(source, out).go()
    manifest = Path(f"{out}.run.json")
    state = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(state | {"stage": "closing"}))
    assert run(source, out).go().finished
    out.rename(f"{out}.partial")
    manifest.write_text(json.dumps(state | {"stage": "closing"}))
    assert run(source, out).go().finished
    assert len(rows(out)) == 10


# ---- the command, killed


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    def start(*arguments: object) -> "subprocess.Popen[str]":
        environment = os.environ | {"DATELINE_SEEDS": str(tmp_path), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [DATELINE, "archive", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # jobs in the background ignore it
        )

    return start


def test_killed_at_twenty_moments_the_archive_is_the_same(
    tmp_path: Path, command: Callable[..., "subprocess.Popen[str]"]
) -> None:
    texts = [story(n) | {"text": f"Story {n} begins. " + " ".join(TEXTS)} for n in range(24_000)]
    source = write_jsonl(tmp_path / "in.jsonl", [row if n % 100 else {"id": str(n)} for n, row in enumerate(texts)])
    options = ("--tasks", "summary", "--model", "lead")
    whole = command(source, "--out", tmp_path / "a.jsonl", *options)
    assert whole.wait(timeout=120) == 3
    random.seed(7)
    kills, checkpoint = 0, tmp_path / "b.jsonl.run.json"
    for _ in range(200):
        known = checkpoint.read_bytes() if checkpoint.exists() else b""
        process = command(source, "--out", tmp_path / "b.jsonl", *options)
        while kills < 20 and process.poll() is None:
            if checkpoint.exists() and checkpoint.read_bytes() != known:
                time.sleep(random.random() * 0.05)
                process.send_signal(signal.SIGKILL if kills % 4 else signal.SIGINT)
                kills += 1
                break
            time.sleep(0.005)
        code = process.wait(timeout=120)
        process.communicate()
        if code == 3:
            break
        assert code in {-signal.SIGKILL, 130, -signal.SIGINT}
        if (tmp_path / "b.jsonl").exists():  # killed after its last act
            assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    whole.communicate()
    assert kills >= 10
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.jsonl.errors.jsonl").read_bytes() == (tmp_path / "b.jsonl.errors.jsonl").read_bytes()


def test_the_command_tells_what_it_does(tmp_path: Path, command: Callable[..., "subprocess.Popen[str]"]) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)] + [{"text": ""}])
    options = ("--tasks", "summary", "--model", "lead")
    dry = command(source, "--out", tmp_path / "o.jsonl", "--dry-run")
    shown, _ = dry.communicate(timeout=60)
    assert "in.jsonl:1" in shown
    assert not (tmp_path / "o.jsonl").exists()
    first = command(source, "--out", tmp_path / "o.jsonl", *options)
    _, told = first.communicate(timeout=60)
    assert first.returncode == 3
    assert "fields read: text from 'text'" in told
    assert "6 records, 1 failed" in told
    again = command(source, "--out", tmp_path / "o.jsonl", *options)
    _, told = again.communicate(timeout=60)
    assert "finished already" in told
    changed = command(source, "--out", tmp_path / "o.jsonl", *options, "--sentences", "1")
    _, told = changed.communicate(timeout=60)
    assert changed.returncode == 1
    assert "--restart" in told
    as_json = command(source, "--out", tmp_path / "j.jsonl", *options, "--json")
    shown, _ = as_json.communicate(timeout=60)
    assert json.loads(shown)["records"] == 6


def test_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [DATELINE, "archive", "-", "--out", tmp_path / "o.jsonl", "--tasks", "summary", "--model", "lead", "--quiet"],
        input="".join(json.dumps(story(n)) + "\n" for n in range(4)), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
    assert len(rows(tmp_path / "o.jsonl")) == 4


@pytest.mark.parametrize("moment", ["before the checkpoint", "while closing"])
def test_a_parquet_run_cut_at_the_boundary_of_a_part_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A part is written, and the power fails before the checkpoint says so."""
    monkeypatch.setattr(seeds.exports, "PART_ROWS", 600)
    monkeypatch.setattr("service.archive.WINDOW", 64)
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(1500)])
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run(source, tmp_path / "a" / "o.parquet").go()

    class Cut(Run):
        def _save(self, stage: str, output: Any, errors: Any) -> None:
            parts = output.position()["parts"]
            if (stage, parts) == ("running", 1) and moment == "before the checkpoint":
                raise KeyboardInterrupt
            super()._save(stage, output, errors)
            if stage == "closing" and moment == "while closing":
                output._write_part()
                raise KeyboardInterrupt

    first = run(source, tmp_path / "b" / "o.parquet")
    first.__class__ = Cut
    with pytest.raises(KeyboardInterrupt):
        first.go()
    run(source, tmp_path / "b" / "o.parquet").go()
    assert contents(tmp_path / "a" / "o.parquet") == contents(tmp_path / "b" / "o.parquet")
    assert [path.name for path in (tmp_path / "b").iterdir() if "partial" in path.name] == []


def test_half_an_emoji_in_a_title_is_replaced_and_not_fatal(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(
        '{"id": "a", "title": "Breaking \\ud83d", "text": "It rained."}\n{"id": "b", "text": "So \\ud83d."}\n'
    )
    run(path, tmp_path / "o.jsonl").go()
    first, second = rows(tmp_path / "o.jsonl")
    assert first["title"] == "Breaking \ufffd"
    assert "surrogate" in second["error"]["detail"]


def test_damage_inside_a_packed_file_is_one_error(tmp_path: Path) -> None:
    data = bytearray(gzip.compress("".join(json.dumps(story(n)) + "\n" for n in range(3000)).encode()))
    random.seed(3)
    for number in range(30):
        damaged = bytearray(data)
        damaged[random.randrange(20, len(data))] ^= 0xFF
        path = tmp_path / f"{number}.jsonl.gz"
        path.write_bytes(damaged)
        found = errors(read(path))
        assert len([text for text in found if "any further" in text]) <= 1
    (tmp_path / "z.jsonl").write_text(json.dumps(story(1)))
    assert read(tmp_path)[-1].article is not None


def test_an_output_inside_its_own_input_is_no_input(
    tmp_path: Path, command: Callable[..., "subprocess.Popen[str]"]
) -> None:
    write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(5)])
    for told in ("5 records", "finished already"):
        process = command(tmp_path, "--out", tmp_path / "o.jsonl", "--tasks", "summary", "--model", "lead")
        _, shown = process.communicate(timeout=60)
        assert told in shown


def test_an_output_that_is_gone_is_missed(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    run(source, tmp_path / "o.jsonl").go()
    (tmp_path / "o.jsonl").unlink()
    with pytest.raises(ArchiveChanged, match="gone"):
        run(source, tmp_path / "o.jsonl").go()


def test_ninjs_leaves_failures_out_whatever_fields_are_asked_for(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1), {"id": "x"}])
    run(source, tmp_path / "o.ninjs.jsonl", fields=("id", "topics")).go()
    assert len(rows(tmp_path / "o.ninjs.jsonl")) == 1


# ---- beyond this process


@pytest.mark.parametrize("options", [("--workers", "1"), ("--workers", "3"), ("--engine", "ray")])
def test_every_engine_writes_the_same_bytes(
    tmp_path: Path, command: Callable[..., "subprocess.Popen[str]"], options: tuple[str, ...]
) -> None:
    inputs = [story(n) if n % 40 else {"id": str(n)} for n in range(1300)]
    source = write_jsonl(tmp_path / "in.jsonl", inputs)
    run(source, tmp_path / "a.jsonl", model=Lead(), wanted=Wanted(summary_model="lead")).go()
    process = command(source, "--out", tmp_path / "b.jsonl", "--tasks", "summary", "--model", "lead", *options)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 3, told
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_ray_worker_that_is_killed_loses_nothing(
    tmp_path: Path, command: Callable[..., "subprocess.Popen[str]"]
) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(n) for n in range(15_000)])
    options = ("--tasks", "summary", "--model", "lead")
    local = command(source, "--out", tmp_path / "a.jsonl", *options)
    on_ray = command(source, "--out", tmp_path / "b.jsonl", *options, "--engine", "ray")
    until(
        lambda: (tmp_path / "b.jsonl.partial").exists() and (tmp_path / "b.jsonl.partial").stat().st_size > 0,
        seconds=90,
    )
    [victim, *_] = actors_below(on_ray.pid)
    os.kill(victim, signal.SIGKILL)
    for process in (local, on_ray):
        _, told = process.communicate(timeout=180)
        assert process.returncode == 0, told
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def actors_below(pid: int) -> list[int]:
    """The processes of Ray's actors that a process started."""
    import psutil

    return [
        child.pid
        for child in psutil.Process(pid).children(recursive=True)
        if any("_Actor" in part for part in child.cmdline())
    ]


def test_without_ray_the_command_to_install_it_is_told(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", [story(1)])
    script = (
        "import sys; sys.modules['ray'] = None; "
        f"sys.argv = ['dateline', 'archive', {str(source)!r}, '--out', {str(tmp_path / 'o.jsonl')!r}, '--engine', 'ray', "
        "'--tasks', 'summary', '--model', 'lead']; from service.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "pip install 'dateline[ray]'" in done.stderr
