"""Webhooks and their deliveries: who is told of what, and how far that has come.

Deliveries live here, so that they outlive a server that is killed. Of each webhook the first one
that waits is tried and no other, so that a receiver is told in order; a try is taken by one
conditional UPDATE, and is anybody's again when its time is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from trueup.errors import UnknownName
from trueup.store import schema
from trueup.store.changes import Change, last_position, list_changes, name_queues
from trueup.store.engine import Tx
from trueup.store.rows import insert_new

__all__ = [
    "Due",
    "Webhook",
    "anything_due",
    "delete_webhook",
    "enqueue",
    "find_webhook",
    "finish",
    "list_webhooks",
    "put_webhook",
    "restart_webhook",
    "secret_of",
    "stop_webhook",
    "take_due",
]

_AHEAD = 500  # deliveries that wait for a webhook at the most; what follows waits in the log
_KEPT = 10_000  # positions back to which deliveries that were made are kept
_WEBHOOK, _DELIVERY = schema.webhook, schema.delivery
_WAITING = _DELIVERY.c.state == "waiting"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where queue changes are sent.

    Attributes:
        url: where to.
        actions: only these; empty is all.
        queue: the name of the one queue that it is about, or None for all.
        active: whether it is sent anything; False once a delivery failed for good.
        waiting: deliveries that are to be made, of those laid out so far.
        delivered: deliveries that were made, of those still kept.
        attempts: tries of the delivery that waits first.
        next_try: when that one is tried next.
        last_error: why it failed last, or "".
    """

    id: str
    url: str
    actions: tuple[str, ...]
    queue: str | None
    active: bool
    actor: str
    created_at: datetime
    waiting: int = 0
    delivered: int = 0
    attempts: int = 0
    next_try: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose try was taken.

    Attributes:
        change: what is told.
        queue: the name of the queue that it is about.
        attempts: tries, this one included.
    """

    webhook_id: str
    url: str
    secret: str = field(repr=False)
    change: Change
    queue: str
    attempts: int


def put_webhook(
    tx: Tx,
    key: str,
    url: str,
    *,
    secret: str,
    actions: Sequence[str],
    queue_id: str | None,
    actor: str,
    now: datetime,
) -> None:
    """Store a webhook, which is told of what is sealed from now on."""
    row = {
        "id": key,
        "url": url,
        "secret": secret,
        "actions": list(actions),
        "queue_id": queue_id,
        "active": True,
        "position": last_position(tx),
        "actor": actor,
        "created_at": now,
    }
    tx.execute(sa.insert(_WEBHOOK).values(row))


def list_webhooks(tx: Tx) -> list[Webhook]:
    """Return the webhooks with how far each is, the first one made first."""
    query = sa.select(_WEBHOOK, schema.queue.c.name.label("queue")).join(schema.queue, isouter=True)
    rows = tx.execute(query.order_by(_WEBHOOK.c.created_at, _WEBHOOK.c.id)).all()
    counts = sa.select(_DELIVERY.c.webhook_id, _DELIVERY.c.state, sa.func.count())
    found = tx.execute(counts.group_by(_DELIVERY.c.webhook_id, _DELIVERY.c.state))
    states = {(key, state): count for key, state, count in found}
    heads = {row.webhook_id: row for row in tx.execute(_heads())}
    return [_webhook(row, states, heads.get(row.id)) for row in rows]


def find_webhook(tx: Tx, key: str) -> Webhook:
    """Return a webhook.

    Raises:
        UnknownName: there is none of that id.
    """
    for found in list_webhooks(tx):
        if found.id == key:
            return found
    raise UnknownName(f"no webhook {key!r}: `trueup webhook list` shows those there are")


def secret_of(tx: Tx, key: str) -> str:
    """Return what a webhook's messages are signed with."""
    return str(tx.execute(sa.select(_WEBHOOK.c.secret).where(_WEBHOOK.c.id == key)).scalar_one())


def delete_webhook(tx: Tx, key: str) -> None:
    """Delete a webhook with its secret and its deliveries."""
    tx.execute(sa.delete(_DELIVERY).where(_DELIVERY.c.webhook_id == key))
    tx.execute(sa.delete(_WEBHOOK).where(_WEBHOOK.c.id == key))


def stop_webhook(tx: Tx, key: str) -> bool:
    """Send a webhook nothing more, and return whether it was sent something before."""
    query = sa.update(_WEBHOOK).where(_WEBHOOK.c.id == key, _WEBHOOK.c.active)
    return _changed(tx, query.values(active=False)) == 1


def restart_webhook(tx: Tx, key: str, *, now: datetime) -> None:
    """Send a webhook what waits for it, and what followed while it was sent nothing."""
    tx.execute(sa.update(_WEBHOOK).where(_WEBHOOK.c.id == key).values(active=True))
    waits = sa.update(_DELIVERY).where(_DELIVERY.c.webhook_id == key, _WAITING)
    tx.execute(waits.values(attempts=0, next_try=now))


def anything_due(tx: Tx, *, now: datetime) -> bool:
    """Return whether a webhook is to be told of something, so that a quiet store is not written."""
    behind = sa.select(_WEBHOOK.c.id).where(
        _WEBHOOK.c.active, _WEBHOOK.c.position < last_position(tx)
    )
    due = _heads().where(_WEBHOOK.c.active, _DELIVERY.c.next_try <= now)
    return any(tx.execute(query.limit(1)).first() is not None for query in (behind, due))


