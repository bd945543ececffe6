"""Two models on the same requests: the paired difference, its interval, its p-value, its power.

Where every difference is a win, a loss or nothing, the interval is Tango's score interval on
effective counts, which stays honest when nothing or almost nothing differs; for other scores it is
the cluster-robust t interval. Both are deterministic and agree with the p-value beside them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from trueup.stats.intervals import Spread, mean_interval, measure_spread, tango_interval

__all__ = [
    "PairedDifference",
    "clusters_to_show",
    "holm",
    "minimum_detectable_effect",
    "paired_difference",
    "sign_flip_test",
]

_EXACT_CLUSTERS = 12
_DRAWS = 9_999


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Candidate minus baseline over the same items.

    Attributes:
        n: items; `clusters`: distinct clusters among them.
        baseline, candidate: plain means; `delta`: candidate minus baseline.
        low, high: the two-sided interval of `delta`.
        p: two-sided, of no difference; below 1 - confidence exactly where the interval leaves 0
            out, up to the smoothing of scores that are not wins and losses.
        p_permutation: the same from flipping whole clusters (`sign_flip_test`), as a check.
        mde: the smallest true difference that this comparison shows four times in five.
        gains, losses: items on which the candidate scores higher, or lower.
        design_effect: how many times more items than unrelated ones this takes.
    """

    n: int
    clusters: int
    baseline: float
    candidate: float
    delta: float
    low: float
    high: float
    p: float
    p_permutation: float
    mde: float
    gains: int
    losses: int
    design_effect: float


def paired_difference(
    baseline: ArrayLike,
    candidate: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    span: float = 1.0,
    confidence: float = 0.95,
    power: float = 0.8,
    seed: int = 0,
) -> PairedDifference:
    """Compare two models' scores on the same items, clustered.

    Args:
        baseline, candidate: (N,) scores of the same items in the same order, finite.
        clusters: (N,) the cluster of each item, such as its family.
        span: how far apart two scores of an item can lie; 1 for scores in [0, 1].
        confidence: of the two-sided interval.
        power: with which `mde` would be shown.
        seed: of the permutation test, where there are too many clusters to enumerate.

    Raises:
        ValueError: no items, lengths that differ, or a score that is not finite.
    """
    first = np.asarray(baseline, dtype=np.float64)
    second = np.asarray(candidate, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"scores do not pair up: {first.shape} and {second.shape}")
    differences = second - first
    spread = measure_spread(differences, clusters)
    gains, losses = int((differences > 0).sum()), int((differences < 0).sum())
    if np.isin(np.abs(differences), (0.0, span)).all():
        low, high, p = _by_counts(spread, gains, losses, span, confidence)
        sd = span * math.sqrt((gains + losses + 1) / (spread.n + 2))
    else:
        low, high, p = _by_mean(spread, span, confidence)
        sd = math.sqrt((spread.variance * (spread.n - 1) + span**2) / (spread.n + 1))
    return PairedDifference(
        n=spread.n,
        clusters=spread.clusters,
        baseline=float(first.mean()),
        candidate=float(second.mean()),
        delta=spread.mean,
        low=low,
        high=high,
        p=p,
        p_permutation=sign_flip_test(differences, clusters, seed=seed),
        mde=minimum_detectable_effect(spread, sd=sd, span=span, alpha=1 - confidence, power=power),
        gains=gains,
        losses=losses,
        design_effect=spread.design_effect,
    )


def _by_counts(
    spread: Spread, gains: int, losses: int, span: float, confidence: float
) -> tuple[float, float, float]:
    if spread.clusters < 2:
        return -span, span, 1.0
    effect = spread.design_effect
    low, high = tango_interval(
        spread.effective_n,
        gains / effect,
        losses / effect,
        spread.quantile((1 + confidence) / 2),
    )
    if gains + losses == 0:
        return span * low, span * high, 1.0
    statistic = (gains - losses) / math.sqrt((gains + losses) * effect)
    return span * low, span * high, spread.two_sided_p(statistic)


