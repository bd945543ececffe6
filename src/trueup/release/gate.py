"""The gate: margins, three verdicts, and the reasons in words.

A candidate is blocked where a cohort is shown worse on a required metric or a guard. It ships where
every cohort is shown no worse on the required ones by more than the margin and a target metric is
shown better, and is inconclusive otherwise. "Shown" takes Holm's correction over all cohorts and
metrics that are judged; "no worse" needs none, for every cell must pass by itself (an
intersection-union test, Berger 1982). How often an answer is preferred is reported, and never ships
by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from trueup.errors import GateError
from trueup.release.compare import ALL, Cell, compare, significant
from trueup.release.margins import Margin, Margins
from trueup.release.replay import ScoredReplay, load_replays
from trueup.release.wording import describe
from trueup.stats.paired import clusters_to_show, holm
from trueup.store import Store, derived_id
from trueup.store.releases import put_verdict
from trueup.types import Verdict, VerdictOutcome

__all__ = ["Judged", "decide", "gate", "judge"]

Status = Literal["better", "no worse", "unclear", "worse", "not gated", "not scored"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A cell with what it shows.

    `p_holm` is adjusted over all judged cells; `families` is how many of the size that there were
    would settle an unclear one.
    """

    cell: Cell
    status: Status
    p_holm: float | None
    margin: Margin
    families: int | None = None

    def to_json(self, against: str, reference: str) -> dict[str, Any]:
        """Return the row of the verdict's table; see `Cell.to_json`."""
        return {
            "against": against,
            "reference": reference,
            **self.cell.to_json(),
            "status": self.status,
            "p_holm": None if self.p_holm is None else significant(self.p_holm),
            "margin": self.margin.non_inferiority,
            "families_needed": self.families,
        }


def judge(cells: Sequence[Cell], margins: Margins) -> list[Judged]:
    """Say of each cell what it shows, with Holm's correction over those that are gated."""
    gated = {*margins.required, *margins.targets, *margins.guards}
    tested = [c for c in cells if c.metric.name in gated and c.difference is not None]
    adjusted = holm([c.difference.p for c in tested if c.difference is not None])
    p_holm = {id(cell): p for cell, p in zip(tested, adjusted, strict=True)}
    return [_judge(cell, p_holm.get(id(cell)), margins) for cell in cells]


def _judge(cell: Cell, p_holm: float | None, margins: Margins) -> Judged:
    margin = margins.of(cell.cohort, cell.metric.name)
    if cell.difference is None:
        return Judged(cell, "not scored", None, margin)
    if p_holm is None:
        return Judged(cell, "not gated", None, margin)
    low, high = cell.gain_interval
    bound = -margin.non_inferiority
    if high < bound or (cell.gain < 0 and p_holm < margins.alpha):
        return Judged(cell, "worse", p_holm, margin)
    if cell.gain > 0 and p_holm < margins.alpha and low > 0:
        return Judged(cell, "better", p_holm, margin)
    if low > bound:
        return Judged(cell, "no worse", p_holm, margin)
    families = clusters_to_show(cell.difference, cell.gain - bound, alpha=margins.alpha)
    return Judged(cell, "unclear", p_holm, margin, families)


def decide(judged: Sequence[Judged], margins: Margins) -> tuple[VerdictOutcome, list[str]]:
    """Return the verdict and its reasons, the deciding ones first.

    Args:
        judged: every cohort and metric of candidate against baseline.
        margins: what is asked.
    """
    required = [j for j in judged if j.cell.metric.name in margins.required]
    blocking = {*margins.required, *margins.guards}
    worse = [j for j in judged if j.cell.metric.name in blocking and j.status == "worse"]
    unclear = [j for j in required if j.status == "unclear"]
    gains = [
        j
        for j in judged
        if j.cell.metric.name in margins.targets
        and j.status == "better"
        and j.cell.gain_interval[0] > j.margin.min_gain
    ]
    # a cohort's gain needs no line of its own where the whole shows it
    whole = {j.cell.metric.name for j in gains if j.cell.cohort == ALL}
    shown = [j for j in gains if j.cell.cohort == ALL or j.cell.metric.name not in whole]
    better = [describe(j.cell, "is shown better") for j in shown]
    lost = [describe(j.cell, "is shown worse") for j in worse]
    open_ = [_open(j) for j in unclear]
    if worse:
        return "block", lost + open_ + better
    missing = _missing(required, margins) + _holes(required)
    if not (unclear or missing) and gains:
        count = sum(1 for j in required if j.status in ("better", "no worse"))
        held = f"None of the {count} required comparisons is worse by more than its margin"
        return "ship", [*better, held]
    if not gains:
        open_ = [_no_gain(judged, margins), *open_]
    return "inconclusive", missing + open_ + better


