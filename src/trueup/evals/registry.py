"""Evaluators by the name that the command line, margins and stored scores use."""

from __future__ import annotations

from trueup.errors import UnknownName
from trueup.evals.answer_relevancy import AnswerRelevancy
from trueup.evals.backends import Backend
from trueup.evals.base import Evaluator
from trueup.evals.bias import BiasDetection
from trueup.evals.context_relevancy import ContextRelevancy
from trueup.evals.faithfulness import Faithfulness
from trueup.evals.format_validity import FormatValidity
from trueup.evals.groundedness import Groundedness
from trueup.evals.hedging import Hedging
from trueup.evals.instruction_following import InstructionFollowing
from trueup.evals.length_drift import LengthDrift
from trueup.evals.refusal import Refusal
from trueup.evals.sycophancy import Sycophancy
from trueup.evals.task_completion import TaskCompletion
from trueup.evals.tool_selection import ToolSelectionAccuracy
from trueup.evals.toxicity import Toxicity

__all__ = ["DEFAULT", "EVALUATORS", "evaluator", "pass_line"]

_DEFAULT: tuple[type[Evaluator], ...] = (
    Groundedness,
    TaskCompletion,
    ToolSelectionAccuracy,
    Refusal,
    LengthDrift,
    BiasDetection,
    FormatValidity,
)
_NAMED: tuple[type[Evaluator], ...] = (
    Faithfulness,
    AnswerRelevancy,
    ContextRelevancy,
    InstructionFollowing,
    Toxicity,
    Sycophancy,
    Hedging,
)
_CLASSES = _DEFAULT + _NAMED
EVALUATORS: dict[str, type[Evaluator]] = {cls.name: cls for cls in _CLASSES}
"""Every evaluator that ships, by name."""

DEFAULT: tuple[str, ...] = tuple(cls.name for cls in _DEFAULT)
"""What `trueup eval run` scores with where none is named.

An answer that fails one of these is worth somebody's look. The others are for who asks for them: an
answer may well leave the prompt's words alone, or part from a format that is read into it.
"""


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
