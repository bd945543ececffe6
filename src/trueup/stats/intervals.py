"""Intervals for rates and means whose items come in clusters.

Requests of one family resemble each other, so ten of them say less than ten unrelated ones. Every
interval here divides what was counted by the design effect (Rao and Scott 1992, Biometrics 48:577),
measured from the data and never taken below one, and uses Student's t with one degree of freedom
less than there are clusters. All of it is deterministic: nothing is resampled.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit  # scipy.stats loads slowly

__all__ = [
    "ASSUMED_ICC",
    "Estimate",
    "Spread",
    "estimate",
    "mean_interval",
    "measure_spread",
    "rate_interval",
    "tango_interval",
]

ASSUMED_ICC = 0.1
"""The correlation within a cluster that is assumed where the items are all equal, so that none can
be measured."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval.

    Attributes:
        n: items.
        clusters: distinct clusters among them.
        value: the plain mean over items.
        low, high: the ends of the two-sided interval.
    """

    n: int
    clusters: int
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the value and its interval, to two digits."""
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class Spread:
    """How widely clustered values vary about their mean.

    Attributes:
        n: items.
        clusters: distinct clusters.
        mean: plain mean over items.
        variance: of one item, unbiased; 0 where all are equal.
        design_effect: variance of the mean over what it were if items were unrelated, at least 1.
        measured: False where the design effect had to be assumed (see `ASSUMED_ICC`).
    """

    n: int
    clusters: int
    mean: float
    variance: float
    design_effect: float
    measured: bool

    @property
    def effective_n(self) -> float:
        """The number of unrelated items that would say as much."""
        return self.n / self.design_effect

    def quantile(self, probability: float) -> float:
        """Return Student's t for the clusters, or the normal where no spread was measured."""
        if self.measured:
            return float(stdtrit(self.clusters - 1, probability))
        return float(ndtri(probability))

    def two_sided_p(self, statistic: float) -> float:
        """Return the two-sided p-value of a standardised statistic; see `quantile`."""
        if self.measured:
            return float(2 * stdtr(self.clusters - 1, -abs(statistic)))
        return float(2 * ndtr(-abs(statistic)))


def _check(
    values: ArrayLike, clusters: Sequence[Hashable] | NDArray[Any]
) -> tuple[Floats, NDArray[Any]]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"values must be a non-empty list of numbers, got shape {array.shape}")
    if len(clusters) != len(array):
        raise ValueError(f"{len(array)} values but {len(clusters)} clusters")
    if not np.isfinite(array).all():
        raise ValueError("values must be finite; leave unscored items out")
    if isinstance(clusters, np.ndarray):
        return array, np.unique(clusters, return_inverse=True)[1]
    index = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    return array, np.array([index[name] for name in clusters])


def measure_spread(values: ArrayLike, clusters: Sequence[Hashable] | NDArray[Any]) -> Spread:
    """Measure the design effect with the cluster-robust variance of the mean.

    Liang and Zeger 1986 (Biometrika 73:13) with the correction G / (G - 1).

    Args:
        values: (N,) finite numbers.
        clusters: (N,) the cluster of each.

    Raises:
        ValueError: there are no values, one is not finite, or the lengths differ.
    """
    array, codes = _check(values, clusters)
    n, sizes = len(array), np.bincount(codes)
    groups = len(sizes)
    residuals = array - array.mean()
    squares = float(residuals @ residuals)
    if groups < 2 or squares <= 1e-18 * max(1.0, float(array @ array)):
        # Kish 1965: 1 + (m - 1) icc, with the size-weighted mean cluster size for m
        effect = 1 + (float(sizes @ sizes) / n - 1) * ASSUMED_ICC
        variance = squares / (n - 1) if groups < 2 and n > 1 else 0.0
        return Spread(n, groups, float(array.mean()), variance, effect, measured=False)
    sums = np.bincount(codes, weights=residuals)
    robust = groups / (groups - 1) * float(sums @ sums) / n**2
    variance = squares / (n - 1)
    return Spread(
        n, groups, float(array.mean()), variance, max(1.0, robust / (variance / n)), measured=True
    )


