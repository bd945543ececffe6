"""Length drift: is the answer longer or shorter than its baseline's?"""

from __future__ import annotations

from trueup.evals.base import Evaluator, need_text
from trueup.text import plain_text, word_count
from trueup.types import Score

__all__ = ["LengthDrift"]

_DRIFT = 1.5  # times as long, or as short, before it is called one


class LengthDrift(Evaluator):
    """Length of the response in words, or its ratio to a baseline's response.

    `evaluate(response=, baseline=None)`. `measure` is the number of words; with a baseline it is
    (words + 1) / (baseline's words + 1), so that empty ones have a ratio too, and `label` is
    "longer", "shorter" or "similar". It only measures: `value` is None. Tool calls are not counted.
    """

    name = "length_drift"

    def _score(self, *, response: str, baseline: str | None = None) -> Score:
        words = word_count(plain_text(need_text("response", response)))
        if baseline is None:
            return Score(self.name, self.version, measure=float(words), reason=f"{words} words")
        before = word_count(plain_text(need_text("baseline", baseline)))
        ratio = (words + 1) / (before + 1)
        label = "longer" if ratio > _DRIFT else "shorter" if ratio < 1 / _DRIFT else "similar"
        reason = f"{words} words, the baseline {before}"
        return Score(self.name, self.version, label=label, measure=ratio, reason=reason)
