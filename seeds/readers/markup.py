"""The plain text of marked-up prose, as feeds and news items carry it. Not for whole web pages."""

import re
from html.parser import HTMLParser

BLOCKS = {
    "p",
    "div",
    "br",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "tr",
    "section",
    "article",
    "figure",
}
SILENT = {"script", "style", "figcaption", "template"}


def plain_text(marked: str) -> str:
    """The text, blocks separated by blank lines."""
    reader = _Reader()
    reader.feed(marked)
    reader.close()
    text = re.sub(r"[ \t\r\f\v]*\n[ \t\r\f\v]*", "\n", "".join(reader.parts))
    return re.sub(r"\n{2,}", "\n\n", re.sub(r"[ \t]{2,}", " ", text)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in SILENT
        if tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(self._silent - (tag in SILENT), 0)
        if tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))
