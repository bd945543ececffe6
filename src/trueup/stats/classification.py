"""What a yes-or-no judge is worth beside people: accuracy, F1, kappa, alpha, AUROC, intervals.

Answers to one prompt resemble each other, so intervals draw whole clusters with replacement
(Field and Welsh 2007, JRSS B 69:369) and take percentiles; where no draw differs, as of few items
that are all judged rightly, they take Wilson's over the clusters instead, which has a width.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.stats._ranks import cluster_draws, concordance
from trueup.stats._wilson import unvaried
from trueup.stats.intervals import Estimate

__all__ = ["Classification", "classification"]

Floats = NDArray[np.float64]
_FLOORS = {"kappa": -1.0, "alpha": -1.0}  # the least that a figure can be, where it is not 0
_FEWEST = 5  # verdicts, under which draws of rows do not show how length goes with them


@dataclass(frozen=True, slots=True)
class Classification:
    """A judge's verdicts beside people's, of which "yes" is the positive class.

    A figure is None where it is undefined: AUROC without scores, F1 where nobody says yes,
    verbosity where fewer than five verdicts differ from the rest of their label, and the others
    where one side has one class alone.

    Attributes:
        n: items.
        positives: those that people say yes to.
        accuracy: share of equal verdicts.
        balanced_accuracy: mean of the shares found among people's yes and among their no.
        precision, recall: share of the judge's yes that are people's, and of theirs that it finds.
        f1: harmonic mean of the two.
        kappa: Cohen's (1960, Educational and Psychological Measurement 20:37).
        alpha: Krippendorff's, of the two as raters (2011, Computing Krippendorff's alpha).
        auroc: probability that a yes is scored above a no, ties counting half (Hanley and McNeil
            1982, Radiology 143:29).
        verbosity: probability that of two items that people say the same of, the one that the judge
            says yes to is the longer, ties counting half: the stratified Mann-Whitney statistic
            (van Elteren 1960, Bull. Int. Stat. Inst. 37:351). One half where the judge's verdict
            has no more to do with length than people's has.
    """

    n: int
    positives: int
    accuracy: Estimate | None
    balanced_accuracy: Estimate | None
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    kappa: Estimate | None
    alpha: Estimate | None
    auroc: Estimate | None
    verbosity: Estimate | None


def classification(
    people: ArrayLike,
    judge: ArrayLike,
    *,
    clusters: Sequence[Hashable],
    scores: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Classification:
    """Hold a judge's verdicts against people's.

    Args:
        people: (N,) whether people say yes.
        judge: (N,) whether the judge does.
        clusters: (N,) what the items have in common, such as their prompt.
        scores: (N,) finite numbers, higher for yes; None leaves AUROC out.
        lengths: (N,) how long the items are, in any unit; None leaves verbosity out.
        confidence: of the intervals.
        draws: how many times clusters are drawn.
        seed: of the draws.

    Raises:
        ValueError: there are no items, lengths differ, or a score is not finite.
    """
    said, found = np.asarray(people, dtype=bool), np.asarray(judge, dtype=bool)
    if said.ndim != 1 or not len(said) or not len(said) == len(found) == len(clusters):
        raise ValueError(
            f"{said.size} labels, {found.size} verdicts, {len(clusters)} clusters: "
            "one of each is needed for every item, and at least one item"
        )
    numbers = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    index = np.array([numbers[name] for name in clusters])
    weights = cluster_draws(len(numbers), draws, seed)
    cells = np.stack([said & found, ~said & found, said & ~found, ~said & ~found], axis=1)
    by_cluster = np.zeros((len(numbers), 4))
    np.add.at(by_cluster, index, cells)
    figures = _figures(np.vstack([by_cluster.sum(0), weights @ by_cluster]))
    if scores is not None:
        figures["auroc"] = concordance(said, _numbers("scores", scores, said), index, weights)
    if lengths is not None and _differing(said, found) >= _FEWEST:
        long = _numbers("lengths", lengths, said)
        figures["verbosity"] = concordance(found, long, index, weights, strata=said)
    rests = _rows_of(said, found)
    tail = (1 - confidence) / 2

    def estimate(name: str) -> Estimate | None:
        values = figures.get(name)
        if values is None or np.isnan(values[0]):
            return None
        value = float(values[0])
        low, high = map(float, np.nanquantile(values[1:], [tail, 1 - tail]))
        if low == high:
            units = len(np.unique(index[rests[name]]))
            low, high = unvaried(value, units, confidence, floor=_FLOORS.get(name, 0.0))
        return Estimate(len(said), len(numbers), value, low, high)

    return Classification(len(said), int(said.sum()), *(estimate(name) for name in rests))


def _rows_of(said: NDArray[np.bool_], found: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Return by figure the rows that it rests on: of two classes, those of the rarer one."""
    rarer = said if 2 * said.sum() <= len(said) else ~said
    rows = {field.name: rarer for field in fields(Classification)[2:]}
    rows["accuracy"] = np.ones_like(said)
    return rows | {"precision": found, "recall": said, "f1": said | found}


def _numbers(name: str, values: ArrayLike, said: NDArray[Any]) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != said.shape or not np.isfinite(numbers).all():
        raise ValueError(f"{name}: one finite number is needed for every item")
    return numbers


def _differing(said: NDArray[Any], found: NDArray[Any]) -> int:
    """Return how many verdicts are not the usual one among the items of their label."""
    return sum(
        min(int(found[said == label].sum()), int((~found[said == label]).sum()))
        for label in (False, True)
    )


def _figures(cells: Floats) -> dict[str, Floats]:
    """Return each figure of (B, 4) counts: both yes, the judge alone, people alone, neither."""
    both, alone, missed, neither = cells.T
    n = cells.sum(1)
    yes = 2 * both + alone + missed  # of both sides' 2 n verdicts
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, precision = both / (both + missed), both / (both + alone)
        accuracy = (both + neither) / n
        by_chance = (
            (both + missed) * (both + alone) + (alone + neither) * (missed + neither)
        ) / n**2
        return {
            "accuracy": accuracy,
            "balanced_accuracy": (recall + neither / (neither + alone)) / 2,
            "precision": precision,
            "recall": recall,
            "f1": 2 * both / yes,
            "kappa": (accuracy - by_chance) / (1 - by_chance),
            "alpha": 1 - (alone + missed) * (2 * n - 1) / (yes * (2 * n - yes)),
        }
