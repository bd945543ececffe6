"""A key-value cache in two parts: what all prompts share, once, and each row's own.

Attention is taken over both parts without ever copying the shared one to every row. In decoding,
the shared part's scores are one matrix product for all rows, and only a row's own part is read
row by row. Rows leave in place: the last row moves into the gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

__all__ = ["SharedPrefixCache", "shared_prefix_attention"]

ATTENTION = "trueup_shared_prefix"


class _Layer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values.

    Attributes:
        prefix: keys and values (1, K, P, D) of the shared tokens, None until they are computed.
        keys, values: (rows, K, slots, D) storage of the rows' own tokens, right-aligned at `base`.
    """

    is_sliding = False

    def __init__(self, cache: SharedPrefixCache) -> None:
        super().__init__()
        self.cache = cache
        self.prefix: tuple[Tensor, Tensor] | None = None

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        _, heads, _, size = key_states.shape
        shape = (self.cache.rows, heads, self.cache.slots)
        self.keys = key_states.new_zeros(*shape, size)
        self.values = value_states.new_zeros(*shape, value_states.shape[-1])
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        """Store the new tokens; return the keys and values (B, K, S, D) of the rows' own part."""
        if self.cache.filling_prefix:
            self.prefix = (key_states, value_states)
            return key_states, value_states
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        rows, start = self.cache.window
        stop = start + key_states.shape[2]
        self.keys[rows, :, start:stop] = key_states
        self.values[rows, :, start:stop] = value_states
        if not self.cache.decoding:
            return key_states, value_states
        # All slots, filled or not: a slice of them would be copied by every matrix product.
        return self.keys[rows], self.values[rows]

    def get_seq_length(self) -> int:
        return self.cache.window[1]

    def get_max_length(self) -> int:
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.cache.window[1] + query_length, 0

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Overwrite the rows `targets` with the rows `sources`."""
        if self.is_initialized and sources:
            self.keys[targets] = self.keys[sources]
            self.values[targets] = self.values[sources]


class SharedPrefixCache(Cache):  # type: ignore[misc]
    """The two-part cache of a batch of rows, for a decoder with full attention.

    Attributes:
        rows: how many rows there is room for.
        slots: how many tokens each row may hold beyond the shared prefix.
        window: the rows that the next forward writes, and the slot at which it starts.
        decoding: whether rows read all their slots, as a mask over those says; while prompts are
            filled in they read what they are given, be it one token.
    """

    def __init__(self, layers: int) -> None:
        super().__init__(layers=[_Layer(self) for _ in range(layers)])
        self.rows = self.slots = 0
        self.filling_prefix = self.decoding = False
        self.window = (slice(0, 0), 0)

    @contextmanager
    def fill_prefix(self) -> Iterator[None]:
        """Within this block a forward computes what all rows share."""
        self.filling_prefix = True
        try:
            yield
        finally:
            self.filling_prefix = False

    def allocate(self, rows: int, slots: int) -> None:
        """Make room for a new batch of rows; the shared prefix stays."""
        self.rows, self.slots, self.decoding = rows, slots, False
        for layer in self.layers:
            layer.is_initialized = False

    def expand(self, rows: int, repeats: int) -> None:
        """Give each of the first `rows` rows `repeats` copies of what it holds so far."""
        if repeats == 1:
            return
        for layer in self.layers:
            layer.keys = layer.keys[:rows].repeat_interleave(repeats, dim=0)
            layer.values = layer.values[:rows].repeat_interleave(repeats, dim=0)
        self.rows = rows * repeats

    def move(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Overwrite the rows `targets` with the rows `sources`, in every layer."""
        for layer in self.layers:
            layer.move(sources, targets)


def shared_prefix_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    shared_prefix: SharedPrefixCache | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend over the shared prefix and the rows' own tokens.

    Args:
        module: the attention layer.
        query: (B, H, Q, D).
        key, value: (B, K, S, D), the rows' own part as the cache's `update` returned it.
        attention_mask: additive, (B, 1, Q, S) over the rows' own part; None is plain causal.
        scaling: factor on the scores; 1 / sqrt(D) if None.
        shared_prefix: the cache, which a forward is given as a keyword of this name.
        **kwargs: what the model passes beside; a soft cap, sinks or a bias are not supported.

    Returns:
        (B, Q, H, D) and no attention weights.
    """
    if shared_prefix is None or any(kwargs.get(n) is not None for n in _UNSUPPORTED):
        raise NotImplementedError("attention with a soft cap, sinks or a bias")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    prefix = None if shared_prefix.filling_prefix else shared_prefix.layers[module.layer_idx].prefix
    if query.shape[2] == 1:
        out = _decode(query, key, value, attention_mask, scale, prefix)
    else:
        out = _prefill(query, key, value, attention_mask, scale, prefix)
    return out.transpose(1, 2), None


_UNSUPPORTED = ("softcap", "s_aux", "position_bias", "sliding_window")


def _prefill(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float,
    prefix: tuple[Tensor, Tensor] | None,
) -> Tensor:
    if prefix is not None:
        key, value = (
            torch.cat([shared.expand(len(own), -1, -1, -1), own], dim=2)
            for shared, own in zip(prefix, (key, value), strict=True)
        )
        if mask is not None:
            mask = torch.nn.functional.pad(mask, (prefix[0].shape[2], 0))
    groups = query.shape[1] // key.shape[1]
    return torch.nn.functional.scaled_dot_product_attention(
        query,
        key.repeat_interleave(groups, dim=1),
        value.repeat_interleave(groups, dim=1),
        attn_mask=mask,
        is_causal=mask is None,
        scale=scale,
    )


def _decode(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scale: float,
    prefix: tuple[Tensor, Tensor] | None,
) -> Tensor:
    batch, heads, _, size = query.shape
    kv_heads = key.shape[1]
    grouped = query.view(batch, kv_heads, heads // kv_heads, size) * scale
    exact = torch.promote_types(query.dtype, torch.float32)
    scores = (grouped @ key.transpose(-1, -2)).to(exact)
    if mask is not None:
        scores = scores + mask
    if prefix is None:
        weights = scores.softmax(-1).to(query.dtype)
        return (weights @ value).reshape(batch, heads, 1, -1)
    # (K, B * G, D): all rows' queries against the one shared part
    together = grouped.transpose(0, 1).reshape(kv_heads, -1, size)
    shared = (together @ prefix[0][0].transpose(-1, -2)).to(exact)
    shared = shared.view(kv_heads, batch, -1, shared.shape[-1]).transpose(0, 1)
    weights = torch.cat([shared, scores], dim=-1).softmax(-1).to(query.dtype)
    length = shared.shape[-1]
    out: Tensor = weights[..., length:] @ value
    flat = weights[..., :length].transpose(0, 1).reshape(kv_heads, -1, length) @ prefix[1][0]
    out = out + flat.view(kv_heads, batch, -1, value.shape[-1]).transpose(0, 1)
    return out.reshape(batch, heads, 1, -1)


AttentionInterface.register(ATTENTION, shared_prefix_attention)
