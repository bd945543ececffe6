"""`trueup queue agreement` and `trueup queue activity`: how good the labels are, and how many."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.queues import Activity, Agreement, AgreementReport, AnnotationQueue

__all__ = ["activity", "agreement"]

_SURE = 0.05


def agreement(
    name: str,
    /,
    *,
    question: str | None = None,
    cohort: str | None = None,
    question_type: str | None = None,
    reviewer: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    no_simulated: Annotated[bool, Parameter(negative="")] = False,
    seed: int = 0,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far a queue's reviewers agree, on every question and in every part.

    Args:
        name: The queue.
        question: The question that is broken down; else the preference, or the first.
        cohort: Only items of this cohort.
        question_type: Only items of this question type.
        reviewer: Only items that this reviewer labelled.
        since: Only labels given from then on, UTC.
        until: Only labels given before then, UTC.
        no_simulated: Leave out labels that a program gave.
        seed: Of the bootstrap.
    """
    with open_store(store) as opened:
        found = AnnotationQueue.get(name, store=opened).agreement(
            question,
            cohort=cohort,
            question_type=question_type,
            reviewer=reviewer,
            since=_utc(since),
            until=_utc(until),
            include_simulated=not no_simulated,
            seed=seed,
        )
    if as_json:
        show_json(found.to_json())
    else:
        _show_agreement(found)


def activity(name: str, /, *, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show how a queue's work goes: labels by day, seconds, what waits and what is overruled.

    Args:
        name: The queue.
    """
    with open_store(store) as opened:
        found = AnnotationQueue.get(name, store=opened).activity()
    if as_json:
        show_json(found.to_json())
    else:
        _show_activity(name, found)


def _utc(when: datetime | None) -> datetime | None:
    return when.replace(tzinfo=UTC) if when and when.tzinfo is None else when


def _show_agreement(found: AgreementReport) -> None:
    scope = ", ".join(f"{name} {value}" for name, value in found.scope.items())
    show_facts(
        {
            "queue": found.queue,
            "labels": f"{found.labels} on {found.items} items" + (f" ({scope})" if scope else ""),
        }
    )
    _show_rows("question", found.questions)
    for title, rows in (
        ("label", found.ticked),
        (f"{found.question} by cohort", found.cohorts),
        (f"{found.question} by question type", found.question_types),
    ):
        _show_rows(title, rows)
    show_table(
        ("reviewer", "labels", "agrees", "low", "high", "right", "chance", "a week", "first"),
        [
            (
                r.reviewer,
                r.labels,
                r.agreement,
                r.low,
                r.high,
                r.skill and r.skill.reliability,
                r.skill and r.skill.chance,
                r.drift.change if r.drift and (r.drift.p_holm or 1) < _SURE else None,
                r.position and r.position.share,
            )
            for r in found.reviewers
        ],
    )
    if found.position:
        say(f"the answer shown first was preferred {found.position.share:.1%} of the time")
    for effect in found.haste:
        if effect.says:
            say(effect.says)


def _show_rows(title: str, rows: Iterable[Agreement]) -> None:
    cells = [
        (a.name, a.alpha, a.low, a.high, a.raw, a.ac1, a.items, a.labels, a.reason) for a in rows
    ]
    if cells:
        names = (title, "alpha", "low", "high", "pairs agree", "AC1", "items", "labels", "note")
        show_table(names, cells)


def _show_activity(name: str, found: Activity) -> None:
    waits = "" if found.oldest_days is None else f", the oldest for {found.oldest_days:.1f} days"
    show_facts(
        {
            "queue": name,
            "labels a day": found.labels_a_day,
            "median seconds": found.seconds,
            "waiting": f"{found.waiting} items for {found.places} labels{waits}",
        }
    )
    show_table(("day", "labels"), [(day.day, day.labels) for day in found.days[-14:]])
    show_table(
        ("question type", "items", "pairs", "disagree"),
        [(g.group, g.units, g.pairs, g.share) for g in found.disagreement],
    )
    show_table(
        ("reviewer", "settled", "otherwise", "low", "high", "against evaluators"),
        [
            (o.reviewer or "(all)", o.settled, o.share, o.low, o.high, o.against_share)
            for o in found.overruled
        ],
    )
