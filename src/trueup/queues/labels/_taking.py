"""A label that may stand is stored, its place filled and the log told."""

from __future__ import annotations

from datetime import datetime

from trueup.errors import LeaseExpired, QueueError
from trueup.queues._settings import settings_of
from trueup.queues.labels._ledger import Admission, Slot
from trueup.queues.seniors._referral import refer_if_due
from trueup.store import Tx, events, reservations, slots
from trueup.store.annotations import put_annotation
from trueup.store.queues import QueueRow
from trueup.store.stamp import Stamp
from trueup.types import Annotation

__all__ = ["take"]


def take(
    tx: Tx,
    queue: QueueRow,
    admission: Admission,
    actor: str,
    now: datetime,
    slot: Slot | None = None,
) -> bool:
    """Store a label that may stand, and return whether it is new.

    Args:
        tx: an open transaction.
        queue: its settings.
        admission: the label.
        actor: who writes.
        now: when.
        slot: the item with its labels, this one among them, to see whether it goes to a senior
            reviewer now; who takes many sees to that afterwards.
    """
    given, replaces = admission.annotation, admission.replaces
    if not admission.new:
        return False
    if replaces is None and given.kind != "known":
        _fill(tx, queue, given, now)
    put_annotation(tx, given, replaces=replaces, actor=actor)
    detail = {
        "item": given.item_id,
        "reviewer": given.reviewer,
        "replaces": replaces,
        "kind": given.kind,
    }
    events.record(
        tx,
        "submit" if replaces is None else "correct",
        "annotation",
        given.id,
        detail,
        actor=actor,
        now=now,
        safety=settings_of(queue).safety,
    )
    if slot is not None and slot.kind == "label":
        refer_if_due(tx, queue, slot.item, list(slot.current.values()), Stamp(actor, now))
    return True


def _fill(tx: Tx, queue: QueueRow, given: Annotation, now: datetime) -> None:
    """Take the label's place."""
    assert given.kind != "known"
    if reservations.fill(tx, given.item_id, given.reviewer, kind=given.kind, now=now):
        return
    if given.kind == "gold":  # has a place for whoever labels it
        reservations.put_filled(tx, queue.id, given.item_id, given.reviewer, now=now)
        return
    if given.kind != "label" and not slots.items_with(tx, [given.item_id], given.kind):
        raise QueueError(f"item {given.item_id} is not up for {given.kind.replace('_', ' ')}")
    raise LeaseExpired(
        f"item {given.item_id}: what places are left are reserved by others or assigned to "
        f"them, and {given.reviewer} holds none (any more); claim another item"
    )
