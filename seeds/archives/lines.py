"""Cuts files of lines into slices: a plain file into byte ranges, what can be read only once into blocks of its lines.
Counts line ends, and looks at no record."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from seeds.archives.source import STDIN, ReadOptions, Source
from seeds.archives.stream import DAMAGE, MAX_RECORD_BYTES, open_bytes, packing, recoded

BLOCK = 2**18

Boundary = Callable[[bytearray], int]
"""Where the last whole record in some bytes ends; 0 where none does."""


def last_line_end(buffer: bytearray) -> int:
    return buffer.rfind(b"\n") + 1


def cut(
    source: Source, options: ReadOptions, *, recode: str | None = None, opened: BinaryIO | None = None,
    boundary: Boundary = last_line_end,
) -> Iterator[Source]:  # fmt: skip
    """The slices of a file of lines, in order, of about the size that the options say.

    Args:
        recode: the encoding of a file that is to be read as UTF-8.
        opened: its bytes, where they have been opened already.

    Raises:
        OSError, EOFError, ...: as `open_bytes`; the slices before the damage have been given.
    """
    once = source.path == STDIN or packing(source.path) is not None or recode is not None
    start, number = 0, 1
    opened = opened or open_bytes(source)
    with recoded(opened, recode) if recode else opened as data:
        for block, size in _blocks(data, options, boundary):
            count = block.count(b"\n") + (not block.endswith(b"\n"))
            if once:
                yield replace(source, data=block, first=number, count=count)
            else:
                yield replace(source, start=start, end=start + size, first=number, count=count)
            start, number = start + size, number + count


def _blocks(data: BinaryIO, options: ReadOptions, boundary: Boundary) -> Iterator[tuple[bytes, int]]:
    """The stream in pieces that end where a record does, each with the bytes it was read from: of a line that is too
    long only the beginning is kept."""
    buffer = bytearray()
    count = size = 0
    skipping = False
    try:
        while block := data.read1(min(BLOCK, options.slice_bytes)):  # type: ignore[attr-defined]
            size += len(block)
            if skipping:
                _, end, block = block.partition(b"\n")
                skipping = not end
                block = end + block
            buffer += block
            count += block.count(b"\n")
            if (count >= options.slice_records or len(buffer) >= options.slice_bytes) and (end_at := boundary(buffer)):
                rest = len(buffer) - end_at
                yield bytes(buffer[:end_at]), size - rest
                del buffer[:end_at]
                count, size = buffer.count(b"\n"), rest
            if len(buffer) - buffer.rfind(b"\n") > MAX_RECORD_BYTES + 2:
                del buffer[buffer.rfind(b"\n") + MAX_RECORD_BYTES + 2 :]
                skipping = True
    except DAMAGE:
        if end_at := last_line_end(buffer):
            yield bytes(buffer[:end_at]), size
        raise
    if buffer:
        yield bytes(buffer), size
