"""The loop at a glance: how much each of its stations holds, and what happened last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.figures import roomy, standing
from trueup.store.slots import Kind

__all__ = ["count_labels", "count_queue", "overview"]


def overview(tx: Tx) -> dict[str, Any]:
    """Return what the loop's stations hold.

    Returns:
        `traces`, `evaluated` (traces with a score), `items`, `waiting` (places that no label fills,
        in active queues), `for_seniors` (of these, adjudications and spot checks), `labels`,
        `reviewers`, `audits` (`passed` and `failed`, of each queue's
        last), `versions`, `sealed`, `rows`, `runs`, `checkpoints`, `replays`; `verdict` (the last
        one's id, outcome, candidate and time, or None) and `deployed` (the checkpoint that was
        added last in that role, or None).
    """
    trace, score, item, slot = schema.trace, schema.score, schema.item, schema.slot
    version, verdict = schema.dataset_version, schema.verdict
    waiting = (
        sa.select(sa.func.count())
        .select_from(slot.join(schema.queue))
        .where(~slot.c.filled, schema.queue.c.state == "active")
    )
    for_seniors = slot.c.kind.in_(("adjudication", "spot_check"))
    evaluated = sa.select(sa.func.count(sa.distinct(score.c.trace_id)))
    given = schema.annotation.c
    # a chain of corrections is one label
    standing = sa.and_(given.replaces_id.is_(None), given.kind == "label")
    return {
        "traces": _count(tx, trace),
        "evaluated": tx.execute(evaluated).scalar_one(),
        "items": _count(tx, item, ~item.c.gold),
        "waiting": tx.execute(waiting.where(slot.c.kind == "label")).scalar_one(),
        "for_seniors": tx.execute(waiting.where(for_seniors)).scalar_one(),
        "labels": _count(tx, schema.annotation, standing),
        "reviewers": tx.execute(
            sa.select(sa.func.count(sa.distinct(schema.annotation.c.reviewer)))
        ).scalar_one(),
        "audits": _audits(tx),
        "versions": _count(tx, version),
        "sealed": _count(tx, version, version.c.sealed_at.is_not(None)),
        "rows": _count(tx, schema.dataset_row),
        "runs": _count(tx, schema.run),
        "checkpoints": _count(tx, schema.checkpoint),
        "replays": _count(tx, schema.replay),
        "verdict": _last(
            tx,
            sa.select(
                verdict.c.id,
                verdict.c.outcome,
                schema.replay.c.checkpoint_id.label("candidate"),
                verdict.c.created_at,
            ).join(schema.replay, schema.replay.c.id == verdict.c.candidate_replay_id),
            verdict,
        ),
        "deployed": _last(
            tx,
            sa.select(schema.checkpoint.c.id, schema.checkpoint.c.created_at).where(
                schema.checkpoint.c.role == "deployed"
            ),
            schema.checkpoint,
        ),
    }


def count_labels(tx: Tx, queue_id: str, reviewer: str, *, kind: Kind = "label") -> int:
    """Return how many items of a queue the reviewer has labelled, gold ones among them."""
    given = schema.annotation.c
    kinds = ("label", "gold") if kind == "label" else (kind,)
    query = sa.select(sa.func.count(sa.distinct(given.item_id))).where(
        given.reviewer == reviewer, given.queue_id == queue_id, given.kind.in_(kinds)
    )
    return tx.execute(query).scalar_one()


def count_queue(tx: Tx, queue_id: str, *, overlap: int) -> dict[str, Any]:
    """Count a queue's items and labels.

    Returns:
        The figures of `trueup.queues.QueueStats` by name: `items`, `done`, `started`,
        `annotations`, `corrections`, `simulated`, `adjudications`, `spot_checks`;
        `reviewers`, `cohorts`, `question_types` and `reasons` as counts by name.
    """
    roomy(tx)
    item, given = schema.item.c, schema.annotation.c
    here = (given.queue_id == queue_id, given.kind == "label")
    shelf = (item.question_type, item.cohort, item.reason)
    shown = tx.execute(
        sa.select(*shelf, sa.func.count())
        .where(item.queue_id == queue_id, ~item.gold)
        .group_by(*shelf)
    ).all()
    by_item = (
        sa.select(sa.func.count().label("raters"))
        .where(*here, standing(tx))
        .group_by(given.item_id)
        .subquery()
    )
    raters = tx.execute(
        sa.select(by_item.c.raters, sa.func.count()).group_by(by_item.c.raters)
    ).all()
    labels = tx.execute(
        sa.select(given.reviewer, given.simulated, sa.func.count())
        .where(*here, standing(tx))
        .group_by(given.reviewer, given.simulated)
    ).all()
    slot = schema.slot.c
    places = sa.select(slot.kind, sa.func.count().label("n")).group_by(slot.kind)
    free = places.where(slot.queue_id == queue_id, ~slot.filled)
    waiting = {row.kind: row.n for row in tx.execute(free)}
    annotations = sum(count for *_, count in labels)
    total = tx.execute(sa.select(sa.func.count()).where(*here)).scalar_one()
    done = sum(count for n, count in raters if n >= overlap)
    return {
        "items": sum(count for *_, count in shown),
        "done": done,
        "started": sum(count for _, count in raters) - done,
        "annotations": annotations,
        "corrections": total - annotations,
        "simulated": sum(count for _, simulated, count in labels if simulated),
        "adjudications": waiting.get("adjudication", 0),
        "spot_checks": waiting.get("spot_check", 0),
        "reviewers": _summed((name, count) for name, _, count in labels),
        "cohorts": _summed((cohort, count) for _, cohort, _, count in shown),
        "question_types": _summed((kind, count) for kind, _, _, count in shown),
        "reasons": _summed((reason, count) for _, _, reason, count in shown),
    }


def _summed(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for name, count in counts:
        total[name] += count
    return dict(sorted(total.items()))


def _count(tx: Tx, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
    return tx.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one()


def _audits(tx: Tx) -> dict[str, int]:
    audit = schema.audit
    last = (
        sa.select(audit.c.queue_id, sa.func.max(audit.c.created_at).label("at"))
        .group_by(audit.c.queue_id)
        .subquery()
    )
    query = sa.select(audit.c.passed).join(
        last, sa.and_(audit.c.queue_id == last.c.queue_id, audit.c.created_at == last.c.at)
    )
    passed = list(tx.execute(query).scalars())
    return {"passed": sum(passed), "failed": len(passed) - sum(passed)}


def _last(tx: Tx, query: sa.Select[Any], table: sa.Table) -> dict[str, Any] | None:
    row = tx.execute(query.order_by(table.c.created_at.desc()).limit(1)).mappings().first()
    return None if row is None else dict(row)
