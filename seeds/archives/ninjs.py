"""Articles in JSON objects: ninjs, IPTC's news in JSON, from 1.0 (`body_text`, `headline`) to 3.1 (`bodies`,
`headlines`), also as Superdesk writes it (`guid`, `body_html`); and rows with fields of their own."""

from collections.abc import Mapping
from typing import Any

from seeds.archives.fields import clean_title
from seeds.archives.markup import looks_marked_up, plain_text
from seeds.archives.source import ReadOptions, Record
from seeds.errors import RecordError, UnreadableRecord
from seeds.records import Article, check_text

MARKS = {"bodies", "headlines", "body_text", "body_xhtml", "body_html", "body_html5", "versioncreated", "pubstatus"}
BODIES = ("body_text", "body_html5", "body_xhtml", "body_html")
"""In ninjs 1.x any `body_…` may hold the text; these come first."""
DATES = ("firstcreated", "firstCreated", "versioncreated", "versionCreated")


def row_record(row: Mapping[str, Any], place: str, options: ReadOptions) -> Record:
    """The record in a JSON object."""
    if is_ninjs(row) and options.fields.text is None:
        article, error = _ninjs_article(row, place, keep_markup=options.keep_markup)
    else:
        fields = options.fields.guessed(row)
        article, error = fields.article(row, place=place, keep_markup=options.keep_markup)
    return Record(place, article, error, {name: row[name] for name in options.more if name in row})


def is_ninjs(row: Mapping[str, Any]) -> bool:
    """Whether a JSON object looks like a ninjs item."""
    standard = row.get("standard")
    named = isinstance(standard, dict) and standard.get("name") == "ninjs"
    return named or (("uri" in row or "guid" in row) and bool(MARKS & row.keys()))


def _ninjs_article(item: Mapping[str, Any], place: str, *, keep_markup: bool) -> tuple[Article, RecordError | None]:
    """The plain text of the item's body and its main headline; with an error the text is empty."""
    text, error = "", None
    try:
        text = _body(item, place, keep_markup=keep_markup)
    except RecordError as refusal:
        error = refusal
    title = _text(item.get("headline")) or _main(item.get("headlines")) or _text(item.get("title"))
    article = Article(
        text=text,
        id=_text(item.get("uri")) or _text(item.get("guid")) or place,
        title=clean_title(title, keep_markup=keep_markup) if title else None,
        date=next((date for name in DATES if (date := _text(item.get(name)))), None),
        url=_text(item.get("canonicalUrl")) or _text(item.get("canonicalurl")),
        language=_text(item.get("language")),
    )
    return article, error


def _body(item: Mapping[str, Any], place: str, *, keep_markup: bool) -> str:
    more = sorted(name for name in item if name.startswith("body_") and name not in BODIES)
    candidates = (_text(item.get(name)) for name in (*BODIES, *more))
    text = _main(item.get("bodies")) or next((body for body in candidates if body), None)
    if not text:
        raise UnreadableRecord(f"{place} has no body of text (bodies, body_text, body_html, …); it may be a picture.")
    if not keep_markup and looks_marked_up(text):
        text = plain_text(text)
    check_text(text, what=f"The text of {place}")
    return text


def _main(values: object) -> str | None:
    """The value of the main entry (`role` main, or without one) of a list; plain text before markup."""
    entries = [entry for entry in values if isinstance(entry, dict)] if isinstance(values, list) else []
    entries.sort(key=lambda entry: (entry.get("role") not in (None, "main"), "plain" not in _kind(entry)))
    return next((value for entry in entries if (value := _text(entry.get("value")))), None)


def _kind(entry: Mapping[str, Any]) -> str:
    return str(entry.get("contentType", entry.get("contenttype", "plain")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
