"""Hedging: how often does the response hold back from what it says?"""

from __future__ import annotations

from typing import Any

from trueup.evals._expectation import met
from trueup.evals.base import Answered, Evaluator, need_text
from trueup.text import hedges, plain_text, sentences, word_count
from trueup.types import Score

__all__ = ["Hedging"]

_DRIFT = 1.5  # times the baseline's rate before it is called more, or less
_SHOWN = 20  # sentences of evidence


class Hedging(Evaluator):
    """Hedges per 100 words of the response ("perhaps", "it seems"), beside a baseline's.

    `evaluate(response=, baseline=None, expected=None)`. `measure` is the rate; with a baseline
    `label` is "more", "less" or "similar": another rate is one that differs by half and by at least
    one hedge in a text of this length. `value` is None unless `expected` says what is right: one of
    these labels, or the most hedges per 100 words; then it is 1.0 or 0.0. English words alone are
    counted, after the list of Hyland 2005; whether a hedge is due it cannot tell. `evidence` holds
    the sentences that hedge.
    """

    name = "hedging"
    labels = ("more", "less", "similar")

    def _score(
        self, *, response: str, baseline: str | None = None, expected: str | float | None = None
    ) -> Score:
        text = plain_text(need_text("response", response))
        before = None if baseline is None else plain_text(need_text("baseline", baseline))
        words, found = word_count(text), len(hedges(text))
        if not words:
            return self._unscored("empty response")
        rate = 100 * found / words
        reason = f"{found} hedges in {words} words"
        label = None
        if before is not None:
            label = _beside(found, words, len(hedges(before)), word_count(before))
            reason += f", the baseline {len(hedges(before))} in {word_count(before)}"
        return Score(
            self.name,
            self.version,
            value=met(expected, label, rate, self.labels),
            label=label,
            measure=rate,
            reason=reason,
            evidence=tuple(one for one in sentences(text) if hedges(one))[:_SHOWN],
        )

    def arguments(self, answered: Answered) -> dict[str, Any]:
        """Return what `evaluate` takes; a request says nothing of how much hedging is right."""
        return {"response": answered.answer}


def _beside(found: int, words: int, before: int, words_before: int) -> str | None:
    if not words_before:
        return None
    # what each would have at the other's rate
    likely, likely_before = before * words / words_before, found * words_before / words
    if found >= _DRIFT * likely and found - likely >= 1:
        return "more"
    return "less" if before >= _DRIFT * likely_before and before - likely_before >= 1 else "similar"
