"""What every evaluator is: a name, a version, and a score from keyword arguments."""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any, ClassVar, Literal

from trueup.errors import InputError
from trueup.evals.backends import Backend, grade, grade_many, version_under
from trueup.models.judge import Judge, Rubric
from trueup.scoring import Answered
from trueup.types import BROKE, Score

__all__ = ["Answered", "Evaluator", "need_text", "need_verdict"]


class Evaluator(ABC):
    """A judge of answers.

    A subclass names itself and implements `_score`, whose keyword-only parameters are the arguments
    that `evaluate` takes.

    Attributes:
        name: what scores, margins and the command call it.
        version: changes whenever the same input may score otherwise.
        pass_line: the value below which an answer has failed.
        labels: what it may find, which a score's label is one of, or several with commas between
            them; empty where that is not known.
        rubric: what a judge is asked in the evaluator's place; None takes no judge.
        classifies: what a classifier is shown in its place; None takes no classifier.

    Args:
        backend: a `Judge` or a `Classifier` that grades in place of the local method.

    Raises:
        InputError: the evaluator does not take that backend; the message names those it takes.
    """

    name: ClassVar[str]
    version: str = "1"
    pass_line: ClassVar[float] = 0.5
    labels: tuple[str, ...] = ()
    rubric: Rubric | None = None
    classifies: ClassVar[Literal["claims", "text"] | None] = None
    backend: Backend | None = None
    _takes: ClassVar[Mapping[str, bool]]  # argument -> whether it must be given

    def __init__(self, *, backend: Backend | None = None) -> None:
        if backend is not None:
            self.version = version_under(self, backend)
            self.labels = () if self.rubric is None else self.rubric.labels
            self.backend = backend

    @property
    def concurrency(self) -> int:
        """How many answers to score at once where nobody says: what a judge takes, else one."""
        return self.backend.concurrency if isinstance(self.backend, Judge) else 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        parameters = inspect.signature(cls._score).parameters.values()
        cls._takes = {p.name: p.default is p.empty for p in parameters if p.kind is p.KEYWORD_ONLY}

    def evaluate(self, **given: Any) -> Score:
        """Score one answer; the class says which keyword arguments it takes.

        Raises:
            InputError: an argument is missing, unknown or of the wrong type.
        """
        self.check(given, f"{type(self).__name__}.evaluate")
        begun = perf_counter()
        score = self._score(**given) if self.backend is None else grade(self, self.backend, given)
        return replace(score, seconds=perf_counter() - begun)

    async def aevaluate(self, **given: Any) -> Score:
        """Do as `evaluate` does, in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.evaluate, **given)

    def check(self, given: Mapping[str, Any], where: str) -> None:
        """Check the names of what `evaluate` is to be given.

        Raises:
            InputError: an argument is missing or unknown; the message begins with `where`.
        """
        unknown = [name for name in given if name not in self._takes]
        missing = [name for name, must in self._takes.items() if must and name not in given]
        if unknown or missing:
            taken = ", ".join(n if must else f"{n} (optional)" for n, must in self._takes.items())
            what = " and ".join(
                f"{word} {', '.join(names)}"
                for word, names in (("unknown", unknown), ("missing", missing))
                if names
            )
            raise InputError(f"{where}: {what}; it takes {taken}")

    def evaluate_many(self, rows: Iterable[Mapping[str, Any]]) -> list[Score]:
        """Score many answers, each given as `evaluate`'s keyword arguments.

        Returns:
            One score a row, in order. A row that fails is unscored, with the reason.
        """
        if self.backend is not None:
            return grade_many(self, self.backend, list(rows))
        return [self.evaluate_safely(row) for row in rows]

    async def aevaluate_many(self, rows: Iterable[Mapping[str, Any]]) -> list[Score]:
        """Do as `evaluate_many` does, in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.evaluate_many, rows)

    def arguments(self, answered: Answered) -> dict[str, Any]:
        """Return what `evaluate` is to be given for a request and its answer."""
        at_hand = {
            "prompt": answered.prompt,
            "response": answered.answer,
            "output": answered.answer,
            "context": answered.context,
            "trajectory": answered.trajectory,
            "expected": answered.expected,
        }
        return {name: at_hand[name] for name in self._takes if name in at_hand}

    def evaluate_safely(self, row: Mapping[str, Any]) -> Score:
        """Score one answer; where that fails it is unscored, with the reason."""
        try:
            return self.evaluate(**row)
        except Exception as error:  # one row must not sink the rest, whatever is in it
            return self._unscored(f"{BROKE}{type(error).__name__}: {error}")

    def _unscored(self, reason: str) -> Score:
        return Score(self.name, self.version, reason=reason)

    def shown_to_judge(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a backend may be shown; those that the rubric takes are."""
        return given

    def settle(self, score: Score, given: Mapping[str, Any]) -> Score:  # noqa: ARG002
        """Return a backend's score with what follows from it and what was given."""
        return score

    @abstractmethod
    def _score(self, *args: Any, **given: Any) -> Score:
        """Score one answer; the arguments have been checked for their names."""


def need_verdict(name: str, value: object) -> bool | None:
    """Return `value`, which must be true, false or None.

    Raises:
        InputError: it is not.
    """
    if value is not None and not isinstance(value, bool):
        raise InputError(f"{name}: true, false or None is needed, not {value!r:.60}")
    return value


def need_text(name: str, value: object) -> str:
    """Return `value`, which must be a text.

    Raises:
        InputError: it is not.
    """
    if not isinstance(value, str):
        raise InputError(f"{name}: a text is needed, not {type(value).__name__}")
    return value
