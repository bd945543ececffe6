"""Queues in the store: items, annotations, audits and the preferences settled from them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import derived_id
from trueup.store.rows import chunks, get_blobs, insert_new, put_blob, put_json
from trueup.types import Annotation, Expected, Item, ItemAnswer, Label, Preference, Question

__all__ = [
    "AuditRow",
    "Guideline",
    "QueueRow",
    "find_queue",
    "has_item",
    "known_traces",
    "latest_annotation",
    "latest_audit",
    "list_annotations",
    "list_guidelines",
    "list_items",
    "list_preferences",
    "list_queues",
    "lock_items",
    "put_annotation",
    "put_audit",
    "put_guideline",
    "put_item",
    "put_preference",
    "put_queue",
    "queues_on",
    "set_queue",
]

_LATER = schema.annotation.alias()  # made once: an alias is dearer than the query it stands in
_CORRECTED = sa.exists().where(_LATER.c.replaces_id == schema.annotation.c.id)


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue's settings.

    Attributes:
        overlap: annotations required per item.
        stream: "reviewer", "end_user" or "ai".
        questions: what reviewers are asked.
        state: "active", "paused", "completed" or "archived".
        settings: all else that was set.
        guideline_id: the newest version of the guidelines.
    """

    id: str
    name: str
    overlap: int
    stream: str
    questions: tuple[Question, ...]
    state: str = "active"
    settings: Mapping[str, Any] = field(default_factory=dict)
    guideline_id: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The label names that reviewers may tick."""
        return next((q.options for q in self.questions if q.name == "labels"), ())


@dataclass(frozen=True, slots=True)
class Guideline:
    """One version of what a queue tells its reviewers, in Markdown."""

    id: str
    version: int
    text: str
    actor: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An audit as it was stored."""

    id: str
    queue_id: str
    alpha: float | None
    min_alpha: float
    passed: bool
    detail: Mapping[str, Any]
    created_at: datetime


def put_queue(
    tx: Tx,
    name: str,
    *,
    overlap: int,
    stream: str,
    questions: Sequence[Question],
    settings: Mapping[str, Any],
    actor: str,
    now: datetime,
    project: str = "default",
) -> bool:
    """Store a queue and return whether it is new; one of that name is left as it is."""
    row = {
        "id": derived_id("queue", project, name),
        "name": name,
        "overlap": overlap,
        "stream": stream,
        "questions": [asdict(question) for question in questions],
        "settings": dict(settings),
        "project": project,
        "actor": actor,
        "created_at": now,
    }
    return insert_new(tx, schema.queue, [row]) == 1


def find_queue(tx: Tx, name: str, *, project: str = "default") -> QueueRow | None:
    """Return the queue of that name, or None."""
    table = schema.queue
    query = _QUEUES.where(table.c.name == name, table.c.project == project)
    row = tx.execute(query).first()
    return None if row is None else _queue(row)


def list_queues(tx: Tx, *, project: str = "default") -> list[QueueRow]:
    """Return the queues by name."""
    table = schema.queue
    query = _QUEUES.where(table.c.project == project).order_by(table.c.name)
    return [_queue(row) for row in tx.execute(query)]


def set_queue(
    tx: Tx, queue_id: str, *, overlap: int, state: str, settings: Mapping[str, Any]
) -> None:
    """Change what of a queue may change."""
    table = schema.queue
    query = sa.update(table).where(table.c.id == queue_id)
    tx.execute(query.values(overlap=overlap, state=state, settings=dict(settings)))


def put_guideline(tx: Tx, queue_id: str, text: str, *, actor: str, now: datetime) -> str:
    """Store the next version of a queue's guidelines and return its id."""
    table = schema.guideline
    last = sa.select(sa.func.max(table.c.version)).where(table.c.queue_id == queue_id)
    version = (tx.execute(last).scalar() or 0) + 1
    row = {
        "id": derived_id("guideline", queue_id, version),
        "queue_id": queue_id,
        "version": version,
        "text_blob": put_blob(tx, text, actor=actor, now=now),
        "actor": actor,
        "created_at": now,
    }
    tx.execute(sa.insert(table).values(row))
    return str(row["id"])


def list_guidelines(tx: Tx, queue_id: str) -> list[Guideline]:
    """Return all versions of a queue's guidelines, the first one first."""
    table = schema.guideline
    query = sa.select(table).where(table.c.queue_id == queue_id).order_by(table.c.version)
    rows = tx.execute(query).all()
    texts = get_blobs(tx, (row.text_blob for row in rows))
    return [
        Guideline(row.id, row.version, texts[row.text_blob], row.actor, row.created_at)
        for row in rows
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
    tx: Tx, *, queue_id: str | None = None, ids: Iterable[str] | None = None
) -> list[Item]:
    """Return the items of a queue, or those of `ids`, in the order they were added.

    Raises:
        StoreError: a text of one of them was erased.
    """
    table = schema.item
    query = sa.select(table)
    if queue_id is not None:
        query = query.where(table.c.queue_id == queue_id)
    rows = _rows(tx, query, table.c.id, ids)
    rows.sort(key=lambda row: (row.created_at, row.id))
    answers = _answers(tx, queue_id, None if ids is None else [row.id for row in rows])
    keys = {key for row in rows for key in (row.messages_blob, row.context_blob)}
    keys.update(answer.text_blob for shown in answers.values() for answer in shown)
    blobs = get_blobs(tx, keys)
    return [
        Item(
            id=row.id,
            queue_id=row.queue_id,
            trace_id=row.trace_id,
            conversation_id=row.conversation_id,
            cohort=row.cohort,
            question_type=row.question_type,
            family=row.family,
            messages=tuple(json.loads(blobs[row.messages_blob])),
            context=tuple(json.loads(blobs[row.context_blob])),
            answers=tuple(
                ItemAnswer(answer.key, blobs[answer.text_blob], answer.source)
                for answer in answers[row.id]
            ),
            reason=row.reason,
            expected=None if row.expected is None else Expected.from_json(row.expected),
            inclusion=row.inclusion,
            tag=row.tag,
        )
        for row in rows
    ]


