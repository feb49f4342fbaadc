"""A BERT encoder over sequences laid end to end: no padding, so no wasted work, and a sequence's numbers do not
depend on its neighbours. Its parameters bear the names of transformers' BertModel, whose checkpoints it reads and
whose outputs it gives (a test compares them); that class takes 2.2 s to import, half of the service's whole start."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import accumulate
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

Activation = Literal["none", "gelu"]
ROW_STEP, LENGTH_STEP = 64, 32
"""In inference rows are filled up to a multiple of the first, sequences in attention to one of the second: oneDNN
compiles a kernel for every shape of product, a quarter of a megabyte each, and keeps it."""


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


class Layout:
    """Where each sequence lies in the rows: `lengths` of the sequences, with `rows - sum(lengths)` spare rows behind
    them. If `padded`, also the places of their tokens in a padded table: on a GPU one large operation beats many small
    ones."""

    def __init__(self, lengths: list[int], *, rows: int, device: torch.device, padded: bool) -> None:
        self.lengths = lengths
        self.padded = padded
        if padded:
            sizes, reach = torch.tensor(lengths), torch.arange(max(lengths))
            inside = reach < sizes[:, None]
            starts = (sizes.cumsum(0) - sizes)[:, None]
            self.inside = inside.to(device)
            self.rows_of = torch.where(inside, starts + reach, 0).to(device)
            own = torch.arange(len(lengths) * len(reach)).view(inside.shape)[inside]
            self.places = torch.cat([own, own.new_zeros(rows - len(own))]).to(device)


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
        tokens = len(ids)
        if not self.training:
            reach = max(end + -length % LENGTH_STEP for end, length in zip(accumulate(lengths), lengths, strict=True))
            spare = reach + -reach % ROW_STEP - tokens
            ids, positions = pad(ids, (0, spare)), pad(positions, (0, spare))
        hidden = self.embeddings["word_embeddings"](ids) + self.embeddings["position_embeddings"](positions)
        hidden = hidden + self.embeddings["token_type_embeddings"](torch.zeros_like(ids))
        hidden = self.dropout(self.embeddings["LayerNorm"](hidden))
        layout = Layout(list(lengths), rows=len(ids), device=ids.device, padded=ids.is_cuda)
        for layer in self.layers():
            hidden = layer(hidden, layout)
        last: Tensor = hidden[:tokens]
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

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        hidden = self.attention(hidden, layout)
        dense = self.intermediate.get_submodule("dense")
        added: Tensor = self.output(_linear(dense, hidden, activation="gelu"), hidden)
        return added


class Attention(nn.Module):
    """Self-attention within each sequence, added to its input and normalised."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self._heads = config.num_attention_heads
        self.add_module("self", nn.ModuleDict({name: nn.Linear(size, size) for name in ("query", "key", "value")}))
        self.output = Output(size, config)

    def forward(self, hidden: Tensor, layout: Layout) -> Tensor:
        projections = self.get_submodule("self")
        query, key, value = (
            _linear(projections.get_submodule(name), hidden).view(len(hidden), self._heads, -1)
            for name in ("query", "key", "value")
        )
        if layout.padded:
            attended = _padded(query, key, value, layout)
        else:
            attend = _products if _prefers_bfloat16_kernels(self, hidden) else _fused
            parts = [part.flatten(1) for part in attend(query, key, value, layout.lengths)]
            spare = hidden.new_zeros(len(hidden) - sum(layout.lengths), hidden.shape[1])
            attended = torch.cat([*parts, spare])
        added: Tensor = self.output(attended, hidden)
        return added


def _padded(query: Tensor, key: Tensor, value: Tensor, layout: Layout) -> Tensor:
    """Attention of all sequences at once, filled up to the longest: from `[rows, heads, size]` to `[rows, hidden]`."""
    q, k, v = (part[layout.rows_of].transpose(1, 2) for part in (query, key, value))
    attended = scaled_dot_product_attention(q, k, v, attn_mask=layout.inside[:, None, None])
    return attended.transpose(1, 2).flatten(2).flatten(0, 1)[layout.places]


