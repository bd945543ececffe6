"""Evaluators by the name that the command line, margins and stored scores use."""

from __future__ import annotations

from trueup.errors import UnknownName
from trueup.evals.backends import Backend
from trueup.evals.base import Evaluator
from trueup.evals.bias import BiasDetection
from trueup.evals.format_validity import FormatValidity
from trueup.evals.groundedness import Groundedness
from trueup.evals.length_drift import LengthDrift
from trueup.evals.refusal import Refusal
from trueup.evals.task_completion import TaskCompletion
from trueup.evals.tool_selection import ToolSelectionAccuracy

__all__ = ["EVALUATORS", "evaluator", "pass_line"]

_CLASSES: tuple[type[Evaluator], ...] = (
    Groundedness,
    TaskCompletion,
    ToolSelectionAccuracy,
    Refusal,
    LengthDrift,
    BiasDetection,
    FormatValidity,
)
EVALUATORS: dict[str, type[Evaluator]] = {cls.name: cls for cls in _CLASSES}
"""Every evaluator that ships, by name."""


def evaluator(name: str, backend: Backend | None = None) -> Evaluator:
    """Return the evaluator of that name ("groundedness", or its class's "Groundedness").

    Args:
        name: of the evaluator.
        backend: what grades in place of its local method.

    Raises:
        UnknownName: there is none; the message lists those there are.
        InputError: the evaluator does not take that backend.
    """
    by_class = {cls.__name__: cls for cls in _CLASSES}
    found = EVALUATORS.get(name) or by_class.get(name)
    if found is None:
        raise UnknownName(f"no evaluator {name!r}: there are {', '.join(EVALUATORS)}")
    return found() if backend is None else found(backend=backend)


def pass_line(name: str) -> float:
    """Return the value below which a score of that evaluator has failed."""
    return EVALUATORS[name].pass_line if name in EVALUATORS else Evaluator.pass_line
