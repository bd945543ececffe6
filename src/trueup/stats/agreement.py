"""How far raters agree: Krippendorff's alpha, raw agreement, and each rater beside the others.

Alpha is 1 - Do/De, observed over expected disagreement (Krippendorff 2011, *Computing
Krippendorff's Alpha-Reliability*). The point value comes from the `krippendorff` package in its
value-counts form; the bootstrap is ours, because it has to recompute the coincidence matrix a
thousand times and can do so from the few distinct patterns of ratings that units show.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import krippendorff
import numpy as np

from trueup.errors import InputError
from trueup.stats._ratings import Floats, Ints, Ratings, Table, ValueCounts, value_counts

__all__ = [
    "Alpha",
    "AlphaInterval",
    "GroupDisagreement",
    "Level",
    "RaterReliability",
    "Ratings",
    "ValueCounts",
    "bootstrap_interval",
    "disagreement_by_group",
    "krippendorff_alpha",
    "pair_agreement",
    "raw_agreement",
    "reviewer_reliability",
]

Level = Literal["nominal", "ordinal", "interval", "ratio"]

_LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio")
_MAX_CELLS = 20_000_000  # units x values x values that the package holds at once: 160 MB an array
_CHUNK_CELLS = 4_000_000  # what one block of bootstrap replicates may hold


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
class AlphaInterval:
    """A percentile bootstrap interval of alpha over resampled units.

    Attributes:
        low, high: its ends; None where alpha is undefined.
        confidence: the share of resamples between them.
        replicates: resamples drawn.
        degenerate: those without any variation, where alpha is undefined; left out of the ends.
    """

    low: float | None
    high: float | None
    confidence: float
    replicates: int
    degenerate: int


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
        ratings: raters x units with None where a rating is missing, or `Ratings`, `ValueCounts`.
        level: the distance between values. All but "nominal" need an ordered domain, and
            "interval" and "ratio" numbers.

    Raises:
        InputError: an unknown level, values that it cannot order, or so many distinct values that
            the coincidences would not fit in memory.
    """
    table = value_counts(ratings)
    _check_level(table, level)
    pairable = table.pairable
    units, total = len(pairable.counts), int(pairable.counts.sum())
    if reason := _undefined(table, pairable):
        return Alpha(None, reason, units, total, level)
    used = _compact(pairable)
    cells = units * len(used.domain) ** 2
    if cells > _MAX_CELLS:
        raise InputError(
            f"alpha over {units} units with {len(used.domain)} distinct values needs {cells} "
            f"cells, more than {_MAX_CELLS}: put the values into bins first"
        )
    value = krippendorff.alpha(
        value_counts=used.counts,
        value_domain=_numeric_domain(used, level),
        level_of_measurement=level,
    )
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

    Units that show the same counts are one pattern, so that a resample is a multinomial draw over
    patterns and all replicates are a matrix product.

    Raises:
        InputError: see `krippendorff_alpha`.
    """
    table = value_counts(ratings)
    _check_level(table, level)
    used = _compact(table.pairable)
    if len(used.domain) < 2:
        return AlphaInterval(None, None, confidence, 0, 0)
    patterns, weights = np.unique(used.counts, axis=0, return_counts=True)
    observed = _coincidences(patterns)
    block = max(1, _CHUNK_CELLS // max(len(patterns), observed.shape[1]))
    rng = np.random.default_rng(seed)
    alphas = np.concatenate(
        [
            _alphas(
                rng.multinomial(
                    weights.sum(), weights / weights.sum(), size=min(block, replicates - start)
                ).astype(np.float64)
                @ observed,
                used,
                level,
            )
            for start in range(0, replicates, block)
        ]
    )
    defined = alphas[~np.isnan(alphas)]
    degenerate = replicates - len(defined)
    if not len(defined):
        return AlphaInterval(None, None, confidence, replicates, degenerate)
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return AlphaInterval(float(low), float(high), confidence, replicates, degenerate)


def raw_agreement(ratings: Table) -> float | None:
    """Return the share of rater pairs, over all units, that gave the same value; None if none."""
    counts = value_counts(ratings).counts
    pairs = _pairs(counts.sum(axis=1)).sum()
    return float(_pairs(counts).sum() / pairs) if pairs else None


def pair_agreement(values: Sequence[Hashable]) -> float | None:
    """Return the share of rater pairs on one unit that agree; None with fewer than two raters."""
    return raw_agreement([[value] for value in values])


def reviewer_reliability(ratings: Ratings, level: Level = "nominal") -> list[RaterReliability]:
    """Return every rater's agreement with the majority of the others, the least reliable first.

    A unit counts for a rater when more of the others chose one value than any other; with their
    votes split evenly there is nothing to be held against.
    """
    from scipy.stats import binomtest  # half a second, and only this needs it

    _check_level(ratings.value_counts, level)
    counts = ratings.value_counts.counts
    observed = _coincidences(counts).sum(axis=0)
    found = []
    for index, name in enumerate(ratings.raters):
        mine = ratings.rater == index
        units, values = ratings.unit[mine], ratings.value[mine]
        others = counts[units]
        others[np.arange(len(units)), values] -= 1
        top = others.max(axis=1, initial=0)
        decided = (top > 0) & ((others == top[:, None]).sum(axis=1) == 1)
        n = int(decided.sum())
        agreed = int((others.argmax(axis=1) == values)[decided].sum()) if n else 0
        change = (_coincidences(others) - _coincidences(counts[units])).sum(axis=0)
        without = _alphas((observed + change)[None], ratings.value_counts, level)[0]
        interval = binomtest(agreed, n).proportion_ci(method="wilson") if n else None
        found.append(
            RaterReliability(
                str(name),
                len(units),
                n,
                agreed / n if n else None,
                float(interval.low) if interval else None,
                float(interval.high) if interval else None,
                None if np.isnan(without) else float(without),
            )
        )
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
    counts = ratings.value_counts.counts
    pairs, same = _pairs(counts.sum(axis=1)), _pairs(counts).sum(axis=1)
    names = np.array(groups, dtype=object)
    found = []
    for group in sorted(set(groups)):
        inside = names == group
        total = int(pairs[inside].sum())
        share = 1 - float(same[inside].sum()) / total if total else None
        found.append(GroupDisagreement(group, int((pairs[inside] > 0).sum()), total, share))
    return sorted(found, key=lambda g: (g.share is None, -(g.share or 0.0), g.group))


def _pairs(counts: Ints) -> Ints:
    return counts * (counts - 1) // 2


def _compact(table: ValueCounts) -> ValueCounts:
    """Leave out the values that nobody chose; no distance depends on them."""
    chosen = table.counts.sum(axis=0) > 0
    domain = tuple(v for v, kept in zip(table.domain, chosen.tolist(), strict=True) if kept)
    return ValueCounts(table.counts[:, chosen], domain)


def _undefined(table: ValueCounts, pairable: ValueCounts) -> str:
    if not table.counts.sum():
        return "no ratings"
    if not len(pairable.counts):
        return "no unit has two ratings, so there is nothing to compare"
    chosen = pairable.counts.any(axis=0)
    if chosen.sum() == 1:
        return (
            f"every rating is {pairable.domain[int(chosen.argmax())]!r}: without variation "
            "agreement cannot be told from chance"
        )
    return ""


def _check_level(table: ValueCounts, level: Level) -> None:
    if level not in _LEVELS:
        raise InputError(f"level {level!r} is none of {', '.join(_LEVELS)}")
    if level in ("interval", "ratio") and not all(
        isinstance(v, int | float | np.number) for v in table.domain
    ):
        raise InputError(f"level {level!r} needs numbers: use 'nominal' or 'ordinal'")


def _numeric_domain(table: ValueCounts, level: Level) -> Floats:
    if level in ("interval", "ratio"):
        return np.array(table.domain, dtype=np.float64)
    return np.arange(len(table.domain), dtype=np.float64)


def _coincidences(patterns: Ints) -> Floats:
    """Return (patterns, values * values): what one unit of each pattern adds to the matrix."""
    values = patterns.shape[1]
    pairs = patterns[:, :, None] * patterns[:, None, :] - patterns[:, :, None] * np.eye(values)
    others = np.maximum(patterns.sum(axis=1) - 1, 1)  # a lone rating has no pairs to spread
    spread: Floats = pairs / others[:, None, None]
    return spread.reshape(len(patterns), values**2)


def _alphas(observed: Floats, table: ValueCounts, level: Level) -> Floats:
    """Return (replicates,) alpha of each row of coincidences; NaN without variation."""
    values = len(table.domain)
    o = observed.reshape(-1, values, values)
    n = o.sum(axis=2)
    total = n.sum(axis=1)[:, None, None]
    expected = (n[:, :, None] * n[:, None, :] - n[:, :, None] * np.eye(values)) / (total - 1)
    distance = _distance(n, _numeric_domain(table, level), level)
    do = (o * distance).sum(axis=(1, 2))
    de = (expected * distance).sum(axis=(1, 2))
    alphas = np.full(len(o), np.nan)
    np.divide(do, de, out=alphas, where=de > 0)
    result: Floats = 1 - alphas
    return result


def _distance(n: Floats, domain: Floats, level: Level) -> Floats:
    """Return (replicates or 1, values, values) squared distances; Krippendorff 2011, section E."""
    if level == "ordinal":
        below = np.cumsum(n, axis=1) - n / 2  # rank midpoints: their gap is the ordinal distance
        return np.square(below[:, :, None] - below[:, None, :])
    gap: Floats = domain[:, None] - domain[None, :]
    if level == "nominal":
        gap = np.not_equal(gap, 0).astype(np.float64)
    elif level == "ratio":
        sums = domain[:, None] + domain[None, :]
        gap = np.divide(gap, sums, out=np.zeros_like(gap), where=sums != 0)
    return np.square(gap).reshape(1, len(domain), len(domain))
