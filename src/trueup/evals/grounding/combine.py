"""One probability out of what words and the network tell of an answer.

Two logistic regressions, one for short texts and one for long answers beside long contexts, weighed
by how long both are: in a sentence or two each word counts, while a summary of a long text is for
the most part in other words. No weight may have the wrong sign: more support never lowers the
probability.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, log
from typing import Any

from trueup.evals.grounding.lexical import FEATURES
from trueup.evals.grounding.reader import FOLDER, Judged

__all__ = [
    "NETWORK_FEATURES",
    "Combination",
    "load_combination",
    "long_share",
    "network_features",
]

NETWORK_FEATURES = (
    "stands_min",
    "stands_mean",
    "stands_all",
    "fault_max",
    "fault_top",
    "fault_mean",
    "fault_peak",
)
"""What `network_features` returns, in order."""
_TOP = 4  # tokens
# words of a context and of an answer that are half long, and how gradual that is
_LONG_CONTEXT, _LONG_ANSWER = (log(101), 0.35), (log(17), 0.2)
_CONTEXT, _ANSWER = FEATURES.index("context_length"), FEATURES.index("answer_length")


@dataclass(frozen=True, slots=True)
class _Regression:
    """Weights of features, and the log odds without any."""

    weights: Sequence[float]
    bias: float

    def odds(self, features: Sequence[float]) -> float:
        return self.bias + sum(w * f for w, f in zip(self.weights, features, strict=True))


@dataclass(frozen=True, slots=True)
class Combination:
    """A regression for short texts and one for long."""

    short: _Regression
    long: _Regression

    def probability(self, features: Sequence[float]) -> float:
        """Return the probability that every claim is borne out, at even odds beforehand."""
        share = long_share(features)
        odds = (1 - share) * self.short.odds(features) + share * self.long.odds(features)
        return 1 / (1 + exp(-min(max(odds, -30.0), 30.0)))


def long_share(features: Sequence[float]) -> float:
    """Return how long an answer and its context count as, from 0 to 1."""
    share = 1.0
    for at, (middle, width) in ((_CONTEXT, _LONG_CONTEXT), (_ANSWER, _LONG_ANSWER)):
        share /= 1 + exp(-(features[at] - middle) / width)
    return share


@lru_cache(maxsize=2)
def load_combination(*, network: bool) -> Combination:
    """Return the weights that ship, with the network's features or without."""
    found = json.loads((FOLDER / "combination.json").read_text())["both" if network else "words"]
    names = [*FEATURES, *(NETWORK_FEATURES if network else ())]

    def regression(weights: dict[str, Any]) -> _Regression:
        return _Regression([weights.get(name, 0.0) for name in names], weights["bias"])

    return Combination(regression(found["short"]), regression(found["long"]))


def network_features(judged: Sequence[Judged]) -> list[float]:
    """Return `NETWORK_FEATURES` of an answer's claims, in log odds."""
    stands = [one.stands for one in judged]
    faults = sorted((float(f) for one in judged for f in one.tokens), reverse=True) or [0.0]
    top = faults[:_TOP]
    low = min(stands)
    return [
        low,
        sum(stands) / len(stands),
        low - log(sum(exp(low - one) for one in stands)),  # a soft minimum
        faults[0],
        sum(top) / len(top),
        sum(faults) / len(faults),
        faults[0] - faults[len(faults) // 2],  # a word that stands out from a claim that fits
    ]
