"""Who has reserved which place until when, and whose is filled.

A claim is one conditional UPDATE. On SQLite the write transaction keeps others out; on PostgreSQL
the row that is taken is locked and rows that others have locked are passed over (SKIP LOCKED), so
that reviewers who claim at the same moment do not wait for one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import content_hash, derived_id
from trueup.store.rows import insert_new
from trueup.store.slots import Kind

__all__ = [
    "Asked",
    "Held",
    "Overtaken",
    "Waiting",
    "claim",
    "claim_gold",
    "count_waiting",
    "fill",
    "list_held",
    "put_filled",
    "put_skip",
    "release",
]

_T = schema.slot.c
_OTHER = schema.slot.alias()
_TAKE = schema.slot.alias()


@dataclass(frozen=True, slots=True)
class Held:
    """A place that a reviewer has reserved."""

    item_id: str
    queue_id: str
    kind: Kind
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a reviewer gets nothing from a queue, in places that are not filled.

    Attributes:
        open: all of them.
        held: reserved by others, until `free_at` at the earliest.
        skipped: on items that the reviewer has skipped.
        elsewhere: assigned to others, or asking for expertise that the reviewer has not.
    """

    open: int
    held: int
    skipped: int
    elsewhere: int
    free_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reviewer asks for.

    Attributes:
        reviewer: who asks; gets no item that they have labelled for any end, hold or have skipped,
            so that nobody settles or checks their own label.
        kind: what for.
        tags: the reviewer's expertise; None has all.
        now: when; reservations that ended by then are free.
    """

    queue_id: str
    reviewer: str
    kind: Kind
    tags: Sequence[str] | None
    now: datetime


class Overtaken(Exception):
    """Another claim of the same reviewer's has reserved the same item at the same moment."""


def claim(tx: Tx, asked: Asked, *, until: datetime) -> str | None:
    """Reserve, until a time, the first place that fits; return its item's id, or None.

    Raises:
        Overtaken: the transaction is lost; begin again.
    """
    values = {
        "queue": asked.queue_id,
        "who": asked.reviewer,
        "aim": asked.kind,
        "now": asked.now,
        "until": until,
        "tags": list(asked.tags) if asked.tags is not None else [""],
        "every": asked.tags is None,
    }
    if tx.dialect.name != "postgresql":
        found = tx.execute(_CLAIM, values).scalar()
        return None if found is None else str(found)
    try:
        # a place that was passed over may be free again once the other transaction has ended
        for query in (_CLAIM_BESIDE, _CLAIM, _CLAIM):
            if (found := tx.execute(query, values).scalar()) is not None:
                return str(found)
    except sa.exc.IntegrityError as error:
        raise Overtaken from error
    return None


def _claiming(*, skip_locked: bool) -> sa.Update:
    who = sa.bindparam("who", type_=sa.String())
    now = sa.bindparam("now", type_=schema.UtcDateTime())
    t, o, skip = _TAKE.c, _OTHER.c, schema.skip.c
    free = (
        sa.select(t.id)
        .where(
            t.queue_id == sa.bindparam("queue"),
            t.kind == sa.bindparam("aim"),
            ~t.filled,
            sa.or_(t.reviewer.is_(None), t.expires_at <= now),
            sa.or_(t.assigned.is_(None), t.assigned == who),
            sa.or_(
                sa.bindparam("every", type_=sa.Boolean()),
                t.tag == "",
                t.tag.in_(sa.bindparam("tags", expanding=True)),
            ),
            ~sa.exists().where(o.item_id == t.item_id, o.reviewer == who, o.id != t.id),
            ~sa.exists().where(skip.item_id == t.item_id, skip.reviewer == who),
        )
        .order_by(t.position, t.number)
        .limit(1)
        .with_for_update(skip_locked=skip_locked)  # which SQLite has not, and does not need
    )
    return (
        sa.update(schema.slot)
        .where(_T.id == free.scalar_subquery())
        .values(reviewer=who, expires_at=sa.bindparam("until", type_=schema.UtcDateTime()))
        .returning(_T.item_id)
    )


_CLAIM, _CLAIM_BESIDE = _claiming(skip_locked=False), _claiming(skip_locked=True)


def list_held(tx: Tx, reviewer: str, *, now: datetime, queue_id: str | None = None) -> list[Held]:
    """Return what the reviewer has reserved, in the order of handing out."""
    query, values = _HELD, {"who": reviewer, "now": now}
    if queue_id is not None:
        query, values["queue"] = _HELD_HERE, queue_id
    return [Held(*row) for row in tx.execute(query, values)]


_HELD = (
    sa.select(_T.item_id, _T.queue_id, _T.kind, _T.expires_at)
    .where(
        _T.reviewer == sa.bindparam("who", type_=sa.String()),
        ~_T.filled,
        _T.expires_at > sa.bindparam("now", type_=schema.UtcDateTime()),
    )
    .order_by(_T.position)
)
_HELD_HERE = _HELD.where(_T.queue_id == sa.bindparam("queue"))


def fill(tx: Tx, item_id: str, reviewer: str, *, kind: Kind = "label", now: datetime) -> bool:
    """Take a place for good and return whether there was one.

    The reviewer's own reservation comes first, even one that has ended while nobody else took it;
    then a free place, then one whose reservation has ended.

    Raises:
        Overtaken: see `claim`.
    """
    values = {"item": item_id, "who": reviewer, "aim": kind, "now": now}
    if tx.dialect.name != "postgresql":
        return tx.execute(_FILL, values).rowcount == 1
    try:
        # the place that it waited for may have been taken; then another one may be free
        return any(tx.execute(_FILL, values).rowcount == 1 for _ in range(2))
    except sa.exc.IntegrityError as error:
        raise Overtaken from error


