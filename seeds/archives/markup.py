"""The plain text of marked-up prose, as feeds and news items carry it. Whole web pages are for page.py."""

import re
from html import unescape
from html.parser import HTMLParser

BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "div", "dl", "dt", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hl1", "hl2", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
SILENT = {"script", "style", "figcaption", "template", "head", "body.head", "noscript", "iframe", "object", "svg"}
TAG = re.compile(
    r"</?(?:a|abbr|article|b|blockquote|br|code|dd|div|dl|dt|em|figure|font|h[1-6]|hr|i|iframe|img|li|nitf|ol|p|pre|s|"
    r"section|small|span|strong|strike|sub|sup|table|td|th|tr|u|ul|video|html|body|script|style)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[mn]dash|hellip|#\d{2,6}|#x[0-9a-fA-F]{2,5});")


def looks_marked_up(text: str) -> bool:
    """Whether HTML tags or entities stand in the text. "a < b" and "AT&T" are no markup."""
    return ("<" in text and bool(TAG.search(text))) or ("&" in text and bool(ENTITY.search(text)))


def plain_text(marked: str) -> str:
    """The text, blocks separated by blank lines, `<br>` a line end; without scripts, styles and captions."""
    if not TAG.search(marked):
        return unescape(marked).strip()
    reader = _Reader(SILENT)
    reader.read(marked)
    if reader.silenced:  # a tag that is never closed would silence the rest
        reader = _Reader(SILENT - set(reader.silenced))
        reader.read(marked)
    text = re.sub(r"[ \t\r\f\v]*\n[ \t\r\f\v]*", "\n", "".join(reader.parts))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]{2,}", " ", text)).strip()


class _Reader(HTMLParser):
    """Collects text; `silenced` are the open tags whose content is left out."""

    def __init__(self, silent: set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.silenced: list[str] = []
        self._silent = silent

    def read(self, marked: str) -> None:
        self.feed(marked)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in self._silent:
            self.silenced.append(tag)
        elif tag == "br":
            self.parts.append("\n")
        elif tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        if tag not in self._silent:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.silenced:
            while self.silenced.pop() != tag:
                pass
        elif tag in BLOCKS:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self.silenced:
            self.parts.append(re.sub(r"\s+", " ", data))
