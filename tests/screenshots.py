"""`python -m tests.screenshots`: takes the pictures in the documentation anew, of the page as it is."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, expect

from service.http.app import create_app
from service.settings import Settings
from tests import articles
from tests.browser import chromium
from tests.conftest import ROOT
from tests.live import live

FOLDER = ROOT / "docs" / "pictures"
WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 360, "height": 900}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, chromium() as browser:
        seeds = Path(folder)
        (seeds / "harbour.txt").write_text(f" date 2024-05-08 \n{articles.HARBOUR}")
        (seeds / "football.txt").write_text(f" date 2024-05-11 \n{articles.FOOTBALL}")
        (seeds / "budget.txt").write_text(f" date 2024-06-02 \n{articles.BUDGET}")
        with live(create_app(Settings(seeds=seeds))) as base:
            for name, options in {
                "digest": {"viewport": WIDE},
                "phone": {"viewport": PHONE, "color_scheme": "dark"},
            }.items():
                page = browser.new_page(**options, reduced_motion="reduce")  # type: ignore[arg-type]
                digest(page, base)
                page.screenshot(path=FOLDER / f"{name}.png")
            page = browser.new_page(viewport=WIDE, reduced_motion="reduce")  # type: ignore[arg-type]
            for id in ("harbour", "football", "budget"):
                page.goto(f"{base}/#/articles/{id}")
                page.wait_for_selector("tbody tr")
            page.goto(f"{base}/#/articles")
            page.wait_for_selector(".tags")
            page.screenshot(path=FOLDER / "articles.png")


def digest(page: Page, base: str) -> None:
    page.goto(base)
    page.get_by_label("Article", exact=True).fill(articles.HARBOUR)
    page.get_by_role("button", name="Digest", exact=True).click()
    expect(page.locator(".answer h2")).to_be_focused()
    page.locator(".sentence").nth(1).hover()
    expect(page.locator("mark.lit").first).to_have_text(re.compile(r"\w"))


if __name__ == "__main__":
    main()
