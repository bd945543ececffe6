"""Tool selection: were the expected calls made, with the expected arguments, and no others?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from trueup.errors import InputError
from trueup.evals._calls import (
    Matching,
    Trajectory,
    changes_something,
    match_calls,
    read_expected,
)
from trueup.evals.backends import Backend
from trueup.evals.base import Evaluator
from trueup.types import Expected, Message, Score, ToolCall, Trace

__all__ = ["ToolSelectionAccuracy"]


class ToolSelectionAccuracy(Evaluator):
    """Whether the calls made are the expected ones: 1.0 or 0.0 over the whole trajectory.

    `evaluate(trajectory=, expected=)`: a `Trace` or a list of OpenAI-style messages; an `Expected`,
    a bare list of `{"name", "arguments"}`, or None. Calls are compared as a multiset, in order
    where `ordered` is set; arguments by what they mean (5 is "5"), and `AnyOf` gives a choice. No
    calls expected and none made is 1.0; where nothing is expected of the calls, it is unscored.

    Where the calls were carried out (a message of role "tool", or steps before the answer), an
    agent is judged by what it changed: which records it reads on the way, what it reckons and
    whether it hands over to a person is its own business. Which tools those are is told by their
    verbs: get, search, calculate, transfer and their like. `compare` says "all" or "changes"
    whatever the trajectory.

    `label` is "right", or what went wrong first: "forbidden", "malformed_call" (a `<tool_call>`
    that cannot be read), "wrong_arguments", "wrong_tool", "missing_call", "extra_call", or
    "premature_call" (the right calls in another order). `evidence` names each step that is
    forbidden, extra or premature, by its number from 1 on, and each expected call that is missing.
    """

    name = "tool_selection_accuracy"
    labels = (
        "right",
        "forbidden",
        "malformed_call",
        "wrong_arguments",
        "wrong_tool",
        "missing_call",
        "extra_call",
        "premature_call",
    )
    pass_line = 1.0

    def __init__(
        self,
        *,
        ordered: bool = False,
        compare: Literal["all", "changes"] | None = None,
        backend: Backend | None = None,
    ) -> None:
        super().__init__(backend=backend)
        if compare not in (None, "all", "changes"):
            raise InputError(f"compare: {compare!r} is none; give all or changes, or leave it out")
        self.ordered, self.compare = ordered, compare
        self.version = "2" + ("-ordered" if ordered else "") + (f"-{compare}" if compare else "")

    def _score(
        self,
        *,
        trajectory: Trace | Sequence[Message],
        expected: Expected | Sequence[ToolCall | dict[str, Any]] | None,
    ) -> Score:
        read = Trajectory.read(trajectory)
        steps = list(enumerate(read.calls, start=1))
        wanted = read_expected(expected)
        if wanted is None or (wanted.calls is None and not wanted.forbidden):
            return self._unscored("no calls are expected or forbidden")
        forbidden = [step for step in steps if step[1].name in wanted.forbidden]
        calls = read.calls if wanted.calls is None else wanted.calls
        changes = self.compare == "changes" or (self.compare is None and read.carried_out)
        if changes:
            steps = [step for step in steps if changes_something(step[1].name)]
            calls = tuple(call for call in calls if changes_something(call.name))
        made = [call for _, call in steps]
        matching = match_calls(made, calls)
        label = self._label(made, bool(forbidden), matching)
        evidence = (
            *(_at(step, "forbidden") for step in forbidden),
            *(f"missing: {_shown(call)}" for call in matching.missing),
            *(_at(steps[place], "extra") for place in matching.unfit),
        )
        if label == "premature_call":
            evidence += tuple(_at(steps[place], "premature") for place in matching.premature)
        return Score(
            self.name,
            self.version,
            value=float(label == "right"),
            label=label,
            reason=f"{len(made)} calls made, {len(calls)} expected"
            + (", of those that change something; others are not compared" if changes else ""),
            evidence=evidence,
        )

    def _label(self, made: Sequence[ToolCall], forbidden: bool, matching: Matching) -> str:
        missing = {call.name for call in matching.missing}
        extra = {call.name for call in matching.extra}
        if forbidden:
            return "forbidden"
        if any(not call.name for call in made):
            return "malformed_call"
        if missing and extra:
            return "wrong_arguments" if missing & extra else "wrong_tool"
        if missing or extra:
            return "missing_call" if missing else "extra_call"
        return "premature_call" if self.ordered and not matching.in_order else "right"


def _at(step: tuple[int, ToolCall], what: str) -> str:
    return f"{what}, step {step[0]}: {step[1].render()}"


def _shown(call: ToolCall) -> str:
    arguments = ", ".join(f"{key}={value!r}" for key, value in call.arguments.items())
    return f"{call.name}({arguments})"
