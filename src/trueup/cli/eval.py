"""`trueup eval`: score what the store holds."""

from __future__ import annotations

from dataclasses import asdict

from cyclopts import App

from trueup.cli._calibrate import calibrate
from trueup.cli._eval_probe import probe
from trueup.cli._eval_run import run
from trueup.cli._output import JsonOption, say, show_json
from trueup.evals import DEFAULT, EVALUATORS, NOT_MEASURED, measured
from trueup.evals import evaluator as find_evaluator

__all__ = ["app", "run"]

app = App(name="eval")
app.command(calibrate)
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
