"""What grades in place of an evaluator's local method: a judge by a rubric, or a classifier."""

from trueup.evals.backends.grading import (
    Backend,
    Classifies,
    grade,
    grade_many,
    of_judgement,
    version_under,
)
from trueup.evals.backends.rubrics import RUBRICS

__all__ = [
    "RUBRICS",
    "Backend",
    "Classifies",
    "grade",
    "grade_many",
    "of_judgement",
    "version_under",
]
