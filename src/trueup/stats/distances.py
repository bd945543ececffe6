"""How far apart two sets of labels lie, and two rankings with ties: distances for alpha.

Krippendorff's difference function, written delta squared, is whatever stands where 0 (the same) and
1 (as different as can be) stand for nominal values. Both distances here are put there as they are,
not squared. MASI was made for that place (Passonneau 2006). Kemeny and Snell's distance counts the
pairs of answers that two rankings order differently, which for rankings without ties is already the
squared Euclidean distance between their vectors of pairwise orders, up to a factor. Both reduce to
nominal alpha: MASI on sets of one label, the other on two answers without ties.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trueup.errors import InputError

__all__ = ["masi_distances", "ranking_distances"]

Floats = NDArray[np.float64]


def masi_distances(sets: Sequence[frozenset[Hashable]]) -> Floats:
    """Return the MASI distances between sets of labels, Passonneau 2006 (LREC), section 3.

    1 - J * M. J is Jaccard's share of the union that both have; the monotonicity M is 1 where the
    sets are equal, 2/3 where one holds the other, 1/3 where they only overlap, 0 where they share
    nothing. Two empty sets are equal; an empty one shares nothing with any other.

    Args:
        sets: (V,) sets of labels.

    Returns:
        (V, V) distances from 0 to 1, symmetric, 0 on the diagonal.

    Raises:
        InputError: a value is not a frozenset.
    """
    if odd := [value for value in sets if not isinstance(value, frozenset)]:
        raise InputError(f"level 'set' needs frozensets of labels, not {odd[0]!r}")
    labels = {label: i for i, label in enumerate(dict.fromkeys(x for s in sets for x in s))}
    holds = np.zeros((len(sets), len(labels)))
    for row, value in zip(holds, sets, strict=True):
        row[[labels[label] for label in value]] = 1
    shared, sizes = holds @ holds.T, holds.sum(axis=1)
    smaller = np.minimum(sizes[:, None], sizes)
    larger = np.maximum(sizes[:, None], sizes)
    equal = shared == larger
    monotonicity = np.where(equal, 1, np.where(shared == smaller, 2 / 3, 1 / 3))
    union = sizes[:, None] + sizes - shared
    jaccard = np.where(union > 0, shared / np.maximum(union, 1), 1)
    result: Floats = np.where(equal, 0.0, 1 - jaccard * monotonicity)
    return result


def ranking_distances(rankings: Sequence[Sequence[float]]) -> Floats:
    """Return Kemeny and Snell's distances between rankings with ties.

    Kemeny and Snell 1962 (*Mathematical Models in the Social Sciences*, chapter 2), as a share of
    the largest: a pair of answers in opposite orders counts 1, one that is tied in one ranking
    alone 1/2. On rankings without ties it is Kendall's tau distance; with ties, that of Fagin and
    others 2006 (SIAM J. Discrete Math. 20:628) with penalty 1/2.

    Args:
        rankings: (V,) rankings, each the ranks of the same K answers; equal ranks are a tie, and
            only their order counts.

    Returns:
        (V, V) distances from 0 to 1, symmetric, 0 on the diagonal.

    Raises:
        InputError: a ranking is not a tuple of numbers, has fewer than two answers, or not as many
            as another.
    """
    for value in rankings:
        if not (isinstance(value, tuple) and all(_is_number(rank) for rank in value)):
            raise InputError(f"level 'ranking' needs tuples of ranks, one an answer, not {value!r}")
    if len(sizes := {len(value) for value in rankings}) > 1 or min(sizes, default=2) < 2:
        raise InputError(
            f"rankings of {', '.join(map(str, sorted(sizes)))} answers: all need the same two or "
            "more answers"
        )
    ranks = np.array(rankings, dtype=np.float64).reshape(len(rankings), -1)
    distances = np.zeros((len(rankings), len(rankings)))
    pairs = list(combinations(range(ranks.shape[1]), 2))
    for a, b in pairs:
        order = np.sign(ranks[:, a] - ranks[:, b])
        distances += np.abs(order[:, None] - order)
    return distances / (2 * max(len(pairs), 1))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and value == value