def _fused(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Iterator[Tensor]:
    """Attention within each sequence: from `[rows, heads, size]` to `[length, heads, size]` for each."""
    start = 0
    for length in lengths:
        rows = slice(start, start + length)
        q, k, v = (part[rows].transpose(0, 1)[None] for part in (query, key, value))
        yield scaled_dot_product_attention(q, k, v)[0].transpose(0, 1)
        start += length


def _products(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Iterator[Tensor]:
    """The same, as two plain products. For windows of 256 tokens in bfloat16 on a processor they take seven tenths of
    the fused kernel's time and come as near to float32; in float32 the fused kernel is the faster. Reads up to
    `LENGTH_STEP` rows beyond a sequence, and gives them no weight."""
    query = query * query.shape[-1] ** -0.5
    start = 0
    for length in lengths:
        rows = slice(start, start + length + -length % LENGTH_STEP)
        scores = torch.bmm(query[rows].transpose(0, 1), key[rows].permute(1, 2, 0))
        scores[..., length:] = -torch.inf
        yield torch.bmm(scores.softmax(-1), value[rows].transpose(0, 1)).transpose(0, 1)[:length]
        start += length


class Output(nn.Module):
    """A projection, added to the block's input and normalised."""

    def __init__(self, wide: int, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(wide, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)  # the checkpoints' name for it
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, values: Tensor, to: Tensor) -> Tensor:
        if self.training:
            added: Tensor = self.LayerNorm(self.dropout(self.dense(values)) + to)
        else:
            added = self.LayerNorm(_linear(self.dense, values, to=to))
        return added


def _prefers_bfloat16_kernels(module: nn.Module, values: Tensor) -> bool:
    """Whether to infer as processors that compute in bfloat16 do it best."""
    return values.dtype is torch.bfloat16 and values.device.type == "cpu" and not module.training


def _linear(layer: nn.Module, values: Tensor, *, activation: Activation = "none", to: Tensor | None = None) -> Tensor:
    """The layer's projection, through an activation or added to something: as one operation of oneDNN where that works,
    which saves a tenth of the encoder's time."""
    assert isinstance(layer, nn.Linear)
    bfloat16 = _prefers_bfloat16_kernels(layer, values) and layer.weight.dtype is torch.bfloat16
    if bfloat16 and has_fused_operations():
        return _fused_linear(layer, values, activation, to)
    return _plain_linear(layer, values, activation, to)


def _fused_linear(layer: nn.Linear, values: Tensor, activation: Activation, to: Tensor | None) -> Tensor:
    """What torch.compile puts together; private to torch."""
    projected: Tensor
    if to is None:
        projected = torch.ops.mkldnn._linear_pointwise(values, layer.weight, layer.bias, activation, [], "none")
    else:
        projected = torch.ops.mkldnn._linear_pointwise.binary(values, to, layer.weight, layer.bias, "add")
    return projected


def _plain_linear(layer: nn.Linear, values: Tensor, activation: Activation, to: Tensor | None) -> Tensor:
    projected: Tensor = layer(values) if activation == "none" else gelu(layer(values))
    return projected if to is None else projected + to


@lru_cache(maxsize=1)
def has_fused_operations() -> bool:
    """Whether torch has the private operations, and they compute what the plain ones do: another release may change or
    drop them. Tried once, at the first projection."""
    generator = torch.Generator().manual_seed(1)
    layer = nn.Linear(64, 32)
    nn.init.normal_(layer.weight, std=0.1, generator=generator)
    nn.init.normal_(layer.bias, generator=generator)
    layer = layer.to(torch.bfloat16)
    values = torch.randn(48, 64, generator=generator).to(torch.bfloat16)
    to = torch.randn(48, 32, generator=generator).to(torch.bfloat16)
    cases: tuple[tuple[Activation, Tensor | None], ...] = (("none", None), ("gelu", None), ("none", to))
    try:
        with torch.inference_mode():
            return all(
                torch.allclose(
                    _fused_linear(layer, values, activation, added), _plain_linear(layer, values, activation, added),
                    rtol=0.02, atol=0.05,
                )
                for activation, added in cases
            )  # fmt: skip
    except (AttributeError, RuntimeError, TypeError):
        return False


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
