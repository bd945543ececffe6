"""`trueup gate`: compare two checkpoints' replays and answer with a verdict and an exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trueup.cli._output import JsonOption, Out, StoreOption, print_table, say, show_json
from trueup.errors import GateError
from trueup.release.gate import gate as decide
from trueup.release.margins import Margins, load_margins
from trueup.release.replay import find_replays, load_replays
from trueup.release.summary import report_files, verdict_report, write_report
from trueup.release.wording import signed
from trueup.store import Store
from trueup.store.releases import list_verdicts
from trueup.store.stamp import stamp
from trueup.types import Verdict

__all__ = ["EXIT_CODES", "gate", "print_verdict"]

EXIT_CODES = {"ship": 0, "block": 3, "inconclusive": 4}
_COLOURS = {"ship": "green", "block": "red", "inconclusive": "yellow"}
_SIGNS = {
    "better": ("▲", "green"),
    "no worse": ("✓", "green"),
    "unclear": ("?", "yellow"),
    "worse": ("▼", "red"),
    "not gated": ("·", "dim"),
    "not scored": ("·", "dim"),
}
_CELL = len("-0.00 to -0.00")
_EDGE = 3  # characters between two cells
_DEFAULT = Path("gate.toml")


def gate(
    baseline: str | None = None,
    candidate: str | None = None,
    /,
    *,
    margins: Path | None = None,
    control: str | None = None,
    report: Path | None = None,
    force: Annotated[bool, Parameter(negative=())] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> int:
    """Compare a candidate with the baseline; exit 0 to ship, 3 to block, 4 if inconclusive.

    Args:
        baseline: checkpoint that is deployed; without it, the last verdict's pair is judged again.
        candidate: checkpoint that would replace it.
        margins: what is asked; `gate.toml` here if there is one, else the defaults.
        control: a checkpoint to compare the candidate with beside the verdict.
        report: write the verdict as a page here, with its JSON beside it.
        force: overwrite a report that is there.
    """
    if report:
        report_files(report, overwrite=force)
    path = margins or (_DEFAULT if _DEFAULT.exists() else None)
    asked = load_margins(path) if path else Margins()
    actor, now = stamp()
    with Store.open(store, create=False) as opened:
        names = _names(opened, baseline, candidate, control)
        with opened.reading() as tx:
            replays = find_replays(tx, names)
        verdict = decide(
            opened,
            replays[0],
            replays[1],
            control_replay_id=replays[2] if len(replays) > 2 else None,
            margins=asked,
            actor=actor,
            now=now,
        )
        if report:
            with opened.reading() as tx:
                compared = load_replays(tx, replays)
            write_report(verdict_report(opened, verdict, *compared), report)
    if json:
        show_json(asdict(verdict))
    else:
        print_verdict(verdict, Out())
        if report:
            say(f"report {report}")
    return EXIT_CODES[verdict.outcome]


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict, its reasons, and its table by cohort and metric."""
    colour = _COLOURS[verdict.outcome]
    console.print(Text(verdict.outcome.upper(), style=f"bold {colour}"), soft_wrap=True)
    for reason in verdict.reasons:
        console.print(Text(f"  {reason}"), soft_wrap=True)
    for against, name in (("baseline", "the baseline"), ("control", "the control")):
        rows = [row for row in verdict.table if row["against"] == against]
        if rows:
            title = f"Candidate against {name} {rows[0]['reference']}"
            for part in _that_fit(rows, console):
                print_table(console, _table(part, title))
                title = ""
    if verdict.table:
        console.print(Text(_legend(verdict), style="dim"), soft_wrap=True)


def _that_fit(
    rows: Sequence[Mapping[str, Any]], console: Console
) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the rows of as many metrics at a time as stand side by side in the terminal."""
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    cohorts = max(len(row["cohort"]) for row in rows)
    room = (console.width - cohorts - _EDGE) // (_CELL + _EDGE)
    at_once = max(1, room) if console.is_terminal else len(metrics)
    for start in range(0, len(metrics), at_once):
        part = metrics[start : start + at_once]
        yield [row for row in rows if row["metric"] in part]


def _table(rows: list[Mapping[str, Any]], title: str) -> Table:
    metrics = {row["metric"]: row["title"] for row in rows}
    cohorts = dict.fromkeys(row["cohort"] for row in rows)
    cells = {(row["cohort"], row["metric"]): row for row in rows}
    table = Table(title=title, title_justify="left")
    table.add_column("cohort", overflow="fold")
    for name in metrics.values():
        table.add_column(name, justify="right", min_width=_CELL)
    for cohort in cohorts:
        table.add_row(cohort, *(_cell(cells[cohort, metric]) for metric in metrics))
    return table


def _legend(verdict: Verdict) -> str:
    """Return what a cell says, and what the signs in the verdict's table stand for."""
    there = {row["status"] for row in verdict.table if row["n"]}
    signs = (f"{sign} {status}" for status, (sign, _) in _SIGNS.items() if status in there)
    sure = 100 * (1 - verdict.margins["alpha"])
    return f"a cell: the difference, its {sure:g}% interval, n requests   {'   '.join(signs)}"


def _cell(row: Mapping[str, Any]) -> Text:
    if not row["n"]:
        return Text("not scored", style="dim")
    sign, colour = _SIGNS[row["status"]]
    ends = f"{signed(row['low'])} to {signed(row['high'])}"
    return Text(f"{sign} {signed(row['delta'])}\n{ends}\nn {row['n']}", style=colour)


def _names(
    store: Store, baseline: str | None, candidate: str | None, control: str | None
) -> list[str]:
    if baseline is not None and candidate is not None:
        return [baseline, candidate, *([control] if control else [])]
    if baseline is not None:
        raise GateError("name the candidate as well: trueup gate BASELINE CANDIDATE")
    with store.reading() as tx:
        verdicts = list_verdicts(tx)
    if not verdicts:
        raise GateError(
            f"store {store.address} holds no verdict yet: name two checkpoints, "
            "trueup gate BASELINE CANDIDATE, or run `trueup loop`"
        )
    last = verdicts[0]
    beside = [row["reference"] for row in last.table if row["against"] == "control"]
    names = [last.baseline_checkpoint_id, last.candidate_checkpoint_id]
    return names + ([control] if control else beside[:1])
