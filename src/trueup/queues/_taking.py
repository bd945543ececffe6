"""A label that may stand is stored, its place filled and the log told."""

from __future__ import annotations

from datetime import datetime

from trueup.errors import LeaseExpired
from trueup.queues._ledger import Admission
from trueup.queues._settings import settings_of
from trueup.store import Tx, events, slots
from trueup.store.annotations import put_annotation
from trueup.store.queues import QueueRow

__all__ = ["take"]


def take(tx: Tx, queue: QueueRow, admission: Admission, actor: str, now: datetime) -> bool:
    """Store a label that may stand, and return whether it is new."""
    given, replaces = admission.annotation, admission.replaces
    if not admission.new:
        return False
    if replaces is None and not slots.fill(tx, given.item_id, given.reviewer, now=now):
        raise LeaseExpired(
            f"item {given.item_id}: what places are left are reserved by others or assigned to "
            f"them, and {given.reviewer} holds none (any more); claim another item"
        )
    put_annotation(tx, given, replaces=replaces, actor=actor)
    detail = {"item": given.item_id, "reviewer": given.reviewer, "replaces": replaces}
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
    return True
