"""Plans an archive into parts: the unit of work, of checkpoint, of retry and of quarantine. Looks at files, not at
records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from seeds.archives import ReadOptions, Source, slices


@dataclass(frozen=True, slots=True)
class Part:
    """Slices of files that are read together, in order, and become one piece of the output."""

    index: int
    sources: tuple[Source, ...]

    @property
    def size(self) -> int:
        """Bytes of the input, for the progress."""
        return sum(source.size for source in self.sources)


@dataclass(frozen=True, slots=True)
class Task:
    """A part to be worked on.

    Args:
        before: how many records the parts before it hold; counts where a sample is taken.
        left: how many rows may still be written.
        killers: numbers of records, in the part from 0, that end a worker and are not digested.
        only: digest the records of this range alone, and write nothing.
        unreadable: the part cannot even be read; its sources are failures.
    """

    part: Part
    before: int = 0
    left: int | None = None
    killers: frozenset[int] = field(default_factory=frozenset)
    only: range | None = None
    unreadable: bool = False


def plan(sources: Sequence[Source], options: ReadOptions) -> Iterator[Part]:
    """The parts, as they are found: slices of one size or so, small files together. The same for the same files."""
    waiting: list[Source] = []
    index = 0
    for source in sources:
        for piece in slices(source, options):
            if waiting and _is_full([*waiting, piece], options):
                yield Part(index, tuple(waiting))
                index, waiting = index + 1, []
            waiting.append(piece)
    if waiting:
        yield Part(index, tuple(waiting))


def _is_full(sources: Sequence[Source], options: ReadOptions) -> bool:
    """Whether some slices are too much for one part. A file whose records were not counted stands for one."""
    size = sum(len(source.data) if source.data is not None else source.size for source in sources)
    return size > options.slice_bytes or sum(source.count or 1 for source in sources) > options.slice_records
