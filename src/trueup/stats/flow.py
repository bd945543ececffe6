"""Balanced choices among directed pairs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.optimize import linprog

__all__ = ["balanced_subset"]


def balanced_subset(pairs: Sequence[tuple[Hashable, Hashable]]) -> list[int]:
    """Return the largest choice of pairs in which each name comes first as often as second.

    With names as nodes and pairs as edges this is a maximum circulation with unit capacities. The
    linear programme of a network has whole-numbered vertices, and the simplex method ends on one.

    Args:
        pairs: two names each; equal ones are always chosen.

    Returns:
        The indices of the chosen pairs, ascending.
    """
    if not pairs:
        return []
    names = {name: row for row, name in enumerate(dict.fromkeys(n for p in pairs for n in p))}
    flow = np.zeros((len(names), len(pairs)))
    for side, sign in ((0, 1.0), (1, -1.0)):
        # added, so that a pair of equal names is no edge at all
        flow[[names[pair[side]] for pair in pairs], np.arange(len(pairs))] += sign
    found = linprog(
        -np.ones(len(pairs)), A_eq=flow, b_eq=np.zeros(len(names)), bounds=(0, 1), method="highs-ds"
    )
    assert found.x is not None  # choosing none is always allowed
    return [int(index) for index in np.flatnonzero(found.x > 0.5)]