def rate_interval(
    hits: ArrayLike, clusters: Sequence[Hashable] | NDArray[Any], *, confidence: float = 0.95
) -> Estimate:
    """Wilson's interval (1927, JASA 22:209) for a clustered rate, on the effective sample size.

    Never of zero width: 0 of n leaves z² / (n + z²) open. One cluster alone says nothing about
    others, and gives the whole of [0, 1].

    Args:
        hits: (N,) zeros and ones.
        clusters: (N,) the cluster of each.
        confidence: two-sided.
    """
    spread = measure_spread(hits, clusters)
    if spread.clusters < 2:
        return Estimate(spread.n, spread.clusters, spread.mean, 0.0, 1.0)
    z, n, p = spread.quantile((1 + confidence) / 2), spread.effective_n, spread.mean
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))
    return Estimate(spread.n, spread.clusters, p, low, high)


def mean_interval(spread: Spread, *, span: float, confidence: float = 0.95) -> tuple[float, float]:
    """Cluster-robust t interval for a mean of values or of differences.

    Two half items that lie one `span` above and below are added to the variance, as Agresti and
    Min (2005, Stat. Med. 24:729) do for counts, so that equal values do not claim certainty.

    Args:
        spread: of the values.
        span: how far two values can lie apart.
        confidence: two-sided.

    Returns:
        low and high; minus and plus `span` around zero and the mean where there is one cluster.
    """
    if spread.clusters < 2:
        return min(-span, spread.mean), max(span, spread.mean)
    squares = spread.variance * (spread.n - 1) + span**2
    error = math.sqrt(spread.design_effect * squares) / (spread.n + 2)
    # the unsmoothed error is the larger one where a few items vary much
    plain = math.sqrt(spread.design_effect * spread.variance / spread.n)
    half = spread.quantile((1 + confidence) / 2) * max(error, plain)
    return spread.mean - half, spread.mean + half


def estimate(
    values: ArrayLike, clusters: Sequence[Hashable], *, confidence: float = 0.95
) -> Estimate:
    """Return the mean of scores in [0, 1] with its clustered interval.

    Wilson's interval where all are 0 or 1, else the t interval of `mean_interval`, cut to [0, 1].
    """
    if np.isin(np.asarray(values), (0.0, 1.0)).all():
        return rate_interval(values, clusters, confidence=confidence)
    spread = measure_spread(values, clusters)
    low, high = mean_interval(spread, span=1.0, confidence=confidence)
    return Estimate(spread.n, spread.clusters, spread.mean, max(low, 0.0), min(high, 1.0))


def tango_interval(n: float, gains: float, losses: float, z: float) -> tuple[float, float]:
    """Score interval for a difference of paired proportions, Tango 1998 (Stat. Med. 17:891).

    Args:
        n: pairs; an effective number is fine.
        gains, losses: pairs where only the second, or only the first, of the two succeeded.
        z: the quantile to invert, such as 1.96.

    Returns:
        low and high in [-1, 1], around (gains - losses) / n, never of zero width.
    """
    from scipy.optimize import brentq  # loads slowly

    def statistic(delta: float) -> float:
        a = 2 * n
        b = -gains - losses + (2 * n - gains + losses) * delta
        c = -losses * delta * (1 - delta)
        q = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = n * (2 * q + delta * (1 - delta))
        if variance <= 0:
            return math.copysign(1e9, gains - losses - n * delta)
        return (gains - losses - n * delta) / math.sqrt(variance)

    point, edge = (gains - losses) / n, 1 - 1e-12

    def solve(target: float, end: float) -> float:
        if abs(end - point) <= 1e-9:
            return end
        inner = point + math.copysign(1e-12, end - point)
        if (statistic(inner) - target) * (statistic(end * edge) - target) >= 0:
            return end
        return float(brentq(lambda d: statistic(d) - target, inner, end * edge))

    return solve(z, -1.0), solve(-z, 1.0)
