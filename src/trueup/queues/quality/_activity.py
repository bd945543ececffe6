"""How a queue's work goes: labels by day and reviewer, seconds, what waits, what is overruled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from trueup.queues.quality._agreement import MIN_RATED
from trueup.queues.quality._rated import Rated, rated
from trueup.stats.agreement import GroupDisagreement, disagreement_by_group
from trueup.store import Store
from trueup.store.figures import Columns
from trueup.store.listing import backlog
from trueup.store.queues import QueueRow

__all__ = ["Activity", "Day", "Overruled", "make_activity"]

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Day:
    """The standing labels of one day, UTC, all and by reviewer."""

    day: str
    labels: int
    reviewers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Overruled:
    """How often a reviewer's preference is not what the item settled on, or against an evaluator.

    Attributes:
        reviewer: the name; "" for all together.
        settled: preferences on items that settled: two labels or more, and more than half of them
            for one answer, the reviewer's own among them.
        differ: those that are for another answer.
        share, low, high: differ / settled, with its Wilson interval clustered by item; None below
            `MIN_RATED`.
        judged: preferences on items that show a served answer.
        against: those that prefer it though an evaluator failed it, or want neither answer though
            none did.
        against_share: against / judged; None below `MIN_RATED`.
    """

    reviewer: str
    settled: int
    differ: int
    share: float | None
    low: float | None
    high: float | None
    judged: int
    against: int
    against_share: float | None


@dataclass(frozen=True, slots=True)
class Activity:
    """How a queue's work goes.

    Attributes:
        days: those with labels, the first one first.
        labels_a_day: mean over the last 14 days that the queue got labels in; None without any.
        seconds: median seconds a label; None where none was measured.
        places: labels that are still wanted.
        waiting: items that want them.
        oldest_days, median_days: how long these have waited; None where none does.
        disagreement: share of pairs of preferences that differ, by question type, worst first.
        overruled: how often preferences are overruled, by reviewer, all together first.
    """

    days: tuple[Day, ...]
    labels_a_day: float | None
    seconds: float | None
    places: int
    waiting: int
    oldest_days: float | None
    median_days: float | None
    disagreement: tuple[GroupDisagreement, ...]
    overruled: tuple[Overruled, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return asdict(self)


def make_activity(store: Store, queue: QueueRow, found: Columns, now: datetime) -> Activity:
    """Measure on columns that were read."""
    with store.reading() as tx:
        places, since = backlog(tx, queue.id)
    waits = [(now - start) / timedelta(days=1) for start in since]
    timed = found.seconds[~np.isnan(found.seconds)]
    asked = next((q for q in queue.questions if q.kind == "preference"), None)
    preferences = None if asked is None else rated(store, queue.id, found, asked)
    days = _days(found)
    last = [day.labels for day in days[-14:]]
    return Activity(
        days=days,
        labels_a_day=sum(last) / len(last) if last else None,
        seconds=float(np.median(timed)) if len(timed) else None,
        places=places,
        waiting=len(waits),
        oldest_days=max(waits, default=None),
        median_days=float(np.median(waits)) if waits else None,
        disagreement=() if preferences is None else _disagreement(found, preferences),
        overruled=() if preferences is None else _overruled(found, preferences),
    )


def _days(found: Columns) -> tuple[Day, ...]:
    if not len(found):
        return ()
    first, people = int(found.day.min()), len(found.reviewers)
    counts = np.bincount((found.day - first) * people + found.reviewer)
    counts = np.pad(counts, (0, -len(counts) % people)).reshape(-1, people)
    return tuple(
        Day(
            (_EPOCH + timedelta(days=first + day)).isoformat(),
            int(row.sum()),
            {found.reviewers[who]: int(row[who]) for who in np.flatnonzero(row)},
        )
        for day, row in enumerate(counts)
        if row.any()
    )


def _disagreement(found: Columns, preferences: Rated) -> tuple[GroupDisagreement, ...]:
    item = np.array(preferences.ratings.units, dtype=np.int64)
    names = np.array(found.question_types, dtype=object)[found.question_type[item]]
    return tuple(disagreement_by_group(preferences.ratings, names.tolist()))


def _overruled(found: Columns, preferences: Rated) -> tuple[Overruled, ...]:
    ratings = preferences.ratings
    table, of_unit = ratings.patterns
    counts = table.counts.toarray()
    winner = counts.argmax(axis=1)
    settles = (2 * counts.max(axis=1, initial=0) > table.raters) & (table.raters > 1)
    pattern = of_unit[ratings.unit]
    settled = settles[pattern]
    differ = settled & (winner[pattern] != ratings.value)
    source = np.array([*ratings.domain], dtype=object)[ratings.value]
    failed = found.failed[found.item[preferences.label]]
    judged = np.full(len(source), "served" in ratings.domain) & np.isin(
        source, ["served", "sampled", "tie", "neither"]
    )
    against = judged & np.where(failed, source == "served", source == "neither")
    people = {"": np.ones(len(source), dtype=np.bool_)} | {
        name: ratings.rater == place for place, name in enumerate(found.reviewers)
    }
    return tuple(
        _of(name, who, ratings.unit, settled, differ, judged, against)
        for name, who in people.items()
        if who.any()
    )


def _of(
    name: str, who: Any, unit: Any, settled: Any, differ: Any, judged: Any, against: Any
) -> Overruled:
    from trueup.stats.intervals import rate_interval  # scipy.stats loads slowly

    here = who & settled
    n, seen, turned = int(here.sum()), int((who & judged).sum()), int((who & against).sum())
    ends = rate_interval(differ[here].astype(np.float64), unit[here]) if n >= MIN_RATED else None
    return Overruled(
        reviewer=name,
        settled=n,
        differ=int((who & differ).sum()),
        share=None if ends is None else ends.value,
        low=None if ends is None else ends.low,
        high=None if ends is None else ends.high,
        judged=seen,
        against=turned,
        against_share=turned / seen if seen >= MIN_RATED else None,
    )
