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

from trueup.training.layers.tree import Tree, build_tree

__all__ = ["BLOCK", "block_mask", "flex_tree_attention", "kernel_error", "takes_kernel"]

BLOCK = 128
"""Queries, and keys, that the kernel takes or skips together."""


def takes_kernel(device: torch.device) -> bool:
    """Say whether trees attend in FlexAttention there, and not in dense pieces."""
    return device.type != "cpu"


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


def kernel_error(
    heads: int, key_heads: int, width: int, *, dtype: torch.dtype, device: torch.device
) -> str:
    """Return in a line why the kernel cannot be compiled or run; empty if it can.

    Forward and backward are run on a small tree: triton, a C compiler and heads of 16 or more are
    needed, and each is missed in a way of its own.

    Args:
        heads: of the queries.
        key_heads: of keys and values.
        width: of a head.
        dtype: of all three.
        device: where they lie.
    """
    path = range(BLOCK + 1)
    tree = build_tree([[*path, 0, 1], [*path, 2]], device)

    def part(count: int) -> Tensor:
        shape = (1, count, tree.size, width)
        return torch.ones(shape, dtype=dtype, device=device, requires_grad=True)

    parts = part(heads), part(key_heads), part(key_heads)
    try:
        with torch.enable_grad():
            out = _compiled()(*parts, block_mask=block_mask(tree), scale=1.0, enable_gqa=True)
            torch.autograd.grad(out.sum(), parts)
    except torch.OutOfMemoryError:
        raise  # it says nothing of the kernel
    except Exception as error:  # torch's compiler, triton and the C compiler raise what they like
        told = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        return f"{type(error).__name__}: {told[:160]}" if told else type(error).__name__
    return ""


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
