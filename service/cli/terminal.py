"""Shows digests to a person at a terminal."""

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
    if summary := digest.summary:
        sentences = (" ".join(sentence.text.split()) for sentence in summary.sentences)
        parts += [Padding(Text(sentence), (0, 0, 0, 2)) for sentence in sentences]
    if (topics := digest.topics) is not None:
        parts.append(Padding(_bars(topics), (1, 0, 0, 2)))
    if digest.error:
        parts.append(Padding(Text(str(digest.error), style="red"), (0, 0, 0, 2)))
    if provenance := _provenance(digest):
        parts.append(Padding(Text(provenance, style="dim"), (1, 0, 0, 2)))
    return Group(*parts)


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
    parts = []
    for task, result in digest.results.items():
        how = "from the store" if digest.cached[task] else f"{result.milliseconds:.0f} ms"
        parts.append(f"{task}: {result.model}@{result.revision}, {how}")
    return " · ".join(parts)
