"""`trueup eval`: score what the store holds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from cyclopts import App

from trueup.cli._eval_probe import probe
from trueup.cli._eval_run import run
from trueup.cli._judge import LOCAL, ByOption
from trueup.cli._output import JsonOption, say, show_json, show_table
from trueup.evals import EVALUATORS, NOT_MEASURED, measured, read_labelled
from trueup.evals import calibrate as measure_agreement
from trueup.evals import evaluator as find_evaluator
from trueup.stats.intervals import Estimate

__all__ = ["app", "run"]

app = App(name="eval")
app.command(probe)
app.command(run)


@app.command(name="list")
def list_(*, as_json: JsonOption = False) -> None:
    """List the evaluators, with how far each was found to agree with people."""
    about = {name: (cls.__doc__ or "").splitlines()[0] for name, cls in EVALUATORS.items()}
    known = {name: measured(name, find_evaluator(name).version) for name in EVALUATORS}
    if as_json:
        show_json(
            {
                name: {"what": what, "agreement": [asdict(one) for one in known[name]]}
                for name, what in about.items()
            }
        )
        return
    for name, what in about.items():
        say(f"{name:<26} {what}")
        for one in known[name] or (NOT_MEASURED,):
            say(f"{'':<26}   agreement with people: {one}")


@app.command
def calibrate(
    evaluator: str,
    labels: Path,
    /,
    *,
    positive: str | None = None,
    by: ByOption = LOCAL,
    as_json: JsonOption = False,
) -> None:
    """Measure how far an evaluator agrees with people's labels.

    Args:
        evaluator: Its name.
        labels: JSON lines, each what the evaluator takes beside `label`: true or false, or what
            it finds; and a `cohort` or a `group` of rows that resemble each other, if there are.
        positive: Labels that count as yes, with commas between them; all but "none", if left out.
        by: What grades in place of the evaluator's local method.
    """
    judge = find_evaluator(evaluator, by.backend())
    named = [name.strip() for name in positive.split(",")] if positive else ()
    found = measure_agreement(judge, read_labelled(labels, judge), positive=named)
    if as_json:
        show_json(asdict(found))
        return
    rows = [("all", found.whole), *found.cohorts.items()]
    columns = ("accuracy", "balanced_accuracy", "f1", "kappa", "alpha", "auroc")
    show_table(
        ("cohort", "rows", "yes", *(name.replace("_", " ") for name in columns)),
        [
            (name, made.n, made.positives, *(_shown(getattr(made, c)) for c in columns))
            for name, made in rows
            if made is not None
        ],
    )
    for reason, count in found.unscored.items():
        say(f"  not scored: {count} ({reason})")


def _shown(figure: Estimate | None) -> str:
    return "undefined" if figure is None else str(figure)
