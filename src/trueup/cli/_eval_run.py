"""`trueup eval run`: score traces, or the rows of a dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from cyclopts import Parameter

from trueup.cli._evaluations import evaluations_as_json, show_evaluations
from trueup.cli._judge import LOCAL, ByOption
from trueup.cli._named import find_dataset
from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_json, show_table
from trueup.cli._progress import progress_bar
from trueup.cli._unscored import check_scored, told_unscored
from trueup.cli.trace import check_cohort
from trueup.datasets import CohortEvaluation, Dataset
from trueup.errors import EvaluationError, InputError, UnknownName
from trueup.evals import DEFAULT, Evaluator, failed
from trueup.evals import evaluator as find_evaluator
from trueup.scoring import Answered, Workers, score_answers
from trueup.store import Store
from trueup.store.stamp import stamp
from trueup.store.traces import cohorts as known_cohorts
from trueup.store.traces import list_traces
from trueup.types import Score

__all__ = ["run"]

_PAGE = 500  # traces read at once


@dataclass(slots=True)
class _Tally:
    """What an evaluator found on a cohort."""

    total: float = 0.0
    scored: int = 0
    unscored: int = 0
    failed: int = 0
    why: Counter[str] = field(default_factory=Counter)  # what was not scored and found nothing
    found: Counter[str] = field(default_factory=Counter)  # what was, where it has no value

    @property
    def rows(self) -> int:
        return self.scored + self.unscored

    def add(self, score: Score) -> None:
        if score.value is None:
            self.unscored += 1
            if score.label is None and score.measure is None:
                self.why[score.reason] += 1
            else:
                self.found[score.label or "a measure alone"] += 1
        else:
            self.scored += 1
            self.total += score.value
            self.failed += bool(failed({score.evaluator: score}))

    @property
    def mean(self) -> float | None:
        return self.total / self.scored if self.scored else None


_Tallies = dict[tuple[str, str], _Tally]
"""By cohort and evaluator."""


def run(
    *,
    dataset: str | None = None,
    evaluators: str | None = None,
    cohorts: Annotated[str | None, Parameter(name=("--cohorts", "--cohort"))] = None,
    threshold: float | None = None,
    by: ByOption = LOCAL,
    workers: int | None = None,
    processes: Annotated[bool, Parameter(negative="")] = False,
    ray: str | None = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score traces, or a dataset's chosen answers; what is scored already is kept.

    A run that was stopped goes on where it was. An answer that an evaluator has scored elsewhere,
    to the same request on the same context, is not scored again. It is an error if nothing at all
    could be scored, or if an evaluator that was named leaves a cohort without a mean to hold
    against the threshold.

    Args:
        dataset: Score the rows of this dataset, NAME or NAME@VERSION, which seals it; the traces,
            if left out.
        evaluators: Names, with commas between them; if left out, those marked in the list.
        cohorts: Only these, with commas between them.
        threshold: Hold the mean of each of the dataset's cohorts against this line, from 0 to 1,
            and record whether it passed.
        by: What grades in place of the evaluators' local methods.
        workers: Score so many at once, in threads; one, or as many as a judge takes, if left out.
        processes: Have the workers be processes, for evaluators that compute; as many as there are
            processors, if their number is left out.
        ray: Have the workers be on the Ray cluster at this address: HOST:PORT, auto on one of its
            machines, or local for one that is started here.
    """
    names = list(DEFAULT) if evaluators is None else _parts(evaluators)
    backend = by.backend()
    chosen = [find_evaluator(name, backend) for name in names]
    wanted = None if cohorts is None else _parts(cohorts)
    where = Workers(workers, processes, ray)
    if dataset is None and threshold is not None:
        raise InputError("--threshold is held against a dataset's cohorts: name it with --dataset")
    with open_store(store) as opened:
        results: list[CohortEvaluation] = []
        if dataset is None:
            tallies = _score_traces(opened, wanted, chosen, where)
        else:
            found = find_dataset(dataset, opened)
            tallies, results = _score_rows(found, wanted, chosen, where, threshold)
    if as_json:
        show_json(_as_json(tallies, results))
    else:
        _show(tallies, results)
    _tell_unscored(tallies, as_json=as_json)
    if evaluators is not None:  # of the default ones, some score only where something is expected
        _check_judged(tallies, results)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _score_traces(
    store: Store, cohorts: Sequence[str] | None, evaluators: Sequence[Evaluator], workers: Workers
) -> _Tallies:
    with store.reading() as tx:
        for cohort in cohorts or ():
            check_cohort(tx, cohort)
        counts = known_cohorts(tx)
    concerned = list(dict.fromkeys(counts if cohorts is None else cohorts))
    total = sum(counts[cohort] for cohort in concerned)
    if not total:
        raise InputError(f"store {store.address} has no traces: `trueup trace import` brings some")
    cohort_of: dict[str, str] = {}  # of the traces under way
    actor, now = stamp()
    tallies: _Tallies = defaultdict(_Tally)

    def pages() -> Iterator[dict[str, Answered]]:
        for cohort in concerned:
            after = None
            while page := _page(store, cohort, after):
                after = next(reversed(page))
                cohort_of.update(dict.fromkeys(page, cohort))
                yield page

    done = 0
    with progress_bar("traces scored") as progress:
        for some in score_answers(
            store, "trace", pages(), evaluators, workers=workers, actor=actor, now=now
        ):
            for key, scores in some.items():
                _add(tallies, cohort_of.pop(key), scores)
            done += len(some)
            progress(done, total)
    return tallies


