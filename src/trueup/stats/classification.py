"""What a yes-or-no judge is worth beside people: accuracy, F1, kappa, alpha, AUROC, intervals.

Answers to one prompt resemble each other, so intervals draw whole clusters with replacement
(Field and Welsh 2007, JRSS B 69:369) and take percentiles.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trueup.stats.intervals import Estimate

__all__ = ["Classification", "classification"]

Floats = NDArray[np.float64]
_AT_ONCE = 4_000_000  # numbers of a resampled table that exist at once


@dataclass(frozen=True, slots=True)
class Classification:
    """A judge's verdicts beside people's, of which "yes" is the positive class.

    A figure is None where it is undefined: AUROC without scores, F1 where nobody says yes, and the
    others where one side has one class alone.

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


def classification(
    people: ArrayLike,
    judge: ArrayLike,
    *,
    clusters: Sequence[Hashable],
    scores: ArrayLike | None = None,
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
    weights = _draws(len(numbers), draws, seed)
    cells = np.stack([said & found, ~said & found, said & ~found, ~said & ~found], axis=1)
    by_cluster = np.zeros((len(numbers), 4))
    np.add.at(by_cluster, index, cells)
    figures = _figures(np.vstack([by_cluster.sum(0), weights @ by_cluster]))
    if scores is not None:
        figures["auroc"] = _aurocs(said, np.asarray(scores, dtype=np.float64), index, weights)
    tail = (1 - confidence) / 2

    def estimate(values: Floats | None) -> Estimate | None:
        if values is None or np.isnan(values[0]):
            return None
        low, high = np.nanquantile(values[1:], [tail, 1 - tail])
        return Estimate(len(said), len(numbers), float(values[0]), float(low), float(high))

    names = [field.name for field in fields(Classification)][2:]
    return Classification(
        len(said), int(said.sum()), *(estimate(figures.get(name)) for name in names)
    )


def _draws(clusters: int, draws: int, seed: int) -> Floats:
    """Return (draws, G) how often each cluster is drawn."""
    chances = np.full(clusters, 1 / clusters)
    return np.random.default_rng(seed).multinomial(clusters, chances, draws).astype(np.float64)


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


def _aurocs(said: NDArray[Any], scores: Floats, index: NDArray[Any], weights: Floats) -> Floats:
    """Return AUROC of the items as they are, and of each draw of their clusters: (B + 1,)."""
    if scores.shape != said.shape or not np.isfinite(scores).all():
        raise ValueError("scores: one finite number is needed for every item")
    _, level = np.unique(scores, return_inverse=True)
    order = np.argsort(level, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(level[order]) > 0])
    yes, of = said[order], index[order]
    found = [_auroc(np.ones((1, len(said))), yes, starts)]
    step = max(1, _AT_ONCE // len(said))
    for start in range(0, len(weights), step):
        found.append(_auroc(weights[start : start + step][:, of], yes, starts))
    return np.concatenate(found)


def _auroc(weights: Floats, yes: NDArray[Any], starts: NDArray[Any]) -> Floats:
    """Return AUROC under (B, N) weights of items in rising order, whose ties begin at `starts`."""
    positive = np.add.reduceat(weights * yes, starts, axis=1)
    negative = np.add.reduceat(weights * ~yes, starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        ranked: Floats = (positive * below).sum(1) / (positive.sum(1) * negative.sum(1))
    return ranked
