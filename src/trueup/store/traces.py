"""Traces and their spans in the store; every text is a blob, so that erasing it erases it all."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.errors import UnknownName
from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.rows import chunks, get_blobs, insert_new, put_blob, put_json
from trueup.types import Expected, Span, ToolCall, Trace

__all__ = ["cohorts", "count_traces", "get_trace", "list_traces", "put_trace"]

_BLOB = "$blob"
# What an attribute may say without being somebody's words: a name, an id, a version.
_INLINE = re.compile(r"[A-Za-z0-9_.:/\-]{0,64}")


def put_trace(
    tx: Tx, trace: Trace, *, source: str, checkpoint_id: str | None, actor: str, now: datetime
) -> bool:
    """Store a trace with its spans, unless one of that id is there.

    Args:
        tx: an open write transaction.
        trace: what to store; its own `id` is the row's.
        source: where it came from: a file's name, or the part that recorded it.
        checkpoint_id: the checkpoint that served it, where it is one of ours.
        actor: who writes.
        now: when, UTC.

    Returns:
        Whether the trace is new; an existing one is left as it is.
    """
    table = schema.trace
    if tx.execute(sa.select(table.c.id).where(table.c.id == trace.id)).first():
        return False
    row = {
        "id": trace.id,
        "conversation_id": trace.conversation_id,
        "cohort": trace.cohort,
        "question_type": trace.question_type,
        "family": trace.family,
        "messages_blob": put_json(tx, [dict(m) for m in trace.messages], actor=actor, now=now),
        "answer_blob": put_blob(tx, trace.answer, actor=actor, now=now),
        "context_blob": put_json(tx, list(trace.context), actor=actor, now=now),
        "steps": [{"name": s.name, "arguments": dict(s.arguments)} for s in trace.steps],
        "expected": None if trace.expected is None else trace.expected.to_json(),
        "model": trace.model,
        "checkpoint_id": checkpoint_id,
        "latency_ms": trace.latency_ms,
        "prompt_tokens": trace.prompt_tokens,
        "completion_tokens": trace.completion_tokens,
        "started_at": trace.started_at,
        "source": source,
        "actor": actor,
        "created_at": now,
    }
    if not insert_new(tx, table, [row]):
        return False
    insert_new(tx, schema.span, [_span_row(tx, trace.id, s, actor, now) for s in trace.spans])
    return True


def get_trace(tx: Tx, trace_id: str) -> Trace:
    """Return one trace with its spans.

    Raises:
        UnknownName: the store has no trace of that id.
        StoreError: a text of it was erased.
    """
    found = list_traces(tx, ids=[trace_id], with_spans=True)
    if not found:
        raise UnknownName(f"no trace {trace_id}: `trueup trace list` prints those there are")
    return found[0]


def list_traces(
    tx: Tx,
    *,
    cohort: str | None = None,
    source: str | None = None,
    ids: Sequence[str] | None = None,
    limit: int | None = None,
    after: str | None = None,
    with_spans: bool = False,
) -> list[Trace]:
    """Return traces in the order of their ids, which for UUIDv7 is that of recording.

    Args:
        tx: an open transaction.
        cohort: only this cohort's.
        source: only those from this source.
        ids: only these; unknown ones are left out.
        limit: at most so many.
        after: only ids beyond this one: the last one of the page before.
        with_spans: whether to load the spans too; without them `spans` is empty.

    Raises:
        StoreError: a text of one of them was erased.
    """
    table = schema.trace
    query = sa.select(table).order_by(table.c.id)
    if cohort is not None:
        query = query.where(table.c.cohort == cohort)
    if source is not None:
        query = query.where(table.c.source == source)
    if after is not None:
        query = query.where(table.c.id > after)
    if ids is None:
        rows = list(tx.execute(query.limit(limit)))
    else:
        found = (tx.execute(query.where(table.c.id.in_(some))) for some in chunks(ids))
        rows = list(itertools.islice(itertools.chain.from_iterable(found), limit))
    blobs = get_blobs(
        tx, (key for r in rows for key in (r.messages_blob, r.answer_blob, r.context_blob))
    )
    spans = _spans(tx, [row.id for row in rows]) if with_spans else {}
    return [_trace(row, blobs, spans.get(row.id, ())) for row in rows]


def cohorts(tx: Tx) -> dict[str, int]:
    """Return the cohorts that have traces, by name, with how many."""
    column = schema.trace.c.cohort
    query = sa.select(column, sa.func.count()).group_by(column).order_by(column)
    return {row[0]: row[1] for row in tx.execute(query)}


def count_traces(tx: Tx, *, cohort: str | None = None, source: str | None = None) -> int:
    """Return how many traces there are, of a cohort or source where one is given."""
    query = sa.select(sa.func.count()).select_from(schema.trace)
    if cohort is not None:
        query = query.where(schema.trace.c.cohort == cohort)
    if source is not None:
        query = query.where(schema.trace.c.source == source)
    return tx.execute(query).scalar_one()


def _trace(row: sa.Row[Any], blobs: Mapping[str, str], spans: tuple[Span, ...]) -> Trace:
    return Trace(
        id=row.id,
        conversation_id=row.conversation_id,
        cohort=row.cohort,
        messages=tuple(json.loads(blobs[row.messages_blob])),
        answer=blobs[row.answer_blob],
        question_type=row.question_type,
        family=row.family,
        context=tuple(json.loads(blobs[row.context_blob])),
        steps=tuple(ToolCall(step["name"], step["arguments"]) for step in row.steps),
        expected=None if row.expected is None else Expected.from_json(row.expected),
        model=row.model,
        latency_ms=row.latency_ms,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        started_at=row.started_at,
        spans=spans,
    )


def _span_row(tx: Tx, trace_id: str, span: Span, actor: str, now: datetime) -> dict[str, Any]:
    attributes = {
        key: value if _is_inline(value) else {_BLOB: put_json(tx, value, actor=actor, now=now)}
        for key, value in span.attributes.items()
    }
    return {
        "trace_id": trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "start_ns": span.start_ns,
        "end_ns": span.end_ns,
        "attributes": attributes,
        "status": span.status,
    }


def _is_inline(value: Any) -> bool:
    if isinstance(value, str):
        return _INLINE.fullmatch(value) is not None
    if isinstance(value, float):
        return math.isfinite(value)  # JSON columns of PostgreSQL know no NaN
    return value is None or isinstance(value, bool | int)


def _spans(tx: Tx, trace_ids: Sequence[str]) -> dict[str, tuple[Span, ...]]:
    table = schema.span
    rows = [
        row
        for some in chunks(trace_ids)
        for row in tx.execute(
            sa.select(table)
            .where(table.c.trace_id.in_(some))
            .order_by(table.c.trace_id, table.c.start_ns, table.c.span_id)
        )
    ]
    blobs = get_blobs(
        tx, (v[_BLOB] for r in rows for v in r.attributes.values() if isinstance(v, dict))
    )
    found: dict[str, list[Span]] = defaultdict(list)
    for row in rows:
        attributes = {
            key: json.loads(blobs[value[_BLOB]]) if isinstance(value, dict) else value
            for key, value in row.attributes.items()
        }
        found[row.trace_id].append(
            Span(
                row.span_id,
                row.parent_id,
                row.name,
                row.start_ns,
                row.end_ns,
                attributes,
                row.status,
            )
        )
    return {trace_id: tuple(spans) for trace_id, spans in found.items()}
