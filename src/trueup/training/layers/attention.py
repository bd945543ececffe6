"""Attention over a prefix tree, in the form that transformers' attention interface calls.

On GPUs it is FlexAttention (`flex.py`), for which a few tokens are not worth compiling a kernel:
those are a dense mask. On CPUs it is dense pieces instead of one (L, L) mask: a segment attends to
itself and what is above it, and the branches below it, as one batch, to all that and themselves.
For G branches that is G times fewer scores. They are written out in matrix products, which run on
the processor's bf16 units where the fused kernel does not. Scores stay in float32. What is
multiplied by attention weights or by their slopes is so in the dtype that the values come in, which
is bf16 where the layers answer in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.attention.flex_attention import BlockMask

from trueup.training._precision import as_written
from trueup.training.layers.flex import flex_tree_attention
from trueup.training.layers.tree import BLOCK, Piece, Tree

__all__ = ["NAME", "dense_tree_attention", "masked_attention", "register", "tree_attention"]

NAME = "trueup_tree"
"""The name under which transformers knows `tree_attention`."""

CAUSAL = torch.ones(1, BLOCK, BLOCK, dtype=torch.bool).tril()
"""What the queries of a block see of its own keys."""


def register() -> None:
    """Make `set_attn_implementation(NAME)` work; harmless when done twice."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, tree_attention)


def tree_attention(
    module: nn.Module,  # noqa: ARG001  (the interface passes it)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001  (the tree stands in for it)
    *,
    tree: Tree,
    block_mask: BlockMask | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **unused: Any,  # noqa: ARG001  (what other kernels are told)
) -> tuple[Tensor, None]:
    """Attend along the paths of a prefix tree.

    Args:
        query: (1, H, L, d).
        key: (1, K, L, d), where K divides H.
        value: (1, K, L, d).
        tree: of L tokens; handed through the model's forward by name.
        block_mask: the tree's, for FlexAttention; None is for CPUs, and for a few tokens on a GPU.
        scaling: multiplies the scores; None means d ** -0.5.
        dropout: of the attention weights; must be 0.

    Returns:
        (1, L, H, d) and None for the weights, which are not kept.
    """
    if dropout:
        raise ValueError("tree attention has no dropout")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if block_mask is not None:
        return flex_tree_attention(query, key, value, block_mask, scale).transpose(1, 2), None
    if query.device.type != "cpu":
        return dense_tree_attention(query, key, value, tree, scale).transpose(1, 2), None
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    sizes = [piece.end - piece.start for piece in tree.pieces]
    parts = (torch.split(part, sizes) for part in (q, k, v))
    out = [
        read
        for piece, own_q, own_k, own_v in zip(tree.pieces, *parts, strict=True)
        for read in _attend(piece, own_q, own_k, own_v, k, v, scale)
    ]
    return torch.cat(out)[None], None


def dense_tree_attention(
    query: Tensor, key: Tensor, value: Tensor, tree: Tree, scale: float
) -> Tensor:
    """Compute what `flex_tree_attention` does, under a mask of (L, L)."""
    index = torch.arange(tree.size, device=query.device)
    sees = (index <= index[:, None]) & (index[:, None] < tree.until)
    q, k, v = (part.transpose(1, 2) for part in (query, key, value))
    return masked_attention(q, k, v, sees[None], scale).transpose(1, 2)


def _attend(
    piece: Piece, q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor, scale: float
) -> Iterator[Tensor]:
    """Yield what a piece's tokens read, in parts: of its segment, and of what is below.

    Args:
        piece: of n tokens.
        q: (n, H, d).
        k: (n, K, d).
        v: (n, K, d).
        keys: (L, K, d), of the whole tree.
        values: (L, K, d).
        scale: multiplies the scores.
    """
    k = torch.cat([*(keys[start:end] for start, end in piece.above), k])
    v = torch.cat([*(values[start:end] for start, end in piece.above), v])
    above = len(k) - len(q)
    for start in range(0, piece.trunk, BLOCK):
        end = min(start + BLOCK, piece.trunk)
        causal = CAUSAL[:, : end - start, : end - start]
        seen = above + end
        yield masked_attention(q[None, start:end], k[None, :seen], v[None, :seen], causal, scale)[0]
    if len(piece.slots):
        spread = masked_attention(
            _Spread.apply(q, piece),  # type: ignore[no-untyped-call]
            _with_trunk(k, piece, above),
            _with_trunk(v, piece, above),
            piece.mask,
            scale,
        )
        yield _Collect.apply(spread, piece)  # type: ignore[no-untyped-call]


