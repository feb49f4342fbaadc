"""Gathers what the second stage of training learns from: the articles that were read in full, and a replay of the
first stage's sources. Nothing of an article that was read is in the replay."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
from tokenizers import Tokenizer

from models.text.sentences import sentences
from models.training import corpus, nothing, topics, vocabularies
from models.training.examples import Choice, Example, first_tokens, tokenise
from models.training.oracle import oracle
from models.training.reading import ChosenArticle, ReadArticle, chosen_articles, read_articles

READ_TOKENS, ORACLE_TOKENS, REPLAY_TOKENS, EMPTY_TOKENS = 508, 500, 380, 200
ORACLE_ARTICLES = 2_600
"""Those with several references first."""
ORACLE_STYLE = 4
"""The salience head's style of the oracle; the editors' is the one served, 0."""
GOOD = 0.35
"""What an acceptable sentence counts beside one of the best three."""
REPLAYED_ROWS = {
    "allsides_abp": 1_500, "huffpost": 2_500, "huffpost_headlines": 7_000, "nyt_2024_headlines": 3_000,
    "reuters21578": 250, "rss_cnn_bbc_guardian": 8_000, "wikipedia_current_events": 9_000, "inshorts": 1_800,
    "toi_2001_headlines": 600, "wikipedia_current_events_topics": 500,
}  # fmt: skip
MOST_OF_ONE_TOPIC = {"wikipedia_current_events": 900}
MOST_POLITICS_ALONE = 300
RARE = frozenset({5, 8, 9, 10, 12, 17})


@dataclass(frozen=True, slots=True)
class Material:
    """Examples by kind. `chosen` and `read` have the ids of their articles beside them, in order."""

    chosen: Sequence[Example]
    chosen_ids: Sequence[str]
    read: Sequence[Example]
    read_ids: Sequence[str]
    oracle: Sequence[Example]
    replay: Sequence[Example]
    nothing: Sequence[Example]


def gather(data: Path, labelled: Iterable[topics.Labelled], tokenizer: Tokenizer, *, seed: int) -> Material:
    """Args:
    labelled: the rows of the first stage.
    """
    random = Random(seed)
    chosen, read = chosen_articles(data), read_articles(data)
    articles: list[ReadArticle | ChosenArticle] = [*chosen, *read]
    apart = {article.source_id for article in articles}
    texts = {article.id: article.text for article in articles}
    rows = [row for row in labelled if row.id not in apart and row.split == "train"]
    replay = [example for row in sample(rows, random) if (example := replayed(row, tokenizer))]
    for name, definition in vocabularies.definitions(data):
        empty = np.zeros(17, np.float32)
        parts = tuple(tokenise(tokenizer, [definition]))
        replay.append(Example(parts, topics=empty, believed=empty, source="mediatopics", labels=(name,)))
    return Material(
        chosen=[chosen_example(article, tokenizer) for article in chosen],
        chosen_ids=[article.id for article in chosen],
        read=[read_example(article, tokenizer) for article in read],
        read_ids=[article.id for article in read],
        oracle=oracle_examples(data, tokenizer, apart=apart, texts=texts),
        replay=replay,
        nothing=[empty_example(text, tokenizer) for text in nothing.texts(random)],
    )


def chosen_example(article: ChosenArticle, tokenizer: Tokenizer) -> Example:
    count = len(article.sentences)
    taken, shares, first = (np.zeros(count, np.float32) for _ in range(3))
    weight = np.ones(count, np.float32)
    taken[list(article.good)], shares[list(article.good)], first[list(article.good)] = GOOD, 0.25, 0.05
    taken[list(article.best)], shares[list(article.best)], first[list(article.best)] = 1.0, 1.0, 0.15
    shares[article.one] += 0.5
    first[article.one] = 1.0
    weight[list(article.badly_cut)] = 1.5
    weight[list(article.furniture)] = 3.0
    choice = Choice(taken, weight, shares / shares.sum(), first / first.sum())
    return Example(tuple(tokenise(tokenizer, article.sentences)), choice=choice)


def read_example(article: ReadArticle, tokenizer: Tokenizer) -> Example:
    body, _ = first_tokens(tokenise(tokenizer, _sentences(article.text)), READ_TOKENS)
    title = tokenise(tokenizer, [article.title]) if article.title else []
    return Example(
        (*title, *body),
        has_title=bool(title),
        topics=(article.holds == 1).astype(np.float32),
        believed=(article.holds >= 0).astype(np.float32),
        main=article.main,
    )


def replayed(row: topics.Labelled, tokenizer: Tokenizer) -> Example | None:
    """A row of a noisy source, with its labels; None when it is empty."""
    texts = _sentences(row.text)
    body, _ = first_tokens(tokenise(tokenizer, texts[:-1] if row.truncated else texts) or [()], REPLAY_TOKENS)
    title = tokenise(tokenizer, [row.title]) if row.title else []
    if not any(body):
        body, title = tuple(title), []
    if not any(body):
        return None
    wanted, believed = topics.targets(row)
    source = row.labels[0].split(":")[0] if row.source == "rss_cnn_bbc_guardian" and row.labels else row.source
    return Example(
        (*title, *body),
        has_title=bool(title),
        topics=wanted,
        believed=believed,
        source=source,
        labels=vocabularies.label_names(row),
    )


def empty_example(text: str, tokenizer: Tokenizer) -> Example:
    parts, _ = first_tokens(tokenise(tokenizer, _sentences(text) or [text]), EMPTY_TOKENS)
    return Example(parts, topics=np.zeros(17, np.float32), believed=np.ones(17, np.float32))


def oracle_examples(data: Path, tokenizer: Tokenizer, *, apart: set[str], texts: dict[str, str]) -> list[Example]:
    """Articles with human summaries. None is held back, and none tells the story of an article that was read."""
    news = corpus.pairs(data, "cnn_dailymail")
    kept_out = {pair.id: pair.text for pair in news if pair.id in corpus.held_back()} | texts
    several = corpus.several_references(data)
    extra = [corpus.Pair(name, "newts", text, "") for name, (text, _) in several.items()]
    references = {
        pair.id: (pair.text, [pair.reference]) for pair in corpus.without(news, kept_out) if pair.id not in apart
    }
    for pair in corpus.without(extra, kept_out):
        text, editors = references.get(pair.id, (pair.text, []))
        references[pair.id] = (text, editors * 2 + several[pair.id][1])
    order = sorted(
        references, key=lambda name: (len(references[name][1]) == 1, corpus.fraction(name, salt="stage two"))
    )
    examples = []
    for name in order[:ORACLE_ARTICLES]:
        article, summaries = references[name]
        whole = _sentences(article)
        parts, kept = first_tokens(tokenise(tokenizer, whole), ORACLE_TOKENS)
        if kept >= 4:
            examples.append(Example(parts, corpus=ORACLE_STYLE, salience=oracle(whole[:kept], *summaries)))
    return examples


def sample(rows: Iterable[topics.Labelled], random: Random) -> list[topics.Labelled]:
    """No source more than its share, rows of rare topics first."""
    by_source: dict[str, list[topics.Labelled]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(row)
    kept: list[topics.Labelled] = []
    for source, members in by_source.items():
        random.shuffle(members)
        rare = [row for row in members if row.topics & RARE]
        rest = [row for row in members if not row.topics & RARE]
        counts: dict[int, int] = defaultdict(int)
        balanced = []
        for row in rest:
            topic = min(row.topics, default=0)
            counts[topic] += 1
            alone = source == "allsides_abp" and row.topics == {11}
            if counts[topic] <= (MOST_POLITICS_ALONE if alone else MOST_OF_ONE_TOPIC.get(source, len(rest))):
                balanced.append(row)
        most = REPLAYED_ROWS.get(source, len(members))
        kept += [*rare[: most // 2], *balanced][:most]
    return kept


def shortened(example: Example, random: Random) -> Example:
    """Now and then without its title, or as short as a brief: then only the main topic is sure to hold."""
    title, body = example.parts[: example.has_title], example.parts[example.has_title :]
    believed = example.believed
    place = random.random()
    if place < 0.4:
        body = body[: random.randint(1, 3) if place < 0.2 else random.randint(3, 12)]
        assert example.topics is not None
        assert believed is not None
        also = (example.topics > 0.5) & (np.arange(17) != example.main)
        believed = np.where(also, believed * (0.4 if place < 0.2 else 0.8), believed).astype(np.float32)
    if random.random() < 0.35:
        title = ()
    return replace(example, parts=(*title, *body), has_title=bool(title), believed=believed)


def untitled(example: Example) -> Example:
    return replace(example, parts=example.parts[example.has_title :], has_title=False)


def _sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)]