def has_item(tx: Tx, queue_id: str, item_id: str) -> bool:
    """Return whether the queue has the item."""
    table = schema.item
    query = sa.select(table.c.id).where(table.c.id == item_id, table.c.queue_id == queue_id)
    return tx.execute(query).first() is not None


def queues_on(tx: Tx, trace_id: str) -> set[str]:
    """Return the ids of the queues that have an item on a trace."""
    query = sa.select(schema.item.c.queue_id).where(schema.item.c.trace_id == trace_id)
    return set(tx.scalars(query))


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


def lock_items(tx: Tx, queue_id: str, item_id: str | None = None) -> None:
    """Keep others from labelling an item, or all of the queue, until the transaction ends.

    On SQLite the write transaction itself does; PostgreSQL locks the rows.
    """
    query = sa.select(schema.item.c.id).where(schema.item.c.queue_id == queue_id)
    if item_id is not None:
        query = query.where(schema.item.c.id == item_id)
    tx.execute(query.order_by(schema.item.c.id).with_for_update())


def put_annotation(tx: Tx, annotation: Annotation, *, replaces: str | None, actor: str) -> bool:
    """Store an annotation, naming the one it corrects, and return whether it is new."""
    label, now = annotation.label, annotation.created_at
    row = {
        "id": annotation.id,
        "item_id": annotation.item_id,
        "reviewer": annotation.reviewer,
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
    rows = _rows(tx, query, table.c.item_id, item_ids)
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


def put_audit(tx: Tx, audit: AuditRow, *, actor: str) -> bool:
    """Store an audit and return whether it is new."""
    row = {
        "id": audit.id,
        "queue_id": audit.queue_id,
        "alpha": audit.alpha,
        "min_alpha": audit.min_alpha,
        "passed": audit.passed,
        "detail": dict(audit.detail),
        "actor": actor,
        "created_at": audit.created_at,
    }
    return insert_new(tx, schema.audit, [row]) == 1


def latest_audit(tx: Tx, queue_id: str) -> AuditRow | None:
    """Return the queue's last audit, or None."""
    table = schema.audit
    query = sa.select(table).where(table.c.queue_id == queue_id)
    row = tx.execute(query.order_by(table.c.created_at.desc(), table.c.id).limit(1)).first()
    if row is None:
        return None
    return AuditRow(
        row.id, row.queue_id, row.alpha, row.min_alpha, row.passed, row.detail, row.created_at
    )


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
    rows = _rows(tx, query, table.c.id, ids)
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


def _queue(row: sa.Row[Any]) -> QueueRow:
    questions = tuple(
        Question(**asked | {"options": tuple(asked.get("options", ()))}) for asked in row.questions
    )
    return QueueRow(
        row.id,
        row.name,
        row.overlap,
        row.stream,
        questions,
        row.state,
        row.settings,
        row.guideline_id,
    )


_NEWEST = (
    sa.select(schema.guideline.c.id)
    .where(schema.guideline.c.queue_id == schema.queue.c.id)
    .order_by(schema.guideline.c.version.desc())
    .limit(1)
    .scalar_subquery()
)
_QUEUES = sa.select(schema.queue, _NEWEST.label("guideline_id"))


def _rows(
    tx: Tx, query: sa.Select[Any], column: sa.Column[Any], values: Iterable[str] | None
) -> list[Any]:
    """Run the query, restricted to rows whose `column` is among `values` where they are given."""
    if values is None:
        return list(tx.execute(query))
    return [row for some in chunks(values) for row in tx.execute(query.where(column.in_(some)))]


def _answers(
    tx: Tx, queue_id: str | None, item_ids: Sequence[str] | None
) -> dict[str, list[sa.Row[Any]]]:
    table = schema.item_answer
    query = sa.select(table)
    if queue_id is not None:
        query = query.join(schema.item).where(schema.item.c.queue_id == queue_id)
    found: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in sorted(_rows(tx, query, table.c.item_id, item_ids), key=lambda r: str(r.key)):
        found[row.item_id].append(row)
    return found


def _links(tx: Tx, preference_ids: Sequence[str]) -> dict[str, list[str]]:
    table = schema.preference_annotation
    found: dict[str, list[str]] = defaultdict(list)
    for row in _rows(tx, sa.select(table), table.c.preference_id, preference_ids):
        found[row.preference_id].append(row.annotation_id)
    return {key: sorted(ids) for key, ids in found.items()}
