"""One file per method: its loss as a pure function, with the paper's equation.

A module here is named like its config's `name` and holds two functions:

    denominators(mask, weights, method) -> {term: what its sum is divided by}
    sums(outputs, method) -> Sums

Sums and denominators are kept apart so that both can be added up over the global batch before they
are divided: neither gradient accumulation nor packing changes the loss.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trueup.training.config import Method

if TYPE_CHECKING:
    from torch import Tensor

    from trueup.training.forward import Outputs

__all__ = ["Objective", "Sums", "objective_of"]


@dataclass(frozen=True, slots=True)
class Sums:
    """What a method makes of a pack of groups.

    Attributes:
        terms: each term of the loss, summed over the pack and times its coefficient, with its
            gradient.
        metrics: numbers to report, summed over the pack's groups, without gradient.
        counts: of those metrics that not every group has, how many have it.
    """

    terms: Mapping[str, Tensor]
    metrics: Mapping[str, Tensor] = field(default_factory=dict)
    counts: Mapping[str, Tensor] = field(default_factory=dict)


class Objective(Protocol):
    """What a module under `objectives` offers."""

    def denominators(self, mask: Tensor, weights: Tensor, method: Method) -> dict[str, float]:
        """Return what each term's sum over the same groups is divided by."""
        ...

    def sums(self, outputs: Outputs, method: Method) -> Sums:
        """Return the terms and metrics of a pack of groups."""
        ...


def objective_of(method: Method) -> Objective:
    """Return the module that computes `method`'s loss."""
    module: Objective = importlib.import_module(f"{__name__}.{method.name}")
    return module
