"""Attention over a prefix tree in one kernel, for GPUs: FlexAttention, arXiv:2412.05496.

A tree is written depth first, so a token is seen by itself and all that follow it up to where its
segment's subtree ends: two comparisons a score, and blocks that no path crosses are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from trueup.training.layers.tree import Tree

__all__ = ["BLOCK", "block_mask", "flex_tree_attention"]

BLOCK = 128
"""Queries, and keys, that the kernel takes or skips together."""


def flex_tree_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: BlockMask, scale: float
) -> Tensor:
    """Attend along the paths of a prefix tree.

    One kernel serves all lengths; it is compiled at the first call. On a CPU this runs as it is
    written, which is slow and without gradients: there it is what tests read.

    Args:
        query: (1, H, L, d).
        key: (1, K, L, d), where K divides H.
        value: (1, K, L, d); the result is in its dtype.
        mask: `block_mask` of a tree of L tokens.
        scale: multiplies the scores.

    Returns:
        (1, H, L, d).
    """
    as_written = query.device.type == "cpu" or torch.compiler.is_compiling()
    attend: Any = flex_attention if as_written else _compiled()
    out: Tensor = attend(
        query.to(value.dtype),
        key.to(value.dtype),
        value,
        block_mask=mask,
        scale=scale,
        enable_gqa=True,
    )
    return out


@cache
def _compiled() -> Callable[..., Tensor]:
    compiled: Callable[..., Tensor] = torch.compile(flex_attention, dynamic=True)
    return compiled


def block_mask(tree: Tree) -> BlockMask:
    """Return which blocks of scores some path crosses, and which lie wholly on paths.

    It is read off the blocks' first and last ends, so that no (L, L) mask is ever there.
    """
    until = tree.until

    def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:  # noqa: ARG001
        return (key <= query) & (query < until[key])

    count = -(-tree.size // BLOCK)
    ends = until.new_zeros(count * BLOCK)
    ends[: tree.size] = until
    first, last = ends.view(count, BLOCK).aminmax(dim=1)
    start = torch.arange(count, device=until.device)[:, None] * BLOCK
    before = start > start.T
    some = before & (last > start) | (start == start.T)
    whole = before & (first >= (start + BLOCK).clamp(max=tree.size))
    return BlockMask.from_kv_blocks(
        *_listed(some & ~whole),
        *_listed(whole),
        BLOCK_SIZE=BLOCK,
        mask_mod=sees,
        seq_lengths=(tree.size, tree.size),
    )


def _listed(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """(B, B) bool -> (1, 1, B) how many key blocks each query block has, (1, 1, B, B) which."""
    which = blocks.int().argsort(dim=1, descending=True, stable=True)
    return blocks.sum(1, dtype=torch.int32)[None, None], which.int()[None, None]
