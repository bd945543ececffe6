"""Balanced choices among directed pairs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

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
    columns = np.arange(len(pairs))
    first, second = (np.array([names[pair[side]] for pair in pairs]) for side in (0, 1))
    signs = np.repeat([1.0, -1.0], len(pairs))
    # entries at one place add up, so that a pair of equal names is no edge at all
    flow = coo_array((signs, (np.concatenate([first, second]), np.tile(columns, 2))))
    found = linprog(
        -np.ones(len(pairs)),
        A_eq=flow.tocsr(),
        b_eq=np.zeros(len(names)),
        bounds=(0, 1),
        method="highs-ds",
    )
    return np.flatnonzero(found.x > 0.5).tolist()
