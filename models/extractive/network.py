"""The network of news-minilm: a small BERT encoder read in windows, a transformer over sentences for salience,
a multi-label head for topics and a head that matches callers' own labels. Token ids in, logits out."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence

from models.extractive.encoder import EncoderConfig, PackedEncoder

POSITIONS, RELATIVE, LENGTHS, COUNTS, CORPORA = 64, 16, 24, 16, 8
"""Sizes of the embedding tables of a sentence's position, relative position, length, article's length, corpus."""
SENTENCES_AT_ONCE = 1024
"""Sentences attend to one another within runs of this many, more than nearly any article has: attention's memory grows
with the square of their number."""


class SalienceHead(nn.Module):
    """Scores sentences in the light of the whole article (after BertSum's inter-sentence transformer,
    Liu & Lapata 2019, arXiv:1908.08345), with their position and length as features."""

    def __init__(self, hidden: int, *, layers: int = 2, heads: int = 6, dropout: float = 0.1) -> None:
        super().__init__()
        self.position = nn.Embedding(POSITIONS, hidden)
        self.relative = nn.Embedding(RELATIVE, hidden)
        self.length = nn.Embedding(LENGTHS, hidden)
        self.count = nn.Embedding(COUNTS, hidden)
        self.corpus = nn.Embedding(CORPORA, hidden)
        for table in (self.position, self.relative, self.length, self.count, self.corpus):
            nn.init.normal_(table.weight, std=0.02)
        self.normalise = nn.LayerNorm(hidden)
        layer = nn.TransformerEncoderLayer(
            hidden, heads, 2 * hidden, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.score = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 1))

    def forward(
        self,
        sentences: Tensor,
        lengths: Tensor,
        present: Tensor | None = None,
        *,
        corpus: int | Tensor = 0,
        first: int | Tensor = 0,
        total: Tensor | None = None,
    ) -> Tensor:
        """Args:
            sentences: `[articles, sentences, hidden]`.
            lengths: tokens of each sentence, `[articles, sentences]`.
            present: which sentences exist, `[articles, sentences]`; all when None.
            corpus: the summarising style learnt from that training corpus.
            first, total: where the sentences stand in their article, `[articles, 1]`, when they are not all of it.

        Returns:
            Logits, `[articles, sentences]`.
        """
        articles, most, _ = sentences.shape
        index = (torch.arange(most, device=sentences.device) + first).expand(articles, most)
        if total is None:
            total = torch.full_like(index[:, :1], most) if present is None else present.sum(1, keepdim=True)
        x = (
            self.normalise(sentences)
            + self.position(index.clamp(max=POSITIONS - 1))
            + self.relative((index * RELATIVE // total.clamp(min=1)).clamp(max=RELATIVE - 1))
            + self.length((lengths // 4).clamp(max=LENGTHS - 1))
            + self.count((total // 4).clamp(max=COUNTS - 1))
            + self.corpus.weight[corpus].unsqueeze(-2)
        )
        hidden = self.layers(x, src_key_padding_mask=None if present is None else ~present)
        logits: Tensor = self.score(hidden).squeeze(-1)
        return logits


class TopicLogits(NamedTuple):
    """`[documents, topics]` each: how surely a topic holds, and how surely it is the main one."""

    holds: Tensor
    main: Tensor


class TopicsHead(nn.Module):
    """Multi-label logits from the mean of a document's tokens, and which topic is the main one."""

    def __init__(self, hidden: int, *, topics: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, 2 * hidden),
            nn.GELU(),
            nn.Dropout(dropout),
        )
        self.holds = nn.Linear(2 * hidden, topics)
        self.main = nn.Linear(2 * hidden, topics)

    def forward(self, documents: Tensor) -> TopicLogits:
        """Logits of documents, `[documents, hidden]`."""
        features = self.layers(documents)
        return TopicLogits(self.holds(features), self.main(features))


