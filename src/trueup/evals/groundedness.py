"""Groundedness: does the context bear out what the answer claims?

Local: a claim is a sentence, held against the context by its words (numbers, dates, codes, names,
polarity, what belongs together, words shared) and by a small network that points at the words that
do not fit. A logistic regression makes one probability of both. What they were fitted on is in
`grounding/NOTICE`.
"""

from __future__ import annotations

from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.grounding.claims import Claim, find_claims
from trueup.evals.grounding.combine import load_combination, network_features
from trueup.evals.grounding.lexical import features
from trueup.evals.grounding.local import Case, ClaimsEvaluator
from trueup.types import Score

__all__ = ["Groundedness"]


class Groundedness(ClaimsEvaluator):
    """Probability that the context bears out every claim of the response.

    `evaluate(response=, context=)`: a text, and a text or a list of them. `evidence` holds the
    claims that do not stand, each with what is wrong in it. Tool calls make no claims, and neither
    do questions, courtesies, apologies and remarks on what the context leaves open. `value` is
    calibrated at even odds: as if half of all answers were grounded.
    """

    name = "groundedness"
    version = "3"
    labels = ("grounded", "partly", "ungrounded")
    rubric = RUBRICS["groundedness"]

    def _claims(self, answer: str) -> list[Claim]:
        return find_claims(answer)

    def _scored(self, case: Case) -> Score:
        row = features(case.answer, case.claims, case.found, case.source)
        if case.judged:
            row += network_features(list(case.judged.values()))
        value = load_combination(network=bool(case.judged)).probability(row)
        faults = {} if value >= self.pass_line else _faults(case)
        total = len(case.claims)
        return Score(
            self.name,
            self.version,
            value=round(value, 6),  # what is read beside an answer moves what comes after
            label="partly"
            if 0 < len(faults) < total
            else self.labels[-1]
            if faults
            else "grounded",
            reason=f"{total - len(faults)} of {total} claims are borne out",
            evidence=tuple(f"{case.claims[i].text} [{fault}]" for i, fault in faults.items()),
        )


def _faults(case: Case) -> dict[int, str]:
    """Return which claims do not stand, and why: one at least."""
    faults = {i: fault for i in range(len(case.claims)) if (fault := case.fault(i))}
    return faults or {_weakest(case): "not borne out"}


def _weakest(case: Case) -> int:
    if case.judged:
        return min(case.judged, key=lambda i: case.judged[i].stands)
    return min(range(len(case.found)), key=lambda i: case.found[i].stems)
