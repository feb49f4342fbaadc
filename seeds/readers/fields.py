"""Finds the text, title, id, date, address and language of an article in a row with names of its own."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from seeds.errors import UnreadableRecord
from seeds.records import Article, check_text

GUESSES = {
    "text": ("text", "body", "content", "article", "maintext", "body_text", "articlebody", "article_text", "full_text",
             "fulltext", "story", "document", "plain_text"),
    "title": ("title", "headline", "name"),
    "id": ("id", "_id", "uri", "guid", "doc_id", "article_id", "identifier"),
    "date": ("date", "date_publish", "published", "publication_date", "pubdate", "published_at", "datepublished",
             "versioncreated", "firstcreated", "timestamp"),
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
        known = {column.casefold(): column for column in columns}
        found = {}
        for field in fields(self):
            named = getattr(self, field.name)
            guesses = (known[guess] for guess in GUESSES[field.name] if guess in known)
            found[field.name] = named if named is not None else next(guesses, None)
        return Fields(**found)

    def article(self, row: Mapping[str, Any], *, place: str) -> Article:
        """The article in a row.

        Args:
            place: what to call the row, and its id where it has none.

        Raises:
            UnreadableRecord: there is no text in it, or one that is no text.
        """
        if self.text is None or self.text not in row:
            columns = ", ".join(map(str, list(row)[:12])) or "none"
            wanted = f"field {self.text!r}" if self.text else "a text"
            raise UnreadableRecord(
                f"{place} has no {wanted.removeprefix('a ')}; it has {columns}. Name one: --text-field"
            )
        text = row[self.text]
        if not isinstance(text, str):
            raise UnreadableRecord(f"{place}: field {self.text!r} holds {type(text).__name__}, not text.")
        check_text(text, what=f"The text of {place}")
        return Article(
            text=text,
            id=self._written(row, "id") or place,
            title=self._written(row, "title"),
            date=self._written(row, "date"),
            url=self._written(row, "url"),
            language=self._written(row, "language"),
        )

    def _written(self, row: Mapping[str, Any], name: str) -> str | None:
        value = row.get(getattr(self, name) or "")
        if value is None or value == "":
            return None
        return value.strip() or None if isinstance(value, str) else json.dumps(value, default=str)
