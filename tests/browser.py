"""A real browser: Debian's Chromium, without a window."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
HELP = "there is no Chromium: apt-get install chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. Without one the test is skipped; under CI that is a failure."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(HELP)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, with all that it loaded and complained of."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    hostile: bool = False
    """It was given a page with a handler in it: newer browsers note in the console that the policy blocked that."""

    def open(self, view: str = "") -> None:
        """Go to a view, and wait until it is there."""
        self.page.goto(f"{self.base}/{view}")
        self.page.wait_for_selector("h1, .problem")


BLOCKED = re.compile(r"inline event handler .* The action has been blocked", re.S)


@contextmanager
def tab(browser: Browser, base: str, **options: Any) -> Iterator[Tab]:
    """A tab of its own. At the end: nothing was complained of, and nothing loaded from elsewhere. What the service
    refused is no complaint: the browser notes it in the console, and the page says it."""
    context = browser.new_context(**options)
    opened = Tab(context.new_page(), base)

    def console(message: Any) -> None:
        blocked = opened.hostile and BLOCKED.search(message.text)
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text and not blocked:
            opened.complaints.append(message.text)

    def dialog(shown: Any) -> None:
        opened.complaints.append(f"a dialog: {shown.message}")
        shown.dismiss()

    opened.page.on("console", console)
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("dialog", dialog)
    opened.page.on("request", lambda request: opened.loaded.append(request.url))
    yield opened
    context.close()
    assert not opened.complaints, opened.complaints
    assert all(url.startswith((base, "data:", "blob:")) for url in opened.loaded)
