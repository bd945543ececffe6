"""Length drift: is the answer longer or shorter than its baseline's?"""

from __future__ import annotations

from typing import Any

from trueup.evals._expectation import met
from trueup.evals.base import Answered, Evaluator, need_text
from trueup.text import plain_text, word_count
from trueup.types import Score

__all__ = ["LengthDrift"]

_DRIFT = 1.5  # times as long, or as short, before it is called one


class LengthDrift(Evaluator):
    """Length of the response in words, or its ratio to a baseline's response.

    `evaluate(response=, baseline=None, expected=None)`. `measure` is the number of words; with a
    baseline it is (words + 1) / (baseline's words + 1), so that empty ones have a ratio too, and
    `label` is "longer", "shorter" or "similar". `value` is None unless `expected` says what is
    right: one of these labels, or the most that `measure` may be; then it is 1.0 or 0.0. Tool calls
    are not counted.
    """

    name = "length_drift"
    labels = ("longer", "shorter", "similar")

    def _score(
        self, *, response: str, baseline: str | None = None, expected: str | float | None = None
    ) -> Score:
        words = word_count(plain_text(need_text("response", response)))
        label, measure, reason = None, float(words), f"{words} words"
        if baseline is not None:
            before = word_count(plain_text(need_text("baseline", baseline)))
            measure = (words + 1) / (before + 1)
            drifted = measure > _DRIFT or measure < 1 / _DRIFT
            label = ("longer" if measure > 1 else "shorter") if drifted else "similar"
            reason = f"{words} words, the baseline {before}"
        value = met(expected, label, measure, self.labels)
        return Score(self.name, self.version, value, label, measure, reason)

    def arguments(self, answered: Answered) -> dict[str, Any]:
        """Return what `evaluate` takes; a request says nothing of how long is right."""
        return {"response": answered.answer}
