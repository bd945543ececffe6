"""What happened to queues, in the order in which it became final: what others are told of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.rows import chunks

__all__ = ["Change", "last_position", "list_changes", "name_queues"]

_ANNOTATION, _EVENT, _ITEM, _SEAL = schema.annotation, schema.event, schema.item, schema.seal


@dataclass(frozen=True, slots=True)
class Change:
    """An event on a queue, an item of one, or a label on one.

    Attributes:
        position: the number of its seal. Seals are given to what is committed, one after the other,
            so that nothing appears before a position that was read; an event's own number may be
            taken before another's and be committed after it.
        number: the event's.
        queue_id: the queue.
    """

    position: int
    number: int
    action: str
    noun: str
    object_id: str
    actor: str
    created_at: datetime
    queue_id: str


def last_position(tx: Tx) -> int:
    """Return the number of the last seal, 0 where there is none."""
    return int(tx.execute(sa.select(sa.func.max(_SEAL.c.number))).scalar() or 0)


def list_changes(
    tx: Tx, *, after: int = 0, limit: int = 500, positions: Sequence[int] | None = None
) -> tuple[list[Change], int]:
    """Return changes of queues after a position, and the last position that was looked at.

    Reads are no changes, and what happens to members or keys is none of a queue's.

    Args:
        tx: an open transaction.
        after: a position.
        limit: as many seals are looked at, at the most.
        positions: only these, whatever comes before or after.
    """
    query = (
        sa.select(_SEAL.c.number.label("position"), *_EVENT.c)
        .join_from(_SEAL, _EVENT, _SEAL.c.event_number == _EVENT.c.number)
        .order_by(_SEAL.c.number)
    )
    if positions is None:
        query = query.where(_SEAL.c.number > after).limit(limit)
    else:
        query = query.where(_SEAL.c.number.in_(positions))
    rows = tx.execute(query).all()
    homes = _homes(tx, rows)
    found = [
        Change(
            row.position,
            row.number,
            row.action,
            row.noun,
            row.object_id,
            row.actor,
            row.created_at,
            homes[row.noun, row.object_id],
        )
        for row in rows
        if row.action != "read" and (row.noun, row.object_id) in homes
    ]
    return found, rows[-1].position if rows else after


def name_queues(tx: Tx, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of queues by id."""
    table = schema.queue.c
    query = sa.select(table.id, table.name)
    return {
        key: name
        for some in chunks(ids)
        for key, name in tx.execute(query.where(table.id.in_(some)))
    }


def _homes(tx: Tx, rows: Sequence[sa.Row[Any]]) -> dict[tuple[str, str], str]:
    """Return the queue of each object that events are about, where it has one."""
    asked: dict[str, set[str]] = {"queue": set(), "item": set(), "annotation": set()}
    for row in rows:
        if row.noun in asked:
            asked[row.noun].add(row.object_id)
    homes = {("queue", key): key for key in asked["queue"]}
    of_label = sa.select(_ANNOTATION.c.id, _ITEM.c.queue_id).join(_ITEM)
    of_item = sa.select(_ITEM.c.id, _ITEM.c.queue_id)
    for noun, column, query in (
        ("item", _ITEM.c.id, of_item),
        ("annotation", _ANNOTATION.c.id, of_label),
    ):
        for some in chunks(asked[noun]):
            homes.update(
                {(noun, k): queue for k, queue in tx.execute(query.where(column.in_(some)))}
            )
    return homes
