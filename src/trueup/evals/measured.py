"""What was measured of the evaluators that ship: their agreement with people, as data.

`measured.json` is written by `benchmarks/evaluators/agreement.py --write`. A figure is of one
version of an evaluator; another version has none until it is measured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from trueup.stats.intervals import Estimate

__all__ = ["NOT_MEASURED", "Measured", "measured"]

NOT_MEASURED = "not measured"
"""What is shown of an evaluator of which nothing is known."""


_FIGURES = ("f1", "balanced_accuracy", "auroc")


@dataclass(frozen=True, slots=True)
class Measured:
    """An evaluator's agreement with people on one set of data.

    Attributes:
        data: which.
        yes: what its positive class is.
        rows: how many.
        f1, balanced_accuracy, auroc: see `stats.classification`; None where undefined.
    """

    data: str
    yes: str
    rows: int
    f1: Estimate | None
    balanced_accuracy: Estimate | None
    auroc: Estimate | None

    def __str__(self) -> str:
        """Return the figure that says most, on one line."""
        name, figure = ("AUROC", self.auroc) if self.auroc else ("F1", self.f1)
        if figure is None:
            return NOT_MEASURED
        return f"{name} {figure}, {self.data}: {self.yes}"


def measured(name: str, version: str) -> tuple[Measured, ...]:
    """Return what is known of an evaluator in a version; empty where nothing is."""
    return _all().get((name, version), ())


@cache
def _all() -> dict[tuple[str, str], tuple[Measured, ...]]:
    read = json.loads((files("trueup.evals") / "measured.json").read_text(encoding="utf-8"))
    found: dict[tuple[str, str], tuple[Measured, ...]] = {}
    for row in read:
        key = row["evaluator"], row["version"]
        figures = (row[name] and Estimate(**row[name]) for name in _FIGURES)
        one = Measured(row["data"], row["yes"], row["rows"], *figures)
        found[key] = (*found.get(key, ()), one)
    return found
