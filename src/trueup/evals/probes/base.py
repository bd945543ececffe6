"""What probes share: a model to ask, what was found of each answer, and rates with intervals."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal, TypeVar

from trueup.errors import InputError, UnknownName
from trueup.stats.intervals import Estimate, estimate
from trueup.stats.paired import PairedDifference, holm, paired_difference
from trueup.types import ALL_COHORTS, Messages

__all__ = [
    "Change",
    "Judged",
    "Model",
    "ProbeResult",
    "Progress",
    "Rate",
    "Unit",
    "answers_of",
    "ask",
    "change",
    "check_limit",
    "corrected",
    "draw",
    "of_cohorts",
    "own_rows",
    "rate",
    "user",
]

Model = Callable[[Sequence[Messages]], Sequence[str]]
"""Returns one answer to each conversation, in order."""
Progress = Callable[[int, int], None]
"""Called with (answers had, answers in all)."""
Unit = Literal["share", "ratio", "difference"]

_BATCH = 16  # prompts a call of the model
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened.

    Attributes:
        cohort: a type, a domain, or all of them.
        measure: what happened.
        estimate: the share of the answers with its interval; None where none could be judged.
        unscored: answers that could not be judged.
    """

    cohort: str
    measure: str
    estimate: Estimate | None
    unscored: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Something measured on both sides of a pair of answers.

    Attributes:
        cohort: a type, a group, or all of them.
        measure: what was measured.
        difference: candidate less baseline; None where no pair could be judged.
        unit: "share" and "difference" are in the measure's own unit; of "ratio" the values are
            logarithms, and `ratio` is what they mean.
        unscored: pairs of which a side could not be judged.
        p_holm: of no difference, corrected for all tests of the probe (Holm 1979).
    """

    cohort: str
    measure: str
    difference: PairedDifference | None
    unit: Unit = "share"
    unscored: int = 0
    p_holm: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of one answer; `label` is None where it could not be judged, see `reason`."""

    id: str
    cohort: str
    prompt: str
    answer: str
    label: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe found: rates of one model, changes between two sides, and each answer."""

    probe: str
    rates: tuple[Rate, ...]
    changes: tuple[Change, ...]
    judged: tuple[Judged, ...]

    def rate(self, measure: str, cohort: str = ALL_COHORTS) -> Rate:
        """Return the rate of a measure, over all or of one cohort.

        Raises:
            UnknownName: the probe has no such rate; the message names those that it has.
        """
        return _named(self.rates, f"{self.probe}: no rate", measure, cohort)

    def change(self, measure: str, cohort: str = ALL_COHORTS) -> Change:
        """Return the change of a measure, over all or of one cohort.

        Raises:
            UnknownName: the probe has no such change; the message names those that it has.
        """
        return _named(self.changes, f"{self.probe}: no change", measure, cohort)


_Figure = TypeVar("_Figure", Rate, Change)


def _named(figures: Sequence[_Figure], what: str, measure: str, cohort: str) -> _Figure:
    """Return the figure of a measure and a cohort; the message of the error begins with `what`."""
    by_name = {(one.measure, one.cohort): one for one in figures}
    if (found := by_name.get((measure, cohort))) is not None:
        return found
    cohorts = [of for name, of in by_name if name == measure]
    if cohorts:
        raise UnknownName(f"{what} {measure!r} of {cohort!r}: there is {', '.join(cohorts)}")
    measures = ", ".join(dict.fromkeys(name for name, _ in by_name)) or "none"
    raise UnknownName(f"{what} {measure!r}: there is {measures}")


def own_rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of a set that ships with the package."""
    text = (files(__package__) / "data" / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def user(text: str) -> Messages:
    """Return a conversation of one turn by the user."""
    return ({"role": "user", "content": text},)


def answers_of(model: Model, prompts: Sequence[Messages]) -> list[str]:
    """Return a model's answers to prompts that it is given at once.

    Raises:
        InputError: the model does not answer each prompt with one text.
    """
    given = list(model(prompts))
    if len(given) != len(prompts) or not all(isinstance(text, str) for text in given):
        raise InputError(
            f"the model gave {len(given)} answers to {len(prompts)} prompts, or some that are no "
            "texts; return one text a prompt, in order"
        )
    return given


def ask(
    model: Model, prompts: Sequence[Messages], progress: Progress | None = None, had: int = 0
) -> list[str]:
    """Ask a model in batches, and return its answers in order.

    Args:
        model: whom to ask.
        prompts: the conversations.
        progress: called after each batch.
        had: answers of the same run before these.

    Raises:
        InputError: the model does not answer each prompt with one text.
    """
    answers: list[str] = []
    for start in range(0, len(prompts), _BATCH):
        batch = prompts[start : start + _BATCH]
        answers += answers_of(model, batch)
        if progress is not None:
            progress(had + len(answers), had + len(prompts))
    return answers


def check_limit(limit: int | None) -> None:
    """Refuse a limit that leaves nothing."""
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}; give 1 or more prompts, or leave it out")


