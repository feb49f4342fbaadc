"""Cuts an article into passages that a pretrained model reads at once: whole sentences where they fit. Headings and
links are left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import UnreadableText
from models.text.language import UNKNOWN
from models.text.sentences import prose
from models.text.visible import readable

CHARACTERS_PER_TOKEN = 8
"""No more than this, nearly always."""
MARGIN_TOKENS = 8
"""A first word without the space before it may take some tokens more."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of sentences, joined by spaces. `tokens` are counted sentence by sentence, without special tokens."""

    text: str
    tokens: int


def passages(text: str, tokenizer: Any, *, room: int, prefix: str = "", language: str = UNKNOWN) -> list[Passage]:
    """The prose of `text` in passages of at most `room` tokens behind `prefix`, about equally long, in order; nothing
    is left out.

    Raises:
        UnreadableText: the text holds no prose.
    """
    ruler = _Ruler(tokenizer, room, prefix)
    parts = list(_parts(text, ruler, language))
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
    return [join(run) for long in found for run in _fitting(long, ruler)]


def opening(text: str, tokenizer: Any, *, room: int, prefix: str = "", language: str = UNKNOWN) -> tuple[Passage, int]:
    """The first sentences of `text` that fit into `room` tokens, and how many tokens all of it has.

    Raises:
        UnreadableText: the text holds no prose.
    """
    ruler = _Ruler(tokenizer, room, prefix)
    parts = list(_parts(text, ruler, language))
    held, taken = 0, []
    for part in parts:
        if held + part.tokens > room:
            break
        held += part.tokens
        taken.append(part)
    while len(taken) > 1 and not ruler.fits(join(taken).text):
        taken.pop()
    return join(taken), sum(part.tokens for part in parts)


def join(parts: Sequence[Passage]) -> Passage:
    return Passage(" ".join(part.text for part in parts), sum(part.tokens for part in parts))


class _Ruler:
    """Measures text as the model will get it: a tokenizer may count more over the whole than over its parts."""

    def __init__(self, tokenizer: Any, room: int, prefix: str) -> None:
        self.tokenizer = tokenizer
        self.room = room
        self._prefix = prefix
        self._beside = len(tokenizer(prefix, add_special_tokens=False)["input_ids"]) if prefix else 0

    def fits(self, text: str) -> bool:
        ids = self.tokenizer(self._prefix + text, add_special_tokens=False)["input_ids"]
        return len(ids) - self._beside <= self.room


def _fitting(parts: Sequence[Passage], ruler: _Ruler) -> Iterator[Sequence[Passage]]:
    """The run of parts, halved until it fits; each part does by itself."""
    if len(parts) == 1 or ruler.fits(join(parts).text):
        yield parts
        return
    half = -(-len(parts) // 2)
    yield from _fitting(parts[:half], ruler)
    yield from _fitting(parts[half:], ruler)


def _parts(text: str, ruler: _Ruler, language: str) -> Iterator[Passage]:
    """The sentences; one that does not fit in pieces."""
    texts = [words for span in prose(text, language=language) if (words := readable(text[span.start : span.end]))]
    if not texts:
        raise UnreadableText("The article holds no sentence to read, only links. Send its text.")
    # A space before each sentence, as it stands inside a passage: byte-pair tokenizers count it.
    encoded = ruler.tokenizer([" " + sentence for sentence in texts], add_special_tokens=False)["input_ids"]
    for sentence, ids in zip(texts, encoded, strict=True):
        if len(ids) + MARGIN_TOKENS < ruler.room or ruler.fits(sentence):
            yield Passage(sentence, min(max(len(ids), 1), ruler.room))
        else:
            yield from _pieces(sentence, ruler)


def _pieces(sentence: str, ruler: _Ruler) -> Iterator[Passage]:
    """The sentence in pieces that fit, cut between words where there are any."""
    while sentence:
        window = sentence[: CHARACTERS_PER_TOKEN * ruler.room]  # all of it, again and again, would take long
        encoded = ruler.tokenizer(window, add_special_tokens=False, return_offsets_mapping=True)
        offsets = encoded["offset_mapping"]
        end = offsets[ruler.room][0] if len(offsets) > ruler.room else len(window)
        if end < len(sentence) and (space := sentence.rfind(" ", end // 2, end)) > 0:
            end = space
        while end > 1 and not ruler.fits(sentence[:end]):
            end = end * 7 // 8
        piece, sentence = sentence[: max(end, 1)], sentence[max(end, 1) :].lstrip()
        tokens = len(ruler.tokenizer(piece, add_special_tokens=False)["input_ids"])
        yield Passage(piece, min(max(tokens, 1), ruler.room))
