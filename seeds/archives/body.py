"""Bodies of HTTP messages as crawlers stored them: chunked or not, compressed or not, and often not as they say."""

import io
import re
import zlib
from email.message import Message
from http.client import HTTPException, parse_headers

from seeds.archives.stream import MAX_RECORD_BYTES
from seeds.errors import UnreadableRecord

CHUNK = re.compile(rb"\s*([0-9a-fA-F]{1,8})[^\r\n]{0,100}\r?\n")
STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})")


def split_http(block: bytes) -> tuple[int, Message, bytes] | None:
    """Status, headers and body of an HTTP response; None where it is none. Lines may end in a bare LF (RFC 9112,
    2.2)."""
    status = STATUS.match(block)
    end = re.search(rb"\n\r?\n", block)
    if not status:
        return None
    head = block[: end.end()] if end else block
    headers: Message
    try:
        headers = parse_headers(io.BytesIO(head.partition(b"\n")[2]))
    except HTTPException:
        headers = Message()
    return int(status[1]), headers, block[len(head) :]


def decoded(body: bytes, headers: Message, place: str) -> bytes:
    """The body without its transfer and content encodings. One that is not in the encoding it names is taken as it is.

    Raises:
        UnreadableRecord: it is compressed, but cut off, damaged or too large.
    """
    if "chunked" in (headers.get("Transfer-Encoding") or "").casefold():
        body = _unchunked(body)
    named = (headers.get("Content-Encoding") or "").casefold().split(",")
    for name in reversed([name.strip() for name in named]):
        body = _decompressed(body, name, place)
    return _decompressed(body, "gzip", place) if body.startswith(b"\x1f\x8b\x08") else body


def _unchunked(body: bytes) -> bytes:
    """The chunks put together; a body that was stored without them as it is."""
    parts = []
    position = 0
    while chunk := CHUNK.match(body, position):
        size = int(chunk[1], 16)
        parts.append(body[chunk.end() : chunk.end() + size])
        position = chunk.end() + size
        if not size:
            break
    return b"".join(parts) if parts else body


def _decompressed(body: bytes, name: str, place: str) -> bytes:
    decoders = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate, "br": _brotli, "zstd": _zstd}
    if name not in decoders:
        return body  # identity, none, utf-8 and what else servers write there
    try:
        unpacked = decoders[name](body)
    except (zlib.error, OSError, ValueError) as error:
        if _looks_like_text(body):
            return body
        raise UnreadableRecord(f"{place}: its body is not {name} as its header says ({error}).") from error
    if len(unpacked) > MAX_RECORD_BYTES:
        raise UnreadableRecord(f"{place} has more than {MAX_RECORD_BYTES:,} bytes.")
    return unpacked


def _looks_like_text(body: bytes) -> bool:
    return not any(byte < 9 or 13 < byte < 27 for byte in body[:1000])


def _gzip(body: bytes) -> bytes:
    return _inflated(body, 31)


def _deflate(body: bytes) -> bytes:
    """Zlib as the standard says, or without its header as many servers send it."""
    try:
        return _inflated(body, 15)
    except zlib.error:
        return _inflated(body, -15)


def _inflated(body: bytes, window: int) -> bytes:
    decompressor = zlib.decompressobj(window)
    unpacked = decompressor.decompress(body, MAX_RECORD_BYTES + 1)
    if not decompressor.eof and len(unpacked) <= MAX_RECORD_BYTES:
        raise zlib.error("the data is cut off")
    return unpacked


def _brotli(body: bytes) -> bytes:
    import brotli

    decompressor = brotli.Decompressor()
    try:
        unpacked: bytes = decompressor.process(body, output_buffer_limit=MAX_RECORD_BYTES + 1)
    except brotli.error as error:
        raise ValueError(str(error)) from error
    if not decompressor.is_finished() and len(unpacked) <= MAX_RECORD_BYTES:
        raise ValueError("the data is cut off")
    return unpacked


def _zstd(body: bytes) -> bytes:
    import pyarrow

    with pyarrow.input_stream(pyarrow.BufferReader(body), compression="zstd") as stream:
        unpacked: bytes = stream.read(MAX_RECORD_BYTES + 1)
    return unpacked
