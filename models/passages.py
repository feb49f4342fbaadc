"""Cuts an article into passages that a pretrained model reads at once: whole sentences where they fit. Headings and
links are left out. Knows nothing of models but their tokenizer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import UnreadableText
from models.sentences import sentences


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of sentences, joined by spaces. `tokens` are counted sentence by sentence, without special tokens."""

    text: str
    tokens: int


def passages(text: str, tokenizer: Any, *, room: int) -> list[Passage]:
    """The prose of `text` in passages of at most `room` tokens, about equally long, in order; nothing is left out.

    Raises:
        UnreadableText: the text holds no prose.
    """
    parts = list(_parts(text, tokenizer, room))
    total = sum(part.tokens for part in parts)
    aim = total / -(-total // room)
    found: list[list[Passage]] = [[]]
    held = 0
    for part in parts:
        if found[-1] and (held + part.tokens > room or held >= aim):
            found.append([])
            held = 0
        found[-1].append(part)
        held += part.tokens
    return [join(run) for run in found]


def opening(text: str, tokenizer: Any, *, room: int) -> tuple[Passage, int]:
    """The first sentences of `text` that fit into `room` tokens, and how many tokens all of it has.

    Raises:
        UnreadableText: the text holds no prose.
    """
    parts = list(_parts(text, tokenizer, room))
    held, kept = 0, []
    for part in parts:
        if held + part.tokens > room:
            break
        held += part.tokens
        kept.append(part)
    return join(kept), sum(part.tokens for part in parts)


def join(parts: Sequence[Passage]) -> Passage:
    return Passage(" ".join(part.text for part in parts), sum(part.tokens for part in parts))


def _parts(text: str, tokenizer: Any, room: int) -> Iterator[Passage]:
    """The sentences; one of more than `room` tokens in pieces."""
    texts = [" ".join(text[span.start : span.end].split()) for span in sentences(text)]
    if not texts:
        raise UnreadableText("The article holds no sentence to read, only links. Send its text.")
    # A space before each sentence, as it stands inside a passage: byte-pair tokenizers count it.
    encoded = tokenizer([" " + sentence for sentence in texts], add_special_tokens=False, return_offsets_mapping=True)
    for sentence, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        if len(ids) <= room:
            yield Passage(sentence, max(len(ids), 1))
            continue
        for start in range(0, len(ids), room):
            inside = offsets[start : start + room]
            yield Passage((" " + sentence)[inside[0][0] : inside[-1][1]].strip(), len(inside))
