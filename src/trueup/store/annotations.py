"""Labels in the store; a correction is a new row that names the one it replaces."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.rows import get_blobs, insert_new, put_blob, rows_among
from trueup.types import Annotation, Label

__all__ = ["latest_annotation", "list_annotations", "put_annotation"]

_LATER = schema.annotation.alias()  # made once: an alias is dearer than the query it stands in


_PREFERRED = sa.bindparam("key", type_=sa.String)
_QUEUE = sa.select(schema.item.c.queue_id).where(schema.item.c.id == sa.bindparam("item"))
_SOURCE = sa.func.coalesce(
    sa.select(schema.item_answer.c.source)
    .where(
        schema.item_answer.c.item_id == sa.bindparam("item"),
        schema.item_answer.c.key == _PREFERRED,
    )
    .scalar_subquery(),
    _PREFERRED,
)
"""Which answer a label prefers, by where it came from: what agreement is about."""
_CORRECTED = sa.exists().where(_LATER.c.replaces_id == schema.annotation.c.id)


def latest_annotation(tx: Tx, queue_id: str, reviewer: str) -> Annotation | None:
    """Return the standing label that a reviewer gave last in a queue, or None."""
    table = schema.annotation
    query = (
        sa.select(table.c.item_id)
        .join(schema.item)
        .where(schema.item.c.queue_id == queue_id, table.c.reviewer == reviewer, ~_CORRECTED)
        .order_by(table.c.created_at.desc(), table.c.id.desc())
        .limit(1)
    )
    item_id = tx.execute(query).scalar()
    if item_id is None:
        return None
    found = list_annotations(tx, item_ids=[item_id])
    return next(a for a in found if a.reviewer == reviewer)


def put_annotation(tx: Tx, annotation: Annotation, *, replaces: str | None, actor: str) -> bool:
    """Store an annotation, naming the one it corrects, and return whether it is new."""
    label, now = annotation.label, annotation.created_at
    row = {
        "id": annotation.id,
        "item_id": annotation.item_id,
        "queue_id": _QUEUE.params(item=annotation.item_id),
        "reviewer": annotation.reviewer,
        "source": _SOURCE.params(item=annotation.item_id, key=label.preferred),
        "preferred": label.preferred,
        "strength": label.strength,
        "labels": list(label.labels),
        "correction_blob": None
        if label.correction is None
        else put_blob(tx, label.correction, actor=actor, now=now),
        "seconds": label.seconds,
        "answers": dict(label.answers),
        "shown": annotation.shown,
        "guideline_id": annotation.guideline_id,
        "stream": annotation.stream,
        "simulated": annotation.simulated,
        "replaces_id": replaces,
        "actor": actor,
        "created_at": now,
    }
    return insert_new(tx, schema.annotation, [row]) == 1


def list_annotations(
    tx: Tx,
    *,
    queue_id: str | None = None,
    item_ids: Iterable[str] | None = None,
    replaced: bool = False,
) -> list[Annotation]:
    """Return annotations in the order they were given.

    Args:
        tx: an open transaction.
        queue_id: only this queue's.
        item_ids: only those on these items.
        replaced: whether to return those that a correction took the place of, and only those.

    Raises:
        StoreError: a correction's text was erased.
    """
    table = schema.annotation
    query = sa.select(table).where(_CORRECTED if replaced else ~_CORRECTED)
    if queue_id is not None:
        query = query.join(schema.item).where(schema.item.c.queue_id == queue_id)
    rows = rows_among(tx, query, table.c.item_id, item_ids)
    rows.sort(key=lambda row: (row.created_at, row.id))
    blobs = get_blobs(tx, (row.correction_blob for row in rows if row.correction_blob))
    return [
        Annotation(
            id=row.id,
            item_id=row.item_id,
            reviewer=row.reviewer,
            label=Label(
                preferred=row.preferred,
                strength=row.strength,
                labels=tuple(row.labels),
                correction=blobs[row.correction_blob] if row.correction_blob else None,
                seconds=row.seconds,
                answers=row.answers,
            ),
            stream=row.stream,
            simulated=row.simulated,
            created_at=row.created_at,
            shown=row.shown,
            guideline_id=row.guideline_id,
        )
        for row in rows
    ]
