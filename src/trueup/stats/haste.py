"""Whether labels given in haste prefer another kind of answer: hedged ones, say, or long ones.

A slow reviewer may like long answers, and long questions take time and get long answers; neither is
haste. So seconds and answers are compared only among the labels that one reviewer gave to one type
of question.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from trueup.errors import InputError
from trueup.stats._patterns import Floats, Ints
from trueup.stats._ratings import Names, encode

__all__ = ["MIN_ITEMS", "MIN_LABELS", "HasteEffect", "haste_effects"]

MIN_LABELS = 20
"""Labels that can be compared with others of their reviewer and question type, below which a group
is not judged."""
MIN_ITEMS = 10
"""Distinct items among them, below which the clustered variance is not to be trusted."""


@dataclass(frozen=True, slots=True)
class HasteEffect:
    """How the chosen answer changes with the time taken, in one group of labels.

    Attributes:
        group: its name.
        n: labels that can be compared; a reviewer's only label on a question type cannot.
        items: distinct items among them.
        slope: change of the measure with each doubling of the seconds; below zero where quicker
            labels go with more of it; None where undefined.
        low, high: its interval, clustered by item; None where undefined.
        correlation: of the measure with log seconds within reviewer and question type.
        p: two-sided, of no effect; None where undefined.
        p_holm: the same, corrected for the number of groups tested.
        reason: why there is no figure, else "".
    """

    group: str
    n: int
    items: int
    slope: float | None
    low: float | None
    high: float | None
    correlation: float | None
    p: float | None
    p_holm: float | None
    reason: str


def haste_effects(
    seconds: ArrayLike,
    measure: ArrayLike,
    *,
    reviewers: Names,
    question_types: Names,
    items: Names,
    groups: Names | None = None,
    confidence: float = 0.95,
) -> list[HasteEffect]:
    """Regress the measure on the logarithm of the seconds within reviewer and question type.

    Least squares after subtracting the mean of each reviewer's labels on each question type, with
    the cluster-robust variance of Liang and Zeger 1986 (Biometrika 73:13), corrected by
    G / (G - 1) * (N - 1) / (N - K) as statsmodels does, and Student's t with G - 1 degrees of
    freedom for G items. Holm's correction over groups.

    Args:
        seconds: (N,) taken for each label, above zero.
        measure: (N,) of the chosen answer minus the rejected one: its words, its hedges.
        reviewers: (N,) who gave the label.
        question_types: (N,) of the item.
        items: (N,) the item, on which several reviewers' labels may go together.
        groups: (N,) the group that a label is counted in; None takes the question types.
        confidence: two-sided.

    Returns:
        One effect a group, the clearest first.

    Raises:
        InputError: lengths that differ, seconds that are not above zero, or a measure that is not
            finite.
    """
    from trueup.stats.paired import holm

    time, answer = _check(seconds, measure, reviewers, question_types, items, groups)
    of_group = question_types if groups is None else groups
    (_, who), (kinds, kind), (_, item) = encode(reviewers), encode(question_types), encode(items)
    names, group = encode(of_group)
    cell = who * len(kinds) + kind
    found = []
    for number, name in enumerate(names):
        inside = group == number
        effect = _effect(time[inside], answer[inside], cell[inside], item[inside], confidence)
        found.append(replace(effect, group=str(name)))
    adjusted = iter(holm([effect.p for effect in found if effect.p is not None]))
    found = [replace(e, p_holm=None if e.p is None else next(adjusted)) for e in found]
    return sorted(found, key=lambda e: (e.p is None, e.p or 0.0, e.group))


def _check(seconds: ArrayLike, measure: ArrayLike, *columns: Names | None) -> tuple[Floats, Floats]:
    time = np.asarray(seconds, dtype=np.float64)
    answer = np.asarray(measure, dtype=np.float64)
    lengths = [len(time), len(answer), *(len(c) for c in columns if c is not None)]
    if len(set(lengths)) > 1:
        raise InputError(
            f"columns of {', '.join(map(str, lengths))} labels: give one entry a label"
        )
    if not (np.isfinite(time) & (time > 0)).all():
        raise InputError("seconds are not all above zero and finite: leave untimed labels out")
    if not np.isfinite(answer).all():
        raise InputError("the measure is not finite throughout: leave unmeasured labels out")
    return np.log2(time), answer


def _effect(x: Floats, y: Floats, cell: Ints, item: Ints, confidence: float) -> HasteEffect:
    """Return the effect in one group, its name left open."""
    _, cell, sizes = np.unique(cell, return_inverse=True, return_counts=True)
    kept = sizes[cell] > 1
    x, y, cell, item = x[kept], y[kept], cell[kept], np.unique(item[kept], return_inverse=True)[1]
    n, cells, clusters = len(x), int((sizes > 1).sum()), int(item.max(initial=-1)) + 1
    nothing = HasteEffect("", n, clusters, None, None, None, None, None, None, "")
    if n < MIN_LABELS or n <= cells + 1:
        return replace(nothing, reason=f"{n} labels that can be compared: too few to judge")
    if clusters < MIN_ITEMS:
        return replace(nothing, reason=f"labels on {clusters} items: too few to judge")
    x, y = _centre(x, cell), _centre(y, cell)
    if not x.any():
        return replace(nothing, reason="all labels of a reviewer and question type took as long")
    if not y.any():
        return replace(nothing, reason="the answers of a reviewer and question type do not differ")
    xx, xy, yy = float(x @ x), float(x @ y), float(y @ y)
    slope = xy / xx
    sums = np.bincount(item, weights=x * (y - slope * x))
    correction = clusters / (clusters - 1) * (n - 1) / (n - cells - 1)
    error = math.sqrt(correction * float(sums @ sums)) / xx
    p, half = _student(slope, error, clusters - 1, confidence)
    return replace(
        nothing,
        slope=slope,
        low=slope - half,
        high=slope + half,
        correlation=xy / math.sqrt(xx * yy),
        p=p,
    )


def _centre(values: Floats, cell: Ints) -> Floats:
    """Subtract the mean of each cell; what is left of equal values is exactly zero."""
    means = np.bincount(cell, weights=values) / np.maximum(np.bincount(cell), 1)
    left = values - means[cell]
    return np.where(np.abs(left) > 1e-9 * np.maximum(np.abs(values), 1), left, 0.0)


def _student(slope: float, error: float, df: int, confidence: float) -> tuple[float, float]:
    """Return the two-sided p-value of no slope, and half the width of the interval."""
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(df, (1 + confidence) / 2)) * error
    p = 2 * float(stdtr(df, -abs(slope) / error)) if error else float(slope == 0)
    return p, half
