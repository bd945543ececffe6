"""Groundedness: does the context bear out what the answer claims?

Local: a claim is a sentence, held against the context by its words (numbers, dates, codes, names,
polarity, words shared) and by a small network that points at the words that do not fit. A logistic
regression makes one probability of both. What they were fitted on is in `grounding/NOTICE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from trueup.evals._support import passages_of
from trueup.evals.backends import Backend
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Evaluator, need_text
from trueup.evals.grounding.claims import Claim, find_claims
from trueup.evals.grounding.combine import load_combination, network_features
from trueup.evals.grounding.lexical import Found, Source, features, look_up, read_source
from trueup.evals.grounding.reader import LONGEST, Judged, load_reader
from trueup.text import plain_text
from trueup.types import Score

__all__ = ["Groundedness"]

_TOGETHER = 64  # answers that the network reads at once


@dataclass(frozen=True, slots=True)
class _Case:
    """An answer's claims beside a context that says something."""

    answer: str
    claims: Sequence[Claim]
    found: Sequence[Found]
    source: Source
    passages: Sequence[str]
    read: Sequence[int]  # the claims that the network reads


class Groundedness(Evaluator):
    """Probability that the context bears out every claim of the response.

    `evaluate(response=, context=)`: a text, and a text or a list of them. `evidence` holds the
    claims that do not stand, each with what is wrong in it. Tool calls make no claims, and neither
    do apologies and remarks on what the context leaves open. `value` is calibrated at even odds: as
    if half of all answers were grounded.
    """

    name = "groundedness"
    version = "2"
    labels = ("grounded", "partly", "ungrounded")
    rubric = RUBRICS["groundedness"]
    classifies = "claims"

    def __init__(self, *, backend: Backend | None = None, network: bool = True) -> None:
        """Make one.

        Args:
            backend: a `Judge` or a `Classifier` that grades in place of the local method.
            network: whether the local method asks its network too; words alone are some twenty
                times as fast and tell less.

        Raises:
            InputError: no such backend is taken.
        """
        if not network:
            self.version = f"{self.version}-words"
        super().__init__(backend=backend)
        self._network = network

    def evaluate_many(self, rows: Iterable[Mapping[str, Any]]) -> list[Score]:
        """Score many answers, those that follow each other together.

        Returns:
            One score a row, in order. A row that fails is unscored, with the reason.
        """
        if self.backend is not None:
            return super().evaluate_many(rows)
        given = list(rows)
        slices = (given[i : i + _TOGETHER] for i in range(0, len(given), _TOGETHER))
        return [score for some in slices for score in self._together(some)]

    def _together(self, rows: Sequence[Mapping[str, Any]]) -> list[Score]:
        begun = perf_counter()
        try:
            for row in rows:
                self.check(row, "Groundedness.evaluate")
            scores = self._judge([self._case(**row) for row in rows])
        except Exception:  # a row is at fault; one by one the others are scored
            return super().evaluate_many(rows)
        share = (perf_counter() - begun) / len(rows)
        return [replace(score, seconds=share) for score in scores]

    def _score(self, *, response: str, context: str | Sequence[str]) -> Score:
        return self._judge([self._case(response=response, context=context)])[0]

    def _case(self, *, response: str, context: str | Sequence[str]) -> _Case | Score:
        """Return what is to be judged, or the score where there is nothing to."""
        answer = plain_text(need_text("response", response))
        passages = passages_of(context)
        claims = find_claims(answer)
        if not claims:
            return self._unscored("no claims")
        source = read_source(passages)
        if not source.words:
            return Score(
                self.name,
                self.version,
                value=0.0,
                label="ungrounded",
                reason=f"{len(claims)} claims and an empty context",
                evidence=tuple(claim.text for claim in claims),
            )
        found = [look_up(claim.text, source) for claim in claims]
        return _Case(answer, claims, found, source, passages, _to_read(claims, found))

    def _judge(self, cases: Sequence[_Case | Score]) -> list[Score]:
        open_cases = [case for case in cases if isinstance(case, _Case)]
        judged: Iterable[Sequence[Judged]] = ((),) * len(open_cases)
        if self._network and open_cases:
            judged = load_reader().judge(
                [([c.claims[i].text for i in c.read], c.passages) for c in open_cases]
            )
        made = iter([self._scored(*one) for one in zip(open_cases, judged, strict=True)])
        return [next(made) if isinstance(case, _Case) else case for case in cases]

    def _scored(self, case: _Case, judged: Sequence[Judged]) -> Score:
        row = features(case.answer, case.claims, case.found, case.source)
        if judged:
            row += network_features(judged)
        value = load_combination(network=bool(judged)).probability(row)
        faults = {} if value >= self.pass_line else _faults(case, judged)
        total = len(case.claims)
        return Score(
            self.name,
            self.version,
            value=round(value, 6),  # what is read beside an answer moves what comes after
            label="partly" if 0 < len(faults) < total else "ungrounded" if faults else "grounded",
            reason=f"{total - len(faults)} of {total} claims are borne out",
            evidence=tuple(f"{case.claims[i].text} [{fault}]" for i, fault in faults.items()),
        )


def _faults(case: _Case, judged: Sequence[Judged]) -> dict[int, str]:
    """Return which claims do not stand, and why: one at least."""
    found = {i: one.fault for i, one in enumerate(case.found)}
    for i, one in zip(case.read, judged, strict=False):
        found[i] = found[i] or one.fault
    faults = {i: fault for i, fault in found.items() if fault}
    return faults or {_weakest(case, judged): "not borne out"}


def _weakest(case: _Case, judged: Sequence[Judged]) -> int:
    if judged:
        return min(zip(judged, case.read, strict=True), key=lambda one: one[0].stands)[1]
    return min(range(len(case.found)), key=lambda i: case.found[i].stems)


def _to_read(claims: Sequence[Claim], found: Sequence[Found]) -> list[int]:
    """Return which claims the network reads: of a long answer those that words bear out least."""
    kept: list[int] = []
    left = LONGEST
    for i in sorted(range(len(claims)), key=lambda i: found[i].stems):
        left -= len(claims[i].text) + 1
        if left < 0 and kept:
            break
        kept.append(i)
    return sorted(kept)
