"""Items in the store: what a queue asks about, frozen with all that it shows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from cachetools import TTLCache

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.rows import chunks, get_blobs, insert_new, put_blob, put_json, rows_among
from trueup.types import Expected, Item, ItemAnswer

__all__ = [
    "cached_item",
    "has_item",
    "known_traces",
    "list_items",
    "put_item",
    "queues_on",
]


def known_traces(tx: Tx, ids: Iterable[str]) -> set[str]:
    """Return which of `ids` are traces of this store."""
    column = schema.trace.c.id
    return {
        found
        for some in chunks(ids)
        for found in tx.scalars(sa.select(column).where(column.in_(some)))
    }


def put_item(tx: Tx, item: Item, *, actor: str, now: datetime) -> bool:
    """Store an item with everything it shows and return whether it is new."""
    row = {
        "id": item.id,
        "queue_id": item.queue_id,
        "trace_id": item.trace_id,
        "conversation_id": item.conversation_id,
        "cohort": item.cohort,
        "question_type": item.question_type,
        "family": item.family,
        "messages_blob": put_json(tx, [dict(m) for m in item.messages], actor=actor, now=now),
        "context_blob": put_json(tx, list(item.context), actor=actor, now=now),
        "expected": None if item.expected is None else item.expected.to_json(),
        "reason": item.reason,
        "inclusion": item.inclusion,
        "tag": item.tag,
        "gold": item.gold,
        "actor": actor,
        "created_at": now,
    }
    if not insert_new(tx, schema.item, [row]):
        return False
    answers = [
        {
            "item_id": item.id,
            "key": answer.key,
            "text_blob": put_blob(tx, answer.text, actor=actor, now=now),
            "source": answer.source,
        }
        for answer in item.answers
    ]
    insert_new(tx, schema.item_answer, answers)
    return True


def list_items(
    tx: Tx,
    *,
    queue_id: str | None = None,
    ids: Iterable[str] | None = None,
    gold: bool | None = None,
) -> list[Item]:
    """Return the items of a queue, or those of `ids`, in the order they were added.

    Args:
        tx: an open transaction.
        queue_id: only this queue's.
        ids: only these.
        gold: only those whose answer is known, or only the others; None is both.

    Raises:
        StoreError: a text of one of them was erased.
    """
    table = schema.item
    query = sa.select(table)
    if gold is not None:
        query = query.where(table.c.gold == gold)
    if queue_id is not None:
        query = query.where(table.c.queue_id == queue_id)
    rows = rows_among(tx, query, table.c.id, ids)
    rows.sort(key=lambda row: (row.created_at, row.id))
    answers = _answers(tx, queue_id, None if ids is None else [row.id for row in rows])
    keys = {key for row in rows for key in (row.messages_blob, row.context_blob)}
    keys.update(answer.text_blob for shown in answers.values() for answer in shown)
    blobs = get_blobs(tx, keys)
    return [
        _item(
            row,
            blobs[row.messages_blob],
            blobs[row.context_blob],
            [ItemAnswer(a.key, blobs[a.text_blob], a.source) for a in answers[row.id]],
        )
        for row in rows
    ]


def _item(row: sa.Row[Any], messages: str, context: str, answers: Iterable[ItemAnswer]) -> Item:
    return Item(
        id=row.id,
        queue_id=row.queue_id,
        trace_id=row.trace_id,
        conversation_id=row.conversation_id,
        cohort=row.cohort,
        question_type=row.question_type,
        family=row.family,
        messages=tuple(json.loads(messages)),
        context=tuple(json.loads(context)),
        answers=tuple(answers),
        reason=row.reason,
        expected=None if row.expected is None else Expected.from_json(row.expected),
        inclusion=row.inclusion,
        tag=row.tag,
        gold=row.gold,
    )


def cached_item(tx: Tx, item_id: str) -> Item | None:
    """Return an item, or None; read at most half a minute ago, since what it shows never changes.

    So that a reviewer's label does not read again what the claim has read a moment before. An
    erased text is gone from memory as soon.
    """
    with _LOCK:
        known = _READ.setdefault(tx.engine, TTLCache(maxsize=2048, ttl=30))
        found = known.get(item_id)
    if found is None:
        found = _whole_item(tx, item_id)
        if found is not None:
            with _LOCK:
                known[item_id] = found
    return found


def _whole_item(tx: Tx, item_id: str) -> Item | None:
    """Return an item by one statement, or None."""
    rows = tx.execute(_WHOLE, {"of_item": item_id}).all()
    if not rows:
        return None
    first = rows[0]
    answers = [ItemAnswer(row.key, row.answer_text, row.source) for row in rows if row.key]
    if None in (first.messages, first.context, *(answer.text for answer in answers)):
        return list_items(tx, ids=[item_id])[0]  # which says what was erased
    return _item(first, first.messages, first.context, answers)


_MESSAGES, _CONTEXT, _ANSWER = (schema.blob.alias(name) for name in ("m", "c", "a"))
_WHOLE = (
    sa.select(
        schema.item,
        _MESSAGES.c.text.label("messages"),
        _CONTEXT.c.text.label("context"),
        schema.item_answer.c.key,
        schema.item_answer.c.source,
        _ANSWER.c.text.label("answer_text"),
    )
    .join_from(schema.item, _MESSAGES, _MESSAGES.c.id == schema.item.c.messages_blob)
    .join(_CONTEXT, _CONTEXT.c.id == schema.item.c.context_blob)
    .join(schema.item_answer, schema.item_answer.c.item_id == schema.item.c.id, isouter=True)
    .join(_ANSWER, _ANSWER.c.id == schema.item_answer.c.text_blob, isouter=True)
    .order_by(schema.item_answer.c.key)
    .where(schema.item.c.id == sa.bindparam("of_item"))
)


_READ: WeakKeyDictionary[sa.Engine, TTLCache[str, Item]] = WeakKeyDictionary()
_LOCK = Lock()


def has_item(tx: Tx, queue_id: str, item_id: str) -> bool:
    """Return whether the queue has the item."""
    table = schema.item
    query = sa.select(table.c.id).where(table.c.id == item_id, table.c.queue_id == queue_id)
    return tx.execute(query).first() is not None


def queues_on(tx: Tx, trace_id: str) -> set[str]:
    """Return the ids of the queues that have an item on a trace."""
    query = sa.select(schema.item.c.queue_id).where(schema.item.c.trace_id == trace_id)
    return set(tx.scalars(query))


def _answers(
    tx: Tx, queue_id: str | None, item_ids: Sequence[str] | None
) -> dict[str, list[sa.Row[Any]]]:
    table = schema.item_answer
    query = sa.select(table)
    if queue_id is not None:
        query = query.join(schema.item).where(schema.item.c.queue_id == queue_id)
    found: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in sorted(rows_among(tx, query, table.c.item_id, item_ids), key=lambda r: str(r.key)):
        found[row.item_id].append(row)
    return found
