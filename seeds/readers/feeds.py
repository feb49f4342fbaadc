"""RSS and Atom, item by item."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from seeds.errors import RecordError, UnreadableRecord
from seeds.readers.archive import STDIN, Record, open_file
from seeds.readers.fields import Fields
from seeds.readers.markup import plain_text
from seeds.records import Article, check_text

TEXTS = ("encoded", "content", "description", "summary")


def read_feed(name: str, fields: Fields) -> Iterator[Record]:
    """One record an item or entry: the longest of its full content and its description."""
    short = "stdin" if name == STDIN else Path(name).name
    number = 0
    with open_file(name) as data:
        try:
            for _, element in ElementTree.iterparse(data):
                if _name(element) not in {"item", "entry"}:
                    continue
                number += 1
                place = f"{short}:{number}"
                try:
                    yield Record(place, _article(element, place))
                except RecordError as error:
                    yield Record(place, error=error)
                element.clear()
        except ElementTree.ParseError as error:
            raise OSError(f"not well-formed XML ({error})") from error


def _article(element: ElementTree.Element, place: str) -> Article:
    told: dict[str, str] = {}
    for child in element:
        value = "".join(child.itertext()).strip() or child.get("href", "")
        if value:
            told.setdefault(_name(child), value)
    text = max((plain_text(told[name]) for name in TEXTS if name in told), key=len, default="")
    if not text:
        raise UnreadableRecord(f"{place} has neither content nor description.")
    check_text(text, what=f"The text of {place}")
    return Article(
        text=text,
        id=told.get("guid") or told.get("id") or told.get("link") or place,
        title=plain_text(told["title"]) if "title" in told else None,
        date=told.get("pubDate") or told.get("published") or told.get("updated") or told.get("date"),
        url=told.get("link"),
        language=None,
    )


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