class LabelsHead(nn.Module):
    """Matches documents with labels of any vocabulary: the cosine of their projected vectors, less what an average
    news article has with the label, so that no label is near to everything (the hubs of Dinu et al. 2015,
    arXiv:1412.6568)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.documents = nn.Linear(hidden, hidden, bias=False)
        self.labels = nn.Linear(hidden, hidden, bias=False)
        self.average: Tensor
        self.register_buffer("average", torch.zeros(hidden))
        for projection in (self.documents, self.labels):
            nn.init.eye_(projection.weight)  # untrained, it is the plain cosine

    def forward(self, documents: Tensor, labels: Tensor) -> Tensor:
        """Similarities, `[documents, labels]`, of `[documents, hidden]` and `[labels, hidden]`."""
        articles = normalize(self.documents(documents), dim=-1) - self.average
        similarities: Tensor = articles @ normalize(self.labels(labels), dim=-1).T
        return similarities


class NewsMiniLM(nn.Module):
    """Encoder and heads together. The encoder may run in a smaller dtype; the heads stay in float32."""

    def __init__(self, encoder: PackedEncoder, *, topics: int) -> None:
        super().__init__()
        self.encoder = encoder
        hidden = encoder.config.hidden_size
        self.salience = SalienceHead(hidden)
        self.topics = TopicsHead(hidden, topics=topics)
        self.labels = LabelsHead(hidden)

    @classmethod
    def from_config(cls, config: EncoderConfig, *, topics: int) -> "NewsMiniLM":
        """The same network with random weights."""
        return cls(PackedEncoder(config), topics=topics)

    def encode(self, sequences: Sequence[Sequence[int]]) -> Tensor:
        """The last hidden states of all tokens, `[sum of lengths, hidden]`, in float32, sequences in order."""
        device = next(self.encoder.parameters()).device
        lengths = [len(sequence) for sequence in sequences]
        ids = torch.tensor(list(chain.from_iterable(sequences)), device=device)
        positions = torch.cat([torch.arange(length, device=device) for length in lengths])
        hidden: Tensor = self.encoder(ids, positions, lengths)
        return hidden.float()

    def score(self, articles: Sequence[Tensor], lengths: Sequence[Sequence[int]]) -> list[list[float]]:
        """The salience of every sentence, on no particular scale. Articles of like length are scored together.

        Args:
            articles: the vectors of each article's sentences, `[sentences, hidden]`.
            lengths: tokens of each sentence.
        """
        device = next(self.salience.parameters()).device
        scores: list[list[float]] = [[] for _ in articles]
        for batch in _runs([len(article) for article in articles]):
            vectors = pad_sequence([articles[run.article][run.start : run.stop] for run in batch], batch_first=True)
            tokens = pad_sequence(
                [torch.tensor(lengths[run.article][run.start : run.stop]) for run in batch], batch_first=True
            )
            present = torch.arange(vectors.shape[1]) < torch.tensor([[run.stop - run.start] for run in batch])
            logits = self.salience(
                vectors,
                tokens.to(device),
                present.to(device),
                first=torch.tensor([[run.start] for run in batch], device=device),
                total=torch.tensor([[len(articles[run.article])] for run in batch], device=device),
            )
            for run, row in zip(batch, logits.tolist(), strict=True):
                scores[run.article] += row[: run.stop - run.start]
        return scores


class _Run(NamedTuple):
    """Sentences `start` to `stop` of an article, by their numbers."""

    article: int
    start: int
    stop: int


def _runs(sizes: Sequence[int]) -> Iterator[list[_Run]]:
    """Batches of at most `SENTENCES_AT_ONCE` sentences, padding counted; an article's runs come in order."""
    runs = [
        _Run(article, start, min(start + SENTENCES_AT_ONCE, size))
        for article, size in enumerate(sizes)
        for start in range(0, size, SENTENCES_AT_ONCE)
    ]
    runs.sort(key=lambda run: run.start - run.stop)  # stable: an article's last run is its shortest
    batch: list[_Run] = []
    for run in runs:
        longest = batch[0].stop - batch[0].start if batch else 0
        if longest * (len(batch) + 1) > SENTENCES_AT_ONCE:
            yield batch
            batch = []
        batch.append(run)
    if batch:
        yield batch


class GroupMeans:
    """The mean vector of each group of tokens, gathered batch by batch, so that memory does not grow with the text.

    Args:
        groups: the group of every token that will be added, in order; -1 for a token of none.
        count: how many groups there are.
    """

    def __init__(self, groups: Sequence[int], *, count: int) -> None:
        self._groups = torch.tensor(groups)
        self._count = count
        self._sums: Tensor | None = None
        self._added = 0

    def add(self, hidden: Tensor) -> None:
        """Add the next tokens' vectors, `[tokens, size]`."""
        groups = self._groups[self._added : self._added + len(hidden)].to(hidden.device)
        if self._sums is None:
            self._sums = hidden.new_zeros(self._count + 1, hidden.shape[1])  # the last row takes the tokens of none
        self._sums = self._sums.index_add(0, groups % (self._count + 1), hidden)
        self._added += len(hidden)

    def result(self) -> Tensor:
        """`[count, size]`; zeros for a group without tokens."""
        assert self._sums is not None, "nothing was added"
        sizes = torch.bincount(self._groups[self._groups >= 0], minlength=self._count).clamp(min=1)
        return self._sums[: self._count] / sizes[:, None].to(self._sums.device)
