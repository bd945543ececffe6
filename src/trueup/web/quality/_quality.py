"""What the pages about quality show: reports with their plots, and where each figure leads."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from trueup.errors import TrueupError
from trueup.queues import Activity, AgreementReport, AnnotationQueue, QueueStats
from trueup.report.quality_plots import alpha_plot, heat_map, throughput_plot, weeks_plot
from trueup.store import Store
from trueup.store.overview import overview
from trueup.web.quality._figures import Figures, Held

__all__ = [
    "LINE",
    "Filters",
    "Quality",
    "age_of",
    "alpha_held",
    "items_url",
    "monday",
    "named",
    "overview_held",
    "quality_held",
    "queue_figures",
    "report_held",
    "stats_held",
]

LINE = 0.6
"""Where alpha is good enough to train on, as `audit` takes it."""
_QUICK = 0.2  # seconds that a page waits for its figures
_HEATED, _WEEKS = 40, 12  # reviewers that the plots have room for
_PAIRED = 20  # items in common under which a pair is not drawn


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a queue is looked at, as `AnnotationQueue.agreement` takes it."""

    question: str | None = None
    cohort: str | None = None
    question_type: str | None = None
    reviewer: str | None = None
    since: date | None = None
    until: date | None = None
    simulated: bool = True

    def options(self) -> dict[str, Any]:
        """Return the arguments; days begin and end at midnight UTC, the last one included."""
        start = None if self.since is None else _midnight(self.since)
        end = None if self.until is None else _midnight(self.until) + timedelta(days=1)
        return {
            "question": self.question,
            "cohort": self.cohort,
            "question_type": self.question_type,
            "reviewer": self.reviewer,
            "since": start,
            "until": end,
            "include_simulated": self.simulated,
        }


@dataclass(frozen=True, slots=True)
class Quality:
    """A report with its plots, as SVG."""

    report: AgreementReport
    activity: Activity | None
    alphas: Markup
    heat: Markup
    weeks: Markup
    days: Markup


def quality_held(figures: Figures, queue: AnnotationQueue, *, wait: float = _QUICK) -> Held | None:
    """Return the whole queue's report and activity, if they have been worked out."""
    make = partial(_whole, queue)
    return figures.get(("quality", queue.id), make, wait=wait)


def report_held(
    figures: Figures, queue: AnnotationQueue, filters: Filters, *, wait: float = _QUICK
) -> Held | None:
    """Return the report of a part of a queue, if it has been worked out."""
    if filters == Filters():
        return quality_held(figures, queue, wait=wait)
    make = partial(_part, queue, filters)
    return figures.get(("report", queue.id, filters), make, wait=wait)


def alpha_held(figures: Figures, queue: AnnotationQueue, *, wait: float = _QUICK) -> Held | None:
    """Return the preferences' agreement, if it has been counted."""
    return figures.get(("alpha", queue.id), queue.alpha, wait=wait)


def stats_held(figures: Figures, queue: AnnotationQueue, *, wait: float = _QUICK) -> Held | None:
    """Return how far a queue has come, if it has been counted."""
    return figures.get(("stats", queue.id), queue.stats, wait=wait)


def overview_held(figures: Figures, store: Store) -> dict[str, Any] | None:
    """Return what the loop's stations hold, if it has been counted."""

    def count() -> dict[str, Any]:
        with store.reading() as tx:
            return overview(tx)

    held = figures.get(("overview",), count, wait=_QUICK)
    return None if held is None else held.result()


def queue_figures(
    figures: Figures, queue: AnnotationQueue, allowed: Collection[str]
) -> dict[str, Any]:
    """Return what a queue's page shows: how far it is, and how good to those who may know."""
    judging = "read_quality" in allowed
    found: dict[str, Any] = {"alpha": None, "quality": None, "nothing": False, "reliability": None}
    stats = stats_held(figures, queue, wait=_QUICK / 2)
    if judging:
        for name, look in (("alpha", alpha_held), ("quality", quality_held)):
            held = look(figures, queue, wait=_QUICK / 4)
            try:
                found[name] = None if held is None else (held.result(), age_of(held))
            except TrueupError:  # there is no label yet, or nothing to agree on
                found["nothing"] = True
        looks = figures.get(("looks", queue.id), queue.reliability, wait=_QUICK / 4)
        found["reliability"] = None if looks is None else looks.result()
    return found | {
        "judging": judging,
        "stats": None if stats is None else stats.result(),
        "line": LINE,
    }