def _open(judged: Judged) -> str:
    if judged.families is not None:
        more = f"about {judged.families} such families would settle it, if this difference holds"
    elif judged.cell.difference is not None and judged.cell.difference.clusters < 2:
        more = "all requests are of one family, so no interval can be given: add other families"
    else:
        more = "more families would not clear it, if this difference holds"
    margin = judged.margin.non_inferiority
    return describe(judged.cell, f"may be worse by more than {margin:.2f}") + f"; {more}"


def _no_gain(judged: Sequence[Judged], margins: Margins) -> str:
    pooled = {
        j: j.cell.difference
        for j in judged
        if j.cell.cohort == ALL and j.cell.metric.name in margins.targets
    }
    known = {j: found for j, found in pooled.items() if found is not None}
    if not known:
        return "No target metric could be scored: check the evaluators and `targets`"
    best, found = max(known.items(), key=lambda pair: pair[0].cell.gain)
    text = "No target metric is shown better; the nearest: " + describe(best.cell, "")
    families = clusters_to_show(found, best.cell.gain - best.margin.min_gain, alpha=margins.alpha)
    if families is None:
        return text
    return f"{text}; about {families} such families would show it, if this difference holds"


def _missing(required: Sequence[Judged], margins: Margins) -> list[str]:
    scored = {j.cell.metric.name for j in required if j.cell.difference is not None}
    return [
        f"{name} is required and was scored on no request: check its evaluator"
        for name in margins.required
        if name not in scored
    ]


def _holes(required: Sequence[Judged]) -> list[str]:
    """Say where a cohort is not known to be no worse, because its requests were not scored."""
    scored = {j.cell.metric.name for j in required if j.cell.difference is not None}
    return [
        f"{j.cell.metric.title} in {j.cell.cohort}: {j.cell.holes} of its requests were not scored "
        "on both sides; score them, or a loss there would not show"
        for j in required
        if j.cell.cohort != ALL and j.cell.holes and j.cell.metric.name in scored
    ]


def gate(
    store: Store,
    baseline_replay_id: str,
    candidate_replay_id: str,
    *,
    control_replay_id: str | None = None,
    margins: Margins | None = None,
    actor: str,
    now: datetime,
) -> Verdict:
    """Compare two replays, decide, and store the verdict.

    Args:
        store: where the replays are.
        baseline_replay_id, candidate_replay_id: whose answers to compare.
        control_replay_id: a third replay; the candidate is compared with it for the table, and
            the verdict does not read it.
        margins: what is asked; None takes the defaults.
        actor: who writes.
        now: when, UTC.

    Returns:
        The verdict; its `table` holds a row for each cohort and metric against "baseline", and
        against "control" where there is one.

    Raises:
        UnknownName: a replay does not exist.
        GateError: they cannot be compared.
    """
    margins = margins or Margins()
    with store.reading() as tx:
        ids = [baseline_replay_id, candidate_replay_id]
        baseline, candidate, *controls = load_replays(
            tx, ids if control_replay_id is None else [*ids, control_replay_id]
        )
    control = controls[0] if controls else None
    if baseline.replay.checkpoint_id == candidate.replay.checkpoint_id:
        raise GateError(
            f"baseline and candidate are both checkpoint {baseline.replay.checkpoint_id}; "
            "name two (trueup checkpoint list)"
        )
    _cohorts_exist(margins, baseline)
    judged = judge(compare(baseline, candidate, confidence=1 - margins.alpha), margins)
    outcome, reasons = decide(judged, margins)
    table = [j.to_json("baseline", baseline.replay.checkpoint_id) for j in judged]
    if control is not None:
        beside = judge(compare(control, candidate, confidence=1 - margins.alpha), margins)
        table += [j.to_json("control", control.replay.checkpoint_id) for j in beside]
    asked = margins.to_json()
    verdict = Verdict(
        id=derived_id("verdict", baseline.replay.id, candidate.replay.id, asked, table),
        outcome=outcome,
        baseline_checkpoint_id=baseline.replay.checkpoint_id,
        candidate_checkpoint_id=candidate.replay.checkpoint_id,
        reasons=tuple(reasons),
        table=tuple(table),
        margins=asked,
    )
    with store.transaction() as tx:
        put_verdict(
            tx,
            verdict,
            baseline_replay_id=baseline.replay.id,
            candidate_replay_id=candidate.replay.id,
            actor=actor,
            now=now,
        )
    return verdict


def _cohorts_exist(margins: Margins, replay: ScoredReplay) -> None:
    cohorts = {ALL, *(answer.request.cohort for answer in replay.answers.values())}
    if unknown := sorted(set(margins.cohorts) - cohorts):
        raise GateError(
            f"margins name cohort {unknown[0]!r}, which {replay.replay.suite} does not have; "
            f"it has {', '.join(sorted(cohorts))}"
        )
