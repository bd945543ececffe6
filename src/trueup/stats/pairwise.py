"""A judge that chooses between two answers, beside people: agreement, position, verbosity.

Shown the same pair in both orders, a judge that looks at the answers alone chooses the same one.
Position consistency and the share of choices that follow the place are those of Zheng et al. 2023
(arXiv:2306.05685, section 3.3) and Shi et al. 2024 (arXiv:2406.07791); verbosity bias is that of
Saito et al. 2023 (arXiv:2310.10076, eq. 6).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.stats.intervals import Estimate, estimate

__all__ = ["Pairwise", "difference", "pairwise"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pairwise:
    """A judge's choices between two answers, a and b; a figure is None where nothing bears on it.

    Attributes:
        n: pairs with a verdict in at least one order.
        both: pairs with a verdict in both orders.
        accuracy: share of verdicts that are people's, a tie being one of three; of a pair that was
            judged in both orders, the mean of the two.
        consistent: share of pairs, of those judged in both orders, with one verdict in both.
        accuracy_consistent: share of these verdicts that are people's.
        to_first, to_second: share of pairs, of those judged in both orders, of which the answer
            shown first, or second, is chosen both times.
        prefers_first: share of choices, of those pairs, that fall on the answer shown first; one
            half where the place does not matter, whichever answers are better.
        longer_judge, longer_people: share of choices that fall on the longer answer, the judge's
            and people's, of the pairs with a choice by both.
        verbosity: the share of wrong choices where people choose the shorter answer, less the same
            where they choose the longer. Above zero, length is taken for quality; a judge that
            guesses is at zero, however long the better answers are.
    """

    n: int
    both: int
    accuracy: Estimate | None
    consistent: Estimate | None
    accuracy_consistent: Estimate | None
    to_first: Estimate | None
    to_second: Estimate | None
    prefers_first: Estimate | None
    longer_judge: Estimate | None
    longer_people: Estimate | None
    verbosity: Estimate | None


def pairwise(
    people: ArrayLike,
    judge: ArrayLike,
    longer: ArrayLike,
    *,
    clusters: Sequence[Hashable],
    confidence: float = 0.95,
) -> Pairwise:
    """Hold a judge's choices against people's, and its choices in one order against the other.

    Everywhere 1 is a, -1 is b and 0 is neither.

    Args:
        people: (N,) which is better, 0 a tie, NaN where people did not say.
        judge: (N, 2) which the judge chose with a shown first, and with b first; NaN for none.
        longer: (N,) which is longer.
        clusters: (N,) what the pairs have in common, such as their prompt.
        confidence: of the intervals; see `intervals.estimate`.

    Raises:
        ValueError: lengths differ.
    """
    said, found, size = (np.asarray(v, dtype=np.float64) for v in (people, judge, longer))
    if found.shape != (len(said), 2) or not len(said) == len(size) == len(clusters):
        raise ValueError("people, judge, longer and clusters: one of each is needed for every pair")

    def rate(values: Floats) -> Estimate | None:
        known = ~np.isnan(values)
        if not known.any():
            return None
        groups = [name for name, kept in zip(clusters, known, strict=True) if kept]
        return estimate(values[known], groups, confidence=confidence)

    told: NDArray[np.bool_] = ~np.isnan(found)
    both: NDArray[np.bool_] = told[:, 0] & told[:, 1]
    same = both & (found[:, 0] == found[:, 1])
    right = np.where(told & ~np.isnan(said)[:, None], found == said[:, None], np.nan)
    choice = np.where(found == 0, np.nan, found)
    first = choice * [1, -1] > 0  # whether it fell on the answer shown first
    swayed = np.where(both, found[:, 0] - found[:, 1], np.nan)  # 2 to the first, -2 to the second
    follows = np.where(np.isnan(choice), np.nan, choice == size[:, None])
    choosable = (np.abs(said) == 1) & (size != 0)
    by_length = _mean(np.where(choosable[:, None], follows, np.nan))
    compared = ~np.isnan(by_length)
    wrong = np.where(said == size, 1 - by_length, by_length)
    return Pairwise(
        n=int(told.any(axis=1).sum()),
        both=int(both.sum()),
        accuracy=rate(_mean(right)),
        consistent=rate(np.where(both, same, np.nan)),
        accuracy_consistent=rate(np.where(same, right[:, 0], np.nan)),
        to_first=rate(np.where(both, swayed == 2, np.nan)),
        to_second=rate(np.where(both, swayed == -2, np.nan)),
        prefers_first=rate(_mean(np.where(both[:, None] & ~np.isnan(choice), first, np.nan))),
        longer_judge=rate(by_length),
        longer_people=rate(np.where(compared, said == size, np.nan)),
        verbosity=difference(
            rate(np.where(said == -size, wrong, np.nan)),
            rate(np.where(said == size, wrong, np.nan)),
        ),
    )


def difference(one: Estimate | None, other: Estimate | None) -> Estimate | None:
    """Return one rate less another of other rows, None where either is.

    The interval is Newcombe's (1998, Stat. Med. 17:873, method 10), from those of the two.
    """
    if one is None or other is None:
        return None
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    high = value + math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(
        one.n + other.n, one.clusters + other.clusters, value, max(-1.0, low), min(1.0, high)
    )


def _mean(values: Floats) -> Floats:
    """Return (N,) the mean of what is known in each row of (N, 2), NaN where nothing is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)
    return means
