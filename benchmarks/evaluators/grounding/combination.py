"""Fit the regressions on what heads said of answers that they were not taught on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from grounding.corpus import Example
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from trueup.evals.grounding.claims import Claim
from trueup.evals.grounding.combine import NETWORK_FEATURES, long_share, network_features
from trueup.evals.grounding.lexical import FEATURES, features, look_up, read_source
from trueup.evals.grounding.reader import Judged

Said = tuple[Example, np.ndarray, list[np.ndarray]]
NAMES = (*FEATURES, *NETWORK_FEATURES)
GOOD = ("words_", "pairs_", "triples_", "stems_me", "stems_min", "stands_")
UNUSED = ("claims", "answer_length", "context_length")
LEAST = {
    "short": {
        "facts_missing": -4.0,
        "opposed": -2.5,
        "negated": -2.5,
        "swapped": -4.0,
        "foreign": -1.0,
    },
    "long": {"facts_missing": -2.0, "opposed": -2.0, "negated": -4.0, "swapped": -4.0},
}
"""What words tell for certain weighs this much at least: the labels hold too few such answers."""
PENALTY = 0.01  # on the squares of weights of standardised features
SHARES = {"short": {"begin": 1.0, "made": 0.3}, "long": {"summedits": 1.0, "made": 1.0}}
"""How much each kind of answer weighs among short texts and long ones."""


@dataclass(frozen=True)
class Table:
    """A row for each answer: its features, whether it is borne out, its kind and its group."""

    x: NDArray[np.float64]
    borne_out: NDArray[np.bool_]
    kind: NDArray[np.str_]
    group: NDArray[np.str_]
    long: NDArray[np.float64]

    @staticmethod
    def of(said: Sequence[Said]) -> Table:
        x = np.array([_row(*one) for one in said])
        return Table(
            x,
            np.array([one.borne_out for one, _, _ in said]),
            np.array([one.kind for one, _, _ in said]),
            np.array([one.group for one, _, _ in said]),
            np.array([long_share(row) for row in x]),
        )

    def weights(self, regime: str, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Weigh rows so that right and wrong answers of each kind weigh alike."""
        weight = np.zeros(len(rows))
        rows = rows & ((self.long < 0.7) if regime == "short" else (self.long > 0.3))
        for kind, share in SHARES[regime].items():
            for side in (True, False):
                mine = rows & (self.kind == kind) & (self.borne_out == side)
                weight[mine] = share / max(1, mine.sum())
        return weight / weight.sum()


def _row(one: Example, stands: np.ndarray, tokens: list[np.ndarray]) -> list[float]:
    source = read_source([one.context])
    claims = [Claim(text, 0, 0) for text in one.claims]
    found = [look_up(text, source) for text in one.claims]
    judged = [Judged(float(s), t, ()) for s, t in zip(stands, tokens, strict=True)]
    return features(one.said or one.answer, claims, found, source) + network_features(judged)


Fitted = dict[str, tuple[NDArray[np.float64], float]]


def model(table: Table, rows: NDArray[np.bool_], columns: NDArray[np.intp]) -> Fitted:
    """Fit both regressions on some rows; weights are of the features as they are."""
    return {regime: _regression(table, regime, rows, columns) for regime in SHARES}


def _regression(
    table: Table, regime: str, rows: NDArray[np.bool_], columns: NDArray[np.intp]
) -> tuple[NDArray[np.float64], float]:
    weight = table.weights(regime, rows)
    used = weight > 0
    x, weight = table.x[used][:, columns], weight[used]
    side = np.where(table.borne_out[used], 1.0, -1.0)
    mean, scale = weight @ x, x.std(0) + 1e-6
    z = (x - mean) / scale

    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = side * (z @ b[:-1] + b[-1])
        slope = -weight * side / (1 + np.exp(margin))
        value = weight @ np.logaddexp(0, -margin) + PENALTY * (b[:-1] ** 2).sum() / 2
        return float(value), np.append(z.T @ slope + PENALTY * b[:-1], slope.sum())

    bounds = [_bounds(NAMES[column], scale[i], LEAST[regime]) for i, column in enumerate(columns)]
    found = minimize(
        loss,
        np.zeros(len(columns) + 1),
        jac=True,
        bounds=[*bounds, (None, None)],
        method="L-BFGS-B",
    ).x
    weights = found[:-1] / scale
    return weights, float(found[-1] - weights @ mean)


