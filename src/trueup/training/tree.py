"""Lay sequences out as one prefix tree, so that what they share is computed once.

Sequences are merged where they begin alike, if what they share is worth it. The tree's segments are
written one after another, each before its children (depth first), and positions count from the
tree's root, so a token has the position that it has in its own sequence. A token sees itself, what
precedes it in its segment, and the segments above: exactly what it sees in a plain causal forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trueup.training.groups import shared_prefix

__all__ = ["Tree", "build_tree"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A prefix tree of L distinct tokens, with how attention runs on it.

    The root segment is the trunk of p tokens that all sequences share. The subtrees under it are
    the branches: B stretches of tokens that see the trunk and themselves but not one another, so
    they attend as a batch, padded to the longest, m.

    Attributes:
        tokens: (L,) token ids, depth first.
        positions: (L,) each token's position in its own sequence.
        places: for each sequence, the (length,) indices of its tokens.
        trunk: p.
        slots: (B, m) index of the token in each branch's slot; another's where it is empty.
        filled: (B, m) whether a slot holds a token.
        home: (L - p,) the slot, counted through all B * m, of each token after the trunk.
        trunk_mask: (p, p) bool, True where the query (row) sees the key (column).
        branch_mask: (B, m, m) bool, likewise within each branch; all of it sees the trunk.
    """

    tokens: Tensor
    positions: Tensor
    places: tuple[Tensor, ...]
    trunk: int
    slots: Tensor
    filled: Tensor
    home: Tensor
    trunk_mask: Tensor
    branch_mask: Tensor

    @property
    def size(self) -> int:
        """Number of distinct tokens."""
        return len(self.tokens)


LEAST_SHARED = 16
"""Tokens below the trunk that sequences must share to be merged there.

Sequences that are merged attend in one branch, to which all others are padded. Merging two that
share a word doubles a branch's length, and with it the attention of all, to save a token or two.
"""


def build_tree(
    paths: Sequence[Sequence[int]],
    device: torch.device | None = None,
    *,
    least_shared: int = LEAST_SHARED,
) -> Tree:
    """Merge token sequences into a prefix tree.

    Args:
        paths: at least one sequence, each of at least one token.
        device: where the tree's tensors lie.
        least_shared: sequences that share fewer tokens beyond the segment above stay apart.
    """
    segments, places = _merge(paths, least_shared)
    seg_of = np.concatenate([np.full(s.length, i) for i, s in enumerate(segments)])
    visible = _ancestors(segments)
    trunk = segments[0].length
    bounds = [s.start for s in segments if s.parent == 0] + [len(seg_of)]
    slots, filled, home = _branches(bounds, trunk)
    seg_at = seg_of[slots]
    inner = visible[seg_at[:, :, None], seg_at[:, None, :]] & filled[:, None, :]
    inner &= slots[:, :, None] >= slots[:, None, :]
    # An empty slot sees itself alone: a softmax over nothing would be NaN.
    inner |= np.eye(slots.shape[1], dtype=bool)[None] & ~filled[:, :, None]

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return Tree(
        tokens=tensor(np.concatenate([paths[s.owner][s.depth : s.end_depth] for s in segments])),
        positions=tensor(np.concatenate([np.arange(s.depth, s.end_depth) for s in segments])),
        places=tuple(tensor(place) for place in places),
        trunk=trunk,
        slots=tensor(slots),
        filled=tensor(filled),
        home=tensor(home),
        trunk_mask=tensor(np.tri(trunk, dtype=bool)),
        branch_mask=tensor(inner),
    )


@dataclass(frozen=True, slots=True)
class _Segment:
    """Tokens [depth, depth + length) of the sequence `owner`, written at `start`."""

    parent: int
    owner: int
    depth: int
    length: int
    start: int

    @property
    def end_depth(self) -> int:
        return self.depth + self.length


def _merge(
    paths: Sequence[Sequence[int]], least_shared: int
) -> tuple[list[_Segment], list[np.ndarray]]:
    """Return the tree's segments, depth first, and where each sequence's tokens went."""
    segments: list[_Segment] = []
    places = [np.empty(len(path), dtype=np.int64) for path in paths]
    written = 0
    waiting = [(-1, 0, list(range(len(paths))))]
    while waiting:
        parent, depth, members = waiting.pop()
        end = _common_length([paths[m] for m in members], depth)
        segments.append(_Segment(parent, members[0], depth, end - depth, written))
        for member in members:
            places[member][depth:end] = np.arange(written, written + end - depth)
        written += end - depth
        children: dict[tuple[int, ...], list[int]] = {}
        for member in members:
            if len(paths[member]) > end:
                ahead = tuple(paths[member][end : end + least_shared])
                children.setdefault(ahead, []).append(member)
        this = len(segments) - 1
        waiting.extend((this, end, child) for child in reversed(children.values()))
    return segments, places


def _common_length(paths: Sequence[Sequence[int]], depth: int) -> int:
    """Return how many leading tokens all paths share, `depth` of which are known to be."""
    first = paths[0][depth:]
    return depth + min(shared_prefix(first, path[depth:]) for path in paths)


def _ancestors(segments: Sequence[_Segment]) -> np.ndarray:
    """Return (S, S) bool: whether the column's segment is the row's own or above it."""
    above = np.eye(len(segments), dtype=bool)
    for index, segment in enumerate(segments):
        if segment.parent >= 0:
            above[index] |= above[segment.parent]
    return above


def _branches(bounds: Sequence[int], trunk: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `Tree.slots`, `filled` and `home` for branches that begin at `bounds`."""
    starts = np.array(bounds[:-1], dtype=np.int64)[:, None]
    lengths = np.diff(np.array(bounds, dtype=np.int64))[:, None]
    within = np.arange(lengths.max(initial=0))[None]
    filled = within < lengths
    slots = np.where(filled, starts + within, trunk)
    return slots, filled, np.flatnonzero(filled)
