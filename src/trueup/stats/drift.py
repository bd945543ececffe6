"""Whether a rater's agreement changes over the weeks."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from trueup.errors import InputError
from trueup.stats._patterns import Floats
from trueup.stats._wilson import two_sided_p, wilson

__all__ = ["PeriodRate", "RaterDrift", "rater_drift"]


@dataclass(frozen=True, slots=True)
class PeriodRate:
    """One rater in one period.

    Attributes:
        period: its number, such as the week.
        agreed, n: labels that agreed, out of how many.
        rate: agreed / n.
        low, high: its Wilson interval.
    """

    period: float
    agreed: int
    n: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RaterDrift:
    """One rater over the periods.

    Attributes:
        rater: the name.
        periods: those with labels, in order.
        change: of the rate, a period; the weighted least squares slope; None where undefined.
        p: two-sided, of no trend; None where undefined.
        p_holm: the same, corrected for the number of raters that were tested.
        reason: why there is no test, else "".
    """

    rater: str
    periods: tuple[PeriodRate, ...]
    change: float | None
    p: float | None
    p_holm: float | None
    reason: str


def rater_drift(
    counts: Iterable[tuple[Hashable, float, int, int]], *, confidence: float = 0.95
) -> list[RaterDrift]:
    """Test every rater for a trend, the clearest first.

    The Cochran-Armitage test (Armitage 1955, Biometrics 11:375) on the periods' own numbers, so
    that a week without labels counts as a week gone by; Holm's correction over raters. It finds
    what rises or falls, not what goes down and comes back.

    Args:
        counts: (rater, period, agreed, n) entries, as a database can group them; several of one
            rater and period add up.
        confidence: of the periods' intervals.

    Raises:
        InputError: an entry whose agreed labels are not between 0 and n, or whose period is no
            finite number.
    """
    from trueup.stats.paired import holm

    sums: dict[Hashable, dict[float, tuple[int, int]]] = {}
    for rater, period, agreed, n in counts:
        if not (0 <= agreed <= n and math.isfinite(period)):
            raise InputError(
                f"rater {rater!r}, period {period}: {agreed} agreed of {n}; give a finite period "
                "and a count between 0 and n"
            )
        had = sums.setdefault(rater, {}).get(period, (0, 0))
        sums[rater][period] = (had[0] + int(agreed), had[1] + int(n))
    found = [_drift(str(rater), periods, confidence) for rater, periods in sums.items()]
    tested = [drift for drift in found if drift.p is not None]
    adjusted = dict(
        zip(map(id, tested), holm([d.p for d in tested if d.p is not None]), strict=True)
    )
    found = [replace(drift, p_holm=adjusted.get(id(drift))) for drift in found]
    return sorted(found, key=lambda d: (d.p is None, d.p or 0.0, d.rater))


def _drift(rater: str, sums: dict[float, tuple[int, int]], confidence: float) -> RaterDrift:
    periods = sorted(period for period, (_, n) in sums.items() if n)
    agreed = np.array([sums[period][0] for period in periods], dtype=np.float64)
    n = np.array([sums[period][1] for period in periods], dtype=np.float64)
    low, high = wilson(agreed / n, n, confidence)
    rates = tuple(
        PeriodRate(period, int(a), int(m), float(a / m), float(lo), float(hi))
        for period, a, m, lo, hi in zip(periods, agreed, n, low, high, strict=True)
    )
    if reason := _undefined(agreed, n):
        return RaterDrift(rater, rates, None, None, None, reason)
    change, p = _trend(np.array(periods, dtype=np.float64), agreed, n)
    return RaterDrift(rater, rates, change, p, None, "")


def _undefined(agreed: Floats, n: Floats) -> str:
    if len(n) < 2:
        return f"labels in {len(n)} periods: a trend needs two"
    if agreed.sum() in (0, n.sum()):
        return "every label agrees" if agreed.any() else "no label agrees"
    return ""


def _trend(times: Floats, agreed: Floats, n: Floats) -> tuple[float, float]:
    """Return the slope and the two-sided p-value of the Cochran-Armitage statistic."""
    rate = agreed.sum() / n.sum()
    centred = times - (n @ times) / n.sum()
    spread = float(n @ centred**2)
    score = float(centred @ agreed)
    return score / spread, two_sided_p(score / math.sqrt(rate * (1 - rate) * spread))
