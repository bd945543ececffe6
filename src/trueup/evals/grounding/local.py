"""What Groundedness and Faithfulness share: answers read as claims, many at once by the network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, ClassVar, Literal

from trueup.evals._support import passages_of
from trueup.evals.backends import Backend
from trueup.evals.base import Evaluator, need_text
from trueup.evals.grounding.claims import Claim
from trueup.evals.grounding.lexical import Found, Source, look_up, read_source
from trueup.evals.grounding.reader import LONGEST, Judged, load_reader
from trueup.scoring import Answered
from trueup.text import plain_text, single_spaced
from trueup.types import Score

__all__ = ["Case", "ClaimsEvaluator"]

_TOGETHER = 64  # answers that the network reads at once
_NO_CONTEXT = "no context to hold the answer against"


@dataclass(frozen=True, slots=True)
class Case:
    """An answer's claims beside a context that says something.

    Attributes:
        answer: the text.
        claims: what it claims, one at least.
        found: how the words of each stand to the source.
        source: the context, read.
        passages: its texts.
        judged: what the network says of claims, by their places; not of all in a long answer, and
            of none where it is not asked.
    """

    answer: str
    claims: Sequence[Claim]
    found: Sequence[Found]
    source: Source
    passages: Sequence[str]
    judged: Mapping[int, Judged]

    def fault(self, at: int) -> str:
        """What is wrong with a claim, by its words or else by the network; "" for nothing."""
        one = self.judged.get(at)
        return self.found[at].fault or (one.fault if one else "")


class ClaimsEvaluator(Evaluator):
    """Holds the claims of a response against its context; `labels` end with the worst."""

    classifies: ClassVar[Literal["claims", "text"] | None] = "claims"

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

    @abstractmethod
    def _claims(self, answer: str) -> list[Claim]:
        """Return what an answer claims."""

    @abstractmethod
    def _scored(self, case: Case) -> Score:
        """Score an answer."""

    def arguments(self, answered: Answered) -> dict[str, Any]:
        """Return what `evaluate` is given; None for the context of a request that has none."""
        return super().arguments(answered) | {"context": answered.context or None}

    def evaluate(self, **given: Any) -> Score:
        """Score one answer; where `context` is None it is unscored, whoever grades.

        Raises:
            InputError: an argument is missing, unknown or of the wrong type.
        """
        self.check(given, f"{type(self).__name__}.evaluate")
        if given["context"] is None:
            return self._unscored(_NO_CONTEXT)
        return super().evaluate(**given)

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
                self.check(row, f"{type(self).__name__}.evaluate")
            scores = self._judge([self._case(**row) for row in rows])
        except Exception:  # a row is at fault; one by one the others are scored
            return super().evaluate_many(rows)
        share = (perf_counter() - begun) / len(rows)
        return [replace(score, seconds=share) for score in scores]

    def _score(self, *, response: str, context: str | Sequence[str] | None) -> Score:
        return self._judge([self._case(response=response, context=context)])[0]

    def _case(self, *, response: str, context: str | Sequence[str] | None) -> Case | Score:
        """Return what is to be judged, or the score where there is nothing to."""
        if context is None:
            return self._unscored(_NO_CONTEXT)
        answer = single_spaced(plain_text(need_text("response", response)))
        passages = [single_spaced(passage) for passage in passages_of(context)]
        claims = self._claims(answer)
        if not claims:
            return self._unscored("no claims")
        source = read_source(passages)
        if not source.words:
            return Score(
                self.name,
                self.version,
                value=0.0,
                label=self.labels[-1],
                reason=f"{len(claims)} claims and an empty context",
                evidence=tuple(claim.text for claim in claims),
            )
        found = [look_up(claim.text, source) for claim in claims]
        return Case(answer, claims, found, source, passages, {})

    def _judge(self, cases: Sequence[Case | Score]) -> list[Score]:
        given = [case for case in cases if isinstance(case, Case)]
        if self._network and given:
            given = _read(given)
        made = iter([self._scored(case) for case in given])
        return [next(made) if isinstance(case, Case) else case for case in cases]


def _read(cases: Sequence[Case]) -> list[Case]:
    """Let the network read all cases together."""
    read = [_to_read(case) for case in cases]
    judged = load_reader().judge(
        [
            ([case.claims[i].text for i in some], case.passages)
            for case, some in zip(cases, read, strict=True)
        ]
    )
    return [
        replace(case, judged=dict(zip(some, said, strict=True)))
        for case, some, said in zip(cases, read, judged, strict=True)
    ]


def _to_read(case: Case) -> list[int]:
    """Return which claims the network reads: of a long answer those that words bear out least."""
    kept: list[int] = []
    left = LONGEST
    for i in sorted(range(len(case.claims)), key=lambda i: case.found[i].stems):
        left -= len(case.claims[i].text) + 1
        if left < 0 and kept:
            break
        kept.append(i)
    return sorted(kept)
