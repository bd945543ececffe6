"""What evaluators found on a dataset's chosen answers, cohort by cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from trueup.datasets._row import Row
from trueup.scoring import Evaluates, Progress, Workers, score_answers
from trueup.store import Store, derived_id
from trueup.store.datasets import CohortEvaluation
from trueup.store.scores import RowsOf
from trueup.types import Score

__all__ = ["score_rows", "summarise"]


def score_rows(
    store: Store,
    version_id: str,
    rows: Sequence[Row],
    evaluators: Sequence[Evaluates],
    *,
    workers: Workers,
    actor: str,
    now: datetime,
    progress: Progress | None,
) -> dict[str, dict[str, Score]]:
    """Return the scores by row hash, in the rows' order, and evaluator; see `Dataset.evaluate`."""
    given = {row.row_hash: row.answered for row in rows}
    found: dict[str, dict[str, Score]] = {}
    for some in score_answers(
        store, RowsOf(version_id), [given], evaluators, workers=workers, actor=actor, now=now
    ):
        found |= some
        if progress:
            progress(len(found), len(rows))
    return {key: found[key] for key in given}


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
