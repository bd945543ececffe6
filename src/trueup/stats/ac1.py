"""Gwet's AC1: agreement beyond chance that does not collapse where one value is common.

Alpha's chance agreement comes from the marginal shares and nears 1 when one value has nearly all
ratings, so that a handful of disagreements takes alpha to 0. AC1 takes chance agreement to be that
of raters who guess where they are unsure, which then nears 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trueup.stats._bootstrap import BootstrapInterval, resample
from trueup.stats._patterns import Floats, Patterns
from trueup.stats._ratings import Table, patterns

__all__ = ["AC1", "ac1_interval", "gwet_ac1"]


@dataclass(frozen=True, slots=True)
class AC1:
    """Gwet's AC1, or why there is none.

    Attributes:
        value: at most 1; 0 is chance; None where it is undefined.
        reason: why it is undefined, else "".
        observed: mean share of agreeing rater pairs on a unit; None where there are none.
        expected: share that would agree by chance; None where there is no choice.
        units: units that two or more raters saw.
        ratings: ratings on all units, those that one rater saw among them.
    """

    value: float | None
    reason: str
    observed: float | None
    expected: float | None
    units: int
    ratings: int


def gwet_ac1(ratings: Table) -> AC1:
    """Return AC1 for any number of raters, with missing ratings allowed.

    Gwet 2008 (Br. J. Math. Stat. Psychol. 61:29): observed agreement is the mean over units of the
    share of agreeing pairs, expected agreement sum_k pi_k (1 - pi_k) / (q - 1) with pi_k the mean
    over units, lone ratings included, of the share of ratings with value k, and q the number of
    values in the domain. Values that could be chosen and were not count in q: give the domain.
    """
    table = _rated(ratings)
    units = int(table.units[table.raters >= 2].sum())
    total = int(table.units @ table.raters)
    if reason := _undefined(table, units):
        return AC1(None, reason, None, None, units, total)
    observed, expected = _agreements(table)(table.units[None].astype(np.float64))
    o, e = float(observed[0]), float(expected[0])
    return AC1((o - e) / (1 - e), "", o, e, units, total)


def ac1_interval(
    ratings: Table, *, replicates: int = 1000, confidence: float = 0.95, seed: int = 0
) -> BootstrapInterval:
    """Return the percentile bootstrap interval of AC1, resampling whole units.

    The bootstrap of `bootstrap_interval`, not Gwet's variance, so that both coefficients of a queue
    rest on one idea of chance. Units that one rater saw are drawn too, since they tell how common
    the values are; a resample of such units alone is degenerate. Where all raters agree on all
    units the ends are Wilson's over those that two or more saw.
    """
    table = _rated(ratings)
    units = int(table.units[table.raters >= 2].sum())
    agreements = _agreements(table)

    def figure(weights: Floats) -> Floats:
        observed, expected = agreements(weights)
        return (observed - expected) / (1 - expected)

    return resample(
        table.units[:0] if _undefined(table, units) else table.units,
        figure,
        cells=max(len(table), len(table.domain), 1),
        replicates=replicates,
        confidence=confidence,
        seed=seed,
        floor=-1.0,
        rests_on=units,
    )


def _rated(ratings: Table) -> Patterns:
    table = patterns(ratings)
    return table.keep(table.raters > 0)


def _undefined(table: Patterns, units: int) -> str:
    if not len(table):
        return "no ratings"
    if not units:
        return "no unit has two ratings, so there is nothing to compare"
    if len(table.domain) < 2:
        return f"the domain is {table.domain[0]!r} alone: name the values that could be chosen too"
    return ""


def _agreements(table: Patterns) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return a function from (rows, patterns) weights to observed and expected agreement.

    Both are (rows,); what is observed is NaN where no unit has two ratings.
    """
    same, paired = table.same / np.maximum(table.pairs, 1), (table.pairs > 0).astype(np.float64)
    shares = table.counts.astype(np.float64)
    shares.data /= table.raters[table.row]

    def agreements(weights: Floats) -> tuple[Floats, Floats]:
        pairable = weights @ paired
        observed = np.full(len(weights), np.nan)
        np.divide(weights @ same, pairable, out=observed, where=pairable > 0)
        common = (shares.T @ weights.T).T / weights.sum(axis=1)[:, None]
        return observed, (common * (1 - common)).sum(axis=1) / (len(table.domain) - 1)

    return agreements
