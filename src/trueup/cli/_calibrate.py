"""`trueup eval calibrate`: what an evaluator, or a judge of pairs, is worth beside people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

from trueup.cli._judge import LOCAL, BackendOptions, ByOption
from trueup.cli._output import JsonOption, say, show_json, show_parts
from trueup.cli._progress import progress_bar
from trueup.cli._unscored import check_scored, told_unscored
from trueup.errors import InputError
from trueup.evals import (
    Evaluator,
    HumanAgreement,
    JudgeAgreement,
    calibrate_pairs,
    has_pairs,
    judge_pairs,
    read_labelled,
    read_pairs,
)
from trueup.evals import calibrate as measure_agreement
from trueup.evals import evaluator as find_evaluator
from trueup.models import Comparison, Judge
from trueup.stats.classification import Classification
from trueup.stats.intervals import Estimate
from trueup.stats.pairwise import Pairwise
from trueup.stats.prediction_powered import PredictionPowered

__all__ = ["calibrate"]

T = TypeVar("T")

_VERBOSITY = (
    "verbosity: how often the evaluator says yes to the longer of two answers, where people say "
    "the same of both and it does not; 0.50 is none"
)
_PAIRS = ("pairs", "n"), ("both orders", "both")
_OF_PAIRS = {
    "agreement with people": {"accuracy": "agrees", "accuracy_consistent": "where consistent"},
    "order": {
        "consistent": "consistent",
        "to_first": "first twice",
        "to_second": "second twice",
        "prefers_first": "prefers first",
    },
    "length": {
        "longer_judge": "judge: longer",
        "longer_people": "people: longer",
        "verbosity": "verbosity",
    },
}
_NOTES = {
    "order": "prefers first: 0.50 where the place does not matter",
    "length": "verbosity: how much more it errs where people prefer the shorter; 0 is none",
}
_RATE = "corrected holds if the labelled rows were drawn at random from all"


def calibrate(
    evaluator: str,
    labels: Path,
    /,
    *,
    unlabelled: Path | None = None,
    positive: str | None = None,
    by: ByOption = LOCAL,
    as_json: JsonOption = False,
) -> None:
    """Measure how far an evaluator or a judge agrees with people's labels, and which way it leans.

    Where some rows have no label, also how often the answer is yes over all of them, corrected for
    the evaluator's errors.

    Args:
        evaluator: Its name; of pairs, the judge's whose verdicts they hold, or are to hold.
        labels: JSON lines, each what the evaluator takes beside `label`: true or false, or what
            it finds. Or pairs: `prompt`, `a`, `b`, `winner` ("a", "b" or "tie") and `verdicts`: an
            object that gives for each judge what it chose with a shown first, and with b shown
            first. A `cohort` or a `group` of rows that resemble each other may stand beside them.
        unlabelled: More of them, which people did not see.
        positive: Labels that count as yes, people's and the evaluator's, with commas between them;
            all but "none", if left out.
        by: What grades in place of the evaluator's local method; of pairs, the judge that chooses.
    """
    files = [labels] if unlabelled is None else [labels, unlabelled]
    if has_pairs(labels):
        if positive:
            raise InputError(f"{labels} holds pairs, which have no positive labels: leave them out")
        _pairs(evaluator, files, by, as_json)
    else:
        named = [name.strip() for name in positive.split(",")] if positive else ()
        _labelled(find_evaluator(evaluator, by.backend()), files, named, as_json)


def _labelled(
    judge: Evaluator, files: Sequence[Path], positive: Sequence[str], as_json: bool
) -> None:
    rows = [row for path in files for row in read_labelled(path, judge)]
    with progress_bar("scoring") as progress:
        found = measure_agreement(judge, rows, positive=positive, progress=progress)
    if as_json:
        show_json(asdict(found))
    else:
        _show_labelled(found, ranks=not any(isinstance(row.label, str) for row in rows))
    _tell_unscored(Counter(found.unscored), len(rows), as_json=as_json)


def _show_labelled(found: HumanAgreement, *, ranks: bool) -> None:
    """Show agreement on rows; where people give texts there are no values to rank."""
    made = _all_and(found.whole, found.cohorts)
    counts = ("rows", "n"), ("yes", "positives")
    first = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1": "F1"}
    yes = f"yes is {', '.join(found.positive)}" if found.positive else ""
    _figures("agreement with people", made, first, counts, note=yes)
    beyond = {"kappa": "kappa", "alpha": "alpha"} | ({"auroc": "AUROC"} if ranks else {})
    _figures("beyond chance", made, beyond)
    if any(one.verbosity for one in made.values()):
        _figures("length", made, {"verbosity": "verbosity"}, note=_VERBOSITY)
    _rates("how often yes", _all_and(found.rate, found.rates))


def _pairs(name: str, files: Sequence[Path], by: BackendOptions, as_json: bool) -> None:
    pairs, judge = [pair for path in files for pair in read_pairs(path)], by.backend()
    void: list[str] = []  # why there was no verdict
    if isinstance(judge, Judge):
        with progress_bar("judging") as progress:
            pairs = judge_pairs(pairs, name, partial(_compared, judge, void), progress=progress)
    elif judge is not None:
        raise InputError("a classifier does not choose between answers: give --judge-model")
    found = calibrate_pairs(pairs, name)
    reasons = Counter(void or ["no verdict"] * found.unscored)
    if as_json:
        show_json(asdict(found) | {"reasons": reasons})
    else:
        _show_pairs(found)
    _tell_unscored(reasons, len(pairs), as_json=as_json)


def _compared(judge: Judge, void: list[str], prompt: str, a: str, b: str) -> Comparison:
    """Have a judge choose, and keep why it chose in neither order."""
    made = judge.compare(prompt, a, b)
    if made.chosen == (None, None):
        void.append(made.reason)
    return made


def _tell_unscored(reasons: Counter[str], rows: int, *, as_json: bool) -> None:
    """Say what was not scored; that nothing was is an error."""
    check_scored(reasons, rows)
    if reasons and not as_json:
        say(f"  {told_unscored(reasons, rows)}")


def _show_pairs(found: JudgeAgreement) -> None:
    made = _all_and(found.whole, found.cohorts)
    ordered = found.whole is not None and found.whole.both
    for title, figures in _OF_PAIRS.items():
        if title != "order" or ordered:
            counts = _PAIRS if title == "agreement with people" else ()
            _figures(title, made, figures, counts, note=_NOTES.get(title, ""))
    if not ordered:
        say("  no pair was judged in both orders: nothing is known of the place\n")
    _rates("how often a wins", _all_and(found.wins, found.wins_by_cohort))


def _all_and(whole: T | None, cohorts: Mapping[str, T]) -> dict[str, T]:
    """Return what there is of all rows and of each cohort, by what the tables call them."""
    return ({} if whole is None else {"all": whole}) | dict(cohorts)


def _figures(
    title: str,
    made: Mapping[str, Classification] | Mapping[str, Pairwise],
    figures: Mapping[str, str],
    counts: Sequence[tuple[str, str]] = (),
    *,
    note: str = "",
) -> None:
    """Show figures of each cohort, each with what it is called, after counts, the other way."""
    if not made:
        return
    show_parts(
        ("cohort", *(called for called, _ in counts), *figures.values()),
        [
            (cohort, *(getattr(one, n) for _, n in counts), *(_shown(one, n) for n in figures))
            for cohort, one in made.items()
        ],
        title=title,
    )
    if note:
        say(f"  {note}\n")


def _shown(one: Classification | Pairwise, name: str) -> str:
    figure: Estimate | None = getattr(one, name)
    return "undefined" if figure is None else str(figure)


def _rates(title: str, rates: Mapping[str, PredictionPowered]) -> None:
    if not rates:
        return
    show_parts(
        ("cohort", "rows", "labelled", "evaluator alone", "people alone", "corrected"),
        [
            (name, one.raw.n, one.people.n, str(one.raw), str(one.people), str(one.corrected))
            for name, one in rates.items()
        ],
        title=title,
    )
    say(f"  {_RATE}\n")
