"""Plots of how reviewers agree: alphas with their intervals, a heat map, weeks, and days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from trueup.report.plots import CURVE_WIDTH, HERE, INK, ROW, draw, names

__all__ = ["alpha_plot", "heat_map", "throughput_plot", "weeks_plot"]

Row = Mapping[str, Any]

_WRITTEN = 16  # reviewers up to whom a cell of the heat map has room for its figure
_CELL = {True: 40, False: 22}  # pixels
_FACET = (150, 64)  # pixels


def alpha_plot(rows: Sequence[Row], line: float) -> str:
    """Draw alphas with their intervals, and the line that they are held against.

    Args:
        rows: `name`, `alpha`, `low` and `high` of each, None where undefined; `url` of its items.
        line: where it stands.

    Returns:
        An SVG element, or "" where no alpha is defined.
    """
    values = [{**row, "url": HERE + row["url"]} for row in rows if row["alpha"] is not None]
    if not values:
        return ""
    for value in values:
        value["colour"] = "var(--good)" if value["alpha"] >= line else "var(--bad)"
        value["low"] = value["alpha"] if value["low"] is None else value["low"]
        value["high"] = value["alpha"] if value["high"] is None else value["high"]
    base = alt.Chart(alt.InlineData(values=values), width=260, height={"step": ROW})
    x = alt.X(
        "low:Q",
        title="Krippendorff's alpha",
        axis=alt.Axis(tickCount=5),
        scale=alt.Scale(domain=[min(0.0, *(v["low"] for v in values)), 1]),
    )
    y, colour = names("name", values), alt.Color("colour:N", scale=None)
    rule = alt.Chart(alt.InlineData(values=[{"line": line}])).mark_rule(
        color=INK, opacity=0.6, strokeDash=[4, 3]
    )
    bars = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q", y=y, color=colour)
    points = base.mark_point(filled=True, size=70, opacity=1, aria=False).encode(
        x="alpha:Q", y=y, color=colour, href="url:N"
    )
    layers = alt.layer(rule.encode(x="line:Q"), bars, points)
    return draw(layers, f"Alpha with its interval; the line is {line:g}")


def heat_map(pairs: Sequence[Row], reviewers: Sequence[str]) -> str:
    """Draw how far each pair of reviewers agrees: the darker, the further.

    Args:
        pairs: `first`, `second` and `share` of each, and `url` of the items they differ
            on.
        reviewers: in the order to draw them in.

    Returns:
        An SVG element, or "" without pairs.
    """
    place = {name: number for number, name in enumerate(reviewers)}
    values = []
    for pair in pairs:
        one, other = sorted((pair["first"], pair["second"]), key=place.__getitem__)
        url = HERE + pair["url"]
        values.append({"row": other, "column": one, "share": pair["share"], "url": url})
    if not values:
        return ""
    written = len(reviewers) <= _WRITTEN
    size = _CELL[written]
    base = alt.Chart(
        alt.InlineData(values=values), width={"step": size}, height={"step": size}
    ).encode(
        x=alt.X("column:N", title=None, sort=list(reviewers), axis=alt.Axis(labelAngle=-60)),
        y=names("row", values, list(reviewers)),
    )
    cells = base.mark_rect(color="var(--accent)").encode(
        fillOpacity=alt.FillOpacity(
            "share:Q", scale=alt.Scale(domain=[0.3, 1], range=[0.04, 0.6], clamp=True), legend=None
        ),
        href="url:N",
        description="described:N",
    )
    cells = cells.transform_calculate(
        described="datum.row + ' and ' + datum.column + ': ' + format(datum.share, '.0%')"
    )
    if not written:
        return draw(cells, "How far each pair of reviewers agrees")
    text = base.mark_text(color=INK, fontSize=11, aria=False).encode(
        text=alt.Text("share:Q", format=".0%"), href="url:N"
    )
    return draw(cells + text, "How far each pair of reviewers agrees")


def weeks_plot(rows: Sequence[Row], reviewers: Sequence[str]) -> str:
    """Draw each reviewer's agreement with the others by week.

    Args:
        rows: `reviewer`, `week` (its Monday), `rate`, `low` and `high` of each.
        reviewers: in the order to draw them in.

    Returns:
        An SVG element, or "" without rows.
    """
    if not rows:
        return ""
    data = alt.InlineData(values=[dict(row) for row in rows])
    x = alt.X("week:T", title=None, axis=alt.Axis(tickCount=3, format="%d %b"))
    scale = alt.Scale(domain=[0, 1])
    y = alt.Y("low:Q", title=None, scale=scale, axis=alt.Axis(format=".0%", tickCount=3))
    width, height = _FACET
    base = alt.Chart(width=width, height=height)
    band = base.mark_area(color="var(--accent)", opacity=0.2).encode(x=x, y=y, y2="high:Q")
    line = base.mark_line(color="var(--accent)", strokeWidth=1.8, point={"size": 12}).encode(
        x=x, y=alt.Y("rate:Q", title=None, scale=scale)
    )
    header = alt.Header(title=None, labelColor=INK, labelFontSize=11)
    facets = alt.layer(band, line, data=data).facet(
        facet=alt.Facet("reviewer:N", sort=list(reviewers), header=header), columns=4
    )
    return draw(facets, "Agreement with the others by week, for each reviewer")


def throughput_plot(rows: Sequence[Row]) -> str:
    """Draw how many labels were given on each day.

    Args:
        rows: `day` and `labels` of each.

    Returns:
        An SVG element, or "" without rows.
    """
    if not rows:
        return ""
    chart = (
        alt.Chart(alt.InlineData(values=[dict(row) for row in rows]), width=2 * CURVE_WIDTH)
        .mark_bar(color="var(--accent)", opacity=0.5)
        .encode(
            x=alt.X(
                "day:T",
                timeUnit="utcyearmonthdate",  # a day is as wide as it lasts
                title=None,
                axis=alt.Axis(tickCount=6, format="%d %b"),
            ),
            y=alt.Y("labels:Q", title="Labels a day", axis=alt.Axis(tickCount=4)),
        )
        .properties(height=120)
    )
    return draw(chart, "Labels a day")
