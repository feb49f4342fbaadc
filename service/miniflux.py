"""Digests the new entries of a Miniflux reader, and writes summary and topics back to it by its API. The requests that
go out are these alone, to the one address in DATELINE_MINIFLUX_URL."""

import hashlib
import hmac
import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from seeds.archives.markup import plain_text
from seeds.records import Article
from service.digest import Digest
from service.errors import KeyRefused, Overloaded, expected

MOST_WAITING = 1_000
"""Entries that wait to be digested."""
TRIES, PAUSE_SECONDS = 3, 5.0
TIMEOUT_SECONDS = 10.0
STOP_SECONDS = 5.0
LOOK_SECONDS = 0.5
"""How soon it notices that it is to stop."""
MOST_BYTES = 32 * 1024**2
MARK = '<div class="dateline-digest">'
"""Begins what is written into an entry; one that begins so already is left alone."""


class NotYet(Exception):
    """The model that was asked could not answer; another did in its place."""


REPEATABLE: tuple[type[Exception], ...] = (*expected(), NotYet, OSError)
"""What may pass; errors of the network are of the last class."""

log = logging.getLogger("dateline")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as Miniflux sends it."""

    id: int
    title: str

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> "Entry":
        """Of a webhook's payload.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        return cls(int(fields["id"]), str(fields.get("title") or ""))


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether Miniflux signed that body: the hexadecimal HMAC-SHA256 of it."""
    expected_one = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected_one.encode(), signature.encode(errors="replace"))


def entries_of(payload: Any) -> list[Entry]:
    """The entries of a webhook's payload: of `new_entries` all, of `save_entry` the one.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it has not that form.
    """
    listed = payload.get("entries") if payload["event_type"] == "new_entries" else [payload["entry"]]
    return list(dict.fromkeys(Entry.read(fields) for fields in listed or ()))


class Miniflux:
    """Takes entries, and works through them one by one in a thread of its own.

    Args:
        digest: gives the digest of an article.
    """

    def __init__(self, url: str, token: str, secret: str, digest: Callable[[Article], Digest]) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._secret = secret
        self._digest = digest
        self._open = build_opener(_NoRedirects).open
        self._waiting: queue.Queue[Entry] = queue.Queue(MOST_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dateline-miniflux", daemon=True)
        self._thread.start()

    def check(self, body: bytes, signature: str) -> None:
        """Refuse what Miniflux did not sign.

        Raises:
            KeyRefused: so it is.
        """
        if not is_signed(body, signature, self._secret):
            raise KeyRefused("The signature is not Miniflux's. Compare DATELINE_MINIFLUX_SECRET with its settings.")

    def accept(self, entries: Sequence[Entry]) -> int:
        """Take as many of the entries as may wait, and say how many.

        Raises:
            Overloaded: none may.
        """
        room = MOST_WAITING - self._waiting.qsize()
        if entries and room <= 0:
            raise Overloaded(f"{MOST_WAITING:,} entries wait already.", retry_after_seconds=60, waiting=MOST_WAITING)
        for entry in entries[:room]:
            self._waiting.put_nowait(entry)
        if len(entries) > room:
            log.warning("%d entries of Miniflux were not taken: %d wait", len(entries) - room, MOST_WAITING)
        return min(room, len(entries))

    def close(self) -> None:
        """Stop after the entry in hand; those that wait are not digested, and the log says how many they are."""
        self._stopping.set()
        if left := self._waiting.qsize():
            log.warning("%d entries of Miniflux were not digested before the service stopped", left)
        self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                entry = self._waiting.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        for left in reversed(range(TRIES)):
            try:
                self._write(entry)
                return
            except REPEATABLE as error:
                gone = isinstance(error, HTTPError) and 400 <= error.code < 500 and error.code != 429
                if gone or not left or self._stopping.wait(PAUSE_SECONDS):
                    log.error("entry %d of Miniflux was left as it is: %s", entry.id, error)
                    return
            except Exception:
                log.exception("entry %d of Miniflux was left as it is", entry.id)
                return

    def _write(self, entry: Entry) -> None:
        """Put the digest before the entry's content, as that is now.

        Raises:
            OSError: Miniflux cannot be reached.
            Exception: as `Digester.ask`; `NotYet`: a stand-in answered.
        """
        content = self._ask("GET", entry.id).get("content")
        if not isinstance(content, str) or content.startswith(MARK) or not (text := plain_text(content)).strip():
            return
        digest = self._digest(Article(text, title=entry.title or None))
        if any(result.warning for result in digest.results.values()):
            raise NotYet("; ".join(digest.warnings))
        if digest.summary or digest.topics:
            self._ask("PUT", entry.id, {"content": digest_html(digest) + content})

    def _ask(self, method: str, id: int, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"X-Auth-Token": self._token, "Content-Type": "application/json", "User-Agent": "Dateline"}
        data = json.dumps(body).encode() if body is not None else None
        request = Request(f"{self._url}/v1/entries/{id}", data=data, headers=headers, method=method)
        with self._open(request, timeout=TIMEOUT_SECONDS) as reply:
            return json.loads(reply.read(MOST_BYTES))


def digest_html(digest: Digest) -> str:
    """Summary and topics as a reader shows them."""
    parts = []
    if digest.summary:
        parts.append(f"<p><strong>{escape(digest.summary.text)}</strong></p>")
    if digest.topics:
        parts.append(f"<p><em>{escape(', '.join(topic.name for topic in digest.topics))}</em></p>")
    return f"{MARK}{''.join(parts)}</div><hr>"


class _NoRedirects(HTTPRedirectHandler):
    """Nothing is sent to an address that nobody stated."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
