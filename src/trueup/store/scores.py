"""Scores in the store: one row for each subject, evaluator and evaluator version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import derived_id
from trueup.store.rows import chunks, insert_new
from trueup.types import Score, ToolCall

__all__ = [
    "RowsOf",
    "Subject",
    "find_by_input",
    "get_scores",
    "put_scores",
    "scored_versions",
    "steps_and_scores",
]


@dataclass(frozen=True, slots=True)
class RowsOf:
    """The rows of a dataset version as what scores are of; their ids are row hashes."""

    version_id: str


Subject = Literal["trace", "replay_answer"] | RowsOf
"""What scores are of."""


def put_scores(
    tx: Tx,
    subject: Subject,
    scores: Iterable[tuple[str, Score]],
    actor: str,
    now: datetime,
    *,
    inputs: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> int:
    """Store scores of traces, of replayed answers, or of a dataset version's rows.

    A score's id follows from its subject, evaluator and evaluator version, so that scoring again
    writes nothing. One that broke has the time in its id too, and gives way to another.

    Args:
        tx: an open write transaction.
        subject: what the ids name.
        scores: (subject id, score) pairs.
        actor: who writes.
        now: when, UTC.
        inputs: the hash of all that a score follows from, by subject id and evaluator's name,
            where it is known; see `find_by_input`.

    Returns:
        How many were new.
    """
    rows = []
    for key, score in scores:
        parts = [score.evaluator, score.version, *([now.isoformat()] if score.broke else [])]
        if isinstance(subject, RowsOf):
            of = {"version_id": subject.version_id, "row_hash": key}
            made = derived_id("row", subject.version_id, key, *parts)
        else:
            of = {f"{subject}_id": key}
            made = derived_id(subject, key, *parts)
        hashed = None if score.broke else inputs.get((key, score.evaluator))
        rows.append(_row(score, made, actor, now) | of | {"input_hash": hashed})
    return insert_new(tx, schema.score, rows)


def get_scores(
    tx: Tx,
    subject: Subject,
    ids: Sequence[str],
    *,
    versions: Mapping[str, str] | None = None,
) -> dict[str, dict[str, Score]]:
    """Return the scores of `ids`, by subject id and evaluator.

    Subjects without scores are left out.

    Args:
        tx: an open transaction.
        subject: what the ids name.
        ids: of which.
        versions: only these evaluators in these versions, by name; None takes the latest of each.
    """
    table = schema.score
    if isinstance(subject, RowsOf):
        column, where = table.c.row_hash, table.c.version_id == subject.version_id
    else:
        column, where = table.c[f"{subject}_id"], sa.true()
    if versions is not None:
        where &= sa.tuple_(table.c.evaluator, table.c.evaluator_version).in_(versions.items())
    found: dict[str, dict[str, Score]] = defaultdict(dict)
    for some in chunks(ids):
        # the latest comes last, and so is the one that stays
        query = sa.select(table, column.label("subject")).where(where, column.in_(some))
        for row in tx.execute(query.order_by(table.c.created_at, table.c.id)):
            score = _score(row)
            before = found[row.subject].get(row.evaluator)
            if before is None or before.version != score.version or not score.broke:
                found[row.subject][row.evaluator] = score
    return dict(found)


def scored_versions(
    tx: Tx, subject: Literal["trace", "replay_answer"], ids: Sequence[str]
) -> dict[str, dict[str, datetime]]:
    """Return by evaluator and version when it last scored any of `ids`.

    A version that scored fewer of them than another one did, as one that was cut off, is left out.
    """
    table = schema.score
    of = table.c[f"{subject}_id"]
    names = table.c.evaluator, table.c.evaluator_version
    figures = sa.func.count(of.distinct()), sa.func.max(table.c.created_at)
    count: dict[tuple[str, str], int] = defaultdict(int)
    last: dict[tuple[str, str], datetime] = {}
    for some in chunks(ids):
        query = sa.select(*names, *figures).where(of.in_(some)).group_by(*names)
        for name, version, scored, at in tx.execute(query):
            count[name, version] += scored
            last[name, version] = max(at, last.get((name, version), at))
    most: dict[str, int] = defaultdict(int)
    for (name, _), scored in count.items():
        most[name] = max(most[name], scored)
    found: dict[str, dict[str, datetime]] = {name: {} for name in most}
    for (name, version), at in last.items():
        if count[name, version] == most[name]:
            found[name][version] = at
    return found


def find_by_input(tx: Tx, hashes: Iterable[str]) -> dict[str, Score]:
    """Return a score of each input that has been scored, whatever it is of, by the hash."""
    table = schema.score
    found: dict[str, Score] = {}
    for some in chunks(hashes):
        query = sa.select(table).where(table.c.input_hash.in_(some))
        for row in tx.execute(query.order_by(table.c.created_at.desc(), table.c.id)):
            found[row.input_hash] = _score(row)  # the first that was found stays
    return found


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