def _page(store: Store, cohort: str, after: str | None) -> dict[str, Answered]:
    with store.reading() as tx:
        traces = list_traces(tx, cohort=cohort, limit=_PAGE, after=after)
    return {trace.id: Answered.of(trace) for trace in traces}


def _score_rows(
    dataset: Dataset,
    cohorts: Sequence[str] | None,
    evaluators: Sequence[Evaluator],
    workers: Workers,
    threshold: float | None,
) -> tuple[_Tallies, list[CohortEvaluation]]:
    results: list[CohortEvaluation] = []
    if absent := [cohort for cohort in cohorts or () if cohort not in dataset.cohorts]:
        raise UnknownName(
            f"dataset {dataset.name} {dataset.version} has no rows of cohort {absent[0]!r}: "
            f"it has {', '.join(dataset.cohorts) or 'none at all'}"
        )
    with progress_bar("rows scored") as progress:
        if threshold is None:
            dataset.evaluate(evaluators, cohorts=cohorts, workers=workers, progress=progress)
        else:
            results = dataset.add_evaluation(
                evaluators,
                cohorts=cohorts,
                threshold=threshold,
                workers=workers,
                progress=progress,
            )
    scores = dataset.scores({evaluator.name: evaluator.version for evaluator in evaluators})
    tallies: _Tallies = defaultdict(_Tally)
    for row in dataset:
        if cohorts is None or row.cohort in cohorts:
            found = scores[row.row_hash]
            _add(tallies, row.cohort, {e.name: found[e.name] for e in evaluators})
    return tallies, results


def _add(tallies: _Tallies, cohort: str, scores: Mapping[str, Score]) -> None:
    for name, score in scores.items():
        tallies[cohort, name].add(score)


def _as_json(tallies: _Tallies, results: Sequence[CohortEvaluation]) -> list[dict[str, Any]]:
    """Return what was recorded, or else the means, each with why rows were not scored."""
    rows = evaluations_as_json(results) if results else _means(tallies)
    return [
        row | {"reasons": dict(tally.why.most_common()), "found": dict(tally.found.most_common())}
        for row in rows
        for tally in [tallies[row["cohort"], row["evaluator"]]]
    ]


def _means(tallies: _Tallies) -> list[dict[str, Any]]:
    return [
        {
            "cohort": cohort,
            "evaluator": name,
            "mean": tally.mean,
            "scored": tally.scored,
            "unscored": tally.unscored,
            "failed": tally.failed,
        }
        for (cohort, name), tally in sorted(tallies.items())
    ]


def _show(tallies: _Tallies, results: Sequence[CohortEvaluation]) -> None:
    if results:
        show_evaluations(results)
    else:
        means = _means(tallies)
        show_table(tuple(means[0]), [tuple(row.values()) for row in means])


def _tell_unscored(tallies: _Tallies, *, as_json: bool) -> None:
    """Say of each evaluator what it did not score; that nothing was scored is an error."""
    check_scored(_reasons(tallies.values()), sum(tally.rows for tally in tallies.values()))
    for name in dict.fromkeys(name for _, name in tallies):
        some = [tally for (_, evaluator), tally in tallies.items() if evaluator == name]
        rows = sum(tally.rows for tally in some)
        told = [told_unscored(_reasons(some), rows), _told_found(some, rows)]
        for what in filter(None, [] if as_json else told):
            say(f"{name}: {what}")


def _told_found(tallies: Iterable[_Tally], rows: int) -> str:
    """Say what was found of rows that have no value; empty where all have one."""
    found = sum((tally.found for tally in tallies), Counter[str]())
    what = ", ".join(f"{count} {label}" for label, count in found.most_common())
    if not found:
        return ""
    return f"{found.total()} of {rows} without a value, as nothing is expected: {what}"


def _reasons(tallies: Iterable[_Tally]) -> Counter[str]:
    return sum((tally.why for tally in tallies), Counter[str]())


def _check_judged(tallies: _Tallies, results: Sequence[CohortEvaluation]) -> None:
    """Raise where a cohort has no mean to hold against the line."""
    unjudged = [one for one in results if one.mean is None]
    if not unjudged:
        return
    first = unjudged[0]
    tally = tallies[first.cohort, first.evaluator]
    why = told_unscored(tally.why, tally.rows) or _told_found([tally], tally.rows)
    raise EvaluationError(
        f"{len(unjudged)} of {len(results)} could not be held against the line, and have not "
        f"passed: {first.evaluator} on {first.cohort}: {why}"
    )
