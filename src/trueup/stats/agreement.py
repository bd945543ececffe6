"""How far raters agree: Krippendorff's alpha, raw agreement, and each rater beside the others.

Alpha is 1 - Do/De, observed over expected disagreement (Krippendorff 2011, *Computing
Krippendorff's Alpha-Reliability*). Every figure here is computed from the few distinct patterns of
ratings that units show and how many units show each, so that a million annotations cost no more
than their patterns, and a pattern table from a database gives what the ratings themselves give, to
the last bit. What stands for delta squared at the levels "set" and "ranking" is in
`trueup.stats.distances`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.errors import InputError
from trueup.stats._alpha import Level, alphas, cells_per_row, check_level, undefined
from trueup.stats._bootstrap import BootstrapInterval, resample
from trueup.stats._patterns import Bools, Ints, Patterns
from trueup.stats._ratings import PatternCounts, Ratings, Table, ValueCounts, patterns
from trueup.stats._ratings import patterns as pattern_table
from trueup.stats._wilson import wilson

__all__ = [
    "Alpha",
    "AlphaInterval",
    "GroupDisagreement",
    "Level",
    "PatternCounts",
    "Patterns",
    "RaterReliability",
    "Ratings",
    "ValueCounts",
    "agrees_with_others",
    "bootstrap_interval",
    "disagreement_by_group",
    "krippendorff_alpha",
    "pair_agreement",
    "pattern_table",
    "raw_agreement",
    "raw_agreement_interval",
    "reviewer_reliability",
]

AlphaInterval = BootstrapInterval
"""A percentile bootstrap interval over resampled units, of alpha as of the other figures."""


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's alpha, or why there is none.

    Attributes:
        value: at most 1; 0 is chance; None where it is undefined.
        reason: why it is undefined, else "".
        units: units that two or more raters saw.
        pairable: ratings on those units.
        level: the distance that was used.
    """

    value: float | None
    reason: str
    units: int
    pairable: int
    level: Level


@dataclass(frozen=True, slots=True)
class RaterReliability:
    """One rater beside the others.

    Attributes:
        rater: the name.
        rated: units rated.
        n: those of them where the others had a majority.
        agreement: share of `n` where the rater said what the others' majority said; None if n is 0.
        low, high: its 95% Wilson interval.
        alpha_without: alpha of everybody else.
    """

    rater: str
    rated: int
    n: int
    agreement: float | None
    low: float | None
    high: float | None
    alpha_without: float | None


@dataclass(frozen=True, slots=True)
class GroupDisagreement:
    """How often the pairs of raters in one group of units disagree.

    Attributes:
        group: its name.
        units: units of it that two or more raters saw.
        pairs: pairs of raters on them.
        share: share of the pairs that disagree; None without pairs.
    """

    group: str
    units: int
    pairs: int
    share: float | None


def krippendorff_alpha(ratings: Table, level: Level = "nominal") -> Alpha:
    """Return Krippendorff's alpha with missing ratings allowed.

    Args:
        ratings: raters x units with None where a rating is missing, or `Ratings`, `ValueCounts`,
            `PatternCounts`.
        level: the distance between values. "ordinal" needs an ordered domain, "interval" and
            "ratio" numbers, "set" frozensets of labels, "ranking" tuples of the ranks of the same
            answers.

    Raises:
        InputError: an unknown level, values that it does not fit, or so many distinct values that
            their distances would not fit in memory.
    """
    table = patterns(ratings)
    check_level(table, level)
    pairable = table.pairable
    units = int(pairable.units.sum())
    total = int(pairable.units @ pairable.raters)
    if reason := undefined(table, pairable):
        return Alpha(None, reason, units, total, level)
    used = pairable.compact
    value = alphas(used, level)(used.units[None].astype(np.float64))[0]
    return Alpha(float(value), "", units, total, level)


