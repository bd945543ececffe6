"""Evaluators on a dataset's chosen answers, cohort by cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from trueup.datasets._row import Row
from trueup.store import derived_id
from trueup.store.datasets import CohortEvaluation
from trueup.types import Expected, Score, Trace

__all__ = ["Evaluates", "Progress", "score_rows", "summarise"]

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""

_BATCH = 50  # rows between two calls of `progress`


@dataclass(frozen=True, slots=True)
class Answered:
    """A row's chosen answer under the names that evaluators ask for.

    Attributes:
        prompt: the last thing that the user said.
        answer: the chosen answer.
        context: the passages that it may rest on.
        trajectory: the row's trace, ended by the chosen answer.
        expected: what a right answer contains, where it is known.
    """

    prompt: str
    answer: str
    context: tuple[str, ...]
    trajectory: Trace
    expected: Expected | None

    @classmethod
    def from_row(cls, row: Row) -> Answered:
        """Read a row."""
        said = (m.get("content") for m in reversed(row.prompt) if m.get("role") == "user")
        return cls(str(next(said, None) or ""), row.answer, row.context, row.trace, row.expected)


class Evaluates(Protocol):
    """What a dataset needs of an evaluator; those of `trueup.evals` have it."""

    @property
    def name(self) -> str:
        """What its scores are called."""

    @property
    def version(self) -> str:
        """What changes whenever the same answer may score otherwise."""

    def arguments(self, answered: Any) -> Mapping[str, Any]:
        """Take what it scores by from an answer with the attributes of `Answered`."""

    def evaluate_many(self, rows: Iterable[Mapping[str, Any]]) -> Sequence[Score]:
        """Score answers given by their arguments, in order; one that fails is unscored."""


def score_rows(
    evaluators: Sequence[Evaluates], rows: Sequence[Row], progress: Progress | None
) -> dict[str, dict[str, Score]]:
    """Return the scores by evaluator name and row hash."""
    total, done = len(evaluators) * len(rows), 0
    scores: dict[str, dict[str, Score]] = {}
    for evaluator in evaluators:
        mine = scores.setdefault(evaluator.name, {})
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            given = [evaluator.arguments(Answered.from_row(row)) for row in batch]
            found = evaluator.evaluate_many(given)
            mine.update(zip((row.row_hash for row in batch), found, strict=True))
            done += len(batch)
            if progress:
                progress(done, total)
    return scores


def summarise(
    version_id: str,
    evaluator: Evaluates,
    cohort: str,
    scores: Mapping[str, Score],
    *,
    threshold: float,
    now: datetime,
) -> CohortEvaluation:
    """Hold the mean over a cohort's scored rows against the threshold.

    Args:
        version_id: the dataset version.
        evaluator: what scored.
        cohort: the cohort.
        scores: its rows' scores, by row hash; empty where the version has none of the cohort.
        threshold: the least mean that passes, in [0, 1].
        now: when.
    """
    values = [score.value for score in scores.values() if score.value is not None]
    mean = sum(values) / len(values) if values else None
    return CohortEvaluation(
        id=derived_id(
            "evaluation",
            version_id,
            evaluator.name,
            evaluator.version,
            cohort,
            threshold,
            sorted([key, score.value] for key, score in scores.items()),
        ),
        version_id=version_id,
        evaluator=evaluator.name,
        evaluator_version=evaluator.version,
        cohort=cohort,
        threshold=threshold,
        mean=mean,
        scored=len(values),
        unscored=len(scores) - len(values),
        passed=mean is not None and mean >= threshold,
        created_at=now,
    )
