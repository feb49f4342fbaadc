"""Counts tokens as the embedded model reads them, for clients that are told how many there were."""

from functools import lru_cache
from importlib.resources import files

from tokenizers import Tokenizer


def count_tokens(text: str) -> int:
    """The tokens of a text."""
    return len(_tokenizer().encode(text, add_special_tokens=False).ids)


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(files("models") / "news-minilm" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
