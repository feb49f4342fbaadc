"""The plain text of marked-up prose, as feeds and news items carry it. Whole web pages are for page.py."""

import re
from html import unescape
from html.parser import HTMLParser

BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "div", "dl", "dt", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hl1", "hl2", "hr", "li", "main", "nav", "ol",
    "p", "pre", "section", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
SILENT = {"script", "style", "figcaption", "template", "head", "body.head", "noscript", "iframe", "object", "svg"}
NAMES = (
    "abbr|acronym|address|article|aside|audio|blockquote|body|br|caption|center|cite|code|dd|del|div|dl|dt|em|embed|"
    "figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|iframe|img|ins|kbd|label|li|main|mark|nav|nitf|noscript|"
    "object|ol|picture|pre|script|section|small|source|span|strike|strong|style|sub|sup|svg|table|tbody|td|th|thead|time|"
    "tr|tt|ul|video"
)
ATTRIBUTE = r"""\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'|[^\s"'<>]+)"""
TAG = re.compile(
    rf"</?(?:(?:{NAMES})(?:\s[^<>]*)?|[abipqsu](?:{ATTRIBUTE}(?:\s[^<>]*)?)?)\s*/?>|<!\[CDATA\[", re.IGNORECASE
)
"""Tags of HTML. Those of one letter only bare or with an attribute that has a value: "if a <b and c> d" has none."""
BLOCK_TAG = re.compile(rf"<(?:br|{'|'.join(sorted(BLOCKS))})[\s/>]", re.IGNORECASE)
ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{2,7}|#x[0-9a-fA-F]{2,6});")
CDATA = re.compile(r"<!\[CDATA\[|\]\]>")


def looks_marked_up(text: str) -> bool:
    """Whether HTML tags or entities stand in the text. "a < b" and "AT&T" are no markup."""
    return ("<" in text and bool(TAG.search(text))) or ("&" in text and _has_entity(text))


def _has_entity(text: str) -> bool:
    return any(unescape(found[0]) != found[0] for found in ENTITY.finditer(text))


def plain_text(marked: str) -> str:
    """The text, blocks separated by blank lines, `<br>` a line end; without scripts, styles and captions."""
    marked = CDATA.sub("", marked)
    if not TAG.search(marked):
        text = unescape(marked).strip()
        return plain_text(text) if TAG.search(text) else text  # escaped twice, as in many feeds
    reader = _Reader(SILENT, keeps_lines=not BLOCK_TAG.search(marked))
    reader.read(marked)
    if unclosed := set(reader.silenced) - {"script", "style"}:  # one that is never closed would silence the rest
        reader = _Reader(SILENT - unclosed, keeps_lines=False)
        reader.read(marked)
    text = re.sub(r"[ \t\r\f\v]*\n[ \t\r\f\v]*", "\n", "".join(reader.parts))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]{2,}", " ", text)).strip()


class _Reader(HTMLParser):
    """Collects text; `silenced` are the open tags whose content is left out."""

    def __init__(self, silent: set[str], *, keeps_lines: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.silenced: list[str] = []
        self._silent = silent
        self._keeps_lines = keeps_lines
        self._preformatted = 0

    def read(self, marked: str) -> None:
        self.feed(marked)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in self._silent:
            self.silenced.append(tag)
        elif tag == "br":
            self.parts.append("\n")
        elif tag in BLOCKS:
            self._preformatted += tag == "pre"
            self.parts.append("\n\n")

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        if tag not in self._silent:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.silenced:
            while self.silenced.pop() != tag:
                pass
        elif tag in BLOCKS:
            self._preformatted = max(self._preformatted - (tag == "pre"), 0)
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        """A blank line is a paragraph's end to many who write HTML by hand; other white space is a space."""
        if self.silenced:
            return
        if self._keeps_lines or self._preformatted:
            self.parts.append(data)
            return
        paragraphs = re.split(r"\s*\n[ \t\r]*\n\s*", data)
        self.parts.append("\n\n".join(re.sub(r"\s+", " ", paragraph) for paragraph in paragraphs))
