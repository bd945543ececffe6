"""Labels in the store; a correction is a new row that names the one it replaces."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.rows import get_blobs, put_blob, rows_among
from trueup.types import Annotation, AnnotationKind, Label

__all__ = ["labels_on", "latest_annotation", "list_annotations", "put_annotation"]

_T = schema.annotation.c
_LATER = schema.annotation.alias()  # made once: an alias is dearer than the query it stands in
_CORRECTED = sa.exists().where(_LATER.c.replaces_id == _T.id)
_LABEL: tuple[AnnotationKind, ...] = ("label",)


def latest_annotation(
    tx: Tx, queue_id: str, reviewer: str, *, kinds: Collection[AnnotationKind] = _LABEL
) -> Annotation | None:
    """Return the standing label that a reviewer gave last in a queue, or None."""
    query = (
        sa.select(schema.annotation)
        .join(schema.item)
        .where(
            schema.item.c.queue_id == queue_id,
            _T.reviewer == reviewer,
            _T.kind.in_(kinds),
            ~_CORRECTED,
        )
        .order_by(_T.created_at.desc(), _T.id.desc())
        .limit(1)
    )
    found = _annotations(tx, list(tx.execute(query)))
    return found[0] if found else None


def put_annotation(tx: Tx, annotation: Annotation, *, replaces: str | None, actor: str) -> bool:
    """Store an annotation, naming the one it corrects, and return whether it is new."""
    label, now = annotation.label, annotation.created_at
    row = {
        "id": annotation.id,
        "item_id": annotation.item_id,
        "reviewer": annotation.reviewer,
        "kind": annotation.kind,
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
        "of_item": annotation.item_id,
        "of_key": label.preferred,
    }
    return tx.execute(_inserting(tx.dialect.name), row).rowcount == 1


@cache
def _inserting(dialect: str) -> sa.Insert:
    """Return the statement that stores an annotation, which looks up what follows from its item."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    item, answer = schema.item.c, schema.item_answer.c
    of_item = sa.bindparam("of_item", type_=sa.String)
    of_key = sa.bindparam("of_key", type_=sa.String)
    queue = sa.select(item.queue_id).where(item.id == of_item)
    source = sa.select(answer.source).where(answer.item_id == of_item, answer.key == of_key)
    return (
        insert(schema.annotation)
        .values(
            queue_id=queue.scalar_subquery(),
            source=sa.func.coalesce(source.scalar_subquery(), of_key),
        )
        .on_conflict_do_nothing()
        .execution_options(preserve_rowcount=True)
    )


def list_annotations(
    tx: Tx,
    *,
    queue_id: str | None = None,
    item_ids: Iterable[str] | None = None,
    replaced: bool = False,
    kinds: Collection[AnnotationKind] | None = _LABEL,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Annotation]:
    """Return annotations in the order they were given.

    Args:
        tx: an open transaction.
        queue_id: only this queue's.
        item_ids: only those on these items.
        replaced: whether to return those that a correction took the place of, and only those.
        kinds: what they are for; None is any.
        since, until: only those given from then on, and before then.

    Raises:
        StoreError: a correction's text was erased.
    """
    query = sa.select(schema.annotation).where(_CORRECTED if replaced else ~_CORRECTED)
    if kinds is not None:
        query = query.where(_T.kind.in_(kinds))
    if since is not None:
        query = query.where(_T.created_at >= since)
    if until is not None:
        query = query.where(_T.created_at < until)
    if queue_id is not None:
        query = query.join(schema.item).where(schema.item.c.queue_id == queue_id)
    rows = rows_among(tx, query, _T.item_id, item_ids)
    rows.sort(key=lambda row: (row.created_at, row.id))
    return _annotations(tx, rows)


def labels_on(tx: Tx, item_id: str) -> tuple[list[Annotation], list[Annotation]]:
    """Return the standing labels on an item, of any kind, and those that were replaced."""
    rows = tx.execute(_ON, {"on_item": item_id}).all()
    replaced = {row.replaces_id for row in rows}
    found = _annotations(tx, rows)
    standing = [given for given in found if given.id not in replaced]
    return standing, [given for given in found if given.id in replaced]


_ON = (
    sa.select(schema.annotation)
    .where(_T.item_id == sa.bindparam("on_item"))
    .order_by(_T.created_at, _T.id)
)


def _annotations(tx: Tx, rows: Iterable[sa.Row[Any]]) -> list[Annotation]:
    rows = list(rows)
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
            kind=row.kind,
        )
        for row in rows
    ]