def enqueue(tx: Tx, *, now: datetime) -> int:
    """Lay out deliveries of what was sealed since, and return how many.

    Servers that do so at once share the work: a webhook that another one has in hand is left out.
    """
    query = sa.select(_WEBHOOK).where(_WEBHOOK.c.active, _WEBHOOK.c.position < last_position(tx))
    laid = 0
    for row in tx.execute(query.with_for_update(skip_locked=True)).all():
        waiting = sa.select(sa.func.count()).where(_DELIVERY.c.webhook_id == row.id, _WAITING)
        room = _AHEAD - tx.execute(waiting).scalar_one()
        if room <= 0:
            continue
        found, position = list_changes(tx, after=row.position, limit=room)
        wanted = [change for change in found if _wants(row, change)]
        insert_new(tx, _DELIVERY, [_laid(row.id, change, now) for change in wanted])
        here = sa.update(_WEBHOOK).where(_WEBHOOK.c.id == row.id)
        tx.execute(here.values(position=position))
        laid += len(wanted)
    return laid


def take_due(
    tx: Tx, *, now: datetime, lease: timedelta, limit: int, only: str | None = None
) -> list[Due]:
    """Take a try of the deliveries that are due, of each active webhook the first that waits.

    Args:
        tx: an open transaction.
        now: what is due by then.
        lease: how long the try may take; after that it is anybody's.
        limit: as many at the most.
        only: of this webhook alone.
    """
    query = (
        _heads()
        .add_columns(_WEBHOOK.c.url, _WEBHOOK.c.secret)
        .where(_WEBHOOK.c.active, _DELIVERY.c.next_try <= now)
        .order_by(_DELIVERY.c.next_try)
        .limit(limit)
    )
    if only is not None:
        query = query.where(_WEBHOOK.c.id == only)
    taken = [row for row in tx.execute(query).all() if _take(tx, row, now + lease)]
    if not taken:
        return []
    found, _ = list_changes(tx, positions=[row.seal_number for row in taken])
    changes = {change.position: change for change in found}
    names = name_queues(tx, (change.queue_id for change in found))
    made = []
    for row in taken:
        change = changes[row.seal_number]
        queue = names[change.queue_id]
        made.append(Due(row.webhook_id, row.url, row.secret, change, queue, row.attempts + 1))
    return made


def finish(
    tx: Tx, due: Due, *, error: str = "", retry_at: datetime | None = None, now: datetime
) -> bool:
    """Write how a try ended, and return whether it still was the caller's.

    Args:
        tx: an open transaction.
        due: the try.
        error: why it failed; "" where it did not.
        retry_at: when it is tried again, where it failed and is.
        now: when it ended.
    """
    here = (
        _DELIVERY.c.webhook_id == due.webhook_id,
        _DELIVERY.c.seal_number == due.change.position,
    )
    query = sa.update(_DELIVERY).where(*here, _WAITING, _DELIVERY.c.attempts == due.attempts)
    if error:
        return _changed(tx, query.values(next_try=retry_at or now, last_error=error)) == 1
    ours = _changed(tx, query.values(state="delivered", last_error="", delivered_at=now)) == 1
    old = _DELIVERY.c.seal_number < due.change.position - _KEPT
    tx.execute(sa.delete(_DELIVERY).where(here[0], old, ~_WAITING))
    return ours


def _heads() -> sa.Select[Any]:
    """Return the query of each webhook's first waiting delivery."""
    other = _DELIVERY.alias()
    first = (
        sa.select(sa.func.min(other.c.seal_number))
        .where(other.c.webhook_id == _WEBHOOK.c.id, other.c.state == "waiting")
        .correlate(_WEBHOOK)
        .scalar_subquery()
    )
    return sa.select(*_DELIVERY.c).join_from(
        _WEBHOOK,
        _DELIVERY,
        sa.and_(_DELIVERY.c.webhook_id == _WEBHOOK.c.id, _DELIVERY.c.seal_number == first),
    )


def _take(tx: Tx, row: sa.Row[Any], until: datetime) -> bool:
    query = sa.update(_DELIVERY).where(
        _DELIVERY.c.webhook_id == row.webhook_id,
        _DELIVERY.c.seal_number == row.seal_number,
        _WAITING,
        _DELIVERY.c.attempts == row.attempts,  # another server takes it too, and one comes first
    )
    return _changed(tx, query.values(next_try=until, attempts=row.attempts + 1)) == 1


def _changed(tx: Tx, query: sa.Update) -> int:
    return tx.execute(query.execution_options(preserve_rowcount=True)).rowcount


def _wants(row: sa.Row[Any], change: Change) -> bool:
    of_queue = row.queue_id is None or row.queue_id == change.queue_id
    return of_queue and (not row.actions or change.action in row.actions)


def _laid(key: str, change: Change, now: datetime) -> dict[str, Any]:
    return {
        "webhook_id": key,
        "seal_number": change.position,
        "state": "waiting",
        "attempts": 0,
        "next_try": now,
        "last_error": "",
    }


def _webhook(
    row: sa.Row[Any], states: Mapping[tuple[str, str], int], head: sa.Row[Any] | None
) -> Webhook:
    made = Webhook(
        row.id,
        row.url,
        tuple(row.actions),
        row.queue,
        row.active,
        row.actor,
        row.created_at,
        states.get((row.id, "waiting"), 0),
        states.get((row.id, "delivered"), 0),
    )
    if head is None:
        return made
    return replace(made, attempts=head.attempts, next_try=head.next_try, last_error=head.last_error)
