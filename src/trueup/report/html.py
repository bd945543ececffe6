"""The report as one self-contained HTML file: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trueup.report.plots import agreement_plot, difference_plot, length_plot, training_plots

__all__ = ["render", "render_training"]

_SIGNS = {"better": "▲", "worse": "▼", "no worse": "✓", "unclear": "?"}
_WORDS = {
    "better": "shown better",
    "worse": "shown worse",
    "no worse": "no worse than the margin allows",
    "unclear": "a loss above the margin is not ruled out",
    "not gated": "reported, not gated",
    "not scored": "not scored",
}
_CARELESS = 0.15  # this far under the others together a reviewer is flagged


def render(report: Mapping[str, Any]) -> str:
    """Return the page of a report.

    Args:
        report: in the shape of `trueup.report.model.LoopReport`.
    """
    against = {
        name: [row for row in report["table"] if row["against"] == name]
        for name in ("baseline", "control")
    }
    page = _environment().get_template("report.html")
    return page.render(
        report=report,
        against=against,
        grids={name: _grid(rows) for name, rows in against.items() if rows},
        differences=_differences(against["baseline"]),
        lengths=Markup(length_plot(against["baseline"])),
        stages=[_stage(stage) for stage in report.get("training", ())],
        agreement=Markup(agreement_plot(report.get("audit", {}).get("question_types", ()))),
        flagged=_flagged(report.get("audit", {}).get("reviewers", ())),
        signs=_SIGNS,
        words=_WORDS,
    )


def render_training(report: Mapping[str, Any]) -> str:
    """Return the page of one training run.

    Args:
        report: in the shape of `trueup.report.model.TrainReport`.
    """
    stage = {"name": "", "method": report["method"], "rows": report["rows"]}
    page = _environment().get_template("run.html")
    summary = _training_summary(report["rows"], report["result"])
    return page.render(report=report, stages=[_stage(stage)], summary=summary)


def _training_summary(rows: Sequence[Mapping[str, Any]], result: Mapping[str, Any]) -> str:
    held_out = [row for row in rows if row.get("eval")]
    steps = f"{result['steps']:,} step{'' if result['steps'] == 1 else 's'}"
    told = [f"{steps} over {result['tokens']:,} tokens"]
    if result["seconds"]:
        told.append(f"{result['tokens'] / result['seconds']:,.0f} tokens a second")
    if held_out and "rewards/accuracy" in held_out[-1]:
        told.append(f"held-out accuracy {held_out[-1]['rewards/accuracy']:.2f}")
    elif held_out:
        told.append(f"held-out loss {held_out[-1]['loss']:.4f}")
    return ", ".join(told) + "."


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trueup.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": lambda value: f"{value:.2f}",
        "signed": _signed,
        "count": lambda value: f"{value:,}",
        "plain": _plain,
        "flat": lambda table: list(_flat(table)),
    }
    return environment


def _grid(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arrange rows as cohorts by metrics."""
    return {
        "metrics": {row["metric"]: row["title"] for row in rows},
        "better": {row["metric"]: row["better"] for row in rows},
        "cohorts": list(dict.fromkeys(row["cohort"] for row in rows)),
        "cells": {(row["cohort"], row["metric"]): row for row in rows},
        "reference": rows[0]["reference"],
    }


def _differences(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, Markup]]:
    judged = {
        row["metric"]: row["title"]
        for row in rows
        if row["status"] not in ("not gated", "not scored")
    }
    return [(title, Markup(difference_plot(rows, metric))) for metric, title in judged.items()]


def _stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    plots = [(title, Markup(svg)) for title, svg in training_plots(stage["rows"])]
    return {**stage, "note": stage.get("note", ""), "plots": plots}


def _flagged(reviewers: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the reviewers whose whole interval lies well under what the others reach."""
    flagged = set()
    for one in reviewers:
        others = [r for r in reviewers if r["rater"] != one["rater"] and r["agreement"] is not None]
        seen = sum(r["n"] for r in others)
        if one["high"] is None or not seen:
            continue
        mean = sum(r["n"] * r["agreement"] for r in others) / seen
        if one["high"] < mean and one["agreement"] < mean - _CARELESS:
            flagged.add(one["rater"])
    return flagged


def _signed(value: float) -> str:
    return "0.00" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None or value == []:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested tables with dotted names."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
