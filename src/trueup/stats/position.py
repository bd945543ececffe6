"""Whether the answer that is shown first is chosen too often."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from trueup.errors import InputError
from trueup.stats._patterns import Floats, Ints
from trueup.stats._ratings import Names, encode

__all__ = ["PositionBias", "PositionRate", "position_bias"]


@dataclass(frozen=True, slots=True)
class PositionRate:
    """How often the first answer was chosen; one half where the place does not matter.

    Attributes:
        rater: the name; "" for all raters together.
        n: choices between two answers shown in random order.
        items: distinct items among them.
        share: of choices that fell on the answer shown first.
        low, high: its Wilson interval, clustered by item.
        p: two-sided, of one half; below 1 - confidence exactly where the interval leaves one half
            out; None where undefined.
        p_holm: the same, corrected for the number of raters tested; None for all together.
        reason: why there is no test, else "".
    """

    rater: str
    n: int
    items: int
    share: float
    low: float
    high: float
    p: float | None
    p_holm: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class PositionBias:
    """The position bias of all raters and of each.

    Attributes:
        overall: all choices together; None where there are none.
        raters: each rater, the clearest first.
    """

    overall: PositionRate | None
    raters: tuple[PositionRate, ...]


def position_bias(
    raters: Names,
    items: Names,
    chose_first: ArrayLike,
    *,
    confidence: float = 0.95,
) -> PositionBias:
    """Measure how often the answer shown first is chosen.

    The interval is `stats.intervals.rate_interval`: Wilson's on the effective number of choices,
    since the choices on one item may go together. Its test is the score test of one half on the
    same number; Holm's correction over raters.

    Args:
        raters: (N,) who chose.
        items: (N,) what the choice was on.
        chose_first: (N,) whether the answer shown first was chosen; leave ties out.
        confidence: two-sided.

    Raises:
        InputError: the lengths differ.
    """
    from trueup.stats.paired import holm

    hits = np.asarray(chose_first, dtype=np.float64)
    if not len(raters) == len(items) == len(hits):
        raise InputError(
            f"{len(raters)} raters, {len(items)} items, {len(hits)} choices: give one each a choice"
        )
    if not len(hits):
        return PositionBias(None, ())
    names, who = encode(raters)
    _, clusters = encode(items)
    order = np.argsort(who, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(who))[:-1])
    found = [
        _rate(str(name), hits[part], clusters[part], confidence)
        for name, part in zip(names, parts, strict=True)
    ]
    adjusted = iter(holm([rate.p for rate in found if rate.p is not None]))
    found = [replace(r, p_holm=None if r.p is None else next(adjusted)) for r in found]
    ranked = sorted(found, key=lambda r: (r.p is None, r.p or 0.0, r.rater))
    return PositionBias(_rate("", hits, clusters, confidence), tuple(ranked))


def _rate(rater: str, hits: Floats, clusters: Ints, confidence: float) -> PositionRate:
    from trueup.stats.intervals import measure_spread, rate_interval

    found = rate_interval(hits, clusters, confidence=confidence)
    p, reason = None, "all choices are on one item"
    if found.clusters > 1:
        spread = measure_spread(hits, clusters)
        p = spread.two_sided_p((spread.mean - 0.5) * 2 * math.sqrt(spread.effective_n))
        reason = ""
    return PositionRate(
        rater, found.n, found.clusters, found.value, found.low, found.high, p, None, reason
    )
