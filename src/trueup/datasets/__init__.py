"""Versioned datasets of preferences: gathered, sealed by content, split and evaluated."""

from trueup.datasets._dataset import AddReport, Dataset, list_versions
from trueup.datasets._files import check_name
from trueup.datasets._row import Row
from trueup.scoring import Evaluates
from trueup.store.datasets import CohortEvaluation

__all__ = [
    "AddReport",
    "CohortEvaluation",
    "Dataset",
    "Evaluates",
    "Row",
    "check_name",
    "list_versions",
]
