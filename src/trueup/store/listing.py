"""Which items of a queue a figure is about, or wait: found by an index, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.figures import answer_of, standing, unindexed
from trueup.store.rows import chunks
from trueup.types import Question

__all__ = [
    "Matching",
    "answer_texts",
    "backlog",
    "labelled_queues",
    "matching_items",
    "open_items",
]

_ITEM = schema.item.c
_FEW = 5000


@dataclass(frozen=True, slots=True)
class Matching:
    """Which items are looked for; None is all.

    Attributes:
        cohort, question_type: the item's.
        reviewer: items that they labelled.
        beside: items that this reviewer labelled too.
        disagree: items whose labels differ: those of the two reviewers, those of the one from
            anybody's, or any two.
        label: items that somebody ticked it on; with `disagree`, and somebody else did not.
    """

    cohort: str | None = None
    question_type: str | None = None
    reviewer: str | None = None
    beside: str | None = None
    disagree: bool = False
    label: str | None = None


def matching_items(
    tx: Tx, queue_id: str, wanted: Matching, asked: Question | None, *, offset: int, limit: int
) -> list[str]:
    """Return ids of items, in an order that stays the same from page to page.

    Args:
        tx: an open transaction.
        queue_id: the queue.
        wanted: which items.
        asked: the question that labels differ on; None where `disagree` is not wanted.
        offset, limit: which of them.
    """
    one, two = schema.annotation.alias("one"), schema.annotation.alias("two")
    listed = _ITEM.id if wanted.reviewer is None else one.c.item_id
    first = _given(tx, queue_id, one, wanted.reviewer)
    if wanted.reviewer is not None and _few(tx, queue_id, wanted.reviewer):
        # SQLite would take the index of all labels, and read it from end to end for a few
        first[0] = unindexed(tx, one.c.queue_id) == queue_id
    second = [*_given(tx, queue_id, two, wanted.beside), two.c.item_id == one.c.item_id]
    if wanted.label is not None:
        tick = json.dumps(wanted.label)
        first.append(_ticks(one, tick))
        if wanted.disagree:
            second.append(~_ticks(two, tick))
    elif wanted.disagree:
        assert asked is not None
        second.append(answer_of(one, asked) != answer_of(two, asked))
    if wanted.disagree or wanted.beside is not None:
        first.append(_some(two, second))
    of_item = [
        column == value
        for column, value in (
            (_ITEM.cohort, wanted.cohort),
            (_ITEM.question_type, wanted.question_type),
        )
        if value is not None
    ]
    if wanted.reviewer is not None:  # by the reviewer's index, which has their items in order
        query = sa.select(listed).where(*first).order_by(listed)
        if of_item:
            query = query.where(_some(schema.item, [_ITEM.id == listed, *of_item]))
    else:
        query = sa.select(listed).where(_ITEM.queue_id == queue_id, *of_item)
        if wanted != Matching(wanted.cohort, wanted.question_type):
            query = query.where(_some(one, [*first, one.c.item_id == listed]))
        query = query.order_by(_ITEM.question_type, _ITEM.cohort, _ITEM.id)
    return list(tx.scalars(query.offset(offset).limit(limit)))


def _few(tx: Tx, queue_id: str, reviewer: str) -> bool:
    """Return whether a reviewer's labels are so few that sorting them is nothing."""
    given = schema.annotation.c
    theirs = (given.reviewer == reviewer, given.queue_id == queue_id, given.kind == "label")
    query = sa.select(sa.literal(1)).where(*theirs).offset(_FEW).limit(1)
    return tx.execute(query).first() is None


def _given(tx: Tx, queue_id: str, given: Any, reviewer: str | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on a standing label, somebody's or one reviewer's."""
    here = [given.c.queue_id == queue_id, given.c.kind == "label", standing(tx, given.c)]
    return here if reviewer is None else [*here, given.c.reviewer == reviewer]


def _some(table: sa.FromClause, conditions: Sequence[sa.ColumnElement[bool]]) -> Any:
    """Return whether there is such a row, asked of each item as it comes.

    As a count, since PostgreSQL answers `EXISTS` for all items before it returns the first.
    """
    return sa.select(sa.func.count()).select_from(table).where(*conditions).scalar_subquery() > 0


def _ticks(given: Any, tick: str) -> sa.ColumnElement[bool]:
    return sa.cast(given.c.labels, sa.Text).contains(tick, autoescape=True)


def open_items(tx: Tx, ids: Sequence[str]) -> set[str]:
    """Return which items still want labels."""
    slot = schema.slot.c
    query = sa.select(slot.item_id).where(slot.item_id.in_(ids), slot.kind == "label", ~slot.filled)
    return set(tx.scalars(query))


def labelled_queues(tx: Tx, reviewer: str) -> dict[str, int]:
    """Return how many items a reviewer has labelled, by the queue's id."""
    given = schema.annotation.c
    query = sa.select(given.queue_id, sa.func.count(sa.distinct(given.item_id)))
    query = query.where(given.reviewer == reviewer, given.kind == "label")
    return {row[0]: row[1] for row in tx.execute(query.group_by(given.queue_id))}


def answer_texts(tx: Tx, item_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the texts of items' answers by item and source, without those that were erased."""
    answer, blob = schema.item_answer.c, schema.blob.c
    query = sa.select(answer.item_id, answer.source, blob.text).join_from(
        schema.item_answer, schema.blob, blob.id == answer.text_blob
    )
    found: dict[str, dict[str, str]] = {}
    for some in chunks(item_ids):
        for item, source, text in tx.execute(query.where(answer.item_id.in_(some))):
            if text is not None:
                found.setdefault(item, {})[source] = text
    return found


def backlog(tx: Tx, queue_id: str) -> tuple[int, list[datetime]]:
    """Return how many labels a queue still wants, and since when each of the items waits for them.

    An item waits since it was added, whatever labels it has by now.
    """
    slot = schema.slot.c
    waiting = (
        sa.select(sa.func.count().label("places"), sa.func.min(slot.created_at).label("since"))
        .where(slot.queue_id == queue_id, slot.kind == "label", ~slot.filled)
        .group_by(slot.item_id)
    )
    found = tx.execute(waiting).all()
    return sum(row.places for row in found), sorted(row.since for row in found)
