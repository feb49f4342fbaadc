"""What to make of an archive, as one value that goes to every worker."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from models.generative.servers import Server
from models.open import Inference
from seeds.archives import Format, ReadOptions, Source
from seeds.archives.source import STDIN
from seeds.outputs import FIELDS, OutputFormat, suffix_of
from service.digest import DigestOptions, LanguagePolicy

Duplicates = Literal["mark", "skip"]
"""Whether a record that says nearly what an earlier one says is digested all the same."""
MEMORY = "sqlite://"
"""A store that keeps nothing beyond the part that is being worked on."""


@dataclass(frozen=True, slots=True)
class ArchiveJob:
    """`duplicates`: whether near-duplicates are looked
    for. `sample`: only every n-th record; `limit`: only the first n of these. `guard`: disarm formulas in CSV. `store`
    is a database URL; `models` the folder of pulled models."""

    input: str
    out: Path
    digest_options: DigestOptions
    format: OutputFormat
    store: str
    models: Path
    input_format: Format | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    fields: tuple[str, ...] = FIELDS
    include_text: bool = False
    guard: bool = True
    duplicates: Duplicates | None = None
    limit: int | None = None
    sample: int = 1
    inference: Inference = field(default_factory=Inference)
    max_article_characters: int = 400_000
    language_policy: LanguagePolicy = "warn"
    servers: tuple[Server, ...] = ()

    @property
    def from_stdin(self) -> bool:
        return self.input == STDIN

    @property
    def suffix(self) -> str:
        """The suffix of a part's file."""
        return suffix_of(self.out, self.format)

    @property
    def row_fields(self) -> tuple[str, ...]:
        more = (("text", self.include_text), ("duplicate_of", self.duplicates is not None))
        return (*self.fields, *(name for name, asked in more if asked and name not in self.fields))

    @property
    def in_order(self) -> bool:
        """Whether a part can only be begun when those before it are done: which of its records count depends on
        them."""
        return self.limit is not None or self.sample > 1

    def identity(self, sources: Sequence[Source], models: Mapping[Any, Any]) -> dict[str, Any]:
        """What must be the same for a run to be taken up. Standard input has none: its first part is compared.

        Raises:
            OSError: an input is gone.
        """
        return {
            "input": [_file_state(source) for source in sources],
            "read": {name: value for name, value in asdict(self.read).items() if name != "more"},
            "models": models,
            "tasks": sorted(self.digest_options.models()),
            "summary_options": asdict(self.digest_options.summary),
            "topics_options": asdict(self.digest_options.topics),
            "output_format": self.format,
            "output_fields": list(self.row_fields),
            "guard": self.guard,
            "duplicates": self.duplicates,
            "limit": self.limit,
            "sample": self.sample,
        }


def _file_state(source: Source) -> list[object]:
    if source.path == STDIN:
        return [source.name, source.format]
    if source.damage:
        return [source.name, source.format, source.damage]
    state = Path(source.path).stat()
    return [source.name, source.format, state.st_size, state.st_mtime_ns]
