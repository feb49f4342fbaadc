"""WARC files, web pages, feeds and news XML, as they are found rather than as they should be."""

import gzip
import re
import zlib
from pathlib import Path

import brotli
import pyarrow
import pytest

from seeds.archives import Skipped
from tests.archives import TEXTS, errors, ids, read, read_all, texts
from tests.articles import BUDGET, FOOTBALL
from tests.warcs import chunked, http, page, raw_deflate, record, write_warc

HTML = "Content-Type: text/html; charset=utf-8"
URLS = [f"http://news.test/{number}" for number in range(3)]


def pages(path: Path) -> Path:
    """Three pages, each with a picture behind it."""
    records = []
    for number, text in enumerate(TEXTS):
        records.append(record(http(page(number, text)), url=URLS[number]))
        records.append(record(http(b"\x89PNG", "Content-Type: image/png"), url=f"{URLS[number]}.png"))
    return write_warc(path, records)


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz", ".WARC.GZ"])
@pytest.mark.parametrize("slice_bytes", [300, 2**23])
def test_a_warc_gives_its_articles(tmp_path: Path, suffix: str, slice_bytes: int) -> None:
    path = pages(tmp_path / f"crawl{suffix}") if suffix != ".WARC.GZ" else tmp_path / f"crawl{suffix}"
    if suffix == ".WARC.GZ":
        path.write_bytes(pages(tmp_path / "x.warc.gz").read_bytes())
    found = read(path, slice_bytes=slice_bytes)
    assert [record.article.url for record in found] == URLS
    article = found[1].article
    assert (article.title, article.date, article.language) == ("Page 1", "2024-01-02", "en")
    assert "Striker Ida Lund scored twice" in article.text
    assert "Home" not in article.text


@pytest.mark.parametrize("suffix", [".warc", ".warc.gz"])
def test_a_warc_cut_off_anywhere_gives_whole_articles_and_one_error(tmp_path: Path, suffix: str) -> None:
    path, cut = pages(tmp_path / f"crawl{suffix}"), tmp_path / f"cut{suffix}"
    data = path.read_bytes()
    whole = [record.article for record in read(path)]
    silent = 0
    for size in range(1, len(data), 13):
        cut.write_bytes(data[:size])
        found = read(cut)
        articles = [record.article for record in found if not record.error]
        assert articles == whole[: len(articles)]
        assert len(errors(found)) <= 1
        silent += not errors(found)
    cut.write_bytes(data + bytes(1_000))  # padding is no record, but costs none
    assert [record.article for record in read(cut) if not record.error] == whole
    assert silent <= 6  # the seams between its six records, where nothing shows that more was to come


ENCODINGS = {
    "identity": bytes, "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress,
    "zstd": lambda body: pyarrow.compress(body, codec="zstd", asbytes=True), "utf-8": bytes, "none": bytes, "": bytes,
}  # fmt: skip


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("name", ENCODINGS)
def test_bodies_in_every_encoding(tmp_path: Path, name: str, is_chunked: bool) -> None:
    body = ENCODINGS[name](page(0, FOOTBALL))
    headers = [
        HTML,
        *([f"Content-Encoding: {name}"] if name else []),
        *(["Transfer-Encoding: chunked"] if is_chunked else []),
    ]
    block = http(chunked(body) if is_chunked else body, *headers)
    path = write_warc(tmp_path / "c.warc.gz", [record(block, url=URLS[0]), record(http(page(1, BUDGET)), url=URLS[1])])
    first, second = texts(read(path))
    assert "Striker Ida Lund scored twice" in first
    assert "Parliament passed the budget" in second


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (page(0, FOOTBALL), "Content-Encoding: gzip"),
        (page(0, FOOTBALL), "Content-Encoding: br"),
        (page(0, FOOTBALL), "Content-Encoding: deflate"),
        (page(0, FOOTBALL), "Content-Encoding: zstd"),
        (page(0, FOOTBALL), "Transfer-Encoding: chunked"),
        (gzip.compress(page(0, FOOTBALL)), "X-Forgotten: yes"),
        (raw_deflate(page(0, FOOTBALL)), "Content-Encoding: deflate"),
        (gzip.compress(gzip.compress(page(0, FOOTBALL))), "Content-Encoding: gzip, gzip"),
    ],
)
def test_bodies_that_are_not_what_they_say(tmp_path: Path, body: bytes, header: str) -> None:
    records = [record(http(body, HTML, header), url=URLS[0]), record(http(page(1, BUDGET)), url=URLS[1])]
    for name in ("c.warc", "c.warc.gz"):
        first, second = texts(read(write_warc(tmp_path / name, records)))
        assert "Striker Ida Lund scored twice" in first
        assert "Parliament passed the budget" in second


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate"])
def test_a_body_that_cannot_be_decoded_costs_its_own_page(tmp_path: Path, encoding: str) -> None:
    records = [
        record(http(ENCODINGS[encoding](page(0, FOOTBALL))[:-40], HTML, f"Content-Encoding: {encoding}"), url=URLS[0]),
        record(http(b"\x89PNG\0\0", "Content-Type: image/png", "Content-Encoding: nonsense"), url=URLS[2]),
        record(http(page(1, BUDGET)), url=URLS[1]),
    ]
    bad, good = read(write_warc(tmp_path / "c.warc.gz", records))
    assert bad.error
    assert (bad.article.url, good.article.url) == (URLS[0], URLS[1])


