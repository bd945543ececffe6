"""Dataset versions in the store: what they hold, whether they are sealed, how they were judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import derived_id
from trueup.store.rows import chunks, insert_new

__all__ = [
    "CohortEvaluation",
    "MemberRow",
    "VersionRow",
    "count_simulated",
    "count_streams",
    "find_version",
    "list_evaluations",
    "list_members",
    "list_sources",
    "list_versions",
    "lock_version",
    "put_evaluation",
    "put_members",
    "put_version",
    "seal_version",
    "set_splits",
]


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A dataset version.

    Attributes:
        content_hash: over its rows; None while it is a draft.
        rows: how many it holds.
    """

    id: str
    name: str
    version: str
    validation_share: float
    content_hash: str | None
    sealed_at: datetime | None
    sealed_by: str | None
    created_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A row of a version, by the hash of its content, and the item that it came from."""

    row_hash: str
    position: int
    preference_id: str
    split: str
    cohort: str
    item_id: str
    conversation_id: str
    family: str


@dataclass(frozen=True, slots=True)
class CohortEvaluation:
    """What one evaluator found on one cohort of a version.

    Attributes:
        mean: over the scored rows; None where none could be scored.
    """

    id: str
    version_id: str
    evaluator: str
    evaluator_version: str
    cohort: str
    threshold: float
    mean: float | None
    scored: int
    unscored: int
    passed: bool
    created_at: datetime


def put_version(
    tx: Tx,
    name: str,
    version: str,
    *,
    validation_share: float,
    actor: str,
    now: datetime,
    project: str = "default",
) -> bool:
    """Store an empty draft and return whether it is new; an existing version is left as it is."""
    dataset_id = derived_id("dataset", project, name)
    stamp = {"project": project, "actor": actor, "created_at": now}
    insert_new(tx, schema.dataset, [{"id": dataset_id, "name": name, **stamp}])
    row = {
        "id": derived_id("dataset_version", dataset_id, version),
        "dataset_id": dataset_id,
        "version": version,
        "validation_share": validation_share,
        **stamp,
    }
    return insert_new(tx, schema.dataset_version, [row]) == 1


def find_version(tx: Tx, name: str, version: str, *, project: str = "default") -> VersionRow | None:
    """Return a version, or None."""
    found = [row for row in list_versions(tx, name=name, project=project) if row.version == version]
    return found[0] if found else None


def list_versions(tx: Tx, *, name: str | None = None, project: str = "default") -> list[VersionRow]:
    """Return the versions, of one dataset where a name is given, by name and in order of making."""
    table, dataset, member = schema.dataset_version, schema.dataset, schema.dataset_row
    rows = sa.select(sa.func.count()).where(member.c.version_id == table.c.id).scalar_subquery()
    query = (
        sa.select(table, dataset.c.name, rows.label("rows"))
        .join(dataset)
        .where(dataset.c.project == project)
        .order_by(dataset.c.name, table.c.created_at, table.c.version)
    )
    if name is not None:
        query = query.where(dataset.c.name == name)
    return [
        VersionRow(
            id=row.id,
            name=row.name,
            version=row.version,
            validation_share=row.validation_share,
            content_hash=row.content_hash,
            sealed_at=row.sealed_at,
            sealed_by=row.sealed_by,
            created_at=row.created_at,
            rows=row.rows,
        )
        for row in tx.execute(query)
    ]


def lock_version(tx: Tx, version_id: str) -> None:
    """Keep others from changing the version until the transaction ends.

    On SQLite the write transaction itself does; PostgreSQL locks the row.
    """
    table = schema.dataset_version
    tx.execute(sa.select(table.c.id).where(table.c.id == version_id).with_for_update())


def put_members(
    tx: Tx, version_id: str, members: Iterable[MemberRow], *, actor: str, now: datetime
) -> int:
    """Add rows to a version and return how many are new."""
    rows = [
        {
            "version_id": version_id,
            "row_hash": member.row_hash,
            "position": member.position,
            "preference_id": member.preference_id,
            "split": member.split,
            "cohort": member.cohort,
            "actor": actor,
            "created_at": now,
        }
        for member in members
    ]
    return insert_new(tx, schema.dataset_row, rows)


def list_members(tx: Tx, version_id: str) -> list[MemberRow]:
    """Return the rows of a version in their order."""
    table, item = schema.dataset_row, schema.item
    query = (
        sa.select(table, schema.preference.c.item_id, item.c.conversation_id, item.c.family)
        .join(schema.preference, schema.preference.c.id == table.c.preference_id)
        .join(item, item.c.id == schema.preference.c.item_id)
        .where(table.c.version_id == version_id)
        .order_by(table.c.position)
    )
    return [
        MemberRow(
            row_hash=row.row_hash,
            position=row.position,
            preference_id=row.preference_id,
            split=row.split,
            cohort=row.cohort,
            item_id=row.item_id,
            conversation_id=row.conversation_id,
            family=row.family,
        )
        for row in tx.execute(query)
    ]


def set_splits(tx: Tx, version_id: str, splits: Mapping[str, str]) -> None:
    """Move rows of a draft, by row hash, to other splits."""
    table = schema.dataset_row
    by_split: dict[str, list[str]] = {}
    for row_hash, split in splits.items():
        by_split.setdefault(split, []).append(row_hash)
    for split, hashes in by_split.items():
        for some in chunks(hashes):
            tx.execute(
                sa.update(table)
                .where(table.c.version_id == version_id, table.c.row_hash.in_(some))
                .values(split=split)
            )


def seal_version(tx: Tx, version_id: str, content_hash: str, *, actor: str, now: datetime) -> None:
    """Close a draft for ever; a sealed version is left as it is."""
    table = schema.dataset_version
    tx.execute(
        sa.update(table)
        .where(table.c.id == version_id, table.c.content_hash.is_(None))
        .values(content_hash=content_hash, sealed_at=now, sealed_by=actor)
    )


def put_evaluation(tx: Tx, evaluation: CohortEvaluation, *, actor: str) -> bool:
    """Store what an evaluator found on a cohort and return whether it is new."""
    row = {
        "id": evaluation.id,
        "version_id": evaluation.version_id,
        "evaluator": evaluation.evaluator,
        "evaluator_version": evaluation.evaluator_version,
        "cohort": evaluation.cohort,
        "threshold": evaluation.threshold,
        "mean": evaluation.mean,
        "scored": evaluation.scored,
        "unscored": evaluation.unscored,
        "passed": evaluation.passed,
        "actor": actor,
        "created_at": evaluation.created_at,
    }
    return insert_new(tx, schema.evaluation, [row]) == 1


def list_evaluations(tx: Tx, version_id: str) -> list[CohortEvaluation]:
    """Return what evaluators found on a version, the latest last."""
    table = schema.evaluation
    query = sa.select(table).where(table.c.version_id == version_id)
    return [_evaluation(row) for row in tx.execute(query.order_by(table.c.created_at, table.c.id))]


def _evaluation(row: sa.Row[Any]) -> CohortEvaluation:
    return CohortEvaluation(
        id=row.id,
        version_id=row.version_id,
        evaluator=row.evaluator,
        evaluator_version=row.evaluator_version,
        cohort=row.cohort,
        threshold=row.threshold,
        mean=row.mean,
        scored=row.scored,
        unscored=row.unscored,
        passed=row.passed,
        created_at=row.created_at,
    )


def count_simulated(tx: Tx, preference_ids: Sequence[str]) -> int:
    """Return how many of the preferences rest on a label that a program gave."""
    link, annotation = schema.preference_annotation, schema.annotation
    column = link.c.preference_id
    return sum(
        tx.execute(
            sa.select(sa.func.count(sa.distinct(column)))
            .join(annotation, annotation.c.id == link.c.annotation_id)
            .where(annotation.c.simulated, column.in_(some))
        ).scalar_one()
        for some in chunks(preference_ids)
    )


def count_streams(tx: Tx, preference_ids: Sequence[str]) -> dict[str, int]:
    """Return how many of the preferences rest on labels of each stream."""
    link, annotation = schema.preference_annotation, schema.annotation
    column = link.c.preference_id
    found: Counter[str] = Counter()
    for some in chunks(preference_ids):
        rows = tx.execute(
            sa.select(annotation.c.stream, sa.func.count(sa.distinct(column)).label("rows"))
            .join(annotation, annotation.c.id == link.c.annotation_id)
            .where(column.in_(some))
            .group_by(annotation.c.stream)
        )
        found.update({row.stream: row.rows for row in rows})
    return dict(sorted(found.items()))


def list_sources(tx: Tx, preference_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of the queues that preferences were settled in, by queue id."""
    preference, item, queue = schema.preference, schema.item, schema.queue
    found: dict[str, str] = {}
    for some in chunks(preference_ids):
        rows = tx.execute(
            sa.select(queue.c.id, queue.c.name)
            .distinct()
            .join(item, item.c.queue_id == queue.c.id)
            .join(preference, preference.c.item_id == item.c.id)
            .where(preference.c.id.in_(some))
        )
        found.update({row.id: row.name for row in rows})
    return found
