"""Who labels what next: reservations, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import TypeVar, get_args

from trueup.errors import InputError, QueueEmpty, QueueError
from trueup.queues._base import no_item
from trueup.queues._settings import Settings, settings_of
from trueup.queues.labels._questions import keys_of
from trueup.store import Store, Tx, content_hash, events, reservations, slots
from trueup.store.annotations import latest_annotation, list_annotations
from trueup.store.items import cached_item, has_item, list_items, put_item
from trueup.store.queues import QueueRow
from trueup.store.reads import log_read, put_read
from trueup.store.stamp import Stamp
from trueup.types import Annotation, Item

__all__ = [
    "LOOKING",
    "Claim",
    "check_asking",
    "check_open",
    "claim_next",
    "last_label",
    "put_items",
    "resize",
    "retried",
    "skip",
]


T = TypeVar("T")
_TRIES = 5
LOOKING = ("active", "paused", "completed")
"""States in which senior reviewers may look at what was labelled."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An item that a reviewer has in hand.

    Attributes:
        item: what to label.
        expires_at: until when nobody else gets the place; a label that comes later is taken while
            the place is still free.
        shown: the keys of the answers in the order to show them in, which differs by reviewer.
        standing: the reviewer's own label, where the claim is to correct it.
        labels: what reviewers say of it, where the claim is to settle that.
    """

    item: Item
    expires_at: datetime
    shown: str
    standing: Annotation | None = None
    labels: tuple[Annotation, ...] = ()


def check_asking(row: QueueRow, kind: str) -> None:
    """Raise InputError unless a reviewer may claim and give labels of a kind.

    On a gold item a label is given as on any other, so that nobody learns which those are.
    """
    if kind not in get_args(slots.Asking):
        raise InputError(
            f"queue {row.name}: a label of kind {kind!r} cannot be asked for; "
            f"ask for {', '.join(get_args(slots.Asking))}"
        )


def check_open(row: QueueRow, *states: str) -> None:
    """Raise QueueError unless the queue is in one of the states."""
    if row.state not in states:
        raise QueueError(
            f"queue {row.name} is {row.state}: "
            f"a manager can make it {states[0]} again (`configure(state={states[0]!r})`)"
        )


def claim_next(
    store: Store,
    row: QueueRow,
    reviewer: str,
    *,
    kind: slots.Asking = "label",
    tags: Sequence[str] | None,
    beside: str | None,
    now: datetime,
) -> Claim:
    """Reserve the next item for a reviewer; see `AnnotationQueue.claim`."""
    check_asking(row, kind)
    check_open(row, *(["active"] if kind == "label" else LOOKING))
    settings = settings_of(row)
    if kind == "label":
        _check_reviewer(row, settings, reviewer)
    wanted = tags if kind == "label" and settings.assignment == "expertise" else None
    asked = reservations.Asked(row.id, reviewer, kind, wanted, now)
    return retried(row, reviewer, lambda: _reserve(store, row, settings, asked, beside))


def retried(row: QueueRow, reviewer: str, work: Callable[[], T]) -> T:
    """Do a transaction anew while others of the same reviewer's get in between.

    Raises:
        QueueError: they always do.
    """
    for _ in range(_TRIES):
        with suppress(reservations.Overtaken):
            return work()
    raise QueueError(f"queue {row.name}: {reviewer} does too much at once; try again")


def _reserve(
    store: Store, row: QueueRow, settings: Settings, asked: reservations.Asked, beside: str | None
) -> Claim:
    reviewer, kind, now = asked.reviewer, asked.kind, asked.now
    kinds = ("label", "gold") if kind == "label" else (kind,)
    # a reviewer's claims wait for one another: a second one finds what the first one reserved
    with store.transaction(beside_others=True, alone_on=f"{row.id} {reviewer}") as tx:
        held = reservations.list_held(tx, reviewer, now=now, queue_id=row.id)
        held = [one for one in held if one.kind in kinds and one.item_id != beside]
        if held:
            found, until = held[0].item_id, held[0].expires_at
        else:
            until = now + timedelta(minutes=settings.reservation_minutes)
            claimed = reservations.claim(tx, asked, until=until)
            if claimed is None:
                waiting = reservations.count_waiting(tx, asked)
                raise QueueEmpty(_why_empty(row, reviewer, waiting, kind))
            found = claimed
            if kind == "label" and random() < settings.gold_share:
                # what was claimed waits behind it, held
                found = reservations.claim_gold(tx, row.id, reviewer, now=now, until=until) or found
        item = cached_item(tx, found)
        assert item is not None
        labels: list[Annotation] = []
        if kind == "adjudication" and settings.adjudicators_see:
            labels = list_annotations(tx, item_ids=[found])
        if settings.safety:
            put_read(tx, row.id, "item", 1, actor=reviewer, now=now, item=found)
    return Claim(item, until, shown_order(item, reviewer), labels=tuple(labels))


def _check_reviewer(row: QueueRow, settings: Settings, reviewer: str) -> None:
    if settings.reviewers and not settings.teams and reviewer not in settings.reviewers:
        raise QueueError(
            f"queue {row.name}: {reviewer} is none of its reviewers "
            f"({', '.join(settings.reviewers)}); a manager can add them"
        )


def _why_empty(
    row: QueueRow, reviewer: str, waiting: reservations.Waiting, kind: slots.Kind
) -> str:
    where = f"queue {row.name}: nothing is left for {reviewer}"
    if kind != "label":
        where = f"queue {row.name}: no {kind.replace('_', ' ')} is left for {reviewer}"
        if not waiting.open:
            return f"{where}; none waits, or {reviewer} has labelled what does"
    if not waiting.open:
        return (
            f"{where}; every item has the reviewers it needs, or waits for others than {reviewer}"
        )
    reasons = []
    if waiting.held:
        free = f" until {waiting.free_at:%H:%M} UTC at the earliest" if waiting.free_at else ""
        reasons.append(f"{waiting.held} reserved by others{free}")
    if waiting.skipped:
        reasons.append(f"{waiting.skipped} on items that {reviewer} skipped")
    if waiting.elsewhere:
        reasons.append(f"{waiting.elsewhere} assigned to others or asking for other expertise")
    return f"{where}; {waiting.open} places wait: {', '.join(reasons) or 'try again'}"


def shown_order(item: Item, reviewer: str) -> str:
    """Return the item's keys in an order that follows from item and reviewer, and from no answer.

    So that a reviewer who comes back sees the same order, half of them see the other one, and a
    place that is preferred for being a place can be told from an answer that is.
    """
    return "".join(sorted(keys_of(item), key=lambda key: content_hash([item.id, reviewer, key])))


def skip(
    store: Store, row: QueueRow, item_id: str, reviewer: str, reason: str, stamp: Stamp
) -> None:
    """Give an item back for good, with the reason; see `AnnotationQueue.skip`."""
    if not reason.strip():
        raise InputError(f"item {item_id}: a skip needs its reason, so that the item can be mended")
    with store.transaction(beside_others=True) as tx:
        if not has_item(tx, row.id, item_id):
            raise no_item(row, item_id)
        reservations.release(tx, item_id, reviewer)
        reservations.put_skip(tx, item_id, reviewer, reason.strip(), **stamp._asdict())
        detail = {"queue": row.name, "reviewer": reviewer, "reason": reason.strip()}
        safety = settings_of(row).safety
        events.record(tx, "skip", "item", item_id, detail, **stamp._asdict(), safety=safety)


def last_label(
    store: Store, row: QueueRow, reviewer: str, now: datetime, kind: slots.Asking = "label"
) -> Claim:
    """Return the item that the reviewer labelled last; see `AnnotationQueue.undo`."""
    check_asking(row, kind)
    kinds: tuple[slots.Kind, ...] = ("label", "gold") if kind == "label" else (kind,)
    with store.reading() as tx:
        found = latest_annotation(tx, row.id, reviewer, kinds=kinds)
        if found is None:
            raise QueueEmpty(f"queue {row.name}: {reviewer} has labelled nothing; nothing to undo")
        [item] = list_items(tx, ids=[found.item_id])
    if settings_of(row).safety:
        log_read(store, "item", {row.id: 1}, actor=reviewer, now=now, item=item.id)
    order = found.shown or shown_order(item, reviewer)
    return Claim(item, now, order, standing=found)


def put_items(tx: Tx, row: QueueRow, items: Sequence[Item], stamp: Stamp) -> int:
    """Store the items that are new, with their places and the event, and return how many."""
    given = stamp._asdict()
    new = [item for item in items if put_item(tx, item, **given)]
    if not new:
        return 0
    first = slots.next_position(tx, row.id)
    asked = [item for item in new if not item.gold]
    placed = [(item, first + index) for index, item in enumerate(asked)]
    laid = _places(row, placed, slots.count_assigned(tx, row.id))
    slots.add_slots(tx, row.id, laid, **given)
    detail = {"items": [item.id for item in new]}
    safety = settings_of(row).safety
    events.record(tx, "add_items", "queue", row.id, detail, **given, safety=safety)
    return len(new)


def _places(
    row: QueueRow,
    items: Sequence[tuple[Item, int]],
    loads: dict[str, int],
) -> list[slots.Place]:
    """Lay out the places at items, assigned as the queue's settings say.

    Args:
        row: the queue.
        items: each with its position.
        loads: how many places are assigned to each reviewer already; changed.
    """
    settings = settings_of(row)
    made = []
    for item, position in items:
        names: list[str] = []
        if settings.assignment == "round_robin":
            turn = position * row.overlap
            count = len(settings.reviewers)
            names = [settings.reviewers[(turn + n) % count] for n in range(min(count, row.overlap))]
        elif settings.assignment == "balanced":
            order = sorted(settings.reviewers, key=lambda name: loads.get(name, 0))
            names = order[: row.overlap]
            for name in names:
                loads[name] = loads.get(name, 0) + 1
        for number in range(row.overlap):
            assigned = names[number] if number < len(names) else None
            made.append(slots.Place(item.id, position, number, item.tag, assigned))
    return made


def resize(tx: Tx, row: QueueRow, overlap: int, *, actor: str, now: datetime) -> None:
    """Give every item of the queue as many places as it now needs."""
    if overlap <= row.overlap:
        slots.drop_open(tx, row.id, overlap)
        return
    first = slots.first_places(tx, row.id)
    more = [
        slots.Place(place.item_id, place.position, number, place.tag)
        for place in first
        for number in range(row.overlap, overlap)
    ]
    slots.add_slots(tx, row.id, more, actor=actor, now=now)