def test_a_page_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b" " * 70_000_000)
    records = [
        record(http(bomb, HTML, "Content-Encoding: gzip"), url=URLS[0]),
        record(http(page(1, BUDGET)), url=URLS[1]),
    ]
    bad, good = read(write_warc(tmp_path / "c.warc", records))
    assert "67,108,864 bytes" in str(bad.error)
    assert not good.error


@pytest.mark.parametrize("length", [5_000_000, 0, 17, None])
def test_a_wrong_content_length_costs_its_own_record_at_most(tmp_path: Path, length: int | None) -> None:
    records = [
        record(http(page(0, FOOTBALL)), url=URLS[0], length=length), record(http(page(1, BUDGET)), url=URLS[1]),
    ]  # fmt: skip
    found = read(write_warc(tmp_path / "c.warc.gz", records))
    assert [item.article.url for item in found] == URLS[:2]
    assert not found[-1].error
    assert bool(found[0].error) == (length in {0, 17})  # the page is whole where more was promised than there is


def test_damage_in_one_gzip_member_costs_that_record(tmp_path: Path) -> None:
    path = pages(tmp_path / "c.warc.gz")
    whole = path.read_bytes()
    for position in range(20, len(whole), 97):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        found = read(path)
        assert len(texts(found)) >= 2
        assert len(errors(found)) <= 1


def test_what_is_no_page_is_skipped_by_its_name(tmp_path: Path) -> None:
    records = [
        record(b"software: x\r\n", url="", kind="warcinfo"),
        record(b"20240501\nexample.org. 300 IN A 1.2.3.4\n", url="dns:example.org"),
        record(b"hello", url="ftp://example.org/x.txt"),
        record(b"GET / HTTP/1.1\r\n\r\n", url=URLS[0], kind="request"),
        record(http(page(0, FOOTBALL), status="404 Not Found"), url=URLS[0]),
        record(http(b"a{}", "Content-Type: text/css"), url=URLS[0]),
        record(http(page(0, FOOTBALL)), url=f"<{URLS[0]}>"),
    ]
    found = read_all(write_warc(tmp_path / "c.warc", records))
    assert [item.kind for item in found if isinstance(item, Skipped)] == [
        "WARC warcinfo", "WARC record that is not from the web", "WARC record that is not from the web", "WARC request",
        "HTTP status 404", "not a web page",
    ]  # fmt: skip
    [last] = read(tmp_path / "c.warc")
    assert (last.article.id, last.article.url) == (URLS[0], URLS[0])


@pytest.mark.parametrize("version", ["0.18", "1.0", "1.1"])
def test_resources_and_converted_texts_are_read(tmp_path: Path, version: str) -> None:
    records = [
        record(page(0, FOOTBALL), url=URLS[0], kind="resource", version=version, more="Content-Type: text/html"),
        record(b"A page as text.\nIt has two lines.\n", url=URLS[1], kind="conversion", version=version),
    ]
    first, second = read(write_warc(tmp_path / "c.wet", records))
    assert "Striker" in first.article.text
    assert second.article.text == "A page as text.\n\nIt has two lines."


def test_a_warc_in_one_gzip_member_or_another_compression(tmp_path: Path) -> None:
    data = pages(tmp_path / "c.warc").read_bytes()
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(data))
    (tmp_path / "b.warc.zst").write_bytes(pyarrow.compress(data, codec="zstd", asbytes=True))
    for name in ("a.warc.gz", "b.warc.zst"):
        assert [item.article.url for item in read(tmp_path / name)] == URLS


def test_lines_may_end_in_a_bare_line_feed(tmp_path: Path) -> None:
    data = pages(tmp_path / "c.warc").read_bytes().replace(b"\r\n", b"\n")
    for size in sorted({int(found) for found in re.findall(rb"Content-Length: (\d+)", data)}):
        lines = 3  # of the HTTP head, which are a byte shorter now
        data = data.replace(b"Content-Length: %d\n" % size, b"Content-Length: %d\n" % (size - lines))
    (tmp_path / "lf.warc").write_bytes(data)
    assert [item.article.url for item in read(tmp_path / "lf.warc") if not item.error] == URLS


