"""Text files, one article each."""

from collections.abc import Iterator

from seeds.archives.markup import looks_marked_up, plain_text
from seeds.archives.source import STDIN, ReadOptions, Record, Skipped, Source
from seeds.archives.stream import not_utf8, read_whole
from seeds.errors import RecordError
from seeds.records import SUFFIX, Article, check_text, parse_seed


def read(source: Source, options: ReadOptions) -> Iterator[Record | Skipped]:
    """The one article in a seed file; its id is the file's path from the input's root, without the suffix."""
    identifier = "-" if source.path == STDIN else _identifier(source.name)
    try:
        article = _article(read_whole(source), source.name, identifier, options)
    except RecordError as error:
        yield Record(source.name, Article(text="", id=identifier), error)
    else:
        yield Record(source.name, article)


def _article(content: bytes, name: str, identifier: str, options: ReadOptions) -> Article:
    if options.encoding:
        content = content.decode(options.encoding, errors="replace").encode()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(name, content, error) from error
    article = parse_seed(content, name=name, identifier=identifier)
    if options.keep_markup or not looks_marked_up(article.text):
        return article
    text = plain_text(article.text)
    check_text(text, what=name)
    return Article(text=text, id=identifier, date=article.date)


def _identifier(name: str) -> str:
    """The name without `.txt`; whole where anything else stands at its end, so that no two files share one."""
    return name.removesuffix(SUFFIX)
