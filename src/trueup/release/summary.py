"""What a report says of a comparison: the verdict, its numbers, examples and lineage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, cast

from trueup.errors import InputError
from trueup.release.compare import ALL, compare, is_right, preferred
from trueup.release.lineage import backward_tree, trace_back
from trueup.release.replay import ScoredReplay
from trueup.report.html import render
from trueup.report.model import (
    Answered,
    Example,
    Examples,
    Headline,
    LoopReport,
    Value,
    VerdictPart,
)
from trueup.store import Store
from trueup.store.files import check_target, whole_file
from trueup.types import Expected, Verdict

__all__ = [
    "HEADLINE",
    "comparison_report",
    "examples",
    "headline",
    "report_files",
    "sentence",
    "verdict_report",
    "write_report",
]

HEADLINE = ("tool_selection_accuracy", "over_refusal", "preference")
"""The metrics at the top of a report."""

_EXAMPLES = 6


def comparison_report(
    verdict: Verdict,
    baseline: ScoredReplay,
    candidate: ScoredReplay,
    control: ScoredReplay | None = None,
    *,
    limit: int = _EXAMPLES,
) -> dict[str, Any]:
    """Return the keys `verdict`, `headline`, `table` and `examples` of a `LoopReport`.

    Args:
        verdict: of the gate on these replays.
        baseline, candidate, control: what it compared.
        limit: examples of each kind to show.
    """
    part: VerdictPart = {
        "id": verdict.id,
        "outcome": verdict.outcome,
        "sentence": sentence(verdict),
        "reasons": list(verdict.reasons),
        "baseline": verdict.baseline_checkpoint_id,
        "candidate": verdict.candidate_checkpoint_id,
        "control": None if control is None else control.replay.checkpoint_id,
    }
    return {
        "verdict": part,
        "headline": headline(verdict, baseline, control),
        "table": [dict(row) for row in verdict.table],
        "examples": examples(baseline, candidate, limit=limit),
    }


def verdict_report(
    store: Store,
    verdict: Verdict,
    baseline: ScoredReplay,
    candidate: ScoredReplay,
    control: ScoredReplay | None = None,
) -> LoopReport:
    """Return what a store holds on one verdict: the comparison and the candidate's lineage."""
    chain = trace_back(store, verdict.candidate_checkpoint_id)
    made: dict[str, Any] = {
        "title": f"{candidate.replay.checkpoint_id[:12]} on {candidate.replay.suite}",
        "simulated": chain["counts"]["simulated"],
        "labels": chain["counts"]["labels"],
        **comparison_report(verdict, baseline, candidate, control),
        "lineage": backward_tree(chain),
    }
    return cast(LoopReport, made)


def report_files(path: Path, *, overwrite: bool = True) -> tuple[Path, Path]:
    """Return where `write_report` puts a page and its JSON.

    Raises:
        InputError: a place is taken by a folder, or by a file that may not be replaced, or both
            would be the same.
    """
    data = path.with_suffix(".json")
    if path == data:
        raise InputError(f"{path}: the report's JSON lies beside its page; name the page, .html")
    for target in (path, data):
        check_target(target, overwrite=overwrite)
    return path, data


def write_report(report: LoopReport, path: Path) -> tuple[Path, Path]:
    """Write a report as a page at `path` and as JSON beside it, each whole or not at all.

    Returns:
        The two paths: of the page and of the JSON.

    Raises:
        InputError: as `report_files` does.
    """
    path, data = report_files(path)
    for target, text in (
        (data, json.dumps(report, indent=2, ensure_ascii=False)),
        (path, render(report)),
    ):
        with whole_file(target, overwrite=True) as written:
            written.write_text(text, encoding="utf-8")
    return path, data


def sentence(verdict: Verdict) -> str:
    """Say in one line what the verdict rests on."""
    rows = [row for row in verdict.table if row["against"] == "baseline" and row["n"]]
    required, targets = verdict.margins["required"], verdict.margins["targets"]
    gains = [r for r in rows if r["status"] == "better" and r["metric"] in targets]
    gains.sort(key=lambda row: (row["cohort"] != ALL, targets.index(row["metric"])))
    gain = _moved(gains[0]) if gains else "no gain is shown"
    judged = [row for row in rows if row["metric"] in required]
    if verdict.outcome == "block":
        blocking = {*required, *verdict.margins.get("guards", ())}
        worse = [r for r in rows if r["metric"] in blocking and r["status"] == "worse"]
        worst = min(worse, key=lambda row: (row["cohort"] == ALL, row["p_holm"]))
        more = len(worse) - 1
        noun = "comparison is" if more == 1 else "comparisons are"
        rest = f"; {more} more {noun} shown worse" if more else ""
        return f"{_moved(worst)}{rest}."
    if verdict.outcome == "ship":
        return f"{gain}, and no cohort is worse by more than its margin."
    unclear = [row for row in judged if row["status"] == "unclear"]
    holes = [
        row
        for row in verdict.table
        if row["against"] == "baseline" and row["metric"] in required and row.get("holes")
    ]
    if holes and not unclear:
        where = ", ".join(dict.fromkeys(r["cohort"] for r in holes if r["cohort"] != ALL))
        return f"{_capital(gain)}, but not every request was scored in {where}."
    if not unclear:
        return f"{_capital(gain)}; no cohort is worse by more than its margin."
    where = ", ".join(dict.fromkeys(_cohort(row) for row in unclear))
    titles = dict.fromkeys(row["title"] for row in unclear)
    what = " or ".join(title[:1].lower() + title[1:] for title in titles)
    return f"{_capital(gain)}, but {what} may be worse in {where}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cohort(row: Mapping[str, Any]) -> str:
    return "all cohorts" if row["cohort"] == ALL else str(row["cohort"])


