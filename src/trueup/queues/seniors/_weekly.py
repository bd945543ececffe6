"""Spot checks that draw themselves, once a week."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from trueup.queues._settings import settings_of
from trueup.queues.seniors._referral import draw_checks
from trueup.store import Store
from trueup.store import queues as rows
from trueup.store.slots import newest
from trueup.store.stamp import Stamp, moment

__all__ = ["draw_weekly"]

_ACTOR = "trueup"


def draw_weekly(store: Store, *, now: datetime | None = None) -> int:
    """Draw spot checks from the labels of the last whole week, in each queue that has not yet.

    A week begins on Monday, 0:00 UTC. Queues whose `spot_check_share` is 0, or that are archived,
    have none.

    Returns:
        How many items are newly up for a second look.
    """
    when = moment(now).astimezone(UTC)
    monday = datetime.combine(when.date() - timedelta(days=when.weekday()), time(), UTC)
    with store.reading() as tx:
        due = [
            row
            for row in rows.list_queues(tx)
            if settings_of(row).spot_check_share > 0
            and row.state != "archived"
            and (newest(tx, row.id, "spot_check") or monday - timedelta(days=1)) < monday
        ]
    return sum(
        draw_checks(
            store,
            row,
            share=None,
            since=monday - timedelta(days=7),
            until=monday,
            seed=monday.toordinal(),
            stamp=Stamp(_ACTOR, when),
        )
        for row in due
    )
