"""A BERT encoder over sequences laid end to end: no padding, so no wasted work, and a sequence's numbers do not
depend on its neighbours. Its parameters bear the names of transformers' BertModel, whose checkpoints it reads and
whose outputs it gives (a test compares them); that class takes 2.2 s to import, half of the service's whole start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The sizes in a BERT's config.json, by the names they have there."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.1

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "EncoderConfig":
        """From the values of a config.json.

        Raises:
            ValueError: it describes another architecture.
            TypeError: a size is missing.
        """
        if values.get("model_type") != "bert" or values.get("hidden_act", "gelu") != "gelu":
            raise ValueError(f"its config.json describes a {values.get('model_type')!r} model, not a BERT with GELU")
        return cls(**{field.name: values[field.name] for field in fields(cls) if field.name in values})


class PackedEncoder(nn.Module):
    """Embeddings and layers of a BERT, without its pooler (Devlin et al. 2019, arXiv:1810.04805)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        size = config.hidden_size
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(config.vocab_size, size),
                "position_embeddings": nn.Embedding(config.max_position_embeddings, size),
                "token_type_embeddings": nn.Embedding(config.type_vocab_size, size),
                "LayerNorm": nn.LayerNorm(size, config.layer_norm_eps),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))})
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.apply(_initialise)

    def forward(self, ids: Tensor, positions: Tensor, lengths: Sequence[int]) -> Tensor:
        """Args:
            ids, positions: token ids and places in their sequence, `[sum(lengths)]`.
            lengths: tokens of each sequence, in order.

        Returns:
            The last hidden states, `[sum(lengths), hidden]`.
        """
        hidden = self.embeddings["word_embeddings"](ids) + self.embeddings["position_embeddings"](positions)
        hidden = hidden + self.embeddings["token_type_embeddings"](torch.zeros_like(ids))
        hidden = self.dropout(self.embeddings["LayerNorm"](hidden))
        for layer in self.layers():
            hidden = layer(hidden, list(lengths))
        last: Tensor = hidden
        return last

    def layers(self) -> list[nn.Module]:
        """The layers, from the embeddings upwards."""
        return list(self.encoder["layer"].children())


class Layer(nn.Module):
    """Self-attention within each sequence, then a feed-forward block, each added to its input and normalised."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.intermediate_size)})
        self.output = Output(config.intermediate_size, config)

    def forward(self, hidden: Tensor, lengths: list[int]) -> Tensor:
        hidden = self.attention(hidden, lengths)
        added: Tensor = self.output(gelu(self.intermediate["dense"](hidden)), hidden)
        return added


class Attention(nn.Module):
    """Self-attention within each sequence, added to its input and normalised."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self._heads = config.num_attention_heads
        self.add_module("self", nn.ModuleDict({name: nn.Linear(size, size) for name in ("query", "key", "value")}))
        self.output = Output(size, config)

    def forward(self, hidden: Tensor, lengths: list[int]) -> Tensor:
        projections = self.get_submodule("self")
        query, key, value = (
            projections.get_submodule(name)(hidden).view(len(hidden), self._heads, -1).split(lengths)
            for name in ("query", "key", "value")
        )
        attend = _products if _prefers_products(hidden) and not self.training else _fused
        attended = [attend(*parts).flatten(1) for parts in zip(query, key, value, strict=True)]
        added: Tensor = self.output(torch.cat(attended), hidden)
        return added


def _fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention within one sequence, `[tokens, heads, size]` each and returned."""
    heads_first = [part.transpose(0, 1)[None] for part in (query, key, value)]
    return scaled_dot_product_attention(heads_first[0], heads_first[1], heads_first[2])[0].transpose(0, 1)


def _products(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The same, as two plain products. For windows of 256 tokens in bfloat16 on a processor they take seven tenths of
    the fused kernel's time and come as near to float32; in float32 the fused kernel is the faster."""
    scores = torch.bmm((query * query.shape[-1] ** -0.5).transpose(0, 1), key.permute(1, 2, 0))
    return torch.bmm(scores.softmax(-1), value.transpose(0, 1)).transpose(0, 1)


def _prefers_products(hidden: Tensor) -> bool:
    return hidden.dtype is torch.bfloat16 and hidden.device.type == "cpu"


class Output(nn.Module):
    """A projection, added to the block's input and normalised."""

    def __init__(self, wide: int, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(wide, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)  # the checkpoints' name for it
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, values: Tensor, to: Tensor) -> Tensor:
        added: Tensor = self.LayerNorm(self.dropout(self.dense(values)) + to)
        return added


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
