"""Evaluators on a dataset's chosen answers, cohort by cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from trueup.datasets._row import Row
from trueup.store import derived_id
from trueup.store.datasets import CohortEvaluation
from trueup.types import Expected, Messages, Score

__all__ = ["Evaluates", "Progress", "score_rows", "summarise"]

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


class Evaluates(Protocol):
    """What a dataset needs of an evaluator; those of `trueup.evals` have it."""

    @property
    def name(self) -> str:
        """What its scores are called."""

    @property
    def version(self) -> str:
        """What changes whenever the same answer may score otherwise."""

    def evaluate_answer(
        self,
        *,
        messages: Messages,
        context: Sequence[str],
        answer: str,
        expected: Expected | None,
    ) -> Score:
        """Score an answer to a conversation."""


def score_rows(
    evaluators: Sequence[Evaluates], rows: Sequence[Row], progress: Progress | None
) -> dict[str, dict[str, Score]]:
    """Return the scores by evaluator name and row hash."""
    total, done = len(evaluators) * len(rows), 0
    scores: dict[str, dict[str, Score]] = {}
    for evaluator in evaluators:
        mine = scores.setdefault(evaluator.name, {})
        for row in rows:
            mine[row.row_hash] = evaluator.evaluate_answer(
                messages=row.prompt, context=row.context, answer=row.answer, expected=row.expected
            )
            done += 1
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
