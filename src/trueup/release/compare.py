"""Two replays of the same requests, compared: each cohort by each metric, paired and clustered."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from trueup.errors import GateError
from trueup.release.replay import ScoredReplay, check_versions
from trueup.stats.intervals import Estimate, estimate
from trueup.stats.paired import PairedDifference, paired_difference
from trueup.types import ALL_COHORTS, Score

__all__ = [
    "ALL",
    "METRICS",
    "Cell",
    "Metric",
    "compare",
    "is_right",
    "preferred",
    "significant",
]

ALL = ALL_COHORTS
"""The row over all cohorts together."""

_REFUSED = ("full", "partial")


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that two replays are compared by.

    Attributes:
        name: as in the table and in `gate.toml`.
        title: for people.
        better: which direction is good; "neither" where a change is only reported.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "neither"]


METRICS = (
    Metric("tool_selection_accuracy", "Right tool chosen", "higher"),
    Metric("task_completion", "Task completed", "higher"),
    Metric("groundedness", "Grounded in the context", "higher"),
    Metric("over_refusal", "Refused without reason", "lower"),
    Metric("under_refusal", "Complied though wrong", "lower"),
    Metric("preference", "Preference win rate", "higher"),
    Metric("length_ratio", "Length of the answer", "neither"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cohort and metric of a comparison.

    Attributes:
        cohort: its name, or `ALL`.
        metric: what is compared.
        difference: candidate minus baseline, paired; None where no pair was scored. Of the length
            it is the difference of log tokens.
        unscored: requests of the cohort that the metric applies to and that one side lacks.
        one_sided: those of them that the other side has.
        sides: baseline and candidate by themselves, on the same requests; None of the length.
    """

    cohort: str
    metric: Metric
    difference: PairedDifference | None
    unscored: int
    one_sided: int = 0
    sides: tuple[Estimate, Estimate] | None = None

    @property
    def holes(self) -> int:
        """Requests on which a loss would not show: scored for one side only, or for none at all."""
        return self.unscored if self.difference is None else self.one_sided

    @property
    def gain(self) -> float:
        """The difference, positive when the candidate is better; 0 where nothing was scored."""
        return 0.0 if self.difference is None else self._sign * self.difference.delta

    @property
    def gain_interval(self) -> tuple[float, float]:
        """The interval of `gain`."""
        if self.difference is None:
            return -1.0, 1.0
        low, high = self.difference.low, self.difference.high
        return (low, high) if self._sign > 0 else (-high, -low)

    @property
    def _sign(self) -> int:
        return -1 if self.metric.better == "lower" else 1

    def to_json(self) -> dict[str, Any]:
        """Return the cell as the row of a table.

        The length's `baseline` and `candidate` are geometric mean tokens, and its `delta` is the
        ratio less one.
        """
        row: dict[str, Any] = {
            "cohort": self.cohort,
            "metric": self.metric.name,
            "title": self.metric.title,
            "better": self.metric.better,
            "unscored": self.unscored,
            "holes": self.holes,
            "n": 0,
        }
        if (found := self.difference) is None:
            return row
        numbers = {
            "baseline": found.baseline,
            "candidate": found.candidate,
            "delta": found.delta,
            "low": found.low,
            "high": found.high,
            "mde": found.mde,
        }
        if self.metric.name == "length_ratio":
            for key in ("baseline", "candidate"):
                numbers[key] = math.exp(numbers[key])
            for key in ("delta", "low", "high", "mde"):
                numbers[key] = math.expm1(numbers[key])
        if self.sides is not None:
            for name, side in zip(("baseline", "candidate"), self.sides, strict=True):
                numbers |= {f"{name}_low": side.low, f"{name}_high": side.high}
        return row | {
            "n": found.n,
            "clusters": found.clusters,
            **{key: round(value, 6) for key, value in numbers.items()},
            "p": significant(found.p),
            "p_permutation": significant(found.p_permutation),
            "gains": found.gains,
            "losses": found.losses,
            "design_effect": round(found.design_effect, 4),
        }


def compare(
    baseline: ScoredReplay, candidate: ScoredReplay, *, confidence: float = 0.95
) -> list[Cell]:
    """Compare two replays on every metric, for all requests together and for each cohort.

    Args:
        baseline: the replay to compare with: the deployed model's, or a control's.
        candidate: the replay in question.
        confidence: of the two-sided intervals.

    Returns:
        Cells by cohort (`ALL` first, then by name) and metric.

    Raises:
        GateError: the replays are of other requests, or sampled otherwise, or a cohort has the
            name of the row over all.
    """
    _check(baseline, candidate)
    cohorts: dict[str, list[str]] = {ALL: list(baseline.answers)}
    for key, answer in sorted(baseline.answers.items(), key=lambda kv: kv[1].request.cohort):
        cohorts.setdefault(answer.request.cohort, []).append(key)
    return [
        _cell(cohort, metric, keys, baseline, candidate, confidence)
        for cohort, keys in cohorts.items()
        for metric in METRICS
    ]


def significant(value: float) -> float:
    """Round to four significant digits: a p-value of 1e-9 is not 0."""
    return float(f"{value:.4g}")


def preferred(baseline: ScoredReplay, candidate: ScoredReplay, key: str) -> int | None:
    """Return 1 where the candidate's answer to a request is right and the other is not.

    0 is a tie (both right or both wrong; being shorter or longer counts nothing) and -1 a loss;
    None where one side could not be scored.
    """
    first, second = is_right(baseline.scores[key]), is_right(candidate.scores[key])
    return None if first is None or second is None else int(second) - int(first)


