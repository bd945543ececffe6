"""An evaluation of one's own: a rubric that a judge grades by, or a function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from trueup.errors import InputError
from trueup.evals._function_version import function_version
from trueup.evals.backends import Backend
from trueup.evals.backends.rubrics import simple_rubric
from trueup.evals.base import Evaluator
from trueup.models.judge import Judge, Rubric
from trueup.types import BROKE, Score

__all__ = ["CustomEvaluation"]


class CustomEvaluation(Evaluator):
    """What a rubric or a function of one's own says of an answer.

    `CustomEvaluation(name=, rubric=, judge=)` has a judge grade by the rubric. A text is graded in
    five steps from "fully" (1.0) to "not" (0.0); a `Rubric` names grades of its own.

    `CustomEvaluation(name=, function=)` calls the function with what `evaluate` is given. It
    returns a number from 0 to 1, a bool, a `Score`, or None for unscored; what it raises leaves the
    answer unscored with the reason.

    Args:
        name: of the evaluation, as scores are kept under.
        rubric: what a good answer is.
        judge: who grades by it.
        takes: the arguments that a rubric given as text is about, the last of them what is judged.
        function: its keyword arguments are those of `evaluate`.
        version: what scores of the function are told from those of an earlier one by, since known
            scores are not computed again. If left out, a hash of its code, its defaults, and the
            numbers and texts that it closes over or that are globals it names, as they are now. It
            does not see other libraries, files, objects, or what changes later: name a version
            where these matter.

    Raises:
        InputError: it is neither a rubric with a judge nor a function, or the function cannot be
            called by keywords.
    """

    def __init__(
        self,
        *,
        name: str,
        rubric: str | Rubric | None = None,
        judge: Judge | None = None,
        takes: Sequence[str] = ("prompt", "response"),
        function: Callable[..., float | bool | Score | None] | None = None,
        version: str | None = None,
    ) -> None:
        if (
            not name
            or (rubric is None) == (function is None)
            or (rubric is None) != (judge is None)
        ):
            raise InputError(
                "CustomEvaluation: give a name, and a rubric with its judge or a function"
            )
        self.name = name  # type: ignore[misc]  # of a class everywhere else
        backend: Backend | None = judge
        if rubric is not None:
            if isinstance(rubric, str):
                rubric = simple_rubric(name, rubric, tuple(takes))
            self.rubric = rubric
            self._takes = dict.fromkeys(rubric.takes, True)  # type: ignore[misc]
        elif function is not None:
            self._takes = _arguments_of(name, function)  # type: ignore[misc]
            self.version = version or function_version(function)
        self._function = function
        super().__init__(backend=backend)

    def _score(self, **given: Any) -> Score:
        assert self._function is not None  # a rubric is the judge's
        try:
            found = self._function(**given)
        except Exception as error:  # whatever it raises is about this answer alone
            return self._unscored(f"{BROKE}{type(error).__name__}: {error}")
        if isinstance(found, Score):
            return self._checked(replace(found, evaluator=self.name, version=self.version))
        if found is None:
            return self._unscored(f"{self.name} returned None")
        try:
            value = float(found)
        except (TypeError, ValueError):
            return self._unscored(f"{self.name} returned a {type(found).__name__}, and no number")
        return self._checked(Score(self.name, self.version, value=value))

    def _checked(self, score: Score) -> Score:
        if score.value is None or (not math.isnan(score.value) and 0 <= score.value <= 1):
            return score
        return self._unscored(f"{self.name} returned {score.value}, which is not from 0 to 1")


def _arguments_of(name: str, function: Callable[..., Any]) -> dict[str, bool]:
    """Return a function's keyword arguments, and whether each must be given."""
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise InputError(f"{name}: a plain function is needed, not {function!r:.60}")
    parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if len(named) != len(parameters) or not named:
        raise InputError(f"{name}: its function must name its keyword arguments, at least one")
    return {p.name: p.default is p.empty for p in named}
