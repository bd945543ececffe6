"""Reads of safety-labelled data in the audit log, written before what was read is handed on.

A read counts where items, labels, or rows made of them, of a queue that is about safety leave the
store: for a page, a program, a file, an evaluator or a training. Figures (counts, agreement) say
nothing of a single label and do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Store, Tx
from trueup.store.events import record
from trueup.store.queues import list_queues
from trueup.store.rows import chunks
from trueup.store.stamp import stamp

__all__ = ["log_read", "log_read_of_items", "log_read_of_trace", "log_read_of_version", "put_read"]


def put_read(
    tx: Tx, queue_id: str, what: str, count: int, *, actor: str, now: datetime, **of: Any
) -> None:
    """Write that somebody read something of a queue that is about safety.

    Args:
        tx: the transaction that it was read in, or one that commits before it is handed on.
        queue_id: the queue.
        what: "item", "items", "labels", "preferences", "rows" or "trace".
        count: how many.
        actor: who reads.
        now: when.
        **of: what else is to be known, such as `item`, `file` or `dataset`.
    """
    detail = {"what": what, "count": count, **of}
    record(tx, "read", "queue", queue_id, detail, actor=actor, now=now, safety=True)


def log_read(
    store: Store,
    what: str,
    counts: Mapping[str, int],
    *,
    actor: str | None = None,
    now: datetime | None = None,
    **of: Any,
) -> None:
    """Write that somebody read something, for each queue that is about safety, and no other.

    Args:
        store: where.
        what: see `put_read`.
        counts: how many, by queue id.
        actor: who reads.
        now: when.
        **of: see `put_read`.
    """
    with store.reading() as tx:
        concerned = [q.id for q in list_queues(tx) if q.settings.get("safety")] if counts else []
    found = sorted(queue for queue in concerned if counts.get(queue))
    if not found:
        return
    given = stamp(actor, now)
    with store.transaction(beside_others=True) as tx:
        for queue in found:
            put_read(tx, queue, what, counts[queue], **given._asdict(), **of)


def log_read_of_items(
    store: Store,
    what: str,
    item_ids: Iterable[str],
    *,
    actor: str | None = None,
    now: datetime | None = None,
    **of: Any,
) -> None:
    """Write a read of so many things as there are ids, each of something on that item."""
    wanted = list(item_ids)
    table = schema.item.c
    home: dict[str, str] = {}
    with store.reading() as tx:
        for some in chunks(wanted):
            query = sa.select(table.id, table.queue_id).where(table.id.in_(some))
            home.update((key, queue) for key, queue in tx.execute(query))
    counts: dict[str, int] = {}
    for key in wanted:
        counts[home[key]] = counts.get(home[key], 0) + 1
    log_read(store, what, counts, actor=actor, now=now, **of)


def log_read_of_trace(
    store: Store, trace_id: str, *, actor: str | None = None, now: datetime | None = None
) -> None:
    """Write a read of a trace, for each queue about safety that has an item on it."""
    table = schema.item.c
    with store.reading() as tx:
        query = sa.select(table.queue_id).where(table.trace_id == trace_id)
        queues = set(tx.scalars(query))
    log_read(store, "trace", dict.fromkeys(queues, 1), actor=actor, now=now, trace=trace_id)


def log_read_of_version(
    store: Store, version_id: str, *, actor: str | None = None, now: datetime | None = None
) -> None:
    """Write a read of all of a dataset version's rows, by the queues that they come from."""
    row, preference, item = schema.dataset_row.c, schema.preference, schema.item
    query = (
        sa.select(item.c.queue_id, sa.func.count())
        .select_from(schema.dataset_row)
        .join(preference, preference.c.id == row.preference_id)
        .join(item, item.c.id == preference.c.item_id)
        .where(row.version_id == version_id)
        .group_by(item.c.queue_id)
    )
    with store.reading() as tx:
        safety = any(queue.settings.get("safety") for queue in list_queues(tx))
        found = tx.execute(query).all() if safety else []
    counts = {row[0]: row[1] for row in found}
    log_read(store, "rows", counts, actor=actor, now=now, version=version_id)