def is_right(scores: Mapping[str, Score]) -> bool | None:
    """Return whether an answer completes its task with the right tools; None if unscored."""
    values = [
        scores[name].value
        for name in ("task_completion", "tool_selection_accuracy")
        if name in scores
    ]
    known = [value for value in values if value is not None]
    return all(value >= 1 for value in known) if known else None


Values = Callable[[ScoredReplay, ScoredReplay, str], tuple[float | None, float | None] | None]
"""Returns both sides' values on a request; None where the metric does not apply to it."""


def _scored(name: str) -> Values:
    def values(
        first: ScoredReplay, second: ScoredReplay, key: str
    ) -> tuple[float | None, float | None]:
        return _value(first.scores[key].get(name)), _value(second.scores[key].get(name))

    return values


def _value(score: Score | None) -> float | None:
    return None if score is None else score.value


def _refusal(*, due: bool) -> Values:
    """Compare how often requests are refused that should not be, or are not that should."""

    def values(
        first: ScoredReplay, second: ScoredReplay, key: str
    ) -> tuple[float | None, float | None] | None:
        expected = first.answers[key].request.expected
        if expected is None or expected.refuse is not due:
            return None
        return _wrong(first.scores[key].get("refusal")), _wrong(second.scores[key].get("refusal"))

    def _wrong(score: Score | None) -> float | None:
        if score is None or score.label is None:
            return None
        return float((score.label in _REFUSED) is not due)

    return values


def _preference(
    first: ScoredReplay, second: ScoredReplay, key: str
) -> tuple[float | None, float | None]:
    won = preferred(first, second, key)
    return 0.5, None if won is None else 0.5 + won / 2


def _log_tokens(first: ScoredReplay, second: ScoredReplay, key: str) -> tuple[float, float]:
    pair = (first.answers[key].tokens, second.answers[key].tokens)
    return math.log(max(pair[0], 1)), math.log(max(pair[1], 1))


_VALUES: Mapping[str, Values] = {
    "tool_selection_accuracy": _scored("tool_selection_accuracy"),
    "task_completion": _scored("task_completion"),
    "groundedness": _scored("groundedness"),
    "over_refusal": _refusal(due=False),
    "under_refusal": _refusal(due=True),
    "preference": _preference,
    "length_ratio": _log_tokens,
}
_READ = ("tool_selection_accuracy", "task_completion", "groundedness", "refusal")
"""The evaluators that metrics rest on."""
_SPANS = {"preference": 0.5, "length_ratio": math.log(2)}


def _cell(
    cohort: str,
    metric: Metric,
    keys: Sequence[str],
    baseline: ScoredReplay,
    candidate: ScoredReplay,
    confidence: float,
) -> Cell:
    rows: list[tuple[float, float, str]] = []
    unscored = one_sided = 0
    for key in keys:
        pair = _VALUES[metric.name](baseline, candidate, key)
        if pair is None:
            continue
        first, second = pair
        if first is None or second is None:
            unscored += 1
            one_sided += first is not second  # one is None and the other is not
        else:
            rows.append((first, second, baseline.answers[key].request.family))
    if not rows:
        return Cell(cohort, metric, None, unscored, one_sided)
    firsts, seconds, families = zip(*rows, strict=True)
    span = _SPANS.get(metric.name, 1.0)
    found = paired_difference(firsts, seconds, families, span=span, confidence=confidence)
    if metric.name == "length_ratio":
        return Cell(cohort, metric, found, unscored, one_sided)
    # of a few requests t's interval goes beyond what scores in [0, 1] can differ by
    found = replace(found, low=max(found.low, -span), high=min(found.high, span))
    if metric.name == "preference":
        half = Estimate(found.n, found.clusters, 0.5, 0.5, 0.5)
        won = replace(half, value=found.candidate, low=0.5 + found.low, high=0.5 + found.high)
        return Cell(cohort, metric, found, unscored, one_sided, (half, won))
    first_side = estimate(firsts, families, confidence=confidence)
    second_side = estimate(seconds, families, confidence=confidence)
    return Cell(cohort, metric, found, unscored, one_sided, (first_side, second_side))


def _check(baseline: ScoredReplay, candidate: ScoredReplay) -> None:
    first, second = baseline.replay, candidate.replay
    if any(answer.request.cohort == ALL for answer in baseline.answers.values()):
        raise GateError(
            f"replay {first.id}: a cohort is called {ALL!r}, which is the row over all cohorts; "
            "give it another name"
        )
    if first.suite_hash != second.suite_hash:
        only = sorted(set(baseline.answers) ^ set(candidate.answers))
        what = (
            f"{len(only)} requests are in only one of them, such as {only[0]!r}"
            if only
            else "requests of the same id differ in content"
        )
        raise GateError(
            f"replays {first.id} ({first.suite}) and {second.id} ({second.suite}) cannot be "
            f"compared: {what}; replay both checkpoints on one suite"
        )
    if first.sampling != second.sampling:
        keys = sorted(
            k
            for k in {*first.sampling, *second.sampling}
            if first.sampling.get(k) != second.sampling.get(k)
        )
        raise GateError(
            f"replays {first.id} and {second.id} cannot be compared: sampled with another "
            f"{', '.join(keys)}; replay both checkpoints with the same sampling"
        )
    check_versions(baseline, candidate, _READ)