def _moved(row: Mapping[str, Any]) -> str:
    way = "rose" if row["delta"] > 0 else "fell"
    where = "" if row["cohort"] == ALL else f" in {row['cohort']}"
    return f"{row['title']} {way} from {row['baseline']:.2f} to {row['candidate']:.2f}{where}"


def headline(
    verdict: Verdict, baseline: ScoredReplay, control: ScoredReplay | None = None
) -> list[Headline]:
    """Return the top numbers over all cohorts, each with its interval; see `HEADLINE`.

    A model's preference rate is against the baseline, whose own is one half.
    """
    rows = {
        (row["against"], row["metric"]): row
        for row in verdict.table
        if row["cohort"] == ALL and row["n"]
    }
    found: list[Headline] = []
    for name in HEADLINE:
        row = rows.get(("baseline", name))
        if row is None:
            continue
        other = rows.get(("control", name))
        side = None if other is None else _side(other, "baseline")
        if control is not None and name == "preference":
            side = _preferred_rate(baseline, control)
        found.append(
            {
                "metric": name,
                "title": row["title"],
                "better": row["better"],
                "status": row["status"],
                "baseline": _side(row, "baseline"),
                "candidate": _side(row, "candidate"),
                "control": side,
                "delta": {"value": row["delta"], "low": row["low"], "high": row["high"]},
            }
        )
    return found


def _side(row: Mapping[str, Any], name: str) -> Value:
    return {"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}


def _preferred_rate(baseline: ScoredReplay, control: ScoredReplay) -> Value | None:
    for cell in compare(baseline, control):
        if (cell.cohort, cell.metric.name) == (ALL, "preference") and cell.difference:
            return _side(cell.to_json(), "candidate")
    return None


def examples(
    baseline: ScoredReplay, candidate: ScoredReplay, *, limit: int = _EXAMPLES
) -> Examples:
    """Return requests that the candidate answers right and the baseline does not, and the reverse.

    Args:
        baseline, candidate: replays of the same requests.
        limit: of each kind; they are taken from the cohorts in turn.
    """
    by_kind: dict[int, dict[str, list[str]]] = {1: {}, -1: {}}
    for key, answer in sorted(baseline.answers.items()):
        won = preferred(baseline, candidate, key)
        if won:
            by_kind[won].setdefault(answer.request.cohort, []).append(key)
    better, worse = (_in_turn(by_kind[kind]) for kind in (1, -1))
    return {
        "better": [_example(baseline, candidate, key) for key in better[:limit]],
        "worse": [_example(baseline, candidate, key) for key in worse[:limit]],
        "better_total": len(better),
        "worse_total": len(worse),
    }


def _in_turn(groups: Mapping[str, Sequence[str]]) -> list[str]:
    turns = zip_longest(*(groups[name] for name in sorted(groups)))
    return [key for turn in turns for key in turn if key is not None]


def _example(baseline: ScoredReplay, candidate: ScoredReplay, key: str) -> Example:
    request = baseline.answers[key].request
    asked = [str(m.get("content") or "") for m in request.messages if m.get("role") == "user"]
    return {
        "request": key,
        "cohort": request.cohort,
        "question_type": request.question_type,
        "question": asked[-1] if asked else "",
        "expected": _expected(request.expected),
        "baseline": _answered(baseline, key),
        "candidate": _answered(candidate, key),
    }


def _answered(replay: ScoredReplay, key: str) -> Answered:
    scores = replay.scores[key]
    return {
        "text": replay.answers[key].text,
        "scores": {name: score.value for name, score in sorted(scores.items())},
        "right": bool(is_right(scores)),
    }


def _expected(expected: Expected | None) -> str:
    """Say what a right answer contains, in a few words."""
    if expected is None:
        return ""
    if expected.outcome:
        return expected.outcome
    parts = []
    if expected.calls:
        parts.append("calls " + ", ".join(call.name for call in expected.calls))
    if expected.facts:
        wordings = [fact if isinstance(fact, str) else fact[0] for fact in expected.facts]
        parts.append("says " + ", ".join(wordings))
    if expected.refuse:
        parts.append("refuses")
    return "; ".join(parts)
