"""Random archives with random damage: no traceback, counts that add up, and every row that was not damaged is there."""

import csv
import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from models.extractive.lead import Lead
from seeds.archives import ReadOptions, Record, Skipped
from seeds.errors import NoRecords
from service.digest import DigestOptions
from tests.archives import archive_run, read_all, rows
from tests.warcs import http, page, record

WORDS = st.sampled_from(
    [
        "rain",
        "Über",
        "said",
        "“never”",
        "5",
        "a,b",
        'the "best" of',
        "Москва",
        "it's",
        "\n",
        "\n\n",
        "1;2",
        "x\ty",
        "東京",
        "-",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=12).map(lambda words: "Rain. " + " ".join(words).strip() + ".")
TITLES = st.lists(st.sampled_from(["Rain", "a,b", "Über", "5", 'say "no"']), min_size=1, max_size=3).map(" ".join)
ROWS = st.lists(st.tuples(TITLES, TEXTS), min_size=2, max_size=25)
PROFILE = settings(derandomize=True, max_examples=150, deadline=None)


@dataclass(frozen=True)
class Written:
    """An archive's bytes, and where each row stands in them: the bytes that a row cannot do without."""

    data: bytes
    spans: list[tuple[int, int]]


@dataclass(frozen=True)
class Damage:
    """What is done to a file, at what part of its length."""

    kind: str
    at: float
    byte: int

    def done_to(self, data: bytes, *, start: int) -> tuple[bytes, tuple[int, int]]:
        """The damaged bytes, and the range that is no longer what it was."""
        position = min(start + int(self.at * (len(data) - start)), len(data) - 1)
        if self.kind == "truncated":
            return data[:position], (position, len(data))
        if self.kind == "flipped":
            changed = data[position] ^ (self.byte or 1)
            return data[:position] + bytes([changed]) + data[position + 1 :], (position, position + 1)
        return data[:position] + "é".encode("latin-1") + data[position:], (position, position)


DAMAGES = st.builds(
    Damage, st.sampled_from(["truncated", "flipped", "other encoding"]), st.floats(0, 1), st.integers(1, 255)
)


def jsonl(items: list[tuple[str, str]]) -> Written:
    lines = [json.dumps({"id": f"r{n}", "title": title, "text": text}, ensure_ascii=False).encode() + b"\n"
             for n, (title, text) in enumerate(items)]  # fmt: skip
    return put_together(b"", lines)


def table(items: list[tuple[str, str]], delimiter: str) -> Written:
    lines = []
    for number, item in enumerate(items):
        line = io.StringIO()
        csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow([f"r{number}", *item])
        lines.append(line.getvalue().encode())
    return put_together(f"id{delimiter}title{delimiter}text\n".encode(), lines)


def warc(items: list[tuple[str, str]]) -> Written:
    blocks = [record(http(page(n % 9, text)), url=f"http://x.org/r{n}") for n, (_, text) in enumerate(items)]
    return put_together(b"", [gzip.compress(block, mtime=0) for block in blocks])


def put_together(head: bytes, parts: list[bytes]) -> Written:
    """The parts behind one another; a row needs the byte before it too, which ends the one before."""
    spans, position = [], len(head)
    for part in parts:
        spans.append((max(position - 1, 0), position + len(part)))
        position += len(part)
    return Written(head + b"".join(parts), spans)


def read_damaged(data: bytes, name: str, slice_bytes: int) -> list[Record | Skipped]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return read_all(path, slice_records=7, slice_bytes=slice_bytes)


def untouched(written: Written, range_: tuple[int, int], *, inserted: int) -> list[int]:
    """The rows that the damage does not touch."""
    first, last = range_
    return [n for n, (start, end) in enumerate(written.spans) if end <= first or start >= max(last, first + inserted)]


def check(written: Written, damage: Damage, name: str, slice_bytes: int, *, start: int = 0) -> list[Record | Skipped]:
    damaged, range_ = damage.done_to(written.data, start=start)
    found = read_damaged(damaged, name, slice_bytes)
    ids = [item.article.id for item in found if isinstance(item, Record) and not item.error]
    wanted = untouched(written, range_, inserted=damage.kind == "other encoding")
    missing = [n for n in wanted if not any(str(id).endswith(f"r{n}") for id in ids)]
    assert not missing, (missing, damaged)
    return found


@given(ROWS, DAMAGES, st.integers(60, 4000))
@PROFILE
def test_damaged_json_lines(items: list[tuple[str, str]], damage: Damage, slice_bytes: int) -> None:
    written = jsonl(items)
    found = check(written, damage, "a.jsonl", slice_bytes)
    damaged, _ = damage.done_to(written.data, start=0)
    lines = damaged.count(b"\n") + (not damaged.endswith(b"\n"))
    assert len(found) == lines  # an empty file is one skip


@given(ROWS, DAMAGES, st.integers(60, 4000), st.sampled_from([",", ";", "\t"]))
@PROFILE
def test_damaged_csv(items: list[tuple[str, str]], damage: Damage, slice_bytes: int, delimiter: str) -> None:
    written = table(items, delimiter)
    check(written, damage, "a.csv", slice_bytes, start=written.spans[0][0] + 1)


@given(ROWS, DAMAGES, st.integers(60, 4000))
@settings(PROFILE, max_examples=40)
def test_a_damaged_warc(items: list[tuple[str, str]], damage: Damage, slice_bytes: int) -> None:
    written = warc(
        [(title, text + " The river rose by a metre in a night, and the town council met.") for title, text in items]
    )
    check(written, damage, "a.warc.gz", slice_bytes)


@pytest.mark.parametrize(
    "name", ["a.jsonl.gz", "a.csv.gz", "a.json", "a.xml", "a.parquet", "a.html", "a.txt", "a.jsonl.zst"]
)
@given(ROWS, DAMAGES)
@settings(PROFILE, max_examples=40)
def test_other_damaged_files_give_rows_or_say_why(name: str, items: list[tuple[str, str]], damage: Damage) -> None:
    data = whole(name, items)
    assert read_damaged(data, name, 4000)
    damaged, _ = damage.done_to(data, start=0)
    found = read_damaged(damaged, name, 4000)
    assert found
    assert len([item for item in found if isinstance(item, Record)]) <= len(items) + 2


def whole(name: str, items: list[tuple[str, str]]) -> bytes:
    """The rows in a format."""
    values = [{"id": f"r{n}", "title": title, "text": text} for n, (title, text) in enumerate(items)]
    if name == "a.parquet":
        file = io.BytesIO()
        parquet.write_table(pyarrow.Table.from_pylist(values), file)
        return file.getvalue()
    if name == "a.xml":
        entries = "".join(f"<item><guid>r{n}</guid><description><![CDATA[{text}]]></description></item>"
                          for n, (_, text) in enumerate(items))  # fmt: skip
        return f"<rss version='2.0'><channel>{entries}</channel></rss>".encode()
    if name == "a.json":
        return json.dumps(values, ensure_ascii=False, indent=1).encode()
    if name in {"a.html", "a.txt"}:
        return page(0, items[0][1]) if name == "a.html" else items[0][1].encode()
    data = (table(items, ",") if ".csv" in name else jsonl(items)).data
    return gzip.compress(data, mtime=0) if name.endswith(".gz") else pyarrow.compress(data, codec="zstd", asbytes=True)


@given(ROWS, DAMAGES, st.sampled_from(["a.jsonl", "a.csv", "a.warc.gz", "a.jsonl.gz", "a.parquet", "a.json", "a.xml"]))
@settings(PROFILE, max_examples=60)
def test_a_run_over_a_damaged_archive_accounts_for_every_record(
    items: list[tuple[str, str]], damage: Damage, name: str
) -> None:
    data = warc(items).data if ".warc" in name else table(items, ",").data if name == "a.csv" else (
        jsonl(items).data if name == "a.jsonl" else whole(name, items)
    )  # fmt: skip
    damaged, _ = damage.done_to(data, start=len(data) // 5)
    options = ReadOptions(slice_records=7, slice_bytes=900)
    with TemporaryDirectory() as folder:
        source, out = Path(folder) / name, Path(folder) / "o.jsonl"
        source.write_bytes(damaged)
        lead = DigestOptions(summary_model="lead")
        if not any(isinstance(item, Record) for item in read_all(source, slice_records=7, slice_bytes=900)):
            with pytest.raises(NoRecords):  # nothing but a header was left
                archive_run(source, out, model=Lead(), wanted=lead, read=options).go()
            return
        counts = archive_run(source, out, model=Lead(), wanted=lead, read=options).go().counts
        written = rows(out)
        set_aside = rows(Path(f"{out}.errors.jsonl")) if counts.failed else []
    assert len(written) == counts.records
    assert [n for n, row in enumerate(written, 1) if row["error"]] == [entry["record"] for entry in set_aside]
    assert counts.failed == len(set_aside)
