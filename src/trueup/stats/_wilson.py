"""Wilson's interval for many rates at once."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats._patterns import Floats

__all__ = ["two_sided_p", "unvaried", "wilson"]


def wilson(rate: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Return the ends of Wilson's score interval, 1927 (JASA 22:209).

    Args:
        rate: shares in [0, 1].
        n: of how many each is a share; an effective number is fine, 0 leaves [0, 1].
        confidence: two-sided.

    Returns:
        low and high, each of the shape of `rate`.
    """
    p, size = np.asarray(rate, dtype=np.float64), np.asarray(n, dtype=np.float64)
    square = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    centre = (size * p + square / 2) / (size + square)
    half = np.sqrt(square * (size * p * (1 - p) + square / 4)) / (size + square)
    return np.clip(np.minimum(p, centre - half), 0, 1), np.clip(np.maximum(p, centre + half), 0, 1)


def unvaried(
    value: float, units: int, confidence: float = 0.95, *, floor: float = 0.0
) -> tuple[float, float]:
    """Return the ends for a figure that no resample of its units varies, such as a perfect one.

    A bootstrap of units that all say the same has no width, however few they are. A rate that all
    of so many units show may be as low as Wilson's end; by that share of the way to its own bounds
    may the figure lie off. One unit says nothing of others, and gives the whole range.

    Args:
        value: the figure, from `floor` to 1.
        units: that it rests on.
        confidence: two-sided.
        floor: the least that the figure can be.
    """
    low, _ = wilson(1.0, units if units > 1 else 0, confidence)
    gap = 1 - float(low)
    return value - gap * (value - floor), value + gap * (1 - value)


def two_sided_p(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))