def draw(
    units: Sequence[_T],
    limit: int | None,
    seed: int,
    *,
    cohort: Callable[[_T], str],
    size: Callable[[_T], int] = lambda _: 1,
) -> list[_T]:
    """Return units of at most `limit` prompts, at least one, drawn from the cohorts in turn.

    A unit is what belongs together, such as a prompt with its contrast. They stay in order.
    """
    check_limit(limit)
    if limit is None:
        return list(units)
    mixed = random.Random(seed).sample(range(len(units)), len(units))
    turns: dict[str, int] = {}
    ranked: list[tuple[int, int, int]] = []
    for rank, place in enumerate(mixed):
        name = cohort(units[place])
        ranked.append((turns.get(name, 0), rank, place))
        turns[name] = turns.get(name, 0) + 1
    chosen: list[int] = []
    left = limit
    for _, _, place in sorted(ranked):
        if size(units[place]) <= left or not chosen:
            chosen.append(place)
            left -= size(units[place])
    return [units[place] for place in sorted(chosen)]


def of_cohorts(rows: Iterable[_T], cohort: Callable[[_T], str]) -> Iterator[tuple[str, list[_T]]]:
    """Yield all rows, then those of each cohort in the order that they come in."""
    every = list(rows)
    parts: dict[str, list[_T]] = {}
    for row in every:
        parts.setdefault(cohort(row), []).append(row)
    yield ALL_COHORTS, every
    yield from parts.items()


def rate(cohort: str, measure: str, found: Sequence[tuple[bool | None, Hashable]]) -> Rate:
    """Return how often something was found, of (whether it was, cluster); None is unscored."""
    known = [(float(hit), cluster) for hit, cluster in found if hit is not None]
    if not known:
        return Rate(cohort, measure, None, len(found))
    hits, clusters = zip(*known, strict=True)
    return Rate(cohort, measure, estimate(hits, clusters), len(found) - len(known))


def change(
    cohort: str,
    measure: str,
    pairs: Sequence[tuple[float | None, float | None, Hashable]],
    *,
    unit: Unit = "share",
    span: float = 1.0,
) -> Change:
    """Return the paired difference over (baseline, candidate, cluster); see `paired_difference`.

    Pairs that lack a side are unscored.
    """
    known = [(a, b, cluster) for a, b, cluster in pairs if a is not None and b is not None]
    if not known:
        return Change(cohort, measure, None, unit, len(pairs))
    first, second, clusters = zip(*known, strict=True)
    found = paired_difference(first, second, clusters, span=span)
    if unit != "ratio":  # no two values lie further apart, however few the pairs
        found = replace(found, low=max(found.low, -span), high=min(found.high, span))
    return Change(cohort, measure, found, unit, len(pairs) - len(known))


def corrected(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Fill in the p-values that hold for all the changes together."""
    tested = {i: c.difference.p for i, c in enumerate(changes) if c.difference is not None}
    if not tested:
        return tuple(changes)
    both: Mapping[int, float] = dict(zip(tested, holm(list(tested.values())), strict=True))
    return tuple(replace(c, p_holm=both.get(i)) for i, c in enumerate(changes))
