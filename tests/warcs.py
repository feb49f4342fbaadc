"""WARC files for tests, written record by record, so that each can be wrong in its own way."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

Encode = Callable[[bytes], bytes]


def page(number: int, text: str) -> bytes:
    """A web page with an article, and what stands around it."""
    paragraphs = "".join(f"<p>{part}</p>" for part in text.split("\n\n"))
    return (
        f"<!doctype html><html lang='en'><head><title>Page {number}</title><meta property='article:published_time' "
        f"content='2024-01-0{number + 1}'></head><body><nav><a href='/'>Home</a> <a href='/x'>More</a></nav>"
        f"<article><h1>Page {number}</h1>{paragraphs}</article><footer>© us</footer></body></html>"
    ).encode()


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *(headers or ("Content-Type: text/html; charset=utf-8",))]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def record(
    block: bytes, *, url: str, kind: str = "response", version: str = "1.0", length: int | None = -1, more: str = ""
) -> bytes:
    """One WARC record; `length` is what it says of itself, by default the truth."""
    headers = [
        f"WARC/{version}",
        f"WARC-Type: {kind}",
        "WARC-Record-ID: <urn:uuid:8ffe23f3-6b0e-5853-8a57-1358a9ba214b>",
    ]
    headers += ["WARC-Date: 2024-05-01T10:00:00Z", f"WARC-Target-URI: {url}", *([more] if more else [])]
    if length is not None:
        headers.append(f"Content-Length: {len(block) if length < 0 else length}")
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def write_warc(path: Path, records: Sequence[bytes]) -> Path:
    """The records in a file, each a gzip member of its own where the name asks for gzip."""
    packed = path.suffix == ".gz"
    path.write_bytes(b"".join(gzip.compress(data, mtime=0) if packed else data for data in records))
    return path


def chunked(body: bytes, size: int = 100) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces) + b"0\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()
