"""The report's plots: Altair charts turned into SVG that takes its colours from the page.

Colours are CSS variables and `currentColor`, so one picture is right on light and dark pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert

__all__ = [
    "CURVE_WIDTH",
    "HERE",
    "INK",
    "ROW",
    "agreement_plot",
    "difference_plot",
    "draw",
    "length_plot",
    "names",
    "training_plots",
]

Row = Mapping[str, Any]
_Layers = alt.LayerChart | alt.FacetChart

INK = "currentColor"
HERE = "https://here.invalid"  # what draws would take an address without a host for one of its own
_COLOURS = {
    "training": "var(--quiet)",
    "held out": "var(--accent)",
    "chosen": "var(--good)",
    "rejected": "var(--bad)",
}
_FONT = "system-ui, sans-serif"
_WIDTH, CURVE_WIDTH = 220, 290  # pixels, so that with its labels a plot is a column wide
ROW = 26  # pixels a line of a plot by cohort
_LETTER, _LABEL = 6.6, 190  # pixels a letter of a label, and a label at most
_STATUS = {
    "better": "var(--good)",
    "no worse": "var(--good)",
    "worse": "var(--bad)",
    "unclear": "var(--unsure)",
}


def difference_plot(table: Sequence[Row], metric: str) -> str:
    """Draw one metric's differences by cohort with their intervals, zero, and the margin.

    Args:
        table: rows of a verdict, all against the same model.
        metric: whose rows to draw.

    Returns:
        An SVG element, or "" where nothing was scored.
    """
    rows = [row for row in table if row["metric"] == metric and row["n"]]
    if not rows:
        return ""
    values = [
        {
            "cohort": row["cohort"],
            "delta": row["delta"],
            "low": row["low"],
            "high": row["high"],
            "colour": _STATUS.get(row["status"], "var(--quiet)"),
        }
        for row in rows
    ]
    layers: _Layers = _intervals(values, "Candidate minus baseline", zero=0.0)
    if any(row["status"] not in ("not gated", "not scored") for row in rows):
        sign = 1 if rows[0]["better"] == "lower" else -1
        margins = [{"cohort": r["cohort"], "margin": sign * r["margin"]} for r in rows]
        ticks = alt.Chart(alt.InlineData(values=margins)).mark_tick(
            color="var(--bad)", thickness=2, size=14
        )
        layers = alt.layer(layers, ticks.encode(x="margin:Q", y=names("cohort", values)))
    return draw(layers, f"{rows[0]['title']}: differences by cohort with intervals")


def length_plot(table: Sequence[Row]) -> str:
    """Draw how much longer or shorter the candidate's answers are, by cohort.

    Args:
        table: rows of a verdict, all against the same model.
    """
    values = [
        {
            "cohort": row["cohort"],
            "delta": 1 + row["delta"],
            "low": 1 + row["low"],
            "high": 1 + row["high"],
            "colour": "var(--accent)",
        }
        for row in table
        if row["metric"] == "length_ratio" and row["n"]
    ]
    if not values:
        return ""
    chart = _intervals(values, "Candidate's tokens / baseline's", zero=1.0)
    return draw(chart, "Length of the answers by cohort, candidate to baseline")


def agreement_plot(question_types: Sequence[Row]) -> str:
    """Draw the share of rater pairs that agree, by question type, the worst first.

    Args:
        question_types: `group`, `pairs` and `share` (of the pairs that disagree) of each.
    """
    values = [
        {"group": g["group"], "agree": 1 - g["share"], "pairs": g["pairs"]}
        for g in question_types
        if g["share"] is not None
    ]
    if not values:
        return ""
    base = alt.Chart(alt.InlineData(values=values), width=_WIDTH, height={"step": ROW})
    y = names("group", values)
    bars = base.mark_bar(color="var(--accent)", height={"band": 0.6}).encode(
        x=alt.X(
            "agree:Q",
            title="Rater pairs that agree",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format=".0%", tickCount=3),
        ),
        y=y,
    )
    text = base.mark_text(align="left", dx=4, color=INK, fontSize=11, fontWeight="normal").encode(
        x="agree:Q", y=y, text=alt.Text("agree:Q", format=".0%")
    )
    return draw(bars + text, "Agreement between reviewers by question type")


def training_plots(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Draw a stage's curves over its steps.

    Args:
        rows: of `metrics.jsonl`; see `trueup.report.model.Stage`.

    Returns:
        (title, SVG element) pairs, of those curves that the rows have.
    """
    pairs = {"logps/chosen": "chosen", "logps/rejected": "rejected"}
    drawn = [
        ("Loss", _curve(_by_split(rows, "loss"), "Loss")),
        ("Reward margin", _curve(_by_split(rows, "rewards/margin"), "Chosen less rejected")),
        (
            "Preference accuracy",
            _curve(_by_split(rows, "rewards/accuracy"), "Pairs ranked right", share=True),
        ),
        (
            "Log-probabilities",
            _curve(
                [
                    {"step": row["step"], "value": row[key], "series": name}
                    for row in rows
                    for key, name in pairs.items()
                    if key in row and not row.get("eval")
                ],
                "Log-prob",
            ),
        ),
        (
            "Change of the chosen answers",
            _curve(_by_split(rows, "logps/chosen_change"), "Nats from the reference"),
        ),
        ("Divergence from the reference", _curve(_by_split(rows, "kl/reference"), "KL, nats")),
        ("Gradient norm", _curve(_by_split(rows, "grad_norm"), "Before clipping")),
        ("Answers' length", _curve(_by_split(rows, "completion_tokens"), "Tokens")),
    ]
    return [(title, svg) for title, svg in drawn if svg]


