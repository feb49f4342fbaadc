"""Finds the text, title, id, date, address and language of an article in a row with names of its own."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from seeds.archives.markup import looks_marked_up, plain_text
from seeds.errors import RecordError, UnreadableRecord
from seeds.records import CONTROL, Article, check_text

GUESSES = {
    "text": ("text", "body", "content", "article", "maintext", "body_text", "articlebody", "article_text", "full_text",
             "fulltext", "story", "document", "plain_text", "content_text", "body_html", "content_html", "html"),
    "title": ("title", "headline", "name"),
    "id": ("id", "_id", "uri", "guid", "doc_id", "article_id", "identifier"),
    "date": ("date", "date_publish", "published", "publication_date", "pubdate", "published_at", "datepublished",
             "date_published", "versioncreated", "firstcreated", "timestamp"),
    "url": ("url", "link", "source_url", "canonical_url"),
    "language": ("language", "lang", "inlanguage"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fields:
    """Which column holds what; None for one that is not there."""

    text: str | None = None
    title: str | None = None
    id: str | None = None
    date: str | None = None
    url: str | None = None
    language: str | None = None

    def guessed(self, columns: Iterable[str]) -> "Fields":
        """These fields, and for those not named the usual columns, as far as they are there. Case does not matter."""
        return _guessed(self, tuple(columns))

    def article(
        self, row: Mapping[str, Any], *, place: str, keep_markup: bool = False
    ) -> tuple[Article, RecordError | None]:
        """The article in a row whose columns these are, and what is wrong with it; with an error the text is empty.

        Args:
            place: what to call the row, and its id where it has none.
        """
        text, error = "", None
        try:
            text = self._text(row, place, keep_markup=keep_markup)
        except RecordError as refusal:
            error = refusal
        title = self._written(row, "title")
        article = Article(
            text=text,
            id=self._written(row, "id") or place,
            title=clean_title(title, keep_markup=keep_markup) if title else None,
            date=self._written(row, "date"),
            url=self._written(row, "url"),
            language=self._written(row, "language"),
        )
        return article, error

    def _text(self, row: Mapping[str, Any], place: str, *, keep_markup: bool) -> str:
        if self.text is None or self.text not in row:
            columns = ", ".join(map(str, list(row)[:12])) or "none"
            missing = f"field {self.text!r}" if self.text else "text"
            raise UnreadableRecord(f"{place} has no {missing}; its fields are {columns}. Name one with --text-field.")
        text = row[self.text]
        if isinstance(text, list) and text and all(isinstance(part, str) for part in text):
            text = "\n\n".join(text)
        if not isinstance(text, str):
            raise UnreadableRecord(f"{place}: field {self.text!r} holds {type(text).__name__}, not text.")
        if not keep_markup and looks_marked_up(text):
            text = plain_text(text)
        check_text(text, what=f"The text of {place}")
        return text

    def _written(self, row: Mapping[str, Any], name: str) -> str | None:
        column = getattr(self, name)
        value = row.get(column) if column is not None else None
        if value is None:
            return None
        written = value if isinstance(value, str) else json.dumps(value, default=str)
        return CONTROL.sub("", written).strip() or None


@lru_cache(maxsize=1024)
def _guessed(named: Fields, columns: tuple[str, ...]) -> Fields:
    known = {column.casefold(): column for column in reversed(columns)}
    chosen = {}
    for field in fields(Fields):
        guesses = (known[guess] for guess in GUESSES[field.name] if guess in known)
        given = getattr(named, field.name)
        chosen[field.name] = given if given is not None else next(guesses, None)
    return Fields(**chosen)


def clean_title(title: str, *, keep_markup: bool = False) -> str | None:
    """A title as one line of plain text; None where nothing is left of it."""
    if not keep_markup and looks_marked_up(title):
        title = plain_text(title)
    return CONTROL.sub("", title).strip() or None
