"""Frames the records of a WARC file: where each begins, its headers, its block of bytes, and whether it is whole."""

import io
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import Message
from http.client import HTTPException, parse_headers
from typing import BinaryIO

from seeds.archives.source import Source
from seeds.archives.stream import MAX_RECORD_BYTES, compression, open_bytes

GZIP_MAGIC = b"\x1f\x8b\x08"
VERSION = re.compile(rb"WARC/\d\.\d+\s*$")
PLAIN_START = re.compile(rb"\n\r?\n(WARC/\d\.\d+\r?\n[A-Za-z-]+:)")
HEADER_BYTES = 2**16
BLOCK = 2**16


@dataclass(frozen=True, slots=True)
class Frame:
    """One record: where it begins (`593`, or `593+1204` inside a gzip member that holds several), its headers, its
    block, and what is wrong with it, if anything."""

    position: str
    headers: Message
    block: bytes
    problem: str | None = None


def frames(source: Source) -> Iterator[Frame]:
    """The records of a slice, in order. Damage is a frame with a problem, after which the next record follows.

    Raises:
        OSError, EOFError, ...: as `open_bytes`.
    """
    end = source.end if source.end is not None else 2**63
    if has_members(source.path):
        with open(source.path, "rb") as file:
            yield from _member_frames(file, source.start, end)
    else:
        with open_bytes(source) as data:
            yield from _stream_frames(data, source.start, end)


def has_members(path: str) -> bool:
    """Whether a file is gzip in members of a bounded size, as with one for each record that the standard asks for; also
    one whose first bytes are damaged, where a later member begins a record."""
    with open(path, "rb") as file:
        if file.read(3) != GZIP_MAGIC:
            return compression(path) == ".gz" and _next_member(file, 1) is not None
        return not next(_members(file, 0)).too_large


def next_start(source: Source, position: int) -> int | None:
    """Where the first record at or behind a position begins; None where there is none.

    Raises:
        OSError: the file cannot be read.
    """
    with open(source.path, "rb") as file:
        return (_next_member if has_members(source.path) else _next_plain)(file, position)


def _next_plain(file: BinaryIO, position: int) -> int | None:
    position = max(position - 4, 0)
    file.seek(position)
    buffer = b""
    while block := file.read(BLOCK):
        buffer += block
        if match := PLAIN_START.search(buffer):
            return position + match.start(1)
        position += max(len(buffer) - 256, 0)
        buffer = buffer[-256:]
    return None


def _next_member(file: BinaryIO, position: int) -> int | None:
    file.seek(position)
    buffer = b""
    while block := file.read(BLOCK):
        buffer += block
        at = buffer.find(GZIP_MAGIC)
        while at >= 0:
            if _begins_record(file, position + at):
                return position + at
            at = buffer.find(GZIP_MAGIC, at + 1)
        file.seek(position + len(buffer))
        position += max(len(buffer) - 2, 0)
        buffer = buffer[-2:]
    return None


def _begins_record(file: BinaryIO, position: int) -> bool:
    file.seek(position)
    try:
        return zlib.decompressobj(31).decompress(file.read(1024), 5) == b"WARC/"
    except zlib.error:
        return False


@dataclass(frozen=True, slots=True)
class _Member:
    """One gzip member: where it begins and ends, what it holds (the beginning of what is too large), and what is wrong
    with it."""

    start: int
    end: int
    data: bytes
    too_large: bool
    problem: str | None


def _members(file: BinaryIO, start: int) -> Iterator[_Member]:
    """The gzip members of a file from one that begins at `start` on."""
    position: int | None = start
    while position is not None:
        file.seek(position)
        if not _past_padding(file):
            return
        member = _member(file, file.tell())
        yield member
        position = _next_member(file, member.start + 1) if member.problem else member.end


def _past_padding(file: BinaryIO) -> bool:
    """Go past zero bytes, which some tools fill a file up with; False at its end."""
    while block := file.read(BLOCK):
        if rest := block.lstrip(b"\0"):
            file.seek(-len(rest), io.SEEK_CUR)
            return True
    return False


def _member(file: BinaryIO, start: int) -> _Member:
    unpacked = bytearray()
    too_large = False
    decompressor = zlib.decompressobj(31)
    pending = b""
    end = start
    while not decompressor.eof:
        if not pending and not (pending := file.read(BLOCK)):
            return _Member(start, end, bytes(unpacked), too_large, "the file ends inside it")
        end = file.tell()
        try:
            part = decompressor.decompress(pending, 2**20)
        except zlib.error as error:
            return _Member(start, end, bytes(unpacked), too_large, str(error))
        pending = decompressor.unconsumed_tail
        too_large = too_large or len(unpacked) + len(part) > MAX_RECORD_BYTES + HEADER_BYTES
        if not too_large:
            unpacked += part
    return _Member(start, end - len(decompressor.unused_data), bytes(unpacked), too_large, None)


