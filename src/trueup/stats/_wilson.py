"""Wilson's interval for many rates at once."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from trueup.stats._patterns import Floats

__all__ = ["two_sided_p", "wilson"]


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


def two_sided_p(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))
