"""Task completion: how much of what a right answer contains is there?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from trueup.evals._calls import Trajectory, match_calls, read_expected
from trueup.evals._text import fold
from trueup.evals.base import Evaluator
from trueup.evals.refusal import find_refusal
from trueup.types import Expected, Message, Score, ToolCall, Trace

__all__ = ["TaskCompletion"]

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


class TaskCompletion(Evaluator):
    """Share of the task's criteria that the trajectory meets.

    `evaluate(trajectory=, expected=)`, as `ToolSelectionAccuracy` takes them. Criteria, each of the
    same weight: every expected call, no other call, every fact in the text, and refusing or not
    where that is said. A forbidden call makes the value 0, whatever else is there. `evidence` names
    the criteria that are not met; where nothing is expected, it is unscored.
    """

    name = "task_completion"
    pass_line = 1.0

    def _score(
        self,
        *,
        trajectory: Trace | Sequence[Message],
        expected: Expected | Sequence[ToolCall | dict[str, Any]] | None,
    ) -> Score:
        done = Trajectory.read(trajectory)
        wanted = read_expected(expected)
        criteria = [] if wanted is None else _criteria(done, wanted)
        forbidden = () if wanted is None else wanted.forbidden
        broken = sorted({call.name for call in done.calls if call.name in forbidden})
        if not criteria and not forbidden:
            return self._unscored("nothing is expected")
        unmet = [what for what, met in criteria if not met]
        unmet += [f"forbidden call: {name}" for name in broken]
        met = len(criteria) - sum(not met for _, met in criteria)
        value = 0.0 if broken else met / len(criteria) if criteria else 1.0
        return Score(
            self.name,
            self.version,
            value=value,
            label="complete" if value == 1 else "partial" if value else "failed",
            reason=f"{met} of {len(criteria)} criteria met"
            + (f", and {', '.join(broken)} is forbidden" if broken else ""),
            evidence=tuple(unmet),
        )


def _criteria(done: Trajectory, wanted: Expected) -> list[tuple[str, bool]]:
    """Return what is expected, each with whether it was met."""
    found: list[tuple[str, bool]] = []
    if wanted.calls is not None:
        matching = match_calls(done.calls, wanted.calls)
        missing = Counter(call.name for call in matching.missing)
        for call in wanted.calls:
            # of several calls of one tool it does not matter which one is said to be missing
            found.append((f"call {call.name}", not missing[call.name]))
            missing[call.name] -= missing[call.name] > 0
        extra = ", ".join(call.name or "a malformed one" for call in matching.extra)
        found.append((f"no other calls: {extra}", not matching.extra))
    text = _amounts(done.text)
    for fact in wanted.facts:
        wordings = (fact,) if isinstance(fact, str) else fact
        said = any(_says(text, wording) for wording in wordings)
        found.append((f"fact {' or '.join(wordings)}", said))
    if wanted.refuse is not None:
        refused = find_refusal(done.text)[0] != "none"
        found.append(("refuse" if wanted.refuse else "do not refuse", refused == wanted.refuse))
    return found


def _amounts(text: str) -> str:
    return _THOUSANDS.sub("", fold(text))


def _says(text: str, wording: str) -> bool:
    """Tell whether a folded text has the wording as whole words: "$50" is not in "$500"."""
    wanted = _amounts(wording)
    before = r"(?<!\w)" if wanted[:1].isalnum() else ""
    after = r"(?!\w)(?!\.\d)" if wanted[-1:].isalnum() else ""
    return re.search(before + re.escape(wanted) + after, text) is not None
