"""Finds the article in the messages of a chat. What is left is the instruction, and is read for what it asks; nothing
within the article is."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from seeds.records import Article

LEAST_ARTICLE_WORDS = 3
MARKS = (
    (re.compile(r"<(text_content|article|content|document|text|chat_history|page)>", re.I), "</{0}>"),
    (re.compile(r"--- PAGE START ---"), "--- page end ---"),
    (re.compile(r"CONTENT START HERE"), "content end here"),
    (re.compile(r"\n\nText: "), "\n\ntags:"),
    (re.compile(r"```\w*\n"), "\n```"),
    (re.compile(r'"""'), '"""'),
    (re.compile(r"(?:^|\n)-{3,}\n"), ""),
)
"""What apps put before and behind an article, the surest first. An article may quote the mark, so the last closing one
counts; where there is none to come, the article goes on to the end."""
FIELD = re.compile(
    r"^[ \t]*(?P<name>title|headline|description|content|visible text|text|body|article|publisher|author|date|url|feed"
    r"|existing tags|language)[ \t]*:[ \t]*(?P<value>.*)$",
    re.I,
)
"""A line of the form `Title: …`, as apps describe an article."""
BODY = frozenset({"content", "visible text", "text", "body", "article"})
TITLE = frozenset({"title", "headline"})
BEHIND = frozenset({"publisher", "author", "url", "date"})
"""Fields that may stand behind the body."""


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
    for opening, closing in MARKS:
        if opened := opening.search(text):
            mark = closing.format(*opened.groups()).lower()
            end = text.lower().rfind(mark, opened.end()) if mark else len(text)
            if end >= 0:
                return _described(text[opened.end() : end]), text[: opened.start()] + text[end:]
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
            return _article(title, "\n".join([field["value"], *_without_fields_behind(lines[number + 1 :])]))
        elif field["name"].lower() in TITLE:
            title = field["value"].strip() or None
    return _article(title, "")


def _without_fields_behind(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (
        not lines[end - 1].strip() or ((field := FIELD.match(lines[end - 1])) and field["name"].lower() in BEHIND)
    ):
        end -= 1
    return lines[:end]


def _article(title: str | None, body: str) -> Article:
    return Article(html.unescape(body).strip(), title=html.unescape(title) if title else None)