def _filling() -> sa.Update:
    who = sa.bindparam("who", type_=sa.String())
    now = sa.bindparam("now", type_=schema.UtcDateTime())
    t = _TAKE.c
    mine = sa.case((t.reviewer == who, 0), (t.reviewer.is_(None), 1), else_=2)
    place = (
        sa.select(t.id)
        .where(
            t.item_id == sa.bindparam("item"),
            t.kind == sa.bindparam("aim"),
            ~t.filled,
            sa.or_(t.reviewer.is_(None), t.reviewer == who, t.expires_at <= now),
            sa.or_(t.assigned.is_(None), t.assigned == who, t.reviewer == who),
        )
        .order_by(mine, t.number)
        .limit(1)
        .with_for_update()  # which SQLite has not, and does not need
    )
    return (
        sa.update(schema.slot)
        .where(_T.id == place.scalar_subquery())
        .values(reviewer=who, expires_at=None, filled=True)
    )


_FILL = _filling()


def claim_gold(
    tx: Tx, queue_id: str, reviewer: str, *, now: datetime, until: datetime
) -> str | None:
    """Reserve an item whose answer is known, that the reviewer has not labelled; or return None.

    Such an item has no places of its own: each reviewer is tried by it once.
    """
    item, skip = schema.item.c, schema.skip.c
    mine = [_T.item_id == item.id, _T.reviewer == reviewer]
    query = (
        sa.select(item.id)
        .where(
            item.queue_id == queue_id,
            item.gold,
            ~sa.exists().where(*mine, sa.or_(_T.filled, _T.expires_at > now)),
            ~sa.exists().where(skip.item_id == item.id, skip.reviewer == reviewer),
        )
        .order_by(item.id)
        .limit(1)
    )
    found = tx.execute(query).scalar()
    if found is not None:
        _put_gold(tx, queue_id, found, reviewer, filled=False, now=now, until=until)
    return found


def put_filled(tx: Tx, queue_id: str, item_id: str, reviewer: str, *, now: datetime) -> None:
    """Make a filled place for a reviewer at an item whose answer is known."""
    _put_gold(tx, queue_id, item_id, reviewer, filled=True, now=now, until=None)


def _put_gold(
    tx: Tx,
    queue_id: str,
    item_id: str,
    reviewer: str,
    *,
    filled: bool,
    now: datetime,
    until: datetime | None,
) -> None:
    _drop_gold(tx, item_id, reviewer)
    row = {
        "id": derived_id("slot", item_id, "gold", reviewer),
        "queue_id": queue_id,
        "item_id": item_id,
        "number": int(content_hash(reviewer)[:7], 16),  # each reviewer's own, without counting
        "kind": "gold",
        "position": -1,  # what is held and comes first is handed out again first
        "reviewer": reviewer,
        "expires_at": until,
        "filled": filled,
        "actor": reviewer,
        "created_at": now,
    }
    insert_new(tx, schema.slot, [row])


def _drop_gold(tx: Tx, item_id: str, reviewer: str) -> bool:
    query = sa.delete(schema.slot).where(
        _T.item_id == item_id, _T.kind == "gold", _T.reviewer == reviewer, ~_T.filled
    )
    return tx.execute(query).rowcount > 0


def release(tx: Tx, item_id: str, reviewer: str) -> bool:
    """Give a reservation back and return whether there was one."""
    if _drop_gold(tx, item_id, reviewer):
        return True
    query = sa.update(schema.slot).where(_T.item_id == item_id, _T.reviewer == reviewer, ~_T.filled)
    return tx.execute(query.values(reviewer=None, expires_at=None)).rowcount > 0


def put_skip(
    tx: Tx, item_id: str, reviewer: str, reason: str, *, actor: str, now: datetime
) -> None:
    """Note that the reviewer will not label the item; a second reason replaces the first."""
    table = schema.skip
    found = tx.execute(
        sa.update(table)
        .where(table.c.item_id == item_id, table.c.reviewer == reviewer)
        .values(reason=reason)
    )
    if not found.rowcount:
        row = {"item_id": item_id, "reviewer": reviewer, "reason": reason}
        tx.execute(sa.insert(table).values(row | {"actor": actor, "created_at": now}))


def count_waiting(tx: Tx, asked: Asked) -> Waiting:
    """Say why `claim` gives nothing."""
    reviewer, tags, now = asked.reviewer, asked.tags, asked.now
    skipped = sa.exists().where(
        schema.skip.c.item_id == _T.item_id, schema.skip.c.reviewer == reviewer
    )
    held = sa.and_(_T.reviewer.is_not(None), _T.reviewer != reviewer, _T.expires_at > now)
    elsewhere: Any = sa.and_(_T.assigned.is_not(None), _T.assigned != reviewer)
    if tags is not None:
        elsewhere = sa.or_(elsewhere, sa.and_(_T.tag != "", _T.tag.not_in(tags)))
    done = sa.exists().where(_OTHER.c.item_id == _T.item_id, _OTHER.c.reviewer == reviewer)

    def total(condition: Any) -> Any:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    query = sa.select(
        sa.func.count(),
        total(held),
        total(skipped),
        total(elsewhere),
        sa.func.min(sa.case((held, _T.expires_at))),
    ).where(_T.queue_id == asked.queue_id, _T.kind == asked.kind, ~_T.filled, ~done)
    return Waiting(*tx.execute(query).one())
