"""What evaluators found on a dataset's cohorts, as it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from trueup.cli._output import say, show_table
from trueup.datasets import CohortEvaluation
from trueup.evals import NOT_MEASURED, measured

__all__ = ["evaluations_as_json", "show_evaluations"]


def evaluations_as_json(evaluations: Sequence[CohortEvaluation]) -> list[dict[str, Any]]:
    """Return evaluations, each with what is known of its evaluator's agreement with people."""
    return [
        {
            **asdict(one),
            "agreement": [asdict(m) for m in measured(one.evaluator, one.evaluator_version)],
        }
        for one in evaluations
    ]


def show_evaluations(evaluations: Sequence[CohortEvaluation]) -> None:
    """Print evaluations, cohort by cohort, and how far each evaluator agrees with people."""
    show_table(
        ("cohort", "evaluator", "mean", "threshold", "passed", "scored"),
        [
            (
                e.cohort,
                f"{e.evaluator} {e.evaluator_version}",
                e.mean,
                e.threshold,
                "not scored" if e.mean is None else e.passed,
                f"{e.scored} of {e.scored + e.unscored}",
            )
            for e in sorted(evaluations, key=lambda e: e.cohort)
        ],
    )
    say("agreement with people")
    for name, version in dict.fromkeys((e.evaluator, e.evaluator_version) for e in evaluations):
        for one in measured(name, version) or (NOT_MEASURED,):
            say(f"  {name} {version}: {one}")
