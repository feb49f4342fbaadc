"""Finds the article in the messages of a chat. What is left is the instruction, and is read for what it asks; nothing
within the article is."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from seeds.records import Article

LEAST_ARTICLE_WORDS = 3
DELIMITED = (
    re.compile(r"<(text_content|article|content|document|text|chat_history|page)>\s*(?P<article>.*)</\1>", re.S | re.I),
    re.compile(r"--- ?PAGE START ?---\s*(?P<article>.*)--- ?PAGE END ?---", re.S),
    re.compile(r"CONTENT START HERE\s*(?P<article>.*)CONTENT END HERE", re.S),
    re.compile(r"\n\nText: (?P<article>.*)\n\nTags:\s*$", re.S),
    re.compile(r"```\w*\n(?P<article>.*)\n```", re.S),
    re.compile(r'"""\s*(?P<article>.*)\s*"""', re.S),
    re.compile(r"(?:^|\n)-{3,}\n(?P<article>.*)$", re.S),
)
"""What apps put around an article, the surest first. An article may quote the mark, so the last closing one counts."""
FIELD = re.compile(
    r"^[ \t]*(?P<name>title|headline|description|content|visible text|text|body|article|publisher|author|date|url|feed"
    r"|existing tags|language)[ \t]*:[ \t]*(?P<value>.*)$",
    re.I,
)
"""A line of the form `Title: …`, as apps describe an article."""
BODY = frozenset({"content", "visible text", "text", "body", "article"})
TITLE = frozenset({"title", "headline"})
BEHIND = re.compile(r"(?:\n[ \t]*(?:publisher|author|url|date|tags)[ \t]*:[^\n]*)+\s*$", re.I)
"""What may stand behind the body in the same form."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages of a chat, taken apart."""

    article: Article
    instruction: str


def take_apart(messages: Sequence[tuple[str, str]]) -> Prompt | None:
    """The article and the instruction; None where no article is there.

    Args:
        messages: role and text of each.
    """
    written = [(role, text) for role, text in messages if text.strip()]
    asked = [number for number, (role, _) in enumerate(written) if role == "user"]
    if not asked:
        return None
    longest = max(asked, key=lambda number: (len(written[number][1]), number))
    others = "\n".join(text for number, (_, text) in enumerate(written) if number != longest)
    article, instruction = _in_message(written[longest][1], alone=not others)
    if len(article.text.split()) < LEAST_ARTICLE_WORDS:
        return None
    return Prompt(article, f"{others}\n{instruction}")


def _in_message(text: str, *, alone: bool) -> tuple[Article, str]:
    """The article in one message, and the rest of it.

    Args:
        alone: whether the instruction must be in this message too.
    """
    for pattern in DELIMITED:
        if found := pattern.search(text):
            rest = text[: found.start("article")] + text[found.end("article") :]
            return _described(found["article"]), rest
    lines = text.split("\n")
    bodies = [
        number for number, line in enumerate(lines) if (field := FIELD.match(line)) and field["name"].lower() in BODY
    ]
    if bodies:
        start = bodies[0]
        while start > 0 and (not lines[start - 1].strip() or FIELD.match(lines[start - 1])):
            start -= 1
        return _described("\n".join(lines[start:])), "\n".join(lines[:start])
    if not alone:
        return _described(text), ""
    head, mark, rest = text.partition("\n")
    if not mark or len(rest.split()) < LEAST_ARTICLE_WORDS:
        head, mark, rest = text.partition(":")
    return (_described(rest), head) if mark and len(head.split()) <= 60 else (Article(""), text)


def _described(text: str) -> Article:
    """The article in a text that may give title and body as fields; others are left out."""
    title, lines = None, text.strip("\n").split("\n")
    for number, line in enumerate(lines):
        field = FIELD.match(line)
        if field is None:
            if line.strip():
                return _article(title, "\n".join(lines[number:]))
        elif field["name"].lower() in BODY:
            body = "\n".join([field["value"], *lines[number + 1 :]])
            return _article(title, BEHIND.sub("", body))
        elif field["name"].lower() in TITLE:
            title = field["value"].strip() or None
    return _article(title, "")


def _article(title: str | None, body: str) -> Article:
    return Article(html.unescape(body).strip(), title=html.unescape(title) if title else None)
