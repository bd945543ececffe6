"""`trueup reward`: what a reward model is worth on pairs that people have labelled."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

from trueup.cli._output import JsonOption, StoreOption, say, show_json, show_table
from trueup.cli._progress import progress_bars
from trueup.cli._rows import read_held_out
from trueup.errors import InputError
from trueup.stats.intervals import Estimate
from trueup.training import Reward
from trueup.training.rewards import HeadReport, RewardModel, measure_rewards

__all__ = ["reward"]


def reward(
    *models: Path,
    data: list[str],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a reward model: accuracy, calibration and rewards by cohort, and length.

    Args:
        models: Folder of a reward model; several are an ensemble, whose spread is shown.
        data: Labelled pairs or rankings, as training takes them; HEAD=DATA are about that head. Of
            a dataset the validation rows, or all where it has none.
    """
    if not models:
        raise InputError("no reward model is named; give its folder: trueup reward DIR/checkpoint")
    rows = read_held_out(data, Reward(), store)
    model = RewardModel.load(*models)
    with progress_bars(hidden=as_json) as progress:
        scored = model.score(rows, progress=partial(progress, "rewards"))
    reports = measure_rewards(rows, scored, model.heads)
    if as_json:
        show_json([asdict(report) for report in reports])
        return
    for report in reports:
        _show(report, ensemble=len(models) > 1)


def _show(report: HeadReport, *, ensemble: bool) -> None:
    columns = ["cohort", "pairs", "accuracy", "95% interval", "calibration error", "Brier"]
    columns += ["chosen, median", "rejected, median"] + (["spread"] if ensemble else [])
    rows = []
    for found in report.cohorts:
        row = [found.cohort, found.accuracy.n, found.accuracy.value, _interval(found.accuracy)]
        row += [found.calibration.error, found.calibration.brier]
        row += [found.chosen[2], found.rejected[2]] + ([found.spread] if ensemble else [])
        rows.append(row)
    show_table(columns, rows, title=report.head)
    probe = report.length
    if probe.prefers_longer and probe.people_prefer_longer:
        say(
            f"  prefers the longer answer in {probe.prefers_longer.value:.0%} of "
            f"{probe.prefers_longer.n} pairs, people in {probe.people_prefer_longer.value:.0%}"
        )
    for name, found_at in (("longer", probe.accuracy_longer), ("shorter", probe.accuracy_shorter)):
        if found_at:
            say(
                f"  accuracy where the chosen answer is the {name}: {found_at.value:.2f} "
                f"{_interval(found_at)}"
            )


def _interval(estimate: Estimate) -> str:
    return f"[{estimate.low:.2f}, {estimate.high:.2f}]"
