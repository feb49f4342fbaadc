"""Articles, and the folder of seed files they are read from. Never writes to a record."""

import codecs
import errno
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from seeds.errors import NoRecords, UnknownRecord, UnreadableRecord

SUFFIX = ".txt"
DATE_HEADER = re.compile(r"\s*date (\d{4}-\d{2}-\d{2})(?:\s+|$)")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
SURROGATE = re.compile(r"[\ud800-\udfff]")
UNUSABLE_ID = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""No address and no database holds these."""


@dataclass(frozen=True, slots=True)
class Article:
    """Text, with what is known of it. `date` is the ISO publication date, `language` a BCP 47 tag."""

    text: str
    id: str | None = None
    title: str | None = None
    date: str | None = None
    url: str | None = None
    language: str | None = None


def check_text(text: str, *, what: str = "The text") -> None:
    """Refuse what is not an article's text.

    Raises:
        UnreadableRecord: it is empty, or holds characters that no text holds.
    """
    if not text.strip():
        raise UnreadableRecord(f"{what} is empty. Send the article's text, at least one sentence.")
    for pattern, name in ((CONTROL, "control character"), (SURROGATE, "unpaired surrogate")):
        if found := pattern.search(text):
            raise UnreadableRecord(
                f"{what} holds the {name} U+{ord(found[0]):04X} at character {found.start():,}; "
                "it looks like binary data or a broken conversion. Send plain Unicode text."
            )


def parse_seed(data: bytes, *, name: str, identifier: str | None = None) -> Article:
    """Read one seed file: UTF-8, optionally opened by ` date YYYY-MM-DD `, which is not part of the text.

    Args:
        name: what to call the file in an error.

    Raises:
        UnreadableRecord: not UTF-8, binary, an impossible date, or nothing but the date.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableRecord(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02X} at offset {error.start:,}. "
            f"Convert it first, for example: iconv -f {_likely_encoding(data)} -t UTF-8 {name} > converted.txt"
        ) from error
    published = None
    if header := DATE_HEADER.match(text):
        published = _checked_date(header[1], name)
        text = text[header.end() :]
    check_text(text, what=name)
    return Article(text=text.strip(), id=identifier, date=published)


def _likely_encoding(data: bytes) -> str:
    return "UTF-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "WINDOWS-1252"


def _checked_date(written: str, name: str) -> str:
    try:
        return date.fromisoformat(written).isoformat()
    except ValueError as error:
        raise UnreadableRecord(
            f"{name} opens with the date {written!r}, which does not exist. Correct it, or remove the header."
        ) from error


class SeedFolder:
    """A folder of seed files, `<id>.txt` each; other files and subfolders are not records, nor is a file whose name
    is not Unicode."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def ids(self) -> list[str]:
        """The ids of all records, sorted.

        Raises:
            NoRecords: the folder does not exist.
        """
        try:
            found = (path for path in self.root.iterdir() if path.suffix == SUFFIX and path.is_file())
            return sorted(path.stem for path in found if not UNUSABLE_ID.search(path.stem))
        except OSError as error:
            raise NoRecords(
                f"The folder of seed records {str(self.root)!r} cannot be read ({error.strerror}). "
                "Create it, or set DATELINE_SEEDS to the folder that holds your .txt files."
            ) from error

    def __contains__(self, identifier: str) -> bool:
        """Whether there is a seed file of that name."""
        path = self.root / f"{identifier}{SUFFIX}"
        try:
            return path.parent == self.root and path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            return False

    def changed_at(self) -> int | None:
        """When a file last came to the folder or left it, in nanoseconds; None where there is no folder."""
        try:
            return self.root.stat().st_mtime_ns
        except OSError:
            return None

    def stamps(self) -> dict[str, str]:
        """Size and time of each seed file, by id: where they are the same, so is the text."""
        found: dict[str, str] = {}
        for identifier in self.ids():
            with suppress(OSError):  # it went meanwhile
                state = (self.root / f"{identifier}{SUFFIX}").stat()
                found[identifier] = f"{state.st_size}-{state.st_mtime_ns}"
        return found

    def get(self, identifier: str) -> Article:
        """The record of that id.

        Raises:
            UnknownRecord: there is none.
            UnreadableRecord: its file holds no readable article.
        """
        path = self.root / f"{identifier}{SUFFIX}"
        try:
            if path.parent != self.root or not path.is_file():
                raise UnknownRecord(f"There is no article {identifier!r}. GET /v1/articles lists the ids.")
            data = path.read_bytes()
        except ValueError as error:  # a name that no file can have
            raise UnknownRecord(f"There is no article {identifier!r}. GET /v1/articles lists the ids.") from error
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise UnknownRecord("There is no article of so long an id. GET /v1/articles lists the ids.") from error
            raise UnreadableRecord(f"{path.name} cannot be read ({error.strerror}). Check its permissions.") from error
        return parse_seed(data, name=path.name, identifier=identifier)
