"""How often one row stands above another, under weights of rows that come from drawn clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cluster_draws", "concordance"]

Floats = NDArray[np.float64]
_AT_ONCE = 4_000_000  # numbers of a resampled table that exist at once


def cluster_draws(clusters: int, draws: int, seed: int) -> Floats:
    """Return (draws, G) how often each of G clusters is drawn, G times with replacement."""
    chances = np.full(clusters, 1 / clusters)
    return np.random.default_rng(seed).multinomial(clusters, chances, draws).astype(np.float64)


def concordance(
    yes: NDArray[Any],
    values: NDArray[Any],
    index: NDArray[Any],
    weights: Floats,
    strata: NDArray[Any] | None = None,
) -> Floats:
    """Return the probability that a yes has a larger value than a no of its stratum, ties half.

    Args:
        yes: (N,) of two kinds.
        values: (N,) what is compared.
        index: (N,) the cluster of each.
        weights: (B, G) how often each cluster is drawn.
        strata: (N,) rows are compared with those of their stratum alone; None is one stratum.

    Returns:
        (B + 1,) of the rows as they are, and of each draw; NaN where there are no such pairs.
    """
    won, pairs = np.zeros(len(weights) + 1), np.zeros(len(weights) + 1)
    for stratum in (None,) if strata is None else np.unique(strata):
        inside = np.flatnonzero(np.full(len(yes), True) if stratum is None else strata == stratum)
        _, level = np.unique(values[inside], return_inverse=True)
        order = np.argsort(level, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(level[order]) > 0])
        said, of = yes[inside][order], index[inside][order]
        step = max(1, _AT_ONCE // len(inside))
        parts = [_wins(np.ones((1, len(inside))), said, starts)]
        for start in range(0, len(weights), step):
            parts.append(_wins(weights[start : start + step][:, of], said, starts))
        won += np.concatenate([part[0] for part in parts])
        pairs += np.concatenate([part[1] for part in parts])
    with np.errstate(invalid="ignore"):
        shares: Floats = won / pairs
    return shares


def _wins(weights: Floats, yes: NDArray[Any], starts: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return won pairs and pairs under (B, N) weights of rows in rising order, ties at `starts`."""
    positive = np.add.reduceat(weights * yes, starts, axis=1)
    negative = np.add.reduceat(weights * ~yes, starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    return (positive * below).sum(1), positive.sum(1) * negative.sum(1)
