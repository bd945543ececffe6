"""The percentile bootstrap over units, as multinomial draws over the patterns that they show.

Where no draw varies a figure, as of few units whose raters all agree, its ends are Wilson's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trueup.stats._patterns import Floats, Ints
from trueup.stats._wilson import unvaried

__all__ = ["BootstrapInterval", "resample"]

_CHUNK_CELLS = 4_000_000  # what one block of replicates may hold
_MANY_PATTERNS = 10_000  # where they are nearly as many as the units, units are drawn one by one


@dataclass(frozen=True, slots=True)
class BootstrapInterval:
    """A percentile bootstrap interval over resampled units.

    Attributes:
        low, high: its ends; None where the figure is undefined.
        confidence: the share of resamples between them.
        replicates: resamples drawn.
        degenerate: those where the figure is undefined; left out of the ends.
    """

    low: float | None
    high: float | None
    confidence: float
    replicates: int
    degenerate: int


def resample(
    units: Ints,
    figure: Callable[[Floats], Floats],
    *,
    cells: int,
    replicates: int,
    confidence: float,
    seed: int,
    floor: float,
    rests_on: int,
) -> BootstrapInterval:
    """Draw whole units with replacement and return the interval of a figure.

    Efron 1979 (Ann. Stat. 7:1). Units that show the same pattern are one class of a multinomial
    draw, so that a million units cost no more than their few patterns.

    Args:
        units: (patterns,) how many units show each pattern; none of them, and there is no interval.
        figure: takes (rows, patterns) weights, returns (rows,) values, NaN where undefined.
        cells: numbers that `figure` holds for one row.
        replicates: resamples to draw.
        confidence: two-sided.
        seed: of the draws.
        floor: the least that the figure can be; the most is 1.
        rests_on: units that the figure would vary with; see `unvaried`.
    """
    total = int(units.sum())
    if not total:
        return BootstrapInterval(None, None, confidence, 0, 0)
    rng = np.random.default_rng(seed)
    block = max(1, _CHUNK_CELLS // cells)
    sizes = [min(block, replicates - start) for start in range(0, replicates, block)]
    values = np.concatenate([figure(_draw(rng, units, size)) for size in sizes])
    defined = values[~np.isnan(values)]
    degenerate = replicates - len(defined)
    if not len(defined):
        return BootstrapInterval(None, None, confidence, replicates, degenerate)
    low, high = map(float, np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2]))
    if low == high:
        low, high = unvaried(low, rests_on, confidence, floor=floor)
    return BootstrapInterval(low, high, confidence, replicates, degenerate)


def _draw(rng: np.random.Generator, units: Ints, size: int) -> Floats:
    """Return (size, patterns) how many units of each pattern a resample has."""
    total = int(units.sum())
    if len(units) <= _MANY_PATTERNS or total > 8 * len(units):
        return rng.multinomial(total, units / total, size=size).astype(np.float64)
    of_unit = np.repeat(np.arange(len(units)), units)
    drawn = np.empty((size, len(units)))
    for row in drawn:
        row[:] = np.bincount(of_unit[rng.integers(0, total, total)], minlength=len(units))
    return drawn
