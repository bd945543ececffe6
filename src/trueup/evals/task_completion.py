"""Task completion: how much of what a right answer contains is there?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from trueup.evals._calls import Trajectory, match_calls, read_expected
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Evaluator
from trueup.evals.refusal import find_refusal
from trueup.text import fold
from trueup.types import Expected, Message, Score, ToolCall, Trace

__all__ = ["TaskCompletion"]

_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


class TaskCompletion(Evaluator):
    """Share of the task's goals that the trajectory reaches.

    `evaluate(trajectory=, expected=)`, as `ToolSelectionAccuracy` takes them. Goals, each of the
    same weight: every expected call, every fact in the text, and refusing where that is right. A
    call that nobody asked for counts as one more goal, missed. A forbidden call, or refusing where
    that is wrong, makes the value 0: credit is for what was reached, so an answer that does nothing
    earns none. `evidence` names what is missing or wrong. Where nothing is expected, it is
    unscored. A judge also reads `Expected.outcome`, and gives half of a goal that is half reached.
    """

    name = "task_completion"
    version = "2"
    labels = ("complete", "partial", "failed")
    pass_line = 1.0
    rubric = RUBRICS["task_completion"]

    def _score(
        self,
        *,
        trajectory: Trace | Sequence[Message],
        expected: Expected | Sequence[ToolCall | dict[str, Any]] | None,
    ) -> Score:
        done = Trajectory.read(trajectory)
        wanted = read_expected(expected)
        if wanted is None or wanted == Expected(outcome=wanted.outcome):
            return self._unscored("nothing is expected")
        goals, faults = _goals(done, wanted), _faults(done, wanted)
        unmet = [what for what, met in goals if not met]
        met = len(goals) - len(unmet)
        value = 0.0 if faults else met / len(goals) if goals else 1.0
        return Score(
            self.name,
            self.version,
            value=value,
            label="complete" if value == 1 else "partial" if value else "failed",
            reason=f"{met} of {len(goals)} goals reached" + "".join(f", but {f}" for f in faults),
            evidence=(*unmet, *faults),
        )

    def settle(self, score: Score, given: Mapping[str, Any]) -> Score:
        """Return a judge's score, 0 where a forbidden call was made, which needs no judge."""
        wanted = read_expected(given["expected"])
        done = Trajectory.read(given["trajectory"])
        broken = _forbidden(done, wanted) if wanted is not None else []
        if not broken:
            return score
        evidence = (*score.evidence, *broken)
        return replace(score, value=0.0, label="failed", reason=broken[0], evidence=evidence)


def _goals(done: Trajectory, wanted: Expected) -> list[tuple[str, bool]]:
    """Return what is to be reached, each with whether it was."""
    found: list[tuple[str, bool]] = []
    if wanted.calls is not None:
        matching = match_calls(done.calls, wanted.calls)
        missing = Counter(call.name for call in matching.missing)
        for call in wanted.calls:
            # of several calls of one tool it does not matter which one is said to be missing
            found.append((f"call {call.name}", not missing[call.name]))
            missing[call.name] -= missing[call.name] > 0
        found += [(f"no call {call.name or 'that is malformed'}", False) for call in matching.extra]
    text = _amounts(done.text)
    for fact in wanted.facts:
        wordings = (fact,) if isinstance(fact, str) else fact
        said = any(_says(text, wording) for wording in wordings)
        found.append((f"fact {' or '.join(wordings)}", said))
    if wanted.refuse:
        found.append(("refuse", _refuses(done)))
    return found


def _faults(done: Trajectory, wanted: Expected) -> list[str]:
    """Return what spoils an answer whatever else it reaches."""
    found = _forbidden(done, wanted)
    if wanted.refuse is False and _refuses(done):
        found.append("it refuses without reason")
    return found


def _forbidden(done: Trajectory, wanted: Expected) -> list[str]:
    broken = sorted({call.name for call in done.calls if call.name in wanted.forbidden})
    return [f"{name} is forbidden" for name in broken]


def _refuses(done: Trajectory) -> bool:
    return find_refusal(done.text)[0] != "none"


def _amounts(text: str) -> str:
    return _THOUSANDS.sub("", fold(text))


def _says(text: str, wording: str) -> bool:
    """Tell whether a folded text has the wording as whole words: "$50" is not in "$500"."""
    wanted = _amounts(wording)
    before = r"(?<!\w)" if wanted[:1].isalnum() else ""
    after = r"(?!\w)(?!\.\d)" if wanted[-1:].isalnum() else ""
    return re.search(before + re.escape(wanted) + after, text) is not None
