"""Faithfulness: which of the answer's claims does the context bear out?

Finer than groundedness, which asks whether all of an answer stands: here each claim is judged by
itself, and a sentence that says two things is two claims, so that what is made up in half of one
costs half of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from trueup.evals._support import single_claims
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import need_text
from trueup.evals.grounding.claims import Claim
from trueup.evals.grounding.combine import load_combination, network_features
from trueup.evals.grounding.lexical import features
from trueup.evals.grounding.local import Case, ClaimsEvaluator
from trueup.types import Score

__all__ = ["Faithfulness"]


class Faithfulness(ClaimsEvaluator):
    """Share of the response's single claims that the context bears out.

    `evaluate(response=, context=, prompt="")`: a text, and a text or a list of them; the prompt is
    for a judge, who reads the response as an answer to it. A claim is a sentence, or a clause of
    one that says something by itself. `value` is the share that is to be expected: the mean of the
    claims' probabilities, by the method of `Groundedness`. `label` is "faithful", "partly" or
    "unfaithful"; `evidence` holds the claims that do not stand, each with what is wrong in it;
    `measure` is how many claims there are. Tool calls, questions, courtesies, apologies and remarks
    on what the context leaves open claim nothing; a response without claims is unscored. Whether a
    claim is true it cannot tell, only whether the context says so.
    """

    name = "faithfulness"
    version = "2"
    labels = ("faithful", "partly", "unfaithful")
    rubric = RUBRICS["faithfulness"]

    def _score(
        self, *, response: str, context: str | Sequence[str] | None, prompt: str = ""
    ) -> Score:
        return self._judge([self._case(response=response, context=context, prompt=prompt)])[0]

    def _case(
        self, *, response: str, context: str | Sequence[str] | None, prompt: str = ""
    ) -> Case | Score:
        need_text("prompt", prompt)
        return super()._case(response=response, context=context)

    def _claims(self, answer: str) -> list[Claim]:
        return single_claims(answer)

    def _scored(self, case: Case) -> Score:
        values = [_probability(case, at) for at in range(len(case.claims))]
        faults = {
            case.claims[at].text: case.fault(at) or "not borne out"
            for at, value in enumerate(values)
            if value < self.pass_line
        }
        total = len(values)
        stand = sum(value >= self.pass_line for value in values)
        return Score(
            self.name,
            self.version,
            value=round(fmean(values), 6),
            label=self.labels[-1] if stand == 0 else "faithful" if stand == total else "partly",
            measure=float(total),
            reason=f"{stand} of {total} claims are borne out",
            evidence=tuple(f"{claim} [{fault}]" for claim, fault in faults.items()),
        )


def _probability(case: Case, at: int) -> float:
    """Return the probability that a claim is borne out, by itself."""
    claim, judged = case.claims[at], case.judged.get(at)
    row = features(claim.text, [claim], [case.found[at]], case.source)
    if judged:
        row += network_features([judged])
    return load_combination(network=judged is not None).probability(row)
