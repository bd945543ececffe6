"""The audit log: who did what, written with the change itself and chained by hash afterwards.

A chain in the transaction of every change would have all of them wait for one another. So a change
writes its event alone, and `seal_events` chains what is there, in the order it finds it, in a
transaction of its own. What has no seal yet is the tail that nothing but the database vouches for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import content_hash

__all__ = [
    "Chain",
    "Event",
    "EventFilter",
    "latest_events",
    "list_events",
    "record",
    "seal_events",
    "verify_chain",
    "verify_on",
]

_START = "0" * 64  # what the first seal follows
_BATCH = 1000
_BACK = 10_000  # more than are ever under way at once


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that somebody did.

    Attributes:
        number: its place in the order of writing.
        action: what was done, as "submit".
        noun, object_id: to what.
        detail: what the change was.
        safety: whether it touches safety-labelled data.
    """

    number: int
    actor: str
    action: str
    noun: str
    object_id: str
    detail: Mapping[str, Any]
    safety: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Chain:
    """What verifying the log found.

    Attributes:
        sealed: events whose seal holds.
        unsealed: events that have no seal yet, the tail.
        head: the hash of the last seal; one that was noted elsewhere proves the log up to there.
        fault: what is wrong first, or "".
    """

    sealed: int
    unsealed: int
    head: str
    fault: str


def record(
    tx: Tx,
    action: str,
    noun: str,
    object_id: str,
    detail: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
    safety: bool = False,
    project: str = "default",
) -> None:
    """Write an event, in the transaction of the change that it tells of."""
    row = {
        "action": action,
        "noun": noun,
        "object_id": object_id,
        "detail": dict(detail),
        "safety": safety,
        "project": project,
        "actor": actor,
        "created_at": now,
    }
    tx.execute(_INSERT, row)


_INSERT = sa.insert(schema.event).inline()


def list_events(
    tx: Tx,
    *,
    object_id: str | None = None,
    safety: bool | None = None,
    after: int = 0,
    limit: int | None = None,
) -> Iterator[Event]:
    """Yield events in order of writing, of one object or all, from after a number on."""
    table = schema.event
    query = sa.select(table).where(table.c.number > after).order_by(table.c.number).limit(limit)
    if object_id is not None:
        query = query.where(table.c.object_id == object_id)
    if safety is not None:
        query = query.where(table.c.safety == safety)
    with tx.execute(query.execution_options(yield_per=_BATCH)) as rows:
        for row in rows:
            yield _event(row)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; what is None is not asked for."""

    noun: str | None = None
    object_id: str | None = None
    actor: str | None = None
    action: str | None = None
    safety: bool | None = None


def latest_events(
    tx: Tx, wanted: EventFilter, *, before: int | None = None, limit: int
) -> list[Event]:
    """Return events, the newest first, from before a number on."""
    table = schema.event
    query = sa.select(table).order_by(table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(table.c.number < before)
    for name, value in asdict(wanted).items():
        if name == "safety" and value is not None:
            query = query.where(table.c.safety if value else ~table.c.safety)
        elif value is not None:
            query = query.where(table.c[name] == value)
    return [_event(row) for row in tx.execute(query)]


def seal_events(tx: Tx, *, back: int | None = _BACK) -> int:
    """Chain the events that have no seal yet and return how many.

    Args:
        tx: an open transaction.
        back: how far before the last sealed event to look for one that was written before it and
            committed after it; None looks at all of the log.
    """
    table = schema.seal
    last = tx.execute(sa.select(table).order_by(table.c.number.desc()).limit(1)).first()
    number, head = (last.number, last.hash) if last else (0, _START)
    unsealed = _unsealed().order_by(schema.event.c.number)
    if last and back is not None:
        unsealed = unsealed.where(schema.event.c.number > last.event_number - back)
    found = tx.execute(unsealed).all()
    rows = []
    for row in found:
        number, head = number + 1, _hash(head, _event(row))
        rows.append({"number": number, "event_number": row.number, "hash": head})
    if rows:
        tx.execute(sa.insert(table), rows)
    return len(rows)


def verify_chain(tx: Tx, *, head: str | None = None) -> Chain:
    """Hold every sealed event against the chain.

    Args:
        tx: an open transaction.
        head: a head that was noted earlier and must be among the seals; without one, a log that
            was cut short together with its seals looks like a shorter log.
    """
    unsealed = _count(tx, _unsealed())
    found, met = _follow(tx, Chain(0, unsealed, _START, ""), None, head)
    if met or head is None or found.fault:
        return found
    return replace(found, fault=f"head {head[:12]} is not in the log: its end was cut off")


def verify_on(tx: Tx, before: Chain | None = None, *, limit: int) -> Chain:
    """Hold the events that follow what was verified before against the chain, so many at most.

    A fault that was found stays; what was verified is not looked at again.
    """
    tail = sa.select(sa.func.max(schema.seal.c.event_number)).scalar_subquery()
    late = schema.event.c.number > sa.func.coalesce(tail, 0) - _BACK
    found = before or Chain(0, 0, _START, "")
    if not found.fault:
        found, _ = _follow(tx, found, limit, None)
    return replace(found, unsealed=_count(tx, _unsealed().where(late)))


def _follow(tx: Tx, before: Chain, limit: int | None, head: str | None) -> tuple[Chain, bool]:
    """Return what is found with so many further seals, and whether a head is among them."""
    event, seal = schema.event, schema.seal
    query = (
        sa.select(seal.c.number.label("seal"), seal.c.event_number, seal.c.hash, *event.c)
        .join_from(seal, event, seal.c.event_number == event.c.number, isouter=True)
        .where(seal.c.number > before.sealed)
        .order_by(seal.c.number)
        .limit(limit)
        .execution_options(yield_per=_BATCH)
    )
    last, count, met = before.head, before.sealed, False
    with tx.execute(query) as rows:
        for row in rows:
            fault = ""
            if row.seal != count + 1:
                fault = f"seal {count + 1} is gone"
            elif row.number is None:
                fault = f"event {row.event_number} is gone"
            elif _hash(last, _event(row)) != row.hash:
                fault = f"event {row.number} or its place in the order was changed"
            if fault:
                return Chain(count, before.unsealed, last, fault), met
            last, count, met = row.hash, count + 1, met or row.hash == head
    return Chain(count, before.unsealed, last, ""), met


def _count(tx: Tx, query: sa.Select[Any]) -> int:
    return tx.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()


def _unsealed() -> sa.Select[Any]:
    event, seal = schema.event, schema.seal
    return sa.select(event).where(~sa.exists().where(seal.c.event_number == event.c.number))


def _hash(before: str, event: Event) -> str:
    return content_hash(
        [
            before,
            event.number,
            event.actor,
            event.action,
            event.noun,
            event.object_id,
            event.detail,
            event.safety,
            event.created_at.isoformat(),
        ]
    )


def _event(row: Any) -> Event:
    return Event(
        row.number,
        row.actor,
        row.action,
        row.noun,
        row.object_id,
        row.detail,
        row.safety,
        row.created_at,
    )
