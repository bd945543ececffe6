"""Queues in the store, with their guidelines and audits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import derived_id
from trueup.store.rows import get_blobs, insert_new, put_blob
from trueup.types import Question

__all__ = [
    "AuditRow",
    "Guideline",
    "QueueRow",
    "find_queue",
    "latest_audit",
    "list_guidelines",
    "list_queues",
    "put_audit",
    "put_guideline",
    "put_queue",
    "read_guideline",
    "set_queue",
]


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
    row = tx.execute(_NAMED, {"named": name, "of_project": project}).first()
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


def read_guideline(tx: Tx, guideline_id: str) -> str:
    """Return the text of a version of a queue's guidelines."""
    table = schema.guideline.join(schema.blob, schema.blob.c.id == schema.guideline.c.text_blob)
    query = sa.select(schema.blob.c.text).select_from(table)
    return str(tx.execute(query.where(schema.guideline.c.id == guideline_id)).scalar_one())


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
_NAMED = _QUEUES.where(
    schema.queue.c.name == sa.bindparam("named"),
    schema.queue.c.project == sa.bindparam("of_project"),
)