def test_the_date_is_the_page_s_or_none(tmp_path: Path) -> None:
    body = page(0, FOOTBALL).replace(b"article:published_time", b"unknown")
    [bare] = read(write_warc(tmp_path / "c.warc", [record(http(body), url=URLS[0])]))
    assert bare.article.date is None
    script = b'<script type="application/ld+json">{"@graph": [{"@type": "NewsArticle", "datePublished": "2024-02-03T10:00:00Z"}]}</script>'
    told = body.replace(b"</head>", script + b"</head>")
    [dated] = read(write_warc(tmp_path / "d.warc", [record(http(told), url=URLS[0])]))
    assert dated.article.date is not None
    assert dated.article.date.startswith("2024-02-03")


def test_saved_pages(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.html").write_bytes(page(0, FOOTBALL))
    (tmp_path / "b.htm").write_bytes(b"<html><body></body></html>")
    empty, full = read(tmp_path)
    assert "without a main text" in str(empty.error)
    assert (full.article.id, full.article.title) == ("deep/a.html", "Page 0")


# ---- feeds and news XML


def test_feeds(tmp_path: Path) -> None:
    rss = f"""<rss xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><language>en-gb</language>
      <item><title>Cup &amp; glory</title><guid>g1</guid><link>http://x/1</link><pubDate>Mon, 01 Jan 2024 10:00:00 +0100</pubDate>
        <description>Short.</description><content:encoded><![CDATA[<p>{FOOTBALL}</p>]]></content:encoded></item>
      <item><title>Nothing</title><link>http://x/0</link></item></channel></rss>"""
    atom = f"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a1</id><link rel="self" href="http://x/self"/>
      <link href="http://x/2"/><title>B</title><updated>2020-01-01T00:00:00Z</updated>
      <content type="html">&lt;p&gt;{BUDGET}&lt;/p&gt;</content></entry></feed>"""
    (tmp_path / "a.rss").write_text(rss)
    (tmp_path / "b.atom").write_text(atom)
    first, empty, second = read(tmp_path)
    article = first.article
    assert (article.id, article.title, article.url) == ("g1", "Cup & glory", "http://x/1")
    assert (article.date, article.language) == ("2024-01-01T09:00:00Z", "en-gb")
    assert article.text.split() == FOOTBALL.split()
    assert "neither content" in str(empty.error)
    assert (empty.article.title, empty.article.url) == ("Nothing", "http://x/0")
    assert (second.article.id, second.article.url, second.article.date) == ("a1", "http://x/2", "2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "broken", ["Two&nbsp;words", "Marks & Spencer", "bell \x0b rings", "<dc:x>A</dc:x> said", "a <b>bold claim"]
)
def test_a_broken_item_costs_itself_at_most(tmp_path: Path, broken: str) -> None:
    items = "".join(
        f"<item><title>{n}</title><guid>{n}</guid><description>{broken if n == 1 else ''} It rained on day {n}.</description></item>"
        for n in range(4)
    )
    (tmp_path / "a.xml").write_text(f"\n <?xml version='1.0'?><rss version='2.0'><channel>{items}</channel></rss>")
    found = read(tmp_path / "a.xml")
    assert ids(found)[0] == "0"
    assert ids(found)[-2:] == ["2", "3"]


@pytest.mark.parametrize(
    "encoding", ["gb2312", "gbk", "big5", "euc-jp", "iso-8859-1", "windows-1251", "utf-16", "utf-8"]
)
def test_feeds_in_the_encoding_that_they_declare(tmp_path: Path, encoding: str) -> None:
    words = {
        "gb2312": "今天下雨。",
        "gbk": "今天下雨。",
        "big5": "今天下雨。",
        "euc-jp": "今日は雨です。",
        "windows-1251": "Шёл дождь.",
    }
    text = words.get(encoding, "Während es regnete.")
    feed = f"<?xml version='1.0' encoding='{encoding}'?><rss version='2.0'><channel><item><guid>1</guid><description>{text}"
    (tmp_path / "a.xml").write_bytes((feed + "</description></item></channel></rss>").encode(encoding))
    assert texts(read(tmp_path / "a.xml")) == [text]


@pytest.mark.parametrize("root", ["urlset", "opml", "html", "sitemapindex"])
def test_xml_that_is_no_feed_is_said_to_be_none(tmp_path: Path, root: str) -> None:
    (tmp_path / "a.xml").write_text(f"<?xml version='1.0'?><!-- <rss> --><{root}><x/></{root}>")
    [message] = errors(read(tmp_path / "a.xml"))
    assert f"<{root}>" in message


NEWSML = """<?xml version="1.0"?><newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><itemSet>
<newsItem guid="urn:a" xml:lang="en"><itemMeta><versionCreated>2024-05-01T10:00:00Z</versionCreated></itemMeta>
<contentMeta><headline>Cup won</headline><language tag="en-GB"/></contentMeta><contentSet><inlineXML>
<nitf xmlns="http://iptc.org/std/NITF/2006-10-18/"><body><body.head><hedline><hl1>Cup won</hl1></hedline></body.head>
<body.content><p>It rained.</p><p>They won.</p></body.content></body></nitf></inlineXML></contentSet></newsItem>
<newsItem guid="urn:b"><contentMeta><headline>Picture</headline></contentMeta><contentSet/></newsItem></itemSet></newsMessage>"""
NITF = """<nitf xml:lang="en"><head><title>Short</title><docdata><doc-id id-string="x-7"/><date.issue norm="20240501T100000Z"/>
</docdata></head><body><body.head><hedline><hl1>The <b>long</b> head line</hl1></hedline></body.head>
<body.content><p>It rained.</p><p>They won.</p></body.content></body></nitf>"""


def test_newsml_and_nitf(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(NEWSML)
    (tmp_path / "b.nitf").write_text(NITF)
    first, picture, nitf = read(tmp_path)
    article = first.article
    assert (article.id, article.title, article.date, article.language) == (
        "urn:a",
        "Cup won",
        "2024-05-01T10:00:00Z",
        "en-GB",
    )
    assert article.text == "It rained.\n\nThey won."
    assert (picture.article.id, bool(picture.error)) == ("urn:b", True)
    article = nitf.article
    assert (article.id, article.title, article.date) == ("x-7", "The long head line", "20240501T100000Z")
    assert article.text == "It rained.\n\nThey won."


def test_entities_that_multiply_are_refused(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    document = f'<!DOCTYPE newsItem [<!ENTITY e0 "lol">{entities}]><newsItem><contentSet>&e11;</contentSet></newsItem>'
    (tmp_path / "a.xml").write_text(document)
    assert len(errors(read(tmp_path / "a.xml"))) == 1


def test_a_gzip_member_may_hold_several_records(tmp_path: Path) -> None:
    info = record(b"software: x\r\n", url="", kind="warcinfo")
    pages = [record(http(page(n, text)), url=URLS[n]) for n, text in enumerate(TEXTS)]
    request = record(b"GET / HTTP/1.1\r\n\r\n", url=URLS[0], kind="request")
    members = [info, request + pages[0], pages[1] + pages[2]]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(map(gzip.compress, members)))
    found = read(tmp_path / "a.warc.gz")
    assert [item.article.url for item in found if not item.error] == URLS
    assert len({item.place for item in found}) == 3


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_damaged_version_line_costs_its_own_record(tmp_path: Path, number: int) -> None:
    pages = [record(http(page(n, text)), url=URLS[n]) for n, text in enumerate(TEXTS)]
    pages[number] = pages[number].replace(b"WARC/1.0", b"WXRC/1.0")
    (tmp_path / "a.warc").write_bytes(b"".join(pages))
    found = read(tmp_path / "a.warc")
    assert [item.article.url for item in found if not item.error] == URLS[:number] + URLS[number + 1 :]
    assert len(errors(found)) == 1


@pytest.mark.parametrize(
    "content", [b"filedesc://x 0.0.0.0 20240501 text/plain 10\n1 0 x\n", b"<html></html>", b"\0\1\2junk"]
)
def test_what_is_no_warc_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.warc").write_bytes(content)
    assert "does not begin as a WARC record" in errors(read(tmp_path / "a.warc"))[0]


def test_a_feed_cut_off_between_items_says_so(tmp_path: Path) -> None:
    items = "".join(f"<item><guid>{n}</guid><description>It rained.</description></item>" for n in range(4))
    (tmp_path / "a.rss").write_text(f"<rss version='2.0'><channel>{items}")
    found = read(tmp_path / "a.rss")
    assert (len(texts(found)), len(errors(found))) == (4, 1)
    assert found[0].article.url is None  # feedparser would have the id for one


@pytest.mark.parametrize("broken", ["Two&nbsp;words", "Marks & Spencer", "bell \x0b rings"])
def test_newsml_with_what_xml_does_not_allow(tmp_path: Path, broken: str) -> None:
    (tmp_path / "a.xml").write_text("\n" + NEWSML.replace("They won.", f"They won. {broken}"))
    assert ids(read(tmp_path / "a.xml")) == ["urn:a"]


@pytest.mark.parametrize("reference", ["&#1;", "&#x1F;", "&#xB;", "&#xFFFE;", "\x01", "\x1f"])
def test_pages_with_characters_that_xml_does_not_allow(tmp_path: Path, reference: str) -> None:
    (tmp_path / "a.html").write_bytes(page(0, FOOTBALL).replace(b"scored twice", f"scored {reference}twice".encode()))
    [found] = read(tmp_path / "a.html")
    assert "scored twice" in found.article.text