def _by_split(rows: Sequence[Row], key: str) -> list[dict[str, Any]]:
    return [
        {
            "step": row["step"],
            "value": row[key],
            "series": "held out" if row.get("eval") else "training",
        }
        for row in rows
        if row.get(key) is not None
    ]


def _curve(values: Sequence[Row], title: str, *, share: bool = False) -> str:
    if not values:
        return ""
    names = [name for name in _COLOURS if any(v["series"] == name for v in values)]
    # fonts on pages are wider than those that the plot's room was measured by
    axis = alt.Axis(format=".0%" if share else ",.4~r", tickCount=5, titlePadding=12)
    scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=False)
    legend = alt.Legend(title=None, orient="top") if len(names) > 1 else None
    chart = (
        alt.Chart(alt.InlineData(values=list(values)), width=CURVE_WIDTH, height=170)
        .mark_line(strokeWidth=1.8, point=alt.OverlayMarkDef(size=14))
        .encode(
            x=alt.X("step:Q", title="Step", axis=alt.Axis(tickMinStep=1, tickCount=6)),
            y=alt.Y("value:Q", title=title, axis=axis, scale=scale),
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=names, range=[_COLOURS[name] for name in names]),
                legend=legend,
            ),
        )
    )
    return draw(chart, f"{title} over the steps")


def names(field: str, values: Sequence[Row], order: Sequence[str] | None = None) -> alt.Y:
    """Return a y axis of names in the order given, wide enough for them in any font."""
    found = order or list(dict.fromkeys(str(v[field]) for v in values))
    extent = min(_LETTER * max(len(name) for name in found), _LABEL) + 8
    return alt.Y(f"{field}:N", title=None, sort=list(found), axis=alt.Axis(minExtent=extent))


def _intervals(values: Sequence[Row], title: str, *, zero: float) -> _Layers:
    base = alt.Chart(alt.InlineData(values=list(values)), width=_WIDTH, height={"step": ROW})
    colour = alt.Color("colour:N", scale=None)
    x = alt.X("low:Q", title=title, axis=alt.Axis(tickCount=4), scale=alt.Scale(zero=False))
    y = names("cohort", values)
    rule = (
        alt.Chart(alt.InlineData(values=[{"zero": zero}]))
        .mark_rule(color=INK, opacity=0.6)
        .encode(x="zero:Q")
    )
    bars = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q", y=y, color=colour)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x="delta:Q", y=y, color=colour)
    return alt.layer(rule, bars, points)


def draw(chart: alt.Chart | _Layers, label: str) -> str:
    """Return a chart as an SVG element that takes its colours and its width from the page.

    Addresses that begin with `HERE` are of the page's own server.
    """
    styled = (
        chart.configure(background="transparent", font=_FONT, padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            domainColor=INK,
            tickColor=INK,
            gridColor=INK,
            domainOpacity=0.4,
            tickOpacity=0.4,
            gridOpacity=0.12,
            labelFontSize=11,
            labelFontWeight="normal",
            titleFontSize=11,
            titleFontWeight="normal",
            labelLimit=_LABEL,
            labelOverlap="greedy",
            labelSeparation=6,
        )
        .configure_legend(labelColor=INK, labelFontSize=11, symbolStrokeWidth=2.5, columnPadding=24)
    )
    svg = str(vl_convert.vegalite_to_svg(styled.to_dict()))
    size = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    width = size[1] if size else "400"
    # the page's width rules, up to the natural one; the viewBox keeps the shape
    svg = re.sub(r' width="[\d.]+" height="[\d.]+"', "", svg, count=1)
    # the pointer's way; a table beside the plot has the same for the keyboard
    svg = svg.replace(f'<a xlink:href="{HERE}', '<a tabindex="-1" xlink:href="')
    opening = f'<svg role="img" aria-label="{_escape(label)}" style="max-width:{width}px"'
    return svg.replace("<svg", opening, 1)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
