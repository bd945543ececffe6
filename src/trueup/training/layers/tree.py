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

__all__ = ["BLOCK", "Piece", "Tree", "build_tree", "shared_prefix", "tree_size"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a tree that attends by itself: a segment, and the subtrees below it if any.

    Each of these subtrees is a branch: B stretches of tokens that see the segment, all above it and
    themselves but not one another, so they attend as a batch, padded to the longest, m.

    Attributes:
        above: (start, end) of each stretch of tokens that all of the piece sees, in order.
        start: index of the segment's first token.
        trunk: t, tokens of the segment, which is causal in itself.
        end: index after the piece's last token.
        slots: (B, m) the token in each branch's slot, counted from `start`; another's where it is
            empty.
        filled: (B, m) bool, whether a slot holds a token.
        home: (end - start - t,) the slot, counted through all B * m, of each token below the
            segment.
        mask: (B, m, m) bool, True where the query (row) sees the key (column) of its branch.
    """

    above: tuple[tuple[int, int], ...]
    start: int
    trunk: int
    end: int
    slots: Tensor
    filled: Tensor
    home: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Tree:
    """A prefix tree of L distinct tokens, with how attention runs on it.

    Attributes:
        tokens: (L,) token ids, depth first.
        positions: (L,) each token's position in its own sequence.
        places: for each sequence, the (length,) indices of its tokens, on the CPU.
        until: (L,) index after the last token that can see this one; from it on to there all do.
        pieces: which attend one after another; together they hold the tokens in order. None where
            the tree lies on a GPU, whose kernel reads `until` alone.
    """

    tokens: Tensor
    positions: Tensor
    places: tuple[Tensor, ...]
    until: Tensor
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Number of distinct tokens."""
        return len(self.tokens)


LEAST_SHARED = 16
"""Tokens below the trunk that sequences must share to be merged there.

Sequences that are merged can attend in one branch, to which all others are padded. Merging two that
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
    layout = _Layout(segments)

    def tensor(values: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(values)).to(device)

    on_cpu = device is None or device.type == "cpu"
    ids = [np.array(rows[s.first][s.depth : s.end], dtype=np.int64) for s in segments]
    return Tree(
        tokens=tensor(ids),
        positions=tensor([np.arange(s.depth, s.end) for s in segments]),
        places=tuple(map(torch.from_numpy, _places(segments, layout.starts, order))),
        until=tensor([np.repeat(layout.ends, [s.length for s in segments])]),
        pieces=tuple(layout.piece(*p) for p in layout.plan(0, ())[1]) if on_cpu else (),
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


BLOCK = 128
"""Queries of a segment that attend together: none reads keys beyond its block's."""

CALL = 4_000
"""Scores that take about as long as a further call of attention does beside its scores."""

Stretches = tuple[tuple[int, int], ...]
Planned = tuple[int, Stretches, list[int]]
"""A segment, the stretches above it, and the branches that attend with it."""


class _Layout:
    """Where segments lie, and in which pieces their tokens attend.

    Attributes:
        starts: (S + 1,) index of each segment's first token.
        ends: (S,) index after the last token of each segment's subtree.
    """

    def __init__(self, segments: Sequence[_Segment]) -> None:
        self.segments = segments
        self.starts = np.cumsum([0, *(segment.length for segment in segments)])
        self.children: list[list[int]] = [[] for _ in segments]
        for number, segment in enumerate(segments[1:], 1):
            self.children[segment.parent].append(number)
        self.ends = self.starts[1:].copy()
        for number in reversed(range(1, len(segments))):
            parent = segments[number].parent
            self.ends[parent] = max(self.ends[parent], self.ends[number])

    def plan(self, number: int, above: Stretches) -> tuple[int, list[Planned]]:
        """Return what a segment's subtree costs, scores and calls, and what `piece` makes of it.

        A segment's branches attend as one batch where that is cheaper, as for short answers to
        one prompt, and each as a tree of its own where it is not, as for prompts with theirs.
        """
        start, length = int(self.starts[number]), self.segments[number].length
        seen = sum(end - begin for begin, end in above) + length
        stops = range(BLOCK, length + BLOCK, BLOCK)
        own = sum(BLOCK * (seen - length + stop) + CALL for stop in stops)
        branches = self.children[number]
        if not branches:
            return own, [(number, above, [])]
        longest = max(int(self.ends[b] - self.starts[b]) for b in branches)
        together = len(branches) * longest * (seen + longest) + CALL
        # what calls alone would cost more than needs no plan
        if together <= len(branches) * CALL:
            return own + together, [(number, above, branches)]
        below = (*above, (start, start + length)) if length else above
        plans = [self.plan(branch, below) for branch in branches]
        apart = sum(cost for cost, _ in plans)
        if together <= apart:
            return own + together, [(number, above, branches)]
        pieces = [piece for _, parts in plans for piece in parts]
        return own + apart, [(number, above, []), *pieces] if length else pieces

    def piece(self, number: int, above: Stretches, branches: Sequence[int]) -> Piece:
        """Return the piece of a segment and of those of its branches that attend as a batch."""
        start, trunk = int(self.starts[number]), self.segments[number].length
        bounds = [int(self.starts[b]) - start for b in branches]
        bounds.append(int(self.ends[number] if branches else start + trunk) - start)
        slots, filled, home = _batch(bounds, trunk)
        until = np.repeat(self.ends, np.diff(self.starts))[start : start + bounds[-1]] - start
        seen = slots[:, None, :] <= slots[:, :, None]
        inner = seen & (slots[:, :, None] < until[slots][:, None, :]) & filled[:, None, :]
        # An empty slot sees itself alone: a softmax over nothing would be NaN.
        inner |= np.eye(slots.shape[1], dtype=bool)[None] & ~filled[:, :, None]

        def tensor(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array))

        return Piece(
            above=above,
            start=start,
            trunk=trunk,
            end=start + bounds[-1],
            slots=tensor(slots),
            filled=tensor(filled),
            home=tensor(home),
            mask=tensor(inner),
        )


def _batch(bounds: Sequence[int], trunk: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `Piece.slots`, `filled` and `home` of branches that begin at `bounds`."""
    starts = np.array(bounds[:-1], dtype=np.int64)[:, None]
    lengths = np.diff(np.array(bounds, dtype=np.int64))[:, None]
    within = np.arange(lengths.max(initial=0))[None]
    filled = within < lengths
    slots = np.where(filled, starts + within, trunk)
    return slots, filled, np.flatnonzero(filled)
