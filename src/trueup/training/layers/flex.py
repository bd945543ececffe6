"""Attention over a prefix tree in one kernel, for GPUs: FlexAttention, arXiv:2412.05496.

A tree is written depth first, so a token is seen by itself and all that follow it up to where its
segment's subtree ends: two comparisons a score, and blocks that no path crosses are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from trueup.training.layers.tree import Tree

__all__ = ["flex_tree_attention"]

_MASKS: WeakKeyDictionary[Tree, BlockMask] = WeakKeyDictionary()
"""A tree's mask is the same in all layers."""


def flex_tree_attention(
    query: Tensor, key: Tensor, value: Tensor, tree: Tree, scale: float
) -> Tensor:
    """Attend along the paths of a prefix tree.

    Compiled once for all shapes on a GPU. On a CPU it runs as it is written, which is slow and
    without gradients: there it is what tests read.

    Args:
        query: (1, H, L, d).
        key: (1, K, L, d), where K divides H.
        value: (1, K, L, d); the result is in its dtype.
        tree: of L tokens.
        scale: multiplies the scores.

    Returns:
        (1, H, L, d).
    """
    if tree not in _MASKS:
        _MASKS[tree] = _mask(tree)
    attend: Any = flex_attention if query.device.type == "cpu" else _compiled()
    out: Tensor = attend(
        query.to(value.dtype),
        key.to(value.dtype),
        value,
        block_mask=_MASKS[tree],
        scale=scale,
        enable_gqa=True,
    )
    return out


def _mask(tree: Tree) -> BlockMask:
    until = tree.until

    def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:  # noqa: ARG001
        return (key <= query) & (query < until[key])

    return create_block_mask(sees, None, None, tree.size, tree.size, device=until.device)


@cache
def _compiled() -> Callable[..., Tensor]:
    compiled: Callable[..., Tensor] = torch.compile(flex_attention, dynamic=True)
    return compiled
