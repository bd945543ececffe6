"""How far each pair of raters agrees: the heat map of who sees things alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from trueup.errors import InputError
from trueup.stats._patterns import Ints
from trueup.stats._ratings import Ratings

__all__ = ["PairAgreement", "pairwise_agreement"]

_MAX_CELLS = 20_000_000  # raters x raters x values that are held at once


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two raters on the units that both rated.

    Attributes:
        first, second: the raters, in the order of `Ratings.raters`.
        units: units that both rated.
        agreed: those where they gave the same value.
        share: agreed / units; None where they share none.
        kappa: Cohen's, at most 1, 0 is chance; None where both gave one and the same value
            throughout, so that agreement cannot be told from chance.
    """

    first: str
    second: str
    units: int
    agreed: int
    share: float | None
    kappa: float | None


def pairwise_agreement(ratings: Ratings) -> list[PairAgreement]:
    """Return every pair of raters, the ones without a common unit among them.

    Kappa is Cohen 1960 (Educ. Psychol. Meas. 20:37), with each rater's shares taken over the units
    that the two have in common. It costs what the pairs of ratings on one unit cost: a million
    ratings, three a unit, take a fraction of a second.

    Raises:
        InputError: more raters than a table of all pairs has room for.
    """
    count, values = len(ratings.raters), len(ratings.domain)
    if count * count * values > _MAX_CELLS:
        raise InputError(
            f"{count} raters make a table of {count * count} pairs by {values} values, more than "
            f"{_MAX_CELLS} cells: choose fewer raters"
        )
    units, agreed, by_chance = _pair_counts(ratings)
    return [
        PairAgreement(
            str(ratings.raters[i]),
            str(ratings.raters[j]),
            int(units[i, j]),
            int(agreed[i, j]),
            float(agreed[i, j] / units[i, j]) if units[i, j] else None,
            _kappa(int(units[i, j]), int(agreed[i, j]), int(by_chance[i, j])),
        )
        for i, j in combinations(range(count), 2)
    ]


def _kappa(units: int, agreed: int, by_chance: int) -> float | None:
    """Return kappa from counts; `by_chance` is units squared times the chance agreement."""
    if by_chance == units**2:
        return None
    return (agreed * units - by_chance) / (units**2 - by_chance)


def _pair_counts(ratings: Ratings) -> tuple[Ints, Ints, Ints]:
    """Return (raters, raters) units in common, those that agree, and products of the margins."""
    from scipy.sparse import csr_array

    count, values = len(ratings.raters), len(ratings.domain)
    given = csr_array(
        (np.ones(len(ratings.unit), dtype=np.int64), (ratings.unit, _answer(ratings))),
        shape=(len(ratings.units), count * values),
    )
    together = (given.T @ given).tocoo()
    (first, value), (second, other) = (np.divmod(side, max(values, 1)) for side in together.coords)
    pair = first.astype(np.int64) * count + second

    def total(of: Ints, weights: Ints, size: int) -> Ints:
        return np.bincount(of, weights=weights, minlength=size).astype(np.int64)

    units = total(pair, together.data, count**2).reshape(count, count)
    same = value == other
    agreed = total(pair[same], together.data[same], count**2).reshape(count, count)
    margins = total(pair * values + value, together.data, count**2 * values)
    margins = margins.reshape(count, count, values)
    return units, agreed, (margins * margins.transpose(1, 0, 2)).sum(axis=2)


def _answer(ratings: Ratings) -> Ints:
    return ratings.rater * len(ratings.domain) + ratings.value
