"""The last station: one HTML file and its `report.json`, from what the turn left in the store."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from trueup.flywheel.context import Found, Turn
from trueup.release.lineage import backward_tree, trace_back
from trueup.release.replay import load_replays
from trueup.release.summary import comparison_report, write_report
from trueup.report.model import LoopReport, Stage, Station
from trueup.store.releases import get_verdict

__all__ = ["report"]

_LIBRARIES = ("trueup", "torch", "transformers", "peft", "numpy", "scipy", "statsmodels")


def report(turn: Turn, found: Mapping[str, Found]) -> Found:
    """Write `report.json` and `report.html` into the turn's folder."""
    made = _assemble(turn, found)
    made["times"] = {"made": turn.now().isoformat(timespec="seconds")}
    page, data = write_report(made, turn.folder / "report.html")
    return {"html": str(page), "json": str(data)}


def _assemble(turn: Turn, found: Mapping[str, Found]) -> LoopReport:
    with turn.store.reading() as tx:
        verdict = get_verdict(tx, found["gate"]["verdict"])
        sides = ("baseline", "control", "candidate")
        baseline, control, candidate = load_replays(
            tx, [found[f"replay {who}"]["replay"] for who in sides]
        )
    export = found["export"]
    made: dict[str, Any] = {
        "title": f"{turn.application.name}: {turn.id}",
        "simulated": found["audit"]["simulated"],
        "labels": found["audit"]["annotations"],
        **comparison_report(verdict, baseline, candidate, control),
        "stations": _stations(found),
        "audit": found["audit"],
        "training": _training(turn, found),
        "dataset": {
            "name": export["dataset"],
            "version": export["version"],
            "content_hash": export["content_hash"],
            "rows": export["rows"],
            "origins": export["rows_by_origin"],
            "cohorts": export["cohorts"],
            "splits": export["splits"],
        },
        "lineage": backward_tree(
            trace_back(
                turn.store,
                found["train candidate"]["checkpoint"],
                actor=turn.actor,
                now=turn.now(),
            )
        ),
        "run": {
            "seed": turn.config.seed,
            "config": turn.config.to_dict(),
            "versions": {name: version(name) for name in _LIBRARIES}
            | {"python": platform.python_version()},
            "facts": _facts(found),
        },
    }
    return cast(LoopReport, made)


def _stations(found: Mapping[str, Found]) -> list[Station]:
    export, enqueue = found["export"], found["enqueue"]
    failed, scored = found["evaluate"]["failed"], found["evaluate"]["scored"]
    origins = ", ".join(f"{n} {origin}" for origin, n in export["pairs_by_origin"].items())
    return [
        {"name": "Record", "count": found["record"]["traces"], "unit": "traces"},
        {"name": "Evaluate", "count": failed, "unit": "failed", "note": f"of {scored}"},
        {"name": "Queue", "count": enqueue["items"], "unit": "items"},
        {
            "name": "Label",
            "count": found["label"]["labels"],
            "unit": "labels",
            "note": f"by {len(found['label']['reviewers'])} reviewers",
        },
        {"name": "Export", "count": export["pairs"], "unit": "pairs", "note": origins},
        {
            "name": "Train",
            "count": sum(s["steps"] for s in found["train candidate"]["stages"]),
            "unit": "steps",
        },
        {
            "name": "Replay",
            "count": found["replay candidate"]["requests"],
            "unit": "requests",
            "note": "on each of 3 checkpoints",
        },
    ]


def _training(turn: Turn, found: Mapping[str, Found]) -> list[Stage]:
    stages: list[Stage] = []
    for stage in found["train candidate"]["stages"]:
        path = turn.store.root / stage["metrics"]
        stages.append(
            {
                "name": stage["name"],
                "method": stage["method"],
                "rows": [_untimed(row) for row in _lines(path)],
                "note": "; ".join([_learnt_from(stage), *stage["warnings"]]),
            }
        )
    return stages


def _learnt_from(stage: Mapping[str, Any]) -> str:
    rows = {"chosen": "chosen answers", "balanced": "pairs, as many as balance"}
    return f"{stage['steps']} steps on {stage['rows']} {rows.get(stage['data'], stage['data'])}"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _untimed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("seconds", "memory")}


def _facts(found: Mapping[str, Found]) -> dict[str, Any]:
    return {
        "deployed assistant trained on": found["deploy"]["examples"],
        "failed by evaluator": found["evaluate"]["failed_by"],
        "queued because": found["enqueue"]["reasons"],
        "items left out of the export": found["export"]["left_out"],
        "recorded answers cut at the token limit": found["record"]["cut"],
        "samples cut at the token limit": found["enqueue"]["cut"],
        "replayed answers cut at the token limit": {
            who: found[f"replay {who}"]["cut"] for who in ("baseline", "control", "candidate")
        },
        "completions cut in training": {
            stage["name"]: stage["truncated"] for stage in found["train candidate"]["stages"]
        },
    }
