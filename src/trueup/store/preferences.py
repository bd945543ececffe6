"""Preferences in the store: what labels settled on, with the labels that they rest on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.items import list_items
from trueup.store.rows import get_blobs, insert_new, put_blob, rows_among
from trueup.types import Item, Preference

__all__ = ["list_preferences", "put_preference"]


def put_preference(tx: Tx, preference: Preference, *, actor: str, now: datetime) -> bool:
    """Store a preference with the annotations it rests on and return whether it is new."""
    rejected = preference.rejected
    row = {
        "id": preference.id,
        "item_id": preference.item_id,
        "chosen_blob": put_blob(tx, preference.chosen, actor=actor, now=now),
        "rejected_blob": None if rejected is None else put_blob(tx, rejected, actor=actor, now=now),
        "origin": preference.origin,
        "agreement": preference.agreement,
        "raters": preference.raters,
        "strength": preference.strength,
        "actor": actor,
        "created_at": now,
    }
    if not insert_new(tx, schema.preference, [row]):
        return False
    links = [
        {"preference_id": preference.id, "annotation_id": annotation_id}
        for annotation_id in preference.annotation_ids
    ]
    insert_new(tx, schema.preference_annotation, links)
    return True


def list_preferences(
    tx: Tx, *, queue_id: str | None = None, ids: Iterable[str] | None = None
) -> list[Preference]:
    """Return the preferences of a queue, or those of `ids`, by id; unknown ids are left out.

    Raises:
        StoreError: a text of one of them was erased.
    """
    table = schema.preference
    query = sa.select(table)
    if queue_id is not None:
        query = query.join(schema.item).where(schema.item.c.queue_id == queue_id)
    rows = rows_among(tx, query, table.c.id, ids)
    rows.sort(key=lambda row: str(row.id))
    items = {item.id: item for item in list_items(tx, ids={row.item_id for row in rows})}
    links = _links(tx, [row.id for row in rows])
    blobs = get_blobs(
        tx, (key for row in rows for key in (row.chosen_blob, row.rejected_blob) if key)
    )
    return [_preference(row, items[row.item_id], links[row.id], blobs) for row in rows]


def _preference(
    row: sa.Row[Any], item: Item, annotation_ids: Sequence[str], blobs: Mapping[str, str]
) -> Preference:
    return Preference(
        id=row.id,
        item_id=item.id,
        trace_id=item.trace_id,
        conversation_id=item.conversation_id,
        cohort=item.cohort,
        question_type=item.question_type,
        family=item.family,
        messages=item.messages,
        context=item.context,
        chosen=blobs[row.chosen_blob],
        rejected=blobs[row.rejected_blob] if row.rejected_blob else None,
        origin=row.origin,
        agreement=row.agreement,
        raters=row.raters,
        strength=row.strength,
        annotation_ids=tuple(annotation_ids),
        expected=item.expected,
        weight=1 / item.inclusion,
    )


def _links(tx: Tx, preference_ids: Sequence[str]) -> dict[str, list[str]]:
    table = schema.preference_annotation
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows_among(tx, sa.select(table), table.c.preference_id, preference_ids):
        found[row.preference_id].append(row.annotation_id)
    return {key: sorted(ids) for key, ids in found.items()}
