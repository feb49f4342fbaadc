"""The bytes of an archive's files: decompressed by what they are, bounded, in UTF-8. Knows no formats."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from seeds.archives.source import STDIN, Source
from seeds.errors import UnreadableRecord

MAX_RECORD_BYTES = 64 * 1024**2
"""A longer record is refused unread, so that memory stays bounded whatever a file holds."""
COMPRESSIONS = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}
"""By suffix, the bytes that such a file begins with."""
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading a damaged stream raises."""
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def compression(path: str) -> str | None:
    """The suffix of the compression that a file's name tells, in any case of letters."""
    suffix = PurePath(path).suffix.casefold()
    return suffix if suffix in COMPRESSIONS else None


def bare_name(path: str) -> str:
    """The path without the suffix of a compression."""
    return path[: -len(PurePath(path).suffix)] if compression(path) else path


def open_bytes(source: Source) -> BinaryIO:
    """The bytes of a source, decompressed, at its start.

    Raises:
        OSError: it cannot be opened, or is not what its name says. While it is read: one of DAMAGE.
    """
    if source.data is not None:
        return io.BytesIO(source.data)
    if source.path == STDIN:
        return _unpacked(sys.stdin.buffer, _magic(peek_stdin()))
    named, actual = compression(source.path), packing(source.path)
    if named and named != actual:
        empty = not os.path.getsize(source.path)
        raise OSError("the file is empty" if empty else f"it is not compressed as its suffix {named} says")
    opened = _unpacked(source.path, actual)
    if source.start:
        opened.seek(source.start)
    return opened


def peek_stdin() -> bytes:
    """What standard input begins with, left where it is."""
    return cast("io.BufferedReader", sys.stdin.buffer).peek()


def packing(path: str) -> str | None:
    """The suffix that stands for a file's compression, by its first bytes; None where it has none.

    Raises:
        OSError: it cannot be opened.
    """
    with open(path, "rb") as file:
        return _magic(file.read(8))


def _unpacked(file: str | BinaryIO, packed: str | None) -> BinaryIO:
    if packed == ".gz":
        return cast("BinaryIO", gzip.open(file))
    if packed in (".bz2", ".xz"):
        opened = open(file, "rb") if isinstance(file, str) else file  # noqa: SIM115 - the stream closes it
        return io.BufferedReader(_Streams(opened, bz2.BZ2Decompressor if packed == ".bz2" else lzma.LZMADecompressor))
    if packed == ".zst":
        import pyarrow

        return io.BufferedReader(pyarrow.input_stream(file, compression="zstd"))
    return open(file, "rb") if isinstance(file, str) else file


def _magic(first: bytes) -> str | None:
    if first[1:4] == b"\x2a\x4d\x18" and 0x50 <= first[0] <= 0x5F:  # a skippable frame, which pzstd begins with
        return ".zst"
    return next((suffix for suffix, magic in COMPRESSIONS.items() if first.startswith(magic)), None)


def read_whole(source: Source) -> bytes:
    """All of a source that is one document.

    Raises:
        UnreadableRecord: it is larger than a record may be.
        OSError, EOFError, ...: as `open_bytes`.
    """
    with open_bytes(source) as data:
        content = data.read(MAX_RECORD_BYTES + 1)
    if len(content) > MAX_RECORD_BYTES:
        raise UnreadableRecord(
            f"{source.name} has more than {MAX_RECORD_BYTES:,} bytes, which are read as one. Split it, or turn it into "
            "JSON lines: jq -c '.[]'"
        )
    return content


def lines(data: BinaryIO, *, size: int | None = None) -> Iterator[bytes]:
    """The lines of a stream, `size` bytes of it; of a line that is too long only the beginning, without a line end.

    Raises:
        EOFError: the stream ends before `size` bytes.
    """
    left = size if size is not None else sys.maxsize
    while left > 0 and (line := data.readline(min(MAX_RECORD_BYTES + 1, left))):
        left -= len(line)
        if len(line) > MAX_RECORD_BYTES and not line.endswith(b"\n"):
            while left > 0 and (rest := data.readline(min(MAX_RECORD_BYTES, left))):
                left -= len(rest)
                if rest.endswith(b"\n"):
                    break
        yield line
    if size is not None and left:
        raise EOFError(f"the file is {left:,} bytes shorter than it was when the run began")


def sample(source: Source, size: int = 2**16) -> bytes:
    """The first bytes of a file, as many as can be read.

    Raises:
        OSError, EOFError, ...: not even one can.
    """
    first = b""
    with open_bytes(source) as data:
        try:
            while len(first) < size and (block := data.read1(size - len(first))):  # type: ignore[attr-defined]
                first += block
        except DAMAGE:
            if not first:
                raise
    return first


def not_utf8(name: str, data: bytes, error: UnicodeDecodeError) -> UnreadableRecord:
    """The refusal of bytes that are not UTF-8."""
    return UnreadableRecord(
        f"{name} is not UTF-8: byte 0x{data[error.start]:02X} at offset {error.start:,}. Name its encoding, for "
        "example with --encoding windows-1252, or convert the file first: iconv -f WINDOWS-1252 -t UTF-8"
    )


def recoded(data: BinaryIO, encoding: str) -> BinaryIO:
    """The stream in UTF-8 with LF line ends, whatever its encoding; a byte that is none becomes U+FFFD."""
    reader = codecs.getreader(encoding)(data, "replace")
    return io.BufferedReader(_Recoded(reader))


class _Streams(io.RawIOBase):
    """Compressed streams, one behind the other. The standard library takes a damaged one behind a whole one for
    garbage, and ends without a word."""

    def __init__(self, file: BinaryIO, make: Callable[[], Any]) -> None:
        self._file = file
        self._make = make
        self._packed = make()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._packed.eof or self._begin_next():
            block = b""
            if self._packed.needs_input:
                block, self._rest = self._rest or self._file.read(2**16), b""
                if not block:
                    raise EOFError("the compressed file ends inside a stream")
            if data := self._packed.decompress(block, len(buffer)):
                buffer[: len(data)] = data
                return len(data)
        return 0

    def _begin_next(self) -> bool:
        """Whether another stream follows, behind what a file may be padded with."""
        rest = self._packed.unused_data.lstrip(b"\0")
        while not rest:
            block = self._file.read(2**16)
            if not block:
                return False
            rest = block.lstrip(b"\0")
        self._packed, self._rest = self._make(), rest
        return True


class _Recoded(io.RawIOBase):
    """Decodes and encodes again, block by block."""

    def __init__(self, reader: codecs.StreamReader) -> None:
        self._reader = reader
        self._rest = b""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._reader.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            text = self._reader.read(len(buffer))
            if text.endswith("\r"):  # the LF may follow
                text += self._reader.read(1, 1)
            self._rest = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", errors="replace")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
