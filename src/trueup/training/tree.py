"""Lay sequences out as one prefix tree, so that what they share is computed once.

Sequences are merged where they begin alike, if what they share is worth it. The tree's segments are
written one after another, each before its children (depth first), and positions count from the
tree's root, so a token has the position that it has in its own sequence. A token sees itself, what
precedes it in its segment, and the segments above: exactly what it sees in a plain causal forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

__all__ = ["Tree", "build_tree", "shared_prefix", "tree_size"]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
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
        until: (L,) index after the last token that can see this one; from it on to there all do.
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
    until: Tensor

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
    order = sorted(range(len(paths)), key=lambda i: tuple(paths[i]))
    rows = [paths[i] for i in order]
    shared = [0, *(shared_prefix(one, other) for one, other in pairwise(rows))]
    segments = list(_merged([len(row) for row in rows], shared, least_shared))
    starts = np.cumsum([0, *(s.length for s in segments)])
    seg_of = np.repeat(np.arange(len(segments)), np.diff(starts))
    visible = _ancestors(segments)
    trunk = segments[0].length
    bounds = [starts[i] for i, s in enumerate(segments) if s.parent == 0] + [starts[-1]]
    slots, filled, home = _branches(bounds, trunk)
    seg_at = seg_of[slots]
    inner = visible[seg_at[:, :, None], seg_at[:, None, :]] & filled[:, None, :]
    inner &= slots[:, :, None] >= slots[:, None, :]
    # An empty slot sees itself alone: a softmax over nothing would be NaN.
    inner |= np.eye(slots.shape[1], dtype=bool)[None] & ~filled[:, :, None]

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return Tree(
        tokens=tensor(np.array([t for s in segments for t in rows[s.first][s.depth : s.end]])),
        positions=tensor(np.concatenate([np.arange(s.depth, s.end) for s in segments])),
        places=tuple(tensor(place) for place in _places(segments, starts, order)),
        trunk=trunk,
        slots=tensor(slots),
        filled=tensor(filled),
        home=tensor(home),
        trunk_mask=tensor(np.tri(trunk, dtype=bool)),
        branch_mask=tensor(inner),
        until=tensor(starts[1:][[np.flatnonzero(below)[-1] for below in visible.T]][seg_of]),
    )


def tree_size(
    lengths: Sequence[int], shared: Sequence[int], least_shared: int = LEAST_SHARED
) -> int:
    """Return how many tokens the tree of sorted sequences holds, without building it.

    Args:
        lengths: of the sequences, at least one.
        shared: how many leading tokens each shares with the one before it; the first is not read.
        least_shared: as in `build_tree`.

    Of sequences that are not sorted it returns a bound: those apart from their like count as apart.
    """
    return sum(segment.length for segment in _merged(lengths, shared, least_shared))


def shared_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many leading tokens are the same."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(i for i in range(length) if one[i] != other[i])


@dataclass(frozen=True, slots=True)
class _Segment:
    """Tokens [depth, end) of the sequences [first, stop), under the segment `parent`."""

    parent: int
    first: int
    stop: int
    depth: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.depth


def _merged(lengths: Sequence[int], shared: Sequence[int], least_shared: int) -> Iterator[_Segment]:
    """Yield the segments of the tree over sorted sequences, each before its children."""
    waiting = [(-1, 0, len(lengths), 0)]
    number = 0
    while waiting:
        parent, first, stop, depth = waiting.pop()
        end = min(shared[first + 1 : stop], default=lengths[first])
        yield _Segment(parent, first, stop, depth, end)
        children: list[tuple[int, int, int, int]] = []
        for row in range(first, stop):
            if lengths[row] == end:
                continue
            equal = shared[row] == lengths[row] == lengths[row - 1]
            alike = equal or shared[row] - end >= least_shared
            if children and children[-1][2] == row and alike:
                children[-1] = (number, children[-1][1], row + 1, end)
            else:
                children.append((number, row, row + 1, end))
        waiting.extend(reversed(children))
        number += 1


def _places(
    segments: Sequence[_Segment], starts: np.ndarray, order: Sequence[int]
) -> list[np.ndarray]:
    """Return where each sequence's tokens went, in the order before sorting."""
    parts: list[list[np.ndarray]] = [[] for _ in order]
    for segment, start in zip(segments, starts, strict=False):
        for row in range(segment.first, segment.stop):
            parts[order[row]].append(np.arange(start, start + segment.length))
    return [np.concatenate(part) for part in parts]


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
