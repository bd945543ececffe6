"""A rate from many verdicts of a judge and few of people, with an interval that stays valid.

Prediction-powered inference with power tuning (Angelopoulos, Duchi and Zrnic 2023, PPI++,
arXiv:2311.01453): the judge's mean on the rows that people did not see, corrected by how far it is
off on those that they did. The interval holds however bad the judge is; a good one narrows it.

Departs from `ppi_py`, which tests hold it against: rows may come in clusters, few labels take
Student's t for the normal, and an interval never has zero width, as where people and the judge
agree on every row.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from trueup.stats.intervals import Estimate, estimate, measure_spread

__all__ = ["PredictionPowered", "prediction_powered"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PredictionPowered:
    """A rate told in three ways.

    Attributes:
        raw: the judge's, over all rows; its interval leaves the judge's errors out.
        people: people's alone, over the rows that they labelled.
        corrected: both together; `n` and `clusters` are of the labelled rows.
        weight: how much the judge counts, from 0 (not at all) to 1; the paper's lambda.
    """

    raw: Estimate
    people: Estimate
    corrected: Estimate
    weight: float


def prediction_powered(
    people: ArrayLike,
    judge: ArrayLike,
    judge_alone: ArrayLike,
    *,
    clusters: Sequence[Hashable],
    clusters_alone: Sequence[Hashable],
    confidence: float = 0.95,
) -> PredictionPowered:
    """Estimate people's mean over all rows, of which they labelled some.

    The labelled rows must be drawn at random from the same source as the others.

    Args:
        people: (n,) what people say, in [0, 1].
        judge: (n,) what the judge says of the same rows, in [0, 1].
        judge_alone: (N,) what it says of the rows without a label.
        clusters: (n,) what the labelled rows have in common, such as their prompt.
        clusters_alone: (N,) the same of the others.
        confidence: of the intervals.

    Raises:
        ValueError: a side has no rows, lengths differ, or a value is outside of [0, 1].
    """
    said, found, alone = (np.asarray(v, dtype=np.float64) for v in (people, judge, judge_alone))
    groups, n = [*clusters, *clusters_alone], len(said)
    if not n or not len(alone) or len(found) != n or len(groups) != n + len(alone):
        raise ValueError(
            f"{n} labels with {len(found)} verdicts, {len(alone)} verdicts alone, {len(groups)} "
            "clusters: at least one of each side is needed, and a cluster for each row"
        )
    if not all(((v >= 0) & (v <= 1)).all() for v in (said, found, alone)):
        raise ValueError("labels and verdicts must lie between 0 and 1")
    weight = _weight(said, found, alone)
    by_people = estimate(said, clusters, confidence=confidence)
    return PredictionPowered(
        raw=estimate(np.r_[found, alone], groups, confidence=confidence),
        people=by_people,
        # a judge that tells nothing is left out
        corrected=_corrected(said - weight * found, weight * alone, groups, by_people, confidence)
        if weight and by_people.clusters > 1
        else by_people,
        weight=weight,
    )


def _corrected(
    off: Floats, told: Floats, groups: Sequence[Hashable], people: Estimate, confidence: float
) -> Estimate:
    """Return mean(off) + mean(told), cut to [0, 1], with its cluster-robust t interval.

    Each row is its share in the sum, scaled so that their mean is it: a cluster may have rows of
    both. Two half items that lie a span above and below are added, see `intervals.mean_interval`.
    """
    rows, n = len(off) + len(told), len(off)
    shares = np.r_[(off - off.mean()) * rows / n, (told - told.mean()) * rows / len(told)]
    spread = measure_spread(shares, groups)
    span = 1 + float(np.ptp(told))
    error = math.hypot(math.sqrt(spread.design_effect * spread.variance / rows), span / (n + 2))
    half = float(stdtrit(people.clusters - 1, (1 + confidence) / 2)) * error
    value = float(off.mean() + told.mean())
    low, value, high = (min(1.0, max(0.0, v)) for v in (value - half, value, value + half))
    return Estimate(n, people.clusters, value, low, high)


def _weight(said: Floats, found: Floats, alone: Floats) -> float:
    """Return the weight of the judge that makes the variance least, in [0, 1]."""
    spread = float(np.var(np.r_[found, alone]))
    if len(said) < 2 or spread == 0:
        return 0.0
    together = float(np.cov(said, found)[0, 1])
    return min(1.0, max(0.0, together / ((1 + len(said) / len(alone)) * spread)))
