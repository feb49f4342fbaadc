"""What an instruction-tuned model is asked, and what of its answer is the summary."""

import hashlib
import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from models.options import SummaryOptions

if TYPE_CHECKING:  # its hash is asked for by commands that read no text
    from models.generative.writing import Ask

FILE = "prompt.toml"
THOUGHT = re.compile(r"\A.*</think>|\A\s*<think>.*", re.DOTALL)
"""What a reasoning model says to itself first; the template may have opened it."""
HEADING = re.compile(r"\A[\s*#_]*(?:summary|here is (?:a|the) summary[^:\n]*)[*_]*\s*:[*_]*\s*", re.IGNORECASE)
MARK = re.compile(r"</?article>")
DEFAULT_SENTENCES = 3


def prompt(ask: "Ask") -> str:
    """The message for a text. The marks around the text cannot be closed from within."""
    return _prompts()[ask.stage].strip().format(length=_length(ask.options), text=MARK.sub(" ", ask.text))


def answer(text: str) -> str:
    """The summary in an answer: no thoughts, no heading, in one line."""
    return " ".join(HEADING.sub("", THOUGHT.sub("", text)).split())


@lru_cache(maxsize=1)
def prompt_hash() -> str:
    """The first 12 hexadecimal digits of the SHA-256 of the prompts."""
    return hashlib.sha256(_file()).hexdigest()[:12]


def _file() -> bytes:
    return files("models.generative").joinpath(FILE).read_bytes()


@lru_cache(maxsize=1)
def _prompts() -> dict[str, str]:
    return tomllib.loads(_file().decode())


def _length(options: SummaryOptions) -> str:
    sentences = options.sentences
    limits = []
    if sentences:
        limits.append("one sentence" if sentences == 1 else f"at most {sentences} sentences")
    if options.max_words:
        limits.append(f"at most {options.max_words} words")
    if options.min_words:
        limits.append(f"at least {options.min_words} words")
    return " and ".join(limits) or f"at most {DEFAULT_SENTENCES} sentences"
