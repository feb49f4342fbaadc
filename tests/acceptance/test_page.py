"""The page in a real browser: each view, with a mouse, with the keyboard alone, on a phone, in the dark."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, expect
from starlette.types import ASGIApp, Receive, Scope, Send

from models.generative.servers import Server
from service.http.app import create_app
from service.settings import Settings
from tests.acceptance.test_cli import DATELINE
from tests.articles import HARBOUR
from tests.browser import Tab, chromium, tab
from tests.conftest import SEED_FILE, SEED_ID
from tests.live import live
from tests.servers import fake_server

SPLIT = (
    "🌊 " * 3
    + "The council of Vik voted on Monday to close the harbour for a year 🎉, the mayor said. It needs repairs."
)
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LIMIT = 20_000
TINY = 200_000
"""Bytes of the first view, at most."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def app(folder: Path) -> ASGIApp:
    folder.mkdir()
    shutil.copy(SEED_FILE, folder)
    runs = folder.with_name("runs")
    runs.mkdir()
    return create_app(Settings(seeds=folder, max_article_characters=LIMIT, runs=runs))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    with live(app(tmp_path_factory.mktemp("page") / "seeds")) as base:
        yield base


@pytest.fixture(scope="module")
def archive(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of an archive run."""
    folder = next(tmp_path_factory.getbasetemp().glob("page*/runs"))
    flood = "The river took the mill of Vik after a week of rain and storms, and hundreds had to flee from the flood."
    rows = [
        {"id": "a", "date": "2024-05-08", "text": flood},
        {"id": "b", "text": ""},
        {"id": "c", "date": "2024-06-01", "text": flood + " So it was."},
        {"id": "d", "text": "Rain."},
    ]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [DATELINE, "archive", "in.jsonl", "--out", "out.jsonl", "--executor", "local"]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    return folder / "out.jsonl"


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Tab]:
    with tab(browser, base) as opened:
        yield opened


def digest(opened: Tab, text: str | None = None, **fields: str) -> None:
    """Fill the form in, and wait for the digest."""
    opened.open()
    if text is None:
        opened.page.get_by_role("button", name="Take an example").click()
        expect(opened.page.get_by_label("Article", exact=True)).to_have_value(re.compile(r"\w"))
    else:
        opened.page.get_by_label("Article", exact=True).fill(text)
    for label, value in fields.items():
        opened.page.get_by_label(label.replace("_", " ")).fill(value)
    opened.page.get_by_role("button", name="Digest", exact=True).click()
    opened.page.wait_for_selector(".answer h2, .answer .problem")


def asked(opened: Tab, path: str, **body: Any) -> Any:
    """What the API itself answers."""
    request = opened.page.request
    reply = request.post(f"{opened.base}/{path}", data=body) if body else request.get(f"{opened.base}/{path}")
    assert reply.ok, reply.text()
    return reply.json()


def test_the_sentences_of_the_seed_article_light_up_where_they_stand(page: Tab) -> None:
    digest(page)
    record = asked(page, f"v1/articles/{SEED_ID}")
    [result] = asked(page, "v1/digest", articles=[{"text": record["text"]}])["results"]
    buttons = page.page.locator(".answer .sentence")
    sentences = result["summary"]["sentences"]
    assert buttons.all_inner_texts() == [sentence["text"] for sentence in sentences]
    for number, sentence in enumerate(sentences):
        for light in (buttons.nth(number).hover, buttons.nth(number).focus):
            light()
            lit = "".join(page.page.locator("mark.lit").all_text_contents())
            assert lit == record["text"][sentence["start"] : sentence["end"]]
    left_out = page.page.locator(".source .left-out").all_text_contents()
    assert "Taliban's speedy advance" in left_out
    assert any(text.startswith("READ MORE:") for text in left_out)
    assert page.page.locator(".source").text_content().count("Badghis") == record["text"].count("Badghis")  # type: ignore[union-attr]
    names = page.page.locator(".answer > div .bars").first.locator(".name").all_inner_texts()
    assert names == [topic["name"] for topic in result["topics"]]
    under = page.page.locator(".answer details .name").all_text_contents()
    assert len(under) + len(names) == 17


def test_offsets_hold_behind_characters_outside_the_basic_plane(page: Tab) -> None:
    digest(page, SPLIT, Sentences="1")
    page.page.locator(".answer .sentence").first.hover()
    [sentence] = asked(page, "v1/summarise", text=SPLIT, sentences=1)["sentences"]
    assert page.page.locator("mark.lit").all_text_contents() == [SPLIT[sentence["start"] : sentence["end"]]]


def test_own_labels(page: Tab) -> None:
    digest(page, Your_own_labels="armed conflict, cooking")
    assert page.page.locator(".answer .bars .name").first.inner_text() == "armed conflict"
    assert set(page.page.locator(".answer .bars .name").all_text_contents()) == {"armed conflict", "cooking"}


def test_an_error_is_told_in_the_words_of_the_service(page: Tab) -> None:
    digest(page, "Rain fell. " * LIMIT)
    expect(page.page.get_by_role("alert")).to_contain_text(f"the limit is {LIMIT:,}")


def test_overload_shows_the_wait(page: Tab) -> None:
    problem = {"title": "Overloaded", "detail": "Too much work waits.", "error_type": "overloaded"}
    page.page.route(
        "**/v1/digest",
        lambda route: route.fulfill(status=429, headers={"Retry-After": "7"}, body=json.dumps(problem)),
    )
    digest(page, "Rain fell on Vik.")
    expect(page.page.get_by_role("alert")).to_contain_text("Too much work waits.")
    expect(page.page.get_by_role("alert")).to_contain_text("wait 7 s")


def test_an_article_is_kept_found_compared_and_corrected(page: Tab) -> None:
    text = "The zeppelin landed in Vik on Monday, the mayor said. It brought the mail. Hundreds came to see it."
    digest(page, text, Headline="Zeppelin in Vik")
    page.page.get_by_role("button", name="Keep this article").click()
    page.page.get_by_role("link", name="open it").click()
    expect(page.page.get_by_role("heading", level=1)).to_have_text("Zeppelin in Vik")

    page.page.get_by_label("With the summary by").select_option("lead")
    page.page.get_by_role("button", name="Compare").click()
    heads = page.page.locator(".compared h3")
    expect(heads).to_have_text(["news-minilm", "lead"])
    expect(page.page.locator("tbody tr")).to_have_count(3)  # two summaries and the topics

    page.page.get_by_label("sport", exact=True).check()
    page.page.get_by_label("Others").fill("airships")
    page.page.get_by_label("Your name").fill("Ann")
    page.page.get_by_role("button", name="Keep the correction").click()
    expect(page.page.locator(".corrections")).to_contain_text("airships")

    page.open("#/articles")
    page.page.get_by_label("Words").fill("zeppelin")
    page.page.get_by_role("button", name="Find").click()
    expect(page.page.locator(".articles > li")).to_have_count(1)
    expect(page.page.locator(".tags")).to_contain_text("airships")
    page.page.locator(".tags").get_by_text("airships").click()
    expect(page.page.get_by_label("Topic")).to_have_value("airships")
    expect(page.page.locator(".articles > li > a")).to_have_text(["Zeppelin in Vik"])
    page.open("#/topics")
    expect(page.page.get_by_role("link", name="airships")).to_be_visible()


def test_more_articles_come_when_asked_for(page: Tab) -> None:
    sent = [{"id": f"row-{number:02}", "text": f"Quintuple {number}."} for number in range(65)]
    asked(page, "v1/articles", articles=sent)
    page.open("#/articles?q=quintuple")
    for count in (30, 60, 65):
        expect(page.page.locator(".articles > li")).to_have_count(count)
        if count < 65:
            page.page.get_by_role("button", name="More").click()
    expect(page.page.get_by_role("button", name="More")).to_be_hidden()


FILES = {
    "one.txt": ("Rain fell on Vik.", "Rain fell on Vik.", ""),
    "two.jsonl": ('{"headline": "A", "body": "Rain fell."}\n{"title": "B", "text": "Snow fell."}\n', "Snow fell.", "B"),
    "two-semicolons.csv": ("title;text\nA;Rain, rain.\nB;Snow fell.\n", "Snow fell.", "B"),
    "dated.txt": (" date 2024-05-01 Rain fell on Vik.", "Rain fell on Vik.", ""),
    "divs.html": ("<body>First.<br>Second.<div>Third.</div>Fourth.</body>", "First.\n\nSecond.\n\nThird.\n\nFourth.", ""),
    "two.csv": ('title,text\nA,"Rain, ""heavy"" rain."\nB,"Snow\nfell."\n', "Snow\nfell.", "B"),
    "page.html": (
        f"<title>T</title><nav><p>Menu</p></nav><article><h1>B</h1><p>Snow fell.</p><p>All {HOSTILE} day.</p></article>",
        "Snow fell.\n\nAll day.", "B",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read(page: Tab, name: str) -> None:
    content, text, title = FILES[name]
    page.hostile = HOSTILE in content
    page.open()
    page.page.set_input_files("input[type=file]", {"name": name, "mimeType": "", "buffer": content.encode()})
    if name.startswith("two"):
        page.page.get_by_label("Article of the file").select_option("1")
    expect(page.page.get_by_label("Article", exact=True)).to_have_value(text)
    expect(page.page.get_by_label("Headline")).to_have_value(title)


@pytest.mark.parametrize(
    ("content", "says"), [(b"{\n{", "Line 1 is no JSON"), (b"\xff\xfe", "not UTF-8"), (b"[1]", "no article")]
)
def test_a_file_that_cannot_be_read_is_told(page: Tab, content: bytes, says: str) -> None:
    page.open()
    page.page.set_input_files("input[type=file]", {"name": "bad.jsonl", "mimeType": "", "buffer": content})
    expect(page.page.get_by_role("alert")).to_contain_text(says)


def test_a_hostile_article_runs_nothing(page: Tab) -> None:
    hostile = {
        "id": HOSTILE,
        "title": HOSTILE,
        "text": f"{HOSTILE} Rain fell on Vik. javascript:alert(3)",
        "url": "javascript:alert(4)",
    }
    asked(page, "v1/articles", articles=[hostile])
    asked(page, "v1/feedback", article=HOSTILE, topics=[HOSTILE], who=HOSTILE, note=HOSTILE)
    digest(page, hostile["text"], Headline=HOSTILE, Your_own_labels=HOSTILE)
    page.open(f"#/articles?topic={HOSTILE}")
    page.page.locator(".articles > li > a").first.click()
    expect(page.page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.page.locator(".corrections")).to_contain_text("onerror")
    page.open("#/topics")
    assert (
        page.page.locator("main img, main script").count() == 0
    )  # that nothing spoke up is checked when the tab closes


def reach(opened: Tab, control: Locator) -> None:
    """Press the tabulator until a control has the focus."""
    for _ in range(12):
        opened.page.keyboard.press("Tab")
        if control.and_(opened.page.locator(":focus")).count():
            return
    pytest.fail("it was not reached")


def test_with_the_keyboard_alone(page: Tab) -> None:
    page.open()
    keys = page.page.keyboard
    keys.press("Tab")
    expect(page.page.get_by_role("link", name="Skip to content")).to_be_focused()
    keys.press("Enter")
    reach(page, page.page.get_by_label("Article", exact=True))
    keys.type("Rain fell on Vik on Monday, the mayor said.")
    reach(page, page.page.get_by_role("button", name="Digest", exact=True))
    keys.press("Enter")
    expect(page.page.locator(".answer h2")).to_be_focused()
    keys.press("Tab")
    assert page.page.locator("mark.lit").all_text_contents() == ["Rain fell on Vik on Monday, the mayor said."]


@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}],
    ids=["light", "dark", "phone"],
)
def test_nothing_serious_stands_in_anyones_way(
    browser: Browser, base: str, archive: Path, options: dict[str, Any]
) -> None:
    with tab(browser, base, bypass_csp=True, **options) as opened:  # axe brings a script of its own
        for view in ("", "#/articles", f"#/articles/{SEED_ID}", "#/runs/out.jsonl", "#/topics", "#/health"):
            if view:
                opened.open(view)
            else:
                digest(opened)
            opened.page.wait_for_load_state("networkidle")
            found = Axe().run(opened.page).response["violations"]
            serious = [
                (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in {"serious", "critical"}
            ]
            assert not serious, view
            width = opened.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert width <= 0, f"{view} is wider than the window"


def test_an_archive_run_is_shown(page: Tab, archive: Path) -> None:
    page.open("#/runs")
    expect(page.page.locator(".articles > li")).to_contain_text(["4 records, 1 failed"])
    page.page.get_by_role("link", name="out.jsonl").click()
    expect(page.page.locator("dl")).to_contain_text("finished")
    expect(page.page.locator(".bars")).to_contain_text("3 records")
    expect(page.page.locator("svg.trend").first).to_have_attribute("aria-label", re.compile("from 2024-05 to 2024-06"))
    expect(page.page.locator(".articles > li")).to_contain_text(["The text of in.jsonl:2 is empty"])
    with page.page.expect_download() as download:
        page.page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == archive.read_bytes()


def test_health_and_topics_say_what_the_api_says(page: Tab) -> None:
    page.open("#/health")
    expect(page.page.locator(".card").first).to_contain_text("Ready")
    expect(page.page.locator(".cards")).to_contain_text("news-minilm")
    page.open("#/topics")
    expect(page.page.locator(".tree > li")).to_have_count(
        17 + page.page.locator("h2:has-text('Narrower topics and other names') + ul > li").count()
    )
    page.page.locator(".tree details summary").first.click()
    expect(page.page.locator(".tree details[open] li").first).to_be_visible()
    expect(page.page.locator(".weak")).to_contain_text(["weak: precision 0.71"])


def test_the_first_view_is_small(browser: Browser, base: str) -> None:
    sizes: list[int] = []
    with tab(browser, base) as opened:
        opened.page.on("response", lambda response: sizes.append(len(response.body())))
        opened.open()
        opened.page.wait_for_load_state("networkidle")
        assert len(sizes) > 5
        assert sum(sizes) < TINY


def test_a_wrong_key_is_asked_for_again(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "seeds"
    folder.mkdir()
    with live(create_app(Settings(seeds=folder, api_keys="secret"))) as base, tab(browser, base) as opened:
        opened.open()
        opened.page.get_by_label("API key").fill("secret")
        opened.page.get_by_role("button", name="Use this key").click()
        expect(opened.page.get_by_label("Article", exact=True)).to_be_visible()


def test_under_a_prefix_behind_a_proxy(browser: Browser, tmp_path: Path) -> None:
    inner = app(tmp_path / "seeds")

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            assert scope["path"].startswith("/news/"), scope["path"]
            scope = {
                **scope,
                "path": scope["path"].removeprefix("/news"),
                "raw_path": scope["raw_path"].removeprefix(b"/news"),
            }
        await inner(scope, receive, send)

    with live(proxy) as base, tab(browser, f"{base}/news") as opened:
        digest(opened)
        opened.open(f"#/articles/{SEED_ID}")
        opened.page.goto(f"{base}/news/docs")
        opened.page.wait_for_selector(".opblock")


def test_the_description_of_the_api_needs_no_network(page: Tab) -> None:
    page.page.goto(f"{page.base}/docs")
    page.page.wait_for_selector(".opblock")
    expect(page.page.locator("#docs")).to_contain_text("/v1/digest")


def test_a_written_sentence_lights_what_bears_it_out_and_says_what_speaks_against_it(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "seeds").mkdir()
    with fake_server() as server:
        server.text = (
            "Residents of Easter Quay walked to higher ground in a drill. It cost 99,000 crowns, said Vladimir Brask."
        )
        engine = Server(id="llama", base_url=server.base_url, model="m")
        with (
            live(create_app(Settings(seeds=tmp_path / "seeds", engines=(engine,), summary_model="llama"))) as base,
            tab(browser, base) as opened,
        ):
            digest(opened, HARBOUR)
            first, second = opened.page.locator(".summary li").all()
            expect(first.locator(".doubt")).to_have_count(0)
            expect(second.locator(".doubt")).to_have_text("not in the article: 99,000, Vladimir, Brask")
            first.locator("button").hover()
            expect(opened.page.locator(".source mark.lit")).to_contain_text(re.compile("tsunami drill|higher ground"))
