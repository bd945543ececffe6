"""`trueup eval`: score what the store holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

from cyclopts import App, Parameter

from trueup.cli._calibrate import calibrate
from trueup.cli._eval_probe import probe
from trueup.cli._judge import BackendOptions
from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_json,
    show_table,
)
from trueup.cli._progress import progress_bar
from trueup.cli.trace import check_cohort
from trueup.errors import InputError
from trueup.evals import (
    DEFAULT,
    EVALUATORS,
    NOT_MEASURED,
    Evaluator,
    evaluate_traces,
    failed,
    measured,
)
from trueup.evals import evaluator as find_evaluator
from trueup.store import Store
from trueup.store.stamp import stamp
from trueup.store.traces import count_traces, list_traces
from trueup.types import Score

__all__ = ["app"]

app = App(name="eval")
app.command(calibrate)
app.command(probe)

_LOCAL = BackendOptions()
_PAGE = 500  # traces held at once


@dataclass(slots=True)
class _Tally:
    total: float = 0.0
    scored: int = 0
    unscored: int = 0
    failed: int = 0

    def add(self, score: Score) -> None:
        if score.value is None:
            self.unscored += 1
        else:
            self.scored += 1
            self.total += score.value
            self.failed += bool(failed({score.evaluator: score}))

    @property
    def mean(self) -> float | None:
        return self.total / self.scored if self.scored else None


@app.command
def run(
    *,
    cohort: str | None = None,
    evaluators: str | None = None,
    by: Annotated[BackendOptions, Parameter(name="*")] = _LOCAL,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score the store's traces; those that are scored already are left as they are.

    Args:
        cohort: Only this cohort's.
        evaluators: Names, with commas between them; if left out, those marked in the list.
        by: What grades in place of the evaluators' local methods.
    """
    names = list(DEFAULT) if evaluators is None else evaluators.split(",")
    backend = by.backend()
    chosen = [find_evaluator(name.strip(), backend) for name in names]
    with open_store(store) as opened:
        tallies = _score(opened, cohort, chosen)
    if as_json:
        show_json(
            [
                {
                    "cohort": where,
                    "evaluator": name,
                    "mean": tally.mean,
                    "scored": tally.scored,
                    "unscored": tally.unscored,
                    "failed": tally.failed,
                }
                for (where, name), tally in sorted(tallies.items())
            ]
        )
        return
    show_table(
        ("cohort", "evaluator", "mean", "scored", "unscored", "failed"),
        [
            (where, name, tally.mean, tally.scored, tally.unscored, tally.failed)
            for (where, name), tally in sorted(tallies.items())
        ],
    )


@app.command(name="list")
def list_(*, as_json: JsonOption = False) -> None:
    """List the evaluators, with how far each was found to agree with people."""
    about = {name: (cls.__doc__ or "").splitlines()[0] for name, cls in EVALUATORS.items()}
    known = {name: measured(name, find_evaluator(name).version) for name in EVALUATORS}
    if as_json:
        show_json(
            {
                name: {
                    "what": what,
                    "default": name in DEFAULT,
                    "agreement": [asdict(one) for one in known[name]],
                }
                for name, what in about.items()
            }
        )
        return
    say("* is what `trueup eval run` scores with where none is named")
    for name, what in about.items():
        say(f"{name:<24} {'*' if name in DEFAULT else ' '} {what}")
        for one in known[name] or (NOT_MEASURED,):
            say(f"{'':<26}   agreement with people: {one}")


def _score(
    store: Store, cohort: str | None, evaluators: Sequence[Evaluator]
) -> dict[tuple[str, str], _Tally]:
    """Score page by page; return the tallies by cohort and evaluator."""
    with store.reading() as tx:
        check_cohort(tx, cohort)
        total = count_traces(tx, cohort=cohort)
    if not total:
        raise InputError(f"store {store.address} has no traces: `trueup trace import` brings some")
    actor, now = stamp()
    tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
    done, after = 0, None
    with progress_bar("scoring") as progress:
        while True:
            with store.reading() as tx:
                page = list_traces(tx, cohort=cohort, limit=_PAGE, after=after)
            if not page:
                return tallies
            scores = evaluate_traces(store, page, evaluators, actor=actor, now=now)
            for trace in page:
                for name, score in scores[trace.id].items():
                    tallies[trace.cohort, name].add(score)
            done, after = done + len(page), page[-1].id
            progress(done, total)
