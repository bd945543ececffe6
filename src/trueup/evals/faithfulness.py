"""Faithfulness: which of the answer's claims does the context bear out?

Finer than groundedness, which judges an answer's sentences: a sentence that says two things is two
claims here, so that what is made up in half of one costs half of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from trueup.evals.base import Evaluator, need_text
from trueup.evals.groundedness import _claims, _fault, _passages, _source
from trueup.evals.rubrics import RUBRICS
from trueup.text import facts, plain_text, sentences, stems
from trueup.types import Score

__all__ = ["Faithfulness", "unsupported"]

_JOINED = re.compile(
    r",?\s+\b(?:and|but|while|whereas|although|though|because|so)\b\s+(?=(?:\w+\s+){1,3}\w)"
    r"|,\s+(?:which|who|where|when)\b\s+|\s*[:–—]\s+",
    re.IGNORECASE,
)
_ENOUGH = 3  # words and facts that make a part of a sentence a claim of its own


class Faithfulness(Evaluator):
    """Share of the response's single claims that the context bears out.

    `evaluate(response=, context=, prompt="")`: a text, and a text or a list of them; the prompt is
    for a judge, who reads the response as an answer to it. A claim is a sentence, or
    a clause of one that says something by itself. `label` is "faithful", "partly" or "unfaithful";
    `evidence` holds the claims that do not stand, each with what the context lacks; `measure` is
    how many claims there are. Tool calls, apologies and remarks on what the context leaves open
    claim nothing; a response without claims is unscored. Whether a claim is true it cannot tell,
    only whether the context says so.
    """

    name = "faithfulness"
    rubric = RUBRICS["faithfulness"]
    classifies = "claims"

    def _score(self, *, response: str, context: str | Sequence[str], prompt: str = "") -> Score:
        need_text("prompt", prompt)
        claims = _single(plain_text(need_text("response", response)))
        passages = _passages(context)
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


def unsupported(claims: Sequence[str], passages: Sequence[str]) -> dict[str, str]:
    """Return the claims that passages do not bear out, each with what is wrong with it."""
    source = _source(passages)
    if not source.words and not source.facts:
        return dict.fromkeys(claims, "the context is empty")
    return {claim: fault for claim in claims if (fault := _fault(claim, source))}


def _single(text: str) -> Counter[str]:
    """Return the claims of a text, sentences that say several things taken apart."""
    parts = (part for sentence in sentences(text) for part in _apart(sentence))
    return _claims("\n".join(parts))


def _apart(sentence: str) -> list[str]:
    parts = [part for part in _JOINED.split(sentence) if part]
    if all(len(stems(part)) + len(facts(part)) >= _ENOUGH for part in parts):
        return parts
    return [sentence]
