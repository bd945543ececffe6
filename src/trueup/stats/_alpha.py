"""Krippendorff's alpha from patterns of counts, for many weightings of the patterns at once.

One weighting is how many units show each pattern. The data has one, each bootstrap replicate has
one, and leaving a rater out makes another; all of them are rows of one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from trueup.errors import InputError
from trueup.stats._patterns import Floats, Patterns

__all__ = ["Level", "alphas", "cells_per_row", "check_level", "undefined"]

Level = Literal["nominal", "ordinal", "interval", "ratio", "set", "ranking"]

_LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio", "set", "ranking")
_MAX_CELLS = 20_000_000  # what one matrix of distances or coincidences may hold: 160 MB


def check_level(table: Patterns, level: Level) -> None:
    """Refuse a level that does not fit the values, or more distinct values than fit in memory.

    Raises:
        InputError: either.
    """
    if level not in _LEVELS:
        raise InputError(f"level {level!r} is none of {', '.join(_LEVELS)}")
    if level in ("interval", "ratio") and not all(
        isinstance(v, int | float | np.number) for v in table.domain
    ):
        raise InputError(f"level {level!r} needs numbers: use 'nominal' or 'ordinal'")
    values = len(table.used)
    cells = values**2 * (len(table) if level == "ordinal" else 1)
    if cells > _MAX_CELLS:
        raise InputError(
            f"{level} alpha over {len(table)} patterns of ratings with {values} distinct "
            f"values needs {cells} cells, more than {_MAX_CELLS}: put the values into bins first"
        )


def undefined(table: Patterns, pairable: Patterns) -> str:
    """Return why there is no alpha, or ""."""
    if not table.raters.any():
        return "no ratings"
    if not len(pairable):
        return "no unit has two ratings, so there is nothing to compare"
    if len(pairable.used) == 1:
        return (
            f"every rating is {_named(pairable.domain[pairable.used[0]])}: without variation "
            "agreement cannot be told from chance"
        )
    return ""


def _named(value: object) -> str:
    """Return a rating as a reader would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return f"the set of {', '.join(sorted(map(str, value)))}" if value else "the empty set"
    return repr(value)


def cells_per_row(table: Patterns, level: Level) -> int:
    """Return how many numbers `alphas` holds for one weighting."""
    values = len(table.domain)
    return max(len(table), values**2 if level == "ordinal" else values, 1)


def alphas(table: Patterns, level: Level) -> Callable[[Floats], Floats]:
    """Return a function that gives alpha under each of several weightings of the patterns.

    Alpha is 1 - Do/De, Krippendorff 2011, *Computing Krippendorff's Alpha-Reliability*, section E.

    Args:
        table: the patterns; its own `units` are not read, and lone ratings do not count.
        level: the distance between values.

    Returns:
        A function of (rows, patterns) weights, how many units show each pattern, to (rows,) alphas,
        NaN without variation.
    """
    paired = table.raters >= 2
    counts = table.counts.astype(np.float64)
    counts.data *= paired[table.row]
    disagreements = _ordinal(table, counts) if level == "ordinal" else _fixed(table, counts, level)

    def figure(weights: Floats) -> Floats:
        n = (counts.T @ weights.T).T
        observed, expected = disagreements(weights, n)
        result = np.full(len(weights), np.nan)
        np.divide(observed * (n.sum(axis=1) - 1), expected, out=result, where=expected > 0)
        return 1 - result

    return figure


_Disagreements = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""From (rows, patterns) weights and (rows, values) margins to what is observed and expected, both
summed over pairs of values."""


def _fixed(table: Patterns, counts: Any, level: Level) -> _Disagreements:
    """The distances depend on the values alone, so each pattern has one disagreement."""
    distance = _distances(table.domain, level)
    within = np.zeros(len(table))
    block = max(1, _MAX_CELLS // max(len(table.domain), 1))
    for start in range(0, len(table), block):
        part = counts[start : start + block]
        within[start : start + block] = part.multiply(part @ distance).sum(axis=1)
    within /= np.maximum(table.raters - 1, 1)
    return lambda weights, n: (weights @ within, ((n @ distance) * n).sum(axis=1))


def _ordinal(table: Patterns, counts: Any) -> _Disagreements:
    """The distances are gaps between ranks, which the margins decide."""
    dense = counts.toarray()
    pairs = dense[:, :, None] * dense[:, None, :] - dense[:, :, None] * np.eye(dense.shape[1])
    spread = (pairs / np.maximum(table.raters - 1, 1)[:, None, None]).reshape(
        len(dense), dense.shape[1] ** 2
    )

    def disagreements(weights: Floats, n: Floats) -> tuple[Floats, Floats]:
        below = np.cumsum(n, axis=1) - n / 2  # rank midpoints: their gap is the ordinal distance
        distance = np.square(below[:, :, None] - below[:, None, :])
        observed = ((weights @ spread).reshape(distance.shape) * distance).sum(axis=(1, 2))
        return observed, np.einsum("ri,rij,rj->r", n, distance, n)

    return disagreements


def _distances(domain: tuple[Any, ...], level: Level) -> Floats:
    """Return (values, values) what stands for delta squared, where it depends on values alone."""
    if level in ("set", "ranking"):
        from trueup.stats.distances import masi_distances, ranking_distances

        return masi_distances(domain) if level == "set" else ranking_distances(domain)
    if level == "nominal":
        return 1 - np.eye(len(domain))
    numbers = np.array(domain, dtype=np.float64)
    gap: Floats = numbers[:, None] - numbers
    if level == "ratio":
        sums = numbers[:, None] + numbers
        gap = np.divide(gap, sums, out=np.zeros_like(gap), where=sums != 0)
    return np.square(gap)
