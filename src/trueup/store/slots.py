"""Places at items: how many reviewers an item still needs, in which order, and whom alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import derived_id
from trueup.store.rows import chunks, insert_new

__all__ = [
    "Asking",
    "Kind",
    "Place",
    "add_slots",
    "assign",
    "count_assigned",
    "drop_open",
    "first_places",
    "items_with",
    "newest",
    "next_position",
    "queues_with_open",
    "waiting_items",
]

Asking = Literal["label", "adjudication", "spot_check"]
"""What a reviewer may ask for; nobody asks to be tried by a gold item."""
Kind = Literal[Asking, "gold"]
_T = schema.slot.c
_TAKE = schema.slot.alias()


@dataclass(frozen=True, slots=True)
class Place:
    """A place to make: which item's, where in the order of handing out, and whose alone."""

    item_id: str
    position: int
    number: int
    tag: str = ""
    assigned: str | None = None


def next_position(tx: Tx, queue_id: str) -> int:
    """Return the place in the order of handing out that comes after all of the queue's."""
    last = sa.select(sa.func.max(_T.position)).where(_T.queue_id == queue_id, _T.kind == "label")
    found = tx.execute(last).scalar()
    return 0 if found is None else found + 1


def add_slots(
    tx: Tx,
    queue_id: str,
    places: Iterable[Place],
    *,
    kind: Kind = "label",
    actor: str,
    now: datetime,
) -> None:
    """Make places at items; those that are there are left as they are."""
    rows = [
        {
            "id": derived_id("slot", place.item_id, kind, place.number),
            "queue_id": queue_id,
            "item_id": place.item_id,
            "number": place.number,
            "kind": kind,
            "position": place.position,
            "tag": place.tag,
            "assigned": place.assigned,
            "filled": False,
            "actor": actor,
            "created_at": now,
        }
        for place in places
    ]
    insert_new(tx, schema.slot, rows)


def first_places(tx: Tx, queue_id: str) -> list[Place]:
    """Return the first place at each item of a queue, in the order of handing out."""
    query = (
        sa.select(_T.item_id, _T.position, _T.number, _T.tag, _T.assigned)
        .where(_T.queue_id == queue_id, _T.kind == "label", _T.number == 0)
        .order_by(_T.position)
    )
    return [Place(*row) for row in tx.execute(query)]


def count_assigned(tx: Tx, queue_id: str) -> dict[str, int]:
    """Return how many places of a queue are assigned to whom and not filled."""
    query = (
        sa.select(_T.assigned, sa.func.count())
        .where(_T.queue_id == queue_id, _T.assigned.is_not(None), ~_T.filled)
        .group_by(_T.assigned)
    )
    return {str(name): count for name, count in tx.execute(query)}


def waiting_items(tx: Tx, queue_id: str, kind: Kind) -> set[str]:
    """Return the ids of the items that have a place of a kind which nobody has filled."""
    query = sa.select(_T.item_id).where(_T.queue_id == queue_id, _T.kind == kind, ~_T.filled)
    return set(tx.scalars(query))


def queues_with_open(tx: Tx, kind: Kind) -> set[str]:
    """Return the ids of the queues that have a place of a kind which nobody has filled."""
    queue = schema.queue.c.id
    return set(
        tx.scalars(
            sa.select(queue).where(
                sa.exists().where(_T.queue_id == queue, _T.kind == kind, ~_T.filled)
            )
        )
    )


def newest(tx: Tx, queue_id: str, kind: Kind) -> datetime | None:
    """Return when a queue's last place of a kind was made, or None."""
    query = sa.select(_T.created_at).where(_T.queue_id == queue_id, _T.kind == kind)
    return tx.execute(query.order_by(_T.created_at.desc()).limit(1)).scalar()


def items_with(tx: Tx, item_ids: Iterable[str], kind: Kind) -> set[str]:
    """Return which of the items have a place of a kind, filled or not."""
    query = sa.select(_T.item_id).where(_T.kind == kind)
    return {
        key for some in chunks(item_ids) for key in tx.scalars(query.where(_T.item_id.in_(some)))
    }


def assign(tx: Tx, item_ids: Iterable[str], reviewer: str | None) -> int:
    """Have one reviewer alone fill a free place of each item, or anybody; return how many."""
    count = 0
    for item_id in item_ids:
        free = (
            sa.select(_TAKE.c.id)
            .where(
                _TAKE.c.item_id == item_id,
                _TAKE.c.kind == "label",
                ~_TAKE.c.filled,
                _TAKE.c.reviewer.is_(None),
                _TAKE.c.assigned.is_(None) if reviewer else _TAKE.c.assigned.is_not(None),
            )
            .order_by(_TAKE.c.number)
        )
        query = sa.update(schema.slot)
        if reviewer:
            query = query.where(_T.id == free.limit(1).scalar_subquery())
        else:
            query = query.where(_T.id.in_(free))
        count += tx.execute(query.values(assigned=reviewer)).rowcount
    return count


def drop_open(tx: Tx, queue_id: str, at_least: int) -> None:
    """Remove the places numbered so high or higher that nobody has filled or holds."""
    tx.execute(
        sa.delete(schema.slot).where(
            _T.queue_id == queue_id,
            _T.kind == "label",
            _T.number >= at_least,
            ~_T.filled,
            _T.reviewer.is_(None),
        )
    )
