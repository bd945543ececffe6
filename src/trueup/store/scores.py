"""Scores in the store: one row for each subject, evaluator and evaluator version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import derived_id
from trueup.store.rows import chunks, insert_new
from trueup.types import Score, ToolCall

__all__ = ["get_row_scores", "get_scores", "put_row_scores", "put_scores", "steps_and_scores"]


def put_scores(
    tx: Tx,
    subject: Literal["trace", "replay_answer"],
    scores: Iterable[tuple[str, Score]],
    actor: str,
    now: datetime,
) -> int:
    """Store scores of traces or of replayed answers.

    A score's id follows from its subject, evaluator and evaluator version, so that scoring again
    writes nothing.

    Args:
        tx: an open write transaction.
        subject: what the ids name.
        scores: (subject id, score) pairs.
        actor: who writes.
        now: when, UTC.

    Returns:
        How many were new.
    """
    rows = [
        _row(score, derived_id(subject, key, score.evaluator, score.version), actor, now)
        | {f"{subject}_id": key}
        for key, score in scores
    ]
    return insert_new(tx, schema.score, rows)


def put_row_scores(
    tx: Tx, version_id: str, scores: Iterable[tuple[str, Score]], actor: str, now: datetime
) -> int:
    """Store scores of a dataset version's rows, as (row hash, score) pairs; see `put_scores`."""
    rows = [
        _row(
            score,
            derived_id("row", version_id, row_hash, score.evaluator, score.version),
            actor,
            now,
        )
        | {"version_id": version_id, "row_hash": row_hash}
        for row_hash, score in scores
    ]
    return insert_new(tx, schema.score, rows)


def get_scores(
    tx: Tx, subject: Literal["trace", "replay_answer"], ids: Sequence[str]
) -> dict[str, dict[str, Score]]:
    """Return the scores of `ids`, by subject id and evaluator; the latest version of each.

    Subjects without scores are left out.
    """
    column = schema.score.c[f"{subject}_id"]
    found: dict[str, dict[str, Score]] = defaultdict(dict)
    for some in chunks(ids):
        _collect(tx, column, column.in_(some), found)
    return dict(found)


def get_row_scores(tx: Tx, version_id: str) -> dict[str, dict[str, Score]]:
    """Return the scores of a dataset version, by row hash and evaluator."""
    found: dict[str, dict[str, Score]] = defaultdict(dict)
    _collect(tx, schema.score.c.row_hash, schema.score.c.version_id == version_id, found)
    return dict(found)


def _collect(
    tx: Tx,
    key: sa.ColumnElement[Any],
    where: sa.ColumnElement[bool],
    found: dict[str, dict[str, Score]],
) -> None:
    table = schema.score
    # the latest comes last, and so is the one that stays
    query = sa.select(table, key.label("subject")).where(where)
    for row in tx.execute(query.order_by(table.c.created_at, table.c.id)):
        found[row.subject][row.evaluator] = _score(row)


def steps_and_scores(tx: Tx, trace_id: str) -> tuple[tuple[ToolCall, ...], dict[str, Score]]:
    """Return a trace's tool calls, in order, and its scores by evaluator, by one statement.

    Both are empty where there is no such trace.
    """
    rows = tx.execute(_OF_TRACE, {"of_trace": trace_id}).all()
    made = rows[0].steps or () if rows else ()
    steps = tuple(ToolCall(step["name"], step["arguments"]) for step in made)
    return steps, {row.evaluator: _score(row) for row in rows if row.evaluator is not None}


_OF_TRACE = (
    sa.select(schema.score, schema.trace.c.steps)
    .select_from(schema.trace)
    .join(schema.score, schema.score.c.trace_id == schema.trace.c.id, isouter=True)
    .where(schema.trace.c.id == sa.bindparam("of_trace"))
    .order_by(schema.score.c.created_at, schema.score.c.id)
)


def _score(row: sa.Row[Any]) -> Score:
    return Score(
        evaluator=row.evaluator,
        version=row.evaluator_version,
        value=row.value,
        label=row.label,
        measure=row.measure,
        reason=row.reason,
        evidence=tuple(row.evidence),
        seconds=row.seconds,
        cost=row.cost,
    )


def _row(score: Score, key: str, actor: str, now: datetime) -> dict[str, Any]:
    return {
        "id": key,
        "evaluator": score.evaluator,
        "evaluator_version": score.version,
        "value": score.value,
        "label": score.label,
        "measure": score.measure,
        "reason": score.reason,
        "evidence": list(score.evidence),
        "seconds": score.seconds,
        "cost": score.cost,
        "actor": actor,
        "created_at": now,
    }
