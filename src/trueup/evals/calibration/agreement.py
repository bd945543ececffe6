"""How far an evaluator agrees with people: its verdicts held against labels that people gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trueup.errors import InputError
from trueup.evals.base import Evaluator
from trueup.evals.calibration.labels import counted, is_yes, parts
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
        unscored: why rows were not scored, with how many, the commonest first.
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
    count as yes, or all but `negative` where none is named, and there is no AUROC. Where people use
    other labels than it does, `positive` names those of both. Verbosity is of the characters of
    `response` or `output`, where the evaluator takes one.

    Rows without a label are those that people did not see: over all rows together the rate of yes
    is told, corrected by the labelled ones, which must have been drawn at random.

    Args:
        evaluator: what is measured.
        rows: at least one with a label; labels all of one kind.
        positive: labels that count as yes, people's and the evaluator's.
        negative: the label that counts as no where `positive` is empty.
        seed: of the intervals' draws.
        progress: called with how many rows are scored, and of how many.

    Raises:
        InputError: no row has a label, or labels are of both kinds; people's and the evaluator's
            are not the same and `positive` does not name both; or `positive` names one that nobody
            gives, or is given with labels that are true and false.
    """
    said = {row.label for row in rows} - {None}
    graded = _graded(said, positive)
    yes = () if graded else counted(evaluator, parts(said), positive, negative)
    scores = _scores(evaluator, rows, progress)
    judged, unscored = _beside(evaluator, rows, scores, None if graded else yes)
    whole, rate = _classified(judged, seed), _rate(judged)
    cohorts = {name: _classified(some, seed) for name, some in _by_cohort(judged).items()}
    rates = {name: _rate(some) for name, some in _by_cohort(judged).items()}
    return HumanAgreement(
        evaluator.name,
        evaluator.version,
        yes,
        whole,
        {name: found for name, found in cohorts.items() if found is not None},
        rate,
        {name: found for name, found in rates.items() if found is not None},
        unscored,
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


def _beside(
    evaluator: Evaluator,
    rows: Sequence[Labelled],
    scores: Sequence[Score],
    yes: Sequence[str] | None,
) -> tuple[list[_Judged], dict[str, int]]:
    """Return the rows that were scored, and why others were not, the commonest first.

    `yes` is what counts as yes of the labels; None holds values against the pass line.
    """
    judged: list[_Judged] = []
    unscored: Counter[str] = Counter()
    for number, (row, score) in enumerate(zip(rows, scores, strict=True)):
        said, place = row.label, (row.cohort, row.group or number)
        if yes is None and score.value is not None:
            people = bool(said) if said is not None else None
            verdict = score.value >= evaluator.pass_line
            judged.append(_Judged(people, verdict, score.value, _length(row), *place))
        elif yes is not None and score.label is not None:
            people = is_yes(str(said), yes) if said is not None else None
            judged.append(_Judged(people, is_yes(score.label, yes), None, _length(row), *place))
        else:
            unscored[_why(evaluator, score)] += 1
    return judged, dict(unscored.most_common())


def _why(evaluator: Evaluator, score: Score) -> str:
    """Return why a score cannot be held against what people say."""
    if score.label is not None:
        return f"no value without `expected`; label what it finds: {', '.join(evaluator.labels)}"
    return score.reason


def _by_cohort(judged: Sequence[_Judged]) -> dict[str, list[_Judged]]:
    return {
        name: [one for one in judged if one.cohort == name]
        for name in sorted({one.cohort for one in judged if one.cohort})
    }


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
