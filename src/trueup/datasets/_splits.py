"""Which rows are held out for validation: whole groups, by the hash of their name."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.store import content_hash

__all__ = ["TRAIN", "VALIDATION", "assign_splits"]

TRAIN, VALIDATION = "train", "validation"


def assign_splits(origins: Sequence[tuple[str, str]], validation_share: float) -> list[str]:
    """Assign rows to splits so that no conversation and no family is on both sides.

    Rows that share a conversation or a family, directly or through others, are one group. A group
    is held out when the hash of its name falls under `validation_share`, so that it stays on its
    side from one version to the next. With two groups or more, neither side is left empty.

    Args:
        origins: (conversation id, family) of each row; the family may be "".
        validation_share: share of the groups to hold out, in [0, 1].

    Returns:
        The split of each row, in order.
    """
    groups = _group(origins)
    places = {name: _place(name) for name in set(groups)}
    held_out = {name for name, place in places.items() if place < validation_share}
    if 0 < validation_share < 1:
        ranked = sorted(places, key=lambda name: places[name])
        if not held_out and len(ranked) > 1:
            held_out = {ranked[0]}
        elif len(held_out) == len(ranked):
            held_out -= set(ranked[-1:])
    return [VALIDATION if name in held_out else TRAIN for name in groups]


def _group(origins: Sequence[tuple[str, str]]) -> list[str]:
    """Return the name of each row's group: the least of its families, else of its conversations."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def names(conversation: str, family: str) -> list[str]:
        # families sort before conversations, so that a group keeps its name as conversations join
        return [f"1:{conversation}"] + ([f"0:{family}"] if family else [])

    for origin in origins:
        first, *others = (root(name) for name in names(*origin))
        for other in others:
            low, high = sorted((first, other))
            parent[high] = low
    return [root(names(*origin)[0]) for origin in origins]


def _place(name: str) -> float:
    """Return a number in [0, 1) that is the name's own."""
    return int(content_hash(["split", name])[:13], 16) / 16**13