def _whole(queue: AnnotationQueue) -> Quality:
    report, activity = queue.quality()
    return _drawn(queue, report, activity, Filters())


def _part(queue: AnnotationQueue, filters: Filters) -> Quality:
    return _drawn(queue, queue.agreement(**filters.options()), None, filters)


def _drawn(
    queue: AnnotationQueue, report: AgreementReport, activity: Activity | None, filters: Filters
) -> Quality:
    url = partial(items_url, queue.id, report.question, filters, disagree=True)
    alphas = [
        {"name": a.name, "alpha": a.alpha, "low": a.low, "high": a.high}
        | {"url": items_url(queue.id, a.name, filters, disagree=True)}
        for a in report.questions
    ]
    by_labels = sorted(report.reviewers, key=lambda r: (-r.labels, r.reviewer))[:_HEATED]
    order = sorted(r.reviewer for r in by_labels)
    pairs = [
        {"first": p.first, "second": p.second, "share": p.share}
        | {"url": url(reviewer=p.first, beside=p.second)}
        for p in report.pairs
        if p.units >= _PAIRED and p.first in order and p.second in order
    ]
    moving = [r for r in report.reviewers if r.drift is not None]
    moving.sort(key=lambda r: (_p(r.drift), -r.labels, r.reviewer))
    weeks = [
        {"reviewer": r.reviewer, "week": monday(period.period)}
        | {"rate": period.rate, "low": period.low, "high": period.high}
        for r in moving[:_WEEKS]
        if r.drift is not None
        for period in r.drift.periods
    ]
    days = [] if activity is None else activity.days
    return Quality(
        report=report,
        activity=activity,
        alphas=_inline(alpha_plot(alphas, LINE)),
        heat=_inline(heat_map(pairs, order)),
        weeks=_inline(weeks_plot(weeks, [r.reviewer for r in moving[:_WEEKS]])),
        days=_inline(throughput_plot([{"day": d.day, "labels": d.labels} for d in days])),
    )


def items_url(
    queue_id: str, question: str, filters: Filters, *, disagree: bool = False, **more: str | None
) -> str:
    """Return the address of the items behind a figure."""
    asked: Mapping[str, Any] = {
        "question": question,
        "cohort": filters.cohort,
        "question_type": filters.question_type,
        "reviewer": filters.reviewer,
        "disagree": "1" if disagree else None,
        **more,
    }
    if asked.get("beside"):
        asked = {**asked, "with": asked["beside"], "beside": None}
    return f"/queue/{queue_id}/items?{urlencode({k: v for k, v in asked.items() if v is not None})}"


def monday(week: float) -> str:
    """Return the Monday that a week of `RaterDrift` begins with."""
    return (date(1969, 12, 29) + timedelta(weeks=int(week))).isoformat()


def age_of(held: Held) -> str:
    """Say how old a figure is."""
    seconds = held.age
    if seconds < 2:
        return "just now"
    if seconds < 120:
        return f"{seconds:.0f} seconds ago"
    return (
        f"{seconds / 60:.0f} minutes ago" if seconds < 7200 else f"{seconds / 3600:.0f} hours ago"
    )


def _p(drift: Any) -> float:
    return 2.0 if drift is None or drift.p is None else float(drift.p)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _inline(svg: str) -> Markup:
    """Return a plot for a page whose policy allows no style of its own."""
    return Markup(re.sub(r' style="max-width:([\d.]+)px"', r' width="\1"', svg, count=1))


def named(stats: QueueStats) -> dict[str, list[str]]:
    """Return what a queue's labels can be narrowed to."""
    return {
        "cohort": list(stats.cohorts),
        "question_type": list(stats.question_types),
        "reviewer": list(stats.reviewers),
    }