def _member_frames(file: BinaryIO, start: int, end: int) -> Iterator[Frame]:
    for member in _members(file, start):
        if member.start >= end:
            return
        problem = f"it has more than {MAX_RECORD_BYTES:,} bytes" if member.too_large else member.problem
        frame, rest = _frame(member.start, member.data, problem)
        if not rest.startswith(b"WARC/"):
            yield frame
            continue
        inner = list(_stream_frames(io.BytesIO(member.data), 0, len(member.data)))
        for number, frame in enumerate(inner, start=1):
            last = problem if number == len(inner) else None
            yield replace(frame, position=f"{member.start}+{frame.position}", problem=frame.problem or last)


def _frame(offset: int, data: bytes, problem: str | None) -> tuple[Frame, bytes]:
    """The frame of a record that is in memory, and what stands behind it. A Content-Length larger than all there is is
    not believed."""
    start = _header_end(data)
    version, _, rest = data[:start].partition(b"\n")
    headers = _headers(rest)
    if not VERSION.match(version.strip()):
        problem = problem or "it does not begin as a WARC record"
    length = _length(headers)
    block, behind = data[start:], b""
    if length is not None and length <= len(block):
        block, behind = block[:length], block[length:].strip()
        if behind:
            problem = problem or "its Content-Length does not fit what it holds"
    else:
        block = block.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b"\n").removesuffix(b"\r")
    return Frame(str(offset), headers, block, problem), behind


def _header_end(data: bytes) -> int:
    match = re.search(rb"\r?\n\r?\n", data[:HEADER_BYTES])
    return match.end() if match else min(len(data), HEADER_BYTES)


def _headers(data: bytes) -> Message:
    try:
        return parse_headers(io.BytesIO(data if data.endswith(b"\n") else data + b"\r\n\r\n"))
    except HTTPException:  # a line or a number of lines without end
        return Message()


def _length(headers: Message) -> int | None:
    value = (headers.get("Content-Length") or "").strip()
    return int(value) if value.isdigit() and len(value) < 19 else None


def _stream_frames(data: BinaryIO, start: int, end: int) -> Iterator[Frame]:
    """The records of an uncompressed stream, one behind the other by their Content-Length. Where no record follows, the
    next line that begins one is looked for, and what stands before it is a record with a problem."""
    gap = _next_version(data, start)
    if gap.garbage_at is not None:
        yield Frame(str(gap.garbage_at), Message(), b"", "it does not begin as a WARC record")
    while gap.line and gap.position - len(gap.line) < end:
        offset = gap.position - len(gap.line)
        header = _header_lines(data)
        headers = _headers(header)
        length = _length(headers)
        block = data.read(min(length or 0, MAX_RECORD_BYTES + 1))
        size = len(block) + _skip(data, (length or 0) - len(block))
        problem = _problem(length, block, size)
        gap = _next_version(data, gap.position + len(header) + size)
        if gap.garbage_at is not None and not gap.blank_first and problem is None:
            problem = "its Content-Length does not fit what it holds"
        yield Frame(str(offset), headers, block, problem)
        if gap.garbage_at is not None and gap.blank_first:
            yield Frame(str(gap.garbage_at), Message(), b"", "it does not begin as a WARC record")


def _problem(length: int | None, block: bytes, size: int) -> str | None:
    if length is None:
        return "it has no Content-Length"
    if size < length:
        return "the file ends inside it"
    return f"it has more than {MAX_RECORD_BYTES:,} bytes" if len(block) > MAX_RECORD_BYTES else None


def _skip(data: BinaryIO, size: int) -> int:
    skipped = 0
    while skipped < size and (block := data.read(min(size - skipped, 2**20))):
        skipped += len(block)
    return skipped


@dataclass(frozen=True, slots=True)
class _Gap:
    """The next line that begins a record (none at the end), the position behind it, and where something stood before it
    that is neither a record nor blank, if so; `blank_first`: behind a blank line."""

    line: bytes
    position: int
    garbage_at: int | None
    blank_first: bool


def _next_version(data: BinaryIO, position: int) -> _Gap:
    garbage_at: int | None = None
    blank_first = False
    while line := data.readline(HEADER_BYTES):
        if VERSION.match(line.removeprefix(BOM_UTF8).strip()):
            return _Gap(line, position + len(line), garbage_at, blank_first)
        if line.strip(b"\0\r\n\t "):
            garbage_at = position if garbage_at is None else garbage_at
        elif garbage_at is None:
            blank_first = True
        position += len(line)
    return _Gap(b"", position, garbage_at, blank_first)


def _header_lines(data: BinaryIO) -> bytes:
    header = b""
    while (line := data.readline(HEADER_BYTES)) and len(header) < HEADER_BYTES:
        header += line
        if not line.strip():
            break
    return header