def _bounds(name: str, scale: float, least: dict[str, float]) -> tuple[float | None, float | None]:
    if name in UNUSED:
        return 0, 0
    return (0, None) if name.startswith(GOOD) else (None, least.get(name, 0) * scale)


def probability(
    x: NDArray[np.float64], fitted: Fitted, columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    long = np.array([long_share(row) for row in x])
    x = x[:, columns]
    short_odds, long_odds = (x @ weights + bias for weights, bias in fitted.values())
    return 1 / (1 + np.exp(-((1 - long) * short_odds + long * long_odds)))


COLUMNS = {
    "both": np.arange(len(NAMES)),
    "words": np.arange(len(FEATURES)),
    "network": np.arange(len(FEATURES), len(NAMES)),
}


def fit(table: Table) -> dict[str, Any]:
    """Return the weights with the network's features and without."""
    rows = np.ones(len(table.x), bool)
    return {
        key: {
            regime: {
                **{
                    NAMES[column]: round(float(w), 5)
                    for column, w in zip(COLUMNS[key], weights, strict=True)
                    if abs(w) >= 1e-5
                },
                "bias": round(bias, 5),
            }
            for regime, (weights, bias) in model(table, rows, COLUMNS[key]).items()
        }
        for key in ("both", "words")
    }


def held_out(said: Sequence[Said], table: Table, parts: Sequence[Said]) -> dict[str, list[float]]:
    """Print how well answers are told apart by regressions fitted without their group.

    Args:
        said: what heads said of answers.
        table: their features.
        parts: what heads said of the labelled ones, taken apart into single claims.

    Returns:
        Of each labelled row, by its id, the probabilities with the network and by words alone, and
        the share of its single claims that stands.
    """
    found: dict[str, list[float]] = {}
    labelled = table.kind != "made"
    for name in [*sorted(set(table.group[labelled])), "terms"]:
        mine = (table.group == name) & (labelled | (name == "terms"))
        rest = table.group != name
        made = {
            key: probability(table.x[mine], model(table, rest, columns), columns)
            for key, columns in COLUMNS.items()
        }
        whole = model(table, rest, COLUMNS["both"])
        shares = {
            one.id: _share(one, stands, tokens, whole)
            for one, stands, tokens in parts
            if one.group == name
        }
        y = table.borne_out[mine]
        figures = {
            key: (roc_auc_score(y, p), balanced_accuracy_score(y, p >= 0.5))
            for key, p in made.items()
        }
        shown = (f"{key} {auroc:.3f}/{half:.3f}" for key, (auroc, half) in figures.items())
        print(f"{name}, {mine.sum()}: AUROC/balanced accuracy of {', '.join(shown)}", flush=True)
        pairs = zip(made["both"].tolist(), made["words"].tolist(), strict=True)
        if name != "terms":
            ids = [said[i][0].id for i in np.flatnonzero(mine)]
            found |= {
                i: [round(p, 4) for p in (*pair, shares.get(i, 0.5))]
                for i, pair in zip(ids, pairs, strict=True)
            }
    return found


def _share(one: Example, stands: np.ndarray, tokens: list[np.ndarray], fitted: Fitted) -> float:
    """Return the share of an answer's single claims that is to be expected to stand."""
    rows = [
        _row(replace(one, claims=[claim], said=claim), stands[i : i + 1], tokens[i : i + 1])
        for i, claim in enumerate(one.claims)
    ]
    return float(probability(np.array(rows), fitted, COLUMNS["both"]).mean())
