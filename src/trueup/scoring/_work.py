"""What a worker is given and gives back, wherever it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from trueup.errors import TrueupError
from trueup.scoring._answered import Answered
from trueup.types import BROKE, Score

__all__ = ["Due", "Evaluates", "Found", "score_batch"]

Due = Mapping[str, Mapping[str, Any]]
"""What is to be scored of a row: an evaluator's name, and the arguments to its `evaluate`."""


class Evaluates(Protocol):
    """What scoring needs of an evaluator; those of `trueup.evals` have it.

    A row's score may not depend on the rows beside it: batches differ from one run to the next.
    """

    @property
    def name(self) -> str:
        """What its scores are called."""

    @property
    def version(self) -> str:
        """What changes whenever the same arguments may score otherwise."""

    @property
    def concurrency(self) -> int:
        """How many answers it takes at once; more than one where it waits for others."""

    def arguments(self, answered: Answered) -> Mapping[str, Any]:
        """Take all that it scores by from an answer."""

    def evaluate_many(self, rows: Iterable[Mapping[str, Any]]) -> Sequence[Score]:
        """Score answers given by their arguments, in order; one that fails is unscored."""


@dataclass(frozen=True, slots=True)
class Found:
    """Scores by row and evaluator, and the seconds that they took together."""

    rows: list[dict[str, Score]]
    seconds: float


def score_batch(evaluators: Sequence[Evaluates], rows: Sequence[Due]) -> Found:
    """Score some rows, each by the evaluators that it is due to."""
    begun = perf_counter()
    found: list[dict[str, Score]] = [{} for _ in rows]
    for evaluator in evaluators:
        due = [at for at, row in enumerate(rows) if evaluator.name in row]
        scores = _evaluate(evaluator, [rows[at][evaluator.name] for at in due])
        for at, score in zip(due, scores, strict=True):
            found[at][evaluator.name] = score
    return Found(found, perf_counter() - begun)


def _evaluate(evaluator: Evaluates, given: Sequence[Mapping[str, Any]]) -> Sequence[Score]:
    """Score rows; where a whole batch breaks, row by row, so that one does not sink the rest."""
    try:
        return evaluator.evaluate_many(given) if given else []
    except TrueupError:
        raise  # what all rows lack: an extra, a model
    except Exception as error:
        if len(given) > 1:
            return [score for row in given for score in _evaluate(evaluator, [row])]
        reason = f"{BROKE}{type(error).__name__}: {error}"
        return [Score(evaluator.name, evaluator.version, reason=reason)]
