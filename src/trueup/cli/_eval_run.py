"""`trueup eval run`: score traces, or the rows of a dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from cyclopts import Parameter

from trueup.cli._evaluations import evaluations_as_json, show_evaluations
from trueup.cli._judge import LOCAL, ByOption
from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_json, show_table
from trueup.cli._progress import progress_bar
from trueup.cli.trace import check_cohort
from trueup.datasets import CohortEvaluation, Dataset
from trueup.errors import InputError
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
_REASONS = 5  # shown of each evaluator


@dataclass(slots=True)
class _Tally:
    """What an evaluator found on a cohort."""

    total: float = 0.0
    scored: int = 0
    unscored: int = 0
    failed: int = 0
    why: Counter[str] = field(default_factory=Counter)  # what was not scored and found nothing

    def add(self, score: Score) -> None:
        if score.value is None:
            self.unscored += 1
            if score.label is None and score.measure is None:
                self.why[score.reason] += 1
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
    to the same request on the same context, is not scored again.

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
            name, _, version = dataset.partition("@")
            found = Dataset.get(name, version or None, store=opened)
            tallies, results = _score_rows(found, wanted, chosen, where, threshold)
    if as_json:
        show_json(evaluations_as_json(results) if results else _tallies_as_json(tallies))
        return
    if results:
        show_evaluations(results)
    else:
        _show(tallies)
    _say_why_unscored(tallies)


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
    scores = dataset.scores()
    tallies: _Tallies = defaultdict(_Tally)
    for row in dataset:
        if cohorts is None or row.cohort in cohorts:
            found = scores[row.row_hash]
            _add(tallies, row.cohort, {e.name: found[e.name] for e in evaluators})
    return tallies, results


def _add(tallies: _Tallies, cohort: str, scores: Mapping[str, Score]) -> None:
    for name, score in scores.items():
        tallies[cohort, name].add(score)


def _tallies_as_json(tallies: _Tallies) -> list[dict[str, Any]]:
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


def _show(tallies: _Tallies) -> None:
    rows = _tallies_as_json(tallies)
    columns = ("cohort", "evaluator", "mean", "scored", "unscored", "failed")
    show_table(columns, [[row[name] for name in columns] for row in rows])


def _say_why_unscored(tallies: _Tallies) -> None:
    """Print each evaluator's reasons, those that were most often given."""
    why: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, name), tally in tallies.items():
        why[name].update(tally.why)
    for name, reasons in why.items():
        for reason, count in reasons.most_common(_REASONS):
            say(f"{name}: {count} not scored: {reason}")