def masked_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Softmax attention of grouped heads under a mask that all heads share.

    Args:
        q: (B, m, H, d) queries.
        k: (B, n, K, d) keys; H is a multiple of K and heads [i H/K, (i+1) H/K) share key head i.
        v: (B, n, K, d) values; the result is in their dtype.
        mask: (B, m, j) bool over the last j keys, True where the query sees the key; it sees all
            keys before those, and at least one.
        scale: multiplies the scores.

    Returns:
        (B, m, H, d).
    """
    out: Tensor = _MaskedAttention.apply(q, k, v, mask, scale)  # type: ignore[no-untyped-call]
    return out


class _MaskedAttention(torch.autograd.Function):
    """`masked_attention` by matrix products, its weights computed again in the backward.

    They are a number a head, query and key: kept, they would be a fifth of what a layer keeps.

    The heads that share a key head are stacked as further queries: (B, K, H/K * m, d).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float) -> Tensor:
        with as_written(q):
            weights = _weights(_stack(q, k.shape[2]), _heads(k), mask, scale).to(v.dtype)
            ctx.save_for_backward(q, k, v, mask)
            ctx.scale = scale
            return _unstack(weights @ _heads(v), q)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, mask = ctx.saved_tensors
        with as_written(grad):
            qs, gs = _stack(q, k.shape[2]), _stack(grad, k.shape[2])
            ks, vs = _heads(k), _heads(v)
            weights = _weights(qs, ks, mask, ctx.scale).to(v.dtype)
            grad_v = weights.transpose(-1, -2) @ gs
            # their rounding would not cancel where the softmax takes their mean away
            slopes = gs.to(q.dtype) @ vs.to(q.dtype).transpose(-1, -2)
            wide = weights.to(q.dtype)
            torch._softmax_backward_data(slopes, wide, -1, q.dtype, grad_input=slopes)
            grad_scores = slopes.to(v.dtype)
            grad_k = grad_scores.transpose(-1, -2) @ qs.to(v.dtype)
            grad_q = _unstack(grad_scores @ ks.to(v.dtype), q)
        return (
            grad_q.to(q.dtype).mul_(ctx.scale),
            grad_k.to(k.dtype).mul_(ctx.scale).transpose(1, 2),
            grad_v.transpose(1, 2),
            None,
            None,
        )


def _weights(qs: Tensor, ks: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Return the attention weights (B, K, H/K * m, n), all in the place of their scores."""
    batch, m, masked = mask.shape
    flat, keys = qs.flatten(0, 1), ks.flatten(0, 1).transpose(1, 2)
    scores = torch.baddbmm(flat.new_empty(()), flat, keys, beta=0, alpha=scale)
    by_head = scores.view(batch, ks.shape[1], -1, m, ks.shape[2])
    # added, which is several times faster than filled in
    hidden = scores.new_zeros(mask.shape).masked_fill_(~mask, float("-inf"))
    by_head[..., ks.shape[2] - masked :].add_(hidden[:, None, None])
    return torch.softmax(scores, -1, out=scores).view(*qs.shape[:3], -1)


def _stack(x: Tensor, key_heads: int) -> Tensor:
    """(B, m, H, d) -> (B, K, H/K * m, d)."""
    batch, m, heads, d = x.shape
    split = x.view(batch, m, key_heads, heads // key_heads, d)
    return split.permute(0, 2, 3, 1, 4).reshape(batch, key_heads, -1, d)


def _unstack(x: Tensor, like: Tensor) -> Tensor:
    """(B, K, H/K * m, d) -> (B, m, H, d), the shape of `like`."""
    batch, m, heads, d = like.shape
    split = x.view(batch, x.shape[1], heads // x.shape[1], m, d)
    return split.permute(0, 3, 1, 2, 4).reshape(batch, m, heads, d)


def _heads(x: Tensor) -> Tensor:
    """(B, n, K, d) -> (B, K, n, d)."""
    return x.transpose(1, 2).contiguous()


def _with_trunk(x: Tensor, piece: Piece, above: int) -> Tensor:
    """(a + n, K, d) -> (B, a + t + m, K, d): what all see, before every branch."""
    trunk = x[: above + piece.trunk].expand(len(piece.slots), -1, -1, -1)
    return torch.cat([trunk, _Spread.apply(x[above:], piece)], dim=1)  # type: ignore[no-untyped-call]


class _Spread(torch.autograd.Function):
    """(n, ...) tokens -> (B, m, ...) branches of a piece; `_Collect` is its inverse and gradient.

    Each token has one slot, so both directions are copies, where autograd would add up scattered
    rows.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, piece: Piece) -> Tensor:
        ctx.piece = piece
        return x.index_select(0, piece.slots.flatten()).view(*piece.slots.shape, *x.shape[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        trunk = grad.new_zeros(ctx.piece.trunk, *grad.shape[2:])
        return torch.cat([trunk, _collect(grad, ctx.piece)]), None


class _Collect(torch.autograd.Function):
    """(B, m, ...) branches -> (n - t, ...) tokens below the segment."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, piece: Piece) -> Tensor:
        ctx.piece = piece
        return _collect(x, piece)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        spread = grad.index_select(0, (ctx.piece.slots.flatten() - ctx.piece.trunk))
        spread = spread.view(*ctx.piece.slots.shape, *grad.shape[1:])
        empty = ~ctx.piece.filled.view(*ctx.piece.slots.shape, *([1] * (grad.dim() - 1)))
        return spread.masked_fill_(empty, 0), None


def _collect(x: Tensor, piece: Piece) -> Tensor:
    return x.flatten(0, 1).index_select(0, piece.home)