def bootstrap_interval(
    ratings: Table,
    level: Level = "nominal",
    *,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> AlphaInterval:
    """Return the percentile bootstrap interval of alpha, resampling whole units.

    Only units that two or more raters saw are drawn.

    Raises:
        InputError: see `krippendorff_alpha`.
    """
    table = patterns(ratings)
    check_level(table, level)
    used = table.pairable.compact
    return resample(
        used.units if len(used.domain) > 1 else used.units[:0],
        alphas(used, level),
        cells=cells_per_row(used, level),
        replicates=replicates,
        confidence=confidence,
        seed=seed,
        floor=-1.0,
        rests_on=int(used.units.sum()),
    )


def raw_agreement(ratings: Table) -> float | None:
    """Return the share of rater pairs, over all units, that gave the same value; None if none."""
    table = patterns(ratings)
    pairs = int(table.units @ table.pairs)
    return int(table.units @ table.same) / pairs if pairs else None


def raw_agreement_interval(
    ratings: Table, *, replicates: int = 1000, confidence: float = 0.95, seed: int = 0
) -> BootstrapInterval:
    """Return the percentile bootstrap interval of `raw_agreement`, resampling whole units.

    Only units that two or more raters saw are drawn. Where all pairs agree, or none does, so do
    all resamples, and the ends are Wilson's over the units.
    """
    table = patterns(ratings).pairable
    pairs, same = table.pairs.astype(np.float64), table.same.astype(np.float64)
    return resample(
        table.units,
        lambda weights: (weights @ same) / (weights @ pairs),
        cells=max(len(pairs), 1),
        replicates=replicates,
        confidence=confidence,
        seed=seed,
        floor=0.0,
        rests_on=int(table.units.sum()),
    )


def pair_agreement(values: Sequence[Hashable]) -> float | None:
    """Return the share of rater pairs on one unit that agree; None with fewer than two raters."""
    return raw_agreement([[value] for value in values])


def reviewer_reliability(ratings: Ratings, level: Level = "nominal") -> list[RaterReliability]:
    """Return every rater's agreement with the majority of the others, the least reliable first.

    A unit counts for a rater when more of the others chose one value than any other; with their
    votes split evenly there is nothing to be held against.

    Raises:
        InputError: see `krippendorff_alpha`.
    """
    table, of_unit = ratings.patterns
    check_level(table, level)
    kind, others = _kinds(ratings, table, of_unit)
    decided, right = _beside_others(table, others)
    shape = (len(ratings.raters), len(decided))
    given = np.bincount(ratings.rater * shape[1] + kind, minlength=shape[0] * shape[1])
    given = given.reshape(shape)
    rated, n, agreed = given.sum(axis=1), given @ decided, given @ right
    low, high = wilson(agreed / np.maximum(n, 1), n)
    # leaving a rater out turns each unit that they rated into what the others left there
    removed = np.zeros((len(ratings.raters), len(table)), dtype=np.int64)
    np.add.at(removed.T, table.row, given.T)
    weights = np.concatenate([table.units - removed, given], axis=1).astype(np.float64)
    without = alphas(table.and_also(others), level)(weights)
    found = [
        RaterReliability(
            str(name),
            int(rated[i]),
            int(n[i]),
            float(agreed[i] / n[i]) if n[i] else None,
            float(low[i]) if n[i] else None,
            float(high[i]) if n[i] else None,
            None if np.isnan(without[i]) else float(without[i]),
        )
        for i, name in enumerate(ratings.raters)
    ]
    return sorted(found, key=lambda r: (r.agreement is None, r.agreement or 0.0, r.rater))


def disagreement_by_group(ratings: Ratings, groups: Sequence[str]) -> list[GroupDisagreement]:
    """Return the share of disagreeing rater pairs by group of units, the worst first.

    Args:
        ratings: the ratings.
        groups: (units,) the group of each of `ratings.units`.

    Raises:
        InputError: there are not as many groups as units.
    """
    if len(groups) != len(ratings.units):
        raise InputError(f"{len(groups)} groups for {len(ratings.units)} units: give one a unit")
    table, of_unit = ratings.patterns
    pairs, same = table.pairs[of_unit], table.same[of_unit]
    names = np.array(groups, dtype=object)
    found = []
    for group in sorted(set(groups)):
        inside = names == group
        total = int(pairs[inside].sum())
        share = 1 - float(same[inside].sum()) / total if total else None
        found.append(GroupDisagreement(group, int((pairs[inside] > 0).sum()), total, share))
    return sorted(found, key=lambda g: (g.share is None, -(g.share or 0.0), g.group))


def agrees_with_others(ratings: Ratings) -> tuple[Bools, Bools]:
    """Return for each rating whether the unit's others had a majority, and whether it says so too.

    Returns:
        Two of (ratings,); what `reviewer_reliability` counts, by rating.
    """
    table, of_unit = ratings.patterns
    kind, others = _kinds(ratings, table, of_unit)
    decided, right = _beside_others(table, others)
    return decided[kind], right[kind]


def _beside_others(table: Patterns, others: Patterns) -> tuple[Bools, Bools]:
    """Return for each kind whether the others lean to one value, and whether the rating is it."""
    if not len(others):
        return np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_)
    top = np.maximum.reduceat(others.counts.data, others.counts.indptr[:-1])
    leads = others.counts.data == top[others.row]
    decided = (top > 0) & (others.per_pattern(leads.astype(np.int64)) == 1)
    said = others.counts.indices == table.counts.indices[others.row]
    right = decided & (others.per_pattern((leads & said).astype(np.int64)) == 1)
    return decided, right


def _kinds(ratings: Ratings, table: Patterns, of_unit: Ints) -> tuple[Ints, Patterns]:
    """Group ratings by their unit's pattern and their value: few kinds, however many ratings.

    Returns:
        The (ratings,) kind of each, a kind an entry of `table.counts`; and the (kinds, values)
        ratings that the unit's other raters gave, zeros among the entries.
    """
    values = len(ratings.domain)
    keys = table.row * values + table.counts.indices
    kind = np.searchsorted(keys, of_unit[ratings.unit] * values + ratings.value)
    others = Patterns(table.counts[table.row], np.ones_like(table.row), table.domain)
    others.counts.data -= others.counts.indices == table.counts.indices[others.row]
    return kind, others
