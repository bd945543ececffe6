"""Attention over a prefix tree, in the form that transformers' attention interface calls.

On GPUs it is FlexAttention (`flex.py`). On CPUs it is two dense pieces instead of one (L, L) mask:
the trunk attends to itself, and all branches attend, as one batch, to the trunk and themselves. For
G branches that is G times fewer scores. They are written out in matrix products, which run on the
processor's bf16 units where the fused kernel does not; of many keys the weights are not kept but
computed again in the backward. Scores stay in float32. What is multiplied by attention weights or
by their slopes is so in the dtype that the values come in, which is bf16 where the layers answer in
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from trueup.training.flex import flex_tree_attention
from trueup.training.tree import Tree

__all__ = ["NAME", "masked_attention", "register", "tree_attention"]

NAME = "trueup_tree"
"""The name under which transformers knows `tree_attention`."""

KEPT = 640
"""Keys up to which attention weights are kept for the backward, as one number a query and key."""

BLOCK = 128
"""Queries of the trunk that attend together: none reads keys beyond its block's."""


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
        scaling: multiplies the scores; None means d ** -0.5.
        dropout: of the attention weights; must be 0.

    Returns:
        (1, L, H, d) and None for the weights, which are not kept.
    """
    if dropout:
        raise ValueError("tree attention has no dropout")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if query.device.type != "cpu":
        return flex_tree_attention(query, key, value, tree, scale).transpose(1, 2), None
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    pieces = list(_trunk(q, k, v, tree, scale))
    if tree.trunk < tree.size:
        pieces.append(_branches(q, k, v, tree, scale))
    return torch.cat(pieces)[None], None


def _trunk(q: Tensor, k: Tensor, v: Tensor, tree: Tree, scale: float) -> Iterator[Tensor]:
    """Attend from the trunk, (L, H, d) and keys (L, K, d), to itself: yield (block, H, d)."""
    for start in range(0, tree.trunk, BLOCK):
        end = min(start + BLOCK, tree.trunk)
        mask = tree.trunk_mask[None, start:end, start:end]
        yield masked_attention(q[None, start:end], k[None, :end], v[None, :end], mask, scale)[0]


def _branches(q: Tensor, k: Tensor, v: Tensor, tree: Tree, scale: float) -> Tensor:
    """Attend from the tokens after the trunk: (L, H, d) and keys (L, K, d) -> (L - p, H, d)."""
    spread = masked_attention(
        _Spread.apply(q, tree),  # type: ignore[no-untyped-call]
        _with_trunk(k, tree),
        _with_trunk(v, tree),
        tree.branch_mask,
        scale,
    )
    out: Tensor = _Collect.apply(spread, tree)  # type: ignore[no-untyped-call]
    return out


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
    """`masked_attention` by matrix products, its scores computed again in the backward.

    The heads that share a key head are stacked as further queries: (B, K, H/K * m, d).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, scale: float) -> Tensor:
        weights = _weights(_stack(q * scale, k.shape[2]), _heads(k), mask).to(v.dtype)
        ctx.save_for_backward(q, k, v, mask, weights if k.shape[1] <= KEPT else None)
        ctx.scale = scale
        return _unstack(weights @ _heads(v), q)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, mask, weights = ctx.saved_tensors
        qs, gs = _stack(q * ctx.scale, k.shape[2]), _stack(grad, k.shape[2])
        ks, vs = _heads(k), _heads(v)
        if weights is None:
            weights = _weights(qs, ks, mask).to(v.dtype)
        grad_v = weights.transpose(-1, -2) @ gs
        # their rounding would not cancel where the softmax takes their mean away
        grad_weights = gs.to(q.dtype) @ vs.to(q.dtype).transpose(-1, -2)
        slopes = torch._softmax_backward_data(grad_weights, weights.to(q.dtype), -1, q.dtype)
        grad_scores = slopes.to(v.dtype)
        grad_k = grad_scores.transpose(-1, -2) @ qs.to(v.dtype)
        grad_q = _unstack(grad_scores @ ks.to(v.dtype), q)
        return (
            grad_q.to(q.dtype).mul_(ctx.scale),
            grad_k.to(k.dtype).transpose(1, 2),
            grad_v.transpose(1, 2),
            None,
            None,
        )


def _weights(qs: Tensor, ks: Tensor, mask: Tensor) -> Tensor:
    """Return the attention weights (B, K, H/K * m, n) of scaled queries."""
    scores = torch.matmul(qs, ks.transpose(-1, -2))
    batch, m, masked = mask.shape
    by_head = scores.view(batch, ks.shape[1], -1, m, ks.shape[2])
    by_head[..., ks.shape[2] - masked :].masked_fill_(~mask[:, None, None], float("-inf"))
    return torch.softmax(scores, -1)


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


def _with_trunk(x: Tensor, tree: Tree) -> Tensor:
    """(L, K, d) -> (B, p + m, K, d): the trunk before every branch."""
    trunk = x[: tree.trunk].expand(len(tree.slots), -1, -1, -1)
    return torch.cat([trunk, _Spread.apply(x, tree)], dim=1)  # type: ignore[no-untyped-call]


class _Spread(torch.autograd.Function):
    """(L, ...) tokens -> (B, m, ...) branches; `_Collect` is its inverse and its gradient.

    Each token has one slot, so both directions are copies, where autograd would add up scattered
    rows.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, tree: Tree) -> Tensor:
        ctx.tree = tree
        return x.index_select(0, tree.slots.flatten()).view(*tree.slots.shape, *x.shape[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        trunk = grad.new_zeros(ctx.tree.trunk, *grad.shape[2:])
        return torch.cat([trunk, _collect(grad, ctx.tree)]), None


class _Collect(torch.autograd.Function):
    """(B, m, ...) branches -> (L - p, ...) tokens after the trunk."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, tree: Tree) -> Tensor:
        ctx.tree = tree
        return _collect(x, tree)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        spread = grad.index_select(0, (ctx.tree.slots.flatten() - ctx.tree.trunk))
        spread = spread.view(*ctx.tree.slots.shape, *grad.shape[1:])
        empty = ~ctx.tree.filled.view(*ctx.tree.slots.shape, *([1] * (grad.dim() - 1)))
        return spread.masked_fill_(empty, 0), None


def _collect(x: Tensor, tree: Tree) -> Tensor:
    return x.flatten(0, 1).index_select(0, tree.home)
