"""Faithfulness: which of the answer's claims does the context bear out?

Finer than groundedness, which judges an answer's sentences: a sentence that says two things is two
claims here, so that what is made up in half of one costs half of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from trueup.evals._support import passages_of, single_claims, unsupported
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Evaluator, need_text
from trueup.text import plain_text
from trueup.types import Score

__all__ = ["Faithfulness"]


class Faithfulness(Evaluator):
    """Share of the response's single claims that the context bears out.

    `evaluate(response=, context=, prompt="")`: a text, and a text or a list of them; the prompt is
    for a judge, who reads the response as an answer to it. A claim is a sentence, or a clause of
    one that says something by itself. `label` is "faithful", "partly" or "unfaithful"; `evidence`
    holds the claims that do not stand, each with what the context lacks; `measure` is how many
    claims there are. Tool calls, apologies and remarks on what the context leaves open claim
    nothing; a response without claims is unscored. Whether a claim is true it cannot tell, only
    whether the context says so.
    """

    name = "faithfulness"
    labels = ("faithful", "partly", "unfaithful")
    rubric = RUBRICS["faithfulness"]
    classifies = "claims"

    def _score(self, *, response: str, context: str | Sequence[str], prompt: str = "") -> Score:
        need_text("prompt", prompt)
        claims = single_claims(plain_text(need_text("response", response)))
        passages = passages_of(context)
        if not claims:
            return self._unscored("no claims")
        faults = unsupported(list(claims), passages)
        total = claims.total()
        stand = sum(count for claim, count in claims.items() if claim not in faults)
        return Score(
            self.name,
            self.version,
            value=stand / total,
            label="unfaithful" if stand == 0 else "faithful" if stand == total else "partly",
            measure=float(total),
            reason=f"{stand} of {total} claims are borne out",
            evidence=tuple(f"{claim} [{fault}]" for claim, fault in faults.items()),
        )
