"""How far an evaluator agrees with people: its verdicts held against labels that people gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trueup.errors import InputError
from trueup.evals.base import Evaluator
from trueup.evals.calibration.rows import Labelled
from trueup.stats.classification import Classification, classification
from trueup.stats.prediction_powered import PredictionPowered, prediction_powered
from trueup.types import Score

__all__ = ["HumanAgreement", "calibrate"]

_BATCH = 100  # rows that are scored before progress is told


@dataclass(frozen=True, slots=True)
class HumanAgreement:
    """An evaluator's agreement with people, on rows that it could score.

    Attributes:
        evaluator, version: of which it was measured.
        positive: the labels that count as yes; empty where people say whether it is good.
        whole: of all labelled rows that were scored; None where none was.
        cohorts: the same of each cohort.
        rate: how often the answer is yes over all rows, where some have no label; else None.
        rates: the same of each cohort that has rows with and without a label.
        unscored: why rows were not scored, with how many.
    """

    evaluator: str
    version: str
    positive: tuple[str, ...]
    whole: Classification | None
    cohorts: Mapping[str, Classification]
    rate: PredictionPowered | None
    rates: Mapping[str, PredictionPowered]
    unscored: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A scored row: whether people say yes, if they said, and whether the evaluator does."""

    people: bool | None
    judge: bool
    value: float | None
    length: int | None
    cohort: str
    group: str | int


def calibrate(
    evaluator: Evaluator,
    rows: Sequence[Labelled],
    *,
    positive: Sequence[str] = (),
    negative: str = "none",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> HumanAgreement:
    """Measure an evaluator's agreement with people.

    Where labels are true and false, its verdict is whether the value reaches its pass line, and
    AUROC is of the value. Where they are texts, its verdict is its own label; those in `positive`
    count as yes, or all but `negative` where none is named, and there is no AUROC. Verbosity is of
    the characters of `response` or `output`, where the evaluator takes one.

    Rows without a label are those that people did not see: over all rows together the rate of yes
    is told, corrected by the labelled ones, which must have been drawn at random.

    Args:
        evaluator: what is measured.
        rows: at least one with a label; labels all of one kind.
        positive: labels that count as yes.
        negative: the label that counts as no where `positive` is empty.
        seed: of the intervals' draws.
        progress: called with how many rows are scored, and of how many.

    Raises:
        InputError: no row has a label, labels are of both kinds, or `positive` names one that
            nobody gives, or is given with labels that are true and false.
    """
    said = {row.label for row in rows} - {None}
    graded = _graded(said, positive)
    named = tuple(positive) or (() if graded else tuple(sorted(map(str, said - {negative}))))
    scores = _scores(evaluator, rows, progress)
    if strange := [one for one in positive if one not in said | {score.label for score in scores}]:
        known = ", ".join(sorted(map(str, said)))
        raise InputError(f"no label {strange[0]!r}: people say {known}")
    judged: list[_Judged] = []
    unscored: Counter[str] = Counter()
    for number, (row, score) in enumerate(zip(rows, scores, strict=True)):
        found = score.value if graded else score.label
        if found is None:
            unscored[score.reason] += 1
            continue
        yes = found >= evaluator.pass_line if isinstance(found, float | int) else found in named
        people = row.label in (*named, True) if row.label is not None else None
        place = row.cohort, row.group or number
        judged.append(_Judged(people, yes, score.value if graded else None, _length(row), *place))
    by_cohort = {
        name: [one for one in judged if one.cohort == name]
        for name in sorted({one.cohort for one in judged if one.cohort})
    }
    found_of = {name: _classified(some, seed) for name, some in by_cohort.items()}
    rates = {name: _rate(some) for name, some in by_cohort.items()}
    return HumanAgreement(
        evaluator.name,
        evaluator.version,
        named,
        _classified(judged, seed),
        {name: found for name, found in found_of.items() if found is not None},
        _rate(judged),
        {name: rate for name, rate in rates.items() if rate is not None},
        dict(unscored),
    )


def _graded(said: set[bool | str | None], positive: Sequence[str]) -> bool:
    """Return whether labels are true and false, and not texts; see `calibrate`."""
    if not said:
        raise InputError("no labelled rows: give at least one")
    kinds = {isinstance(label, bool) for label in said}
    if len(kinds) > 1:
        raise InputError("labels are true or false in some rows and texts in others: make them one")
    graded = kinds.pop()
    if graded and positive:
        raise InputError("labels are true and false, which need no positive ones: leave them out")
    return graded


def _scores(
    evaluator: Evaluator,
    rows: Sequence[Labelled],
    progress: Callable[[int, int], None] | None,
) -> list[Score]:
    scores: list[Score] = []
    for start in range(0, len(rows), _BATCH):
        scores += evaluator.evaluate_many(row.given for row in rows[start : start + _BATCH])
        if progress is not None:
            progress(len(scores), len(rows))
    return scores


def _length(row: Labelled) -> int | None:
    """Return how many characters are judged; None where it is no text."""
    text = row.given.get("response", row.given.get("output"))
    return len(text) if isinstance(text, str) else None


def _classified(some: Sequence[_Judged], seed: int) -> Classification | None:
    """Hold the verdicts on labelled rows against people's; None where there are none."""
    told = [one for one in some if one.people is not None]
    if not told:
        return None
    values, lengths = [one.value for one in told], [one.length for one in told]
    return classification(
        [bool(one.people) for one in told],
        [one.judge for one in told],
        clusters=[one.group for one in told],
        scores=None if None in values else values,  # type: ignore[arg-type]
        lengths=None if None in lengths else lengths,  # type: ignore[arg-type]
        seed=seed,
    )


def _rate(some: Sequence[_Judged]) -> PredictionPowered | None:
    """Return how often the answer is yes; None without rows of both kinds."""
    told = [one for one in some if one.people is not None]
    alone = [one for one in some if one.people is None]
    if not told or not alone:
        return None
    return prediction_powered(
        [bool(one.people) for one in told],
        [one.judge for one in told],
        [one.judge for one in alone],
        clusters=[one.group for one in told],
        clusters_alone=[one.group for one in alone],
    )
