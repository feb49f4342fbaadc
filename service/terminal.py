"""Shows digests to a person at a terminal. Knows nothing of where they come from."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from models.types import Topic
from service.digest import Digest

BAR = 20
WIDTH = 100


def show(digest: Digest, *, console: Console) -> None:
    """Print the digest: its id, the summary, the topics with bars, and what made them."""
    console.print(_block(digest), width=min(console.width, WIDTH))
    console.print()


def _block(digest: Digest) -> RenderableType:
    parts: list[RenderableType] = [Text(digest.id or "article", style="bold")]
    if digest.summary:
        parts += [Padding(Text(sentence), (0, 0, 0, 2)) for sentence in _paragraphs(digest)]
    if digest.topics is not None:
        parts.append(Padding(_bars(digest.topics), (1, 0, 0, 2)))
    if digest.error:
        parts.append(Padding(Text(str(digest.error), style="red"), (0, 0, 0, 2)))
    if made := _provenance(digest):
        parts.append(Padding(Text(made, style="dim"), (1, 0, 0, 2)))
    return Group(*parts)


def _paragraphs(digest: Digest) -> list[str]:
    assert digest.summary is not None
    return [" ".join(sentence.text.split()) for sentence in digest.summary.sentences]


def _bars(topics: Sequence[Topic]) -> RenderableType:
    if not topics:
        return Text("no topic is certain enough", style="dim")
    table = Table.grid(padding=(0, 2))
    for topic in topics:
        full = round(topic.score * BAR)
        bar = Text("█" * full, style="cyan") + Text("░" * (BAR - full), style="dim")
        table.add_row(bar, f"{topic.score:4.0%}", topic.name, Text(topic.qcode or "", style="dim"))
    return table


def _provenance(digest: Digest) -> str:
    told = []
    for task, result in digest.provenance.items():
        how = "from the store" if digest.cached[task] else f"{result.milliseconds:.0f} ms"
        told.append(f"{task}: {result.model}@{result.revision}, {how}")
    return " · ".join(told)