def _by_mean(spread: Spread, span: float, confidence: float) -> tuple[float, float, float]:
    low, high = mean_interval(spread, span=span, confidence=confidence)
    if spread.clusters < 2:
        return low, high, 1.0
    error = (high - low) / 2 / spread.quantile((1 + confidence) / 2)
    return low, high, spread.two_sided_p(spread.mean / error)


def sign_flip_test(
    differences: ArrayLike, clusters: Sequence[Hashable], *, seed: int = 0, draws: int = _DRAWS
) -> float:
    """Two-sided p-value of no difference from flipping the signs of whole clusters.

    Exact over all flips for up to 12 clusters that differ at all; above that `draws` random ones,
    with the observed one counted among them (Phipson and Smyth 2010, SAGMB 9:39).

    Args:
        differences: (N,) candidate minus baseline.
        clusters: (N,) the cluster of each.
        seed: of the random flips.
        draws: how many of them.
    """
    names = dict.fromkeys(clusters)
    index = {name: i for i, name in enumerate(names)}
    sums = np.bincount(
        [index[name] for name in clusters], weights=np.asarray(differences, dtype=np.float64)
    )
    sums = sums[sums != 0]
    if len(sums) == 0:
        return 1.0
    observed = abs(float(sums.sum())) - 1e-9 * float(np.abs(sums).sum())
    if len(sums) <= _EXACT_CLUSTERS:
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=len(sums))))
        return float(np.mean(np.abs(signs @ sums) >= observed))
    generator = np.random.default_rng(seed)
    signs = generator.integers(0, 2, size=(draws, len(sums))) * 2.0 - 1.0
    return (1 + int((np.abs(signs @ sums) >= observed).sum())) / (draws + 1)


def minimum_detectable_effect(
    spread: Spread, *, sd: float, span: float = 1.0, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the smallest true difference that such a comparison would show, `power` of the time.

    Solves Connor's (1987, Biometrics 43:207) sample size formula for the difference, on the
    effective number of items. A difference larger than the share of items that differ now needs
    more of them to differ, so that share grows with it.

    Args:
        spread: of the differences.
        sd: standard deviation of one item's difference.
        span: the largest difference; nothing above it is returned.
        alpha: two-sided.
        power: chance of showing it.
    """
    from scipy.optimize import brentq  # loads slowly

    if spread.clusters < 2:
        return span
    z_alpha, z_power = spread.quantile(1 - alpha / 2), spread.quantile(power)
    root = math.sqrt(spread.effective_n)
    share = (sd / span) ** 2

    def excess(delta: float) -> float:
        differing = max(share, delta)
        rest = math.sqrt(max(differing - delta**2, 0.0))
        return delta * root - z_alpha * math.sqrt(differing) - z_power * rest

    if excess(1.0) <= 0:
        return span
    return span * float(brentq(excess, 1e-12, 1.0))


def clusters_to_show(
    difference: PairedDifference, room: float, *, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Return how many clusters in all would clear a bound that lies `room` from the point.

    Takes the difference and the width of its interval for the truth, and clusters as large and as
    alike as there were: the interval narrows with the square root of the clusters (more items of
    the same ones may not narrow it at all), and `power` asks for more room than half of all repeats
    would need.

    Args:
        difference: what was measured.
        room: distance from `delta` to the bound that the interval must clear, positive when
            `delta` is on the right side of it.
        alpha: two-sided.
        power: chance of showing it.

    Returns:
        Clusters, at least one more than there were; None where there is no room, so that no number
        would do, or where one cluster leaves the spread unknown.
    """
    if room <= 0 or difference.clusters < 2:
        return None
    width = max(difference.delta - difference.low, difference.high - difference.delta)
    z_alpha, z_power = (float(ndtri(p)) for p in (1 - alpha / 2, power))
    needed = difference.clusters * (width / room * (1 + z_power / z_alpha)) ** 2
    return max(difference.clusters + 1, math.ceil(needed))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for being several, Holm 1979 (Scand. J. Stat. 6:65).

    Returns:
        Adjusted values in the order given: reject those under alpha, and the chance of any false
        rejection among all stays under alpha.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted
