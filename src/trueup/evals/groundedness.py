"""Groundedness: does the context bear out what the answer claims?

Local and lexical: a claim is a sentence; it stands when its numbers, dates, codes and names all
occur in the context, enough of its other words do, and the context does not say the opposite.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trueup.errors import InputError
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Evaluator, need_text
from trueup.text import facts, fold, plain_text, sentences, stems
from trueup.types import Score

__all__ = ["Groundedness"]

# Share of a claim's words that the context must have. In a short one each word carries the claim;
# a long one is more often put in words of its own.
_COVERAGE, _COVERAGE_LONG, _LONG = 0.7, 0.55, 6
# Words for the documents themselves: they say what kind of text it is and claim nothing.
_GENRE = frozenset(
    stems("claim policy record file case text document passage article report customer number")
)
_OPENING = re.compile(r"^(?:yes|no|sure|certainly|of course|okay|ok|well|so)\b[\s,:.!-]*", re.I)
_NAME = re.compile(r"(?<!^)(?<![.!?:\"“] )\b[A-Z][a-zà-ÿ]+\b")
_CLAUSE = re.compile(r",?\s+\b(?:but|while|whereas|however|although|except)\b", re.I)
# Words that are the polarity of a clause, and so not what it is about.
_VERDICTS = frozenset(
    stems("cover coverage covering exclude exclusion deny denial reject lack fail unable insured")
)
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|nothing|neither|nor|without|cannot|exclud\w+|exclusions?|den(?:y|ied|ies)"
    r"|reject\w*|unable|lacks?|fail(?:s|ed)?)\b|n't\b"
)
# Said of the context or of oneself, and so nothing that the context could bear out.
_NO_CLAIM = re.compile(
    r"\b(?:policy|text|context|document|passage|information|source|record|article|it)\b[^.]{0,40}"
    r"\b(?:does not|doesn't|do not|don't|is not|isn't)\s+(?:say|mention|state|specify|contain|"
    r"provide|include|address|clear|mentioned|stated|specified)|"
    r"\bnot (?:mentioned|stated|specified|addressed) in\b|"
    r"\bi (?:do not|don't|cannot|can't|could not|couldn't|am not able|am unable|'m unable"
    r"|'m not)\b|"
    r"\bi(?:'m| am) sorry\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Source:
    """What the context says: its facts, its words, and the words of each polarity."""

    facts: frozenset[str]
    words: frozenset[str]
    affirmed: frozenset[str]
    denied: frozenset[str]


class Groundedness(Evaluator):
    """Share of the response's claims that the context bears out.

    `evaluate(response=, context=)`: a text, and a text or a list of them. `evidence` holds the
    claims that do not stand, each with what the context lacks. Tool calls make no claims, and
    neither do apologies and remarks on what the context leaves open.
    """

    name = "groundedness"
    rubric = RUBRICS["groundedness"]
    classifies = "claims"

    def _score(self, *, response: str, context: str | Sequence[str]) -> Score:
        claims = _claims(plain_text(need_text("response", response)))
        source = _source(_passages(context))
        if not claims:
            return self._unscored("no claims")
        if not source.words and not source.facts:
            return Score(
                self.name,
                self.version,
                value=0.0,
                label="ungrounded",
                reason=f"{len(claims)} claims and an empty context",
                evidence=tuple(claims),
            )
        faults = {claim: fault for claim in claims if (fault := _fault(claim, source))}
        stand = sum(count for claim, count in claims.items() if claim not in faults)
        total = claims.total()
        return Score(
            self.name,
            self.version,
            value=stand / total,
            label="ungrounded" if stand == 0 else "grounded" if stand == total else "partly",
            reason=f"{stand} of {total} claims are borne out",
            evidence=tuple(f"{claim} [{fault}]" for claim, fault in faults.items()),
        )


def _passages(context: Any) -> list[str]:
    if isinstance(context, str):
        return [context]
    if not isinstance(context, Iterable):
        raise InputError(f"context: a text or texts are needed, not {type(context).__name__}")
    return [need_text("context", passage) for passage in context]


def _claims(text: str) -> Counter[str]:
    """Return the sentences that claim something, with how often each occurs."""
    stripped = (_OPENING.sub("", sentence) for sentence in sentences(text))
    return Counter(
        claim
        for claim in stripped
        if not _NO_CLAIM.search(claim) and (stems(claim) or facts(claim))
    )


def _source(passages: Sequence[str]) -> _Source:
    affirmed: set[str] = set()
    denied: set[str] = set()
    known: set[str] = set()
    clauses = {c for passage in passages for s in sentences(passage) for c in _CLAUSE.split(s)}
    for clause in clauses:
        (denied if _is_denial(clause) else affirmed).update(stems(clause))
    for passage in passages:
        known |= facts(passage)
    return _Source(
        frozenset(known), frozenset(affirmed | denied), frozenset(affirmed), frozenset(denied)
    )


def _is_denial(clause: str) -> bool:
    # two negations affirm: "is not excluded"
    return len(_NEGATION.findall(fold(clause))) % 2 == 1


def _fault(claim: str, source: _Source) -> str:
    """Return what is wrong with a claim, or "" where it stands."""
    if lacking := facts(claim) - source.facts:
        return "not in the context: " + ", ".join(sorted(f.split(" ", 1)[1] for f in lacking))
    names = [name for name in _NAME.findall(claim) if not set(stems(name)) <= source.words]
    if names:
        return "not in the context: " + ", ".join(names)
    words = set(stems(claim)) - (_GENRE - source.words)
    missing = words - source.words
    needed = _COVERAGE if len(words) <= _LONG else _COVERAGE_LONG
    if len(words) - len(missing) < needed * len(words):
        return "not in the context: " + ", ".join(sorted(missing))
    told, other = (
        (source.denied, source.affirmed) if _is_denial(claim) else (source.affirmed, source.denied)
    )
    subject = (words & source.words) - _VERDICTS
    opposed = subject & (other - told)
    if opposed and 2 * len(opposed) >= len(subject):
        return "the context says the opposite of: " + ", ".join(sorted(opposed))
    return ""
