"""Which groups make one forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trueup.training.groups import Group
from trueup.training.layers.tree import shared_prefix, tree_size

__all__ = ["packed"]


def packed(groups: Sequence[Group], *, tokens: int) -> Iterator[list[Group]]:
    """Yield the groups in packs whose trees hold at most `tokens` tokens, like prompts together.

    Groups are sorted by their tokens first, so that neighbours share much. A group that is larger
    than `tokens` makes a pack of its own.
    """
    pack: list[Group] = []
    lengths: list[int] = []
    shared: list[int] = []
    last: Sequence[int] = ()
    for group in sorted(groups, key=lambda group: group.paths):
        known = len(lengths)
        for path in sorted(group.paths):
            lengths.append(len(path))
            shared.append(shared_prefix(last, path))
            last = path
        if pack and tree_size(lengths, shared) > tokens:
            yield pack
            pack, lengths, shared = [], lengths[known:], shared[known:]
        pack.append(group)
    if pack:
        yield pack
