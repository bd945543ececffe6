"""Replays of held-out requests, and the verdicts that rest on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import content_hash, derived_id
from trueup.store.rows import get_blobs, insert_new, put_blob, put_json
from trueup.store.runs import resolve_id
from trueup.types import Completion, Expected, Messages, Verdict

__all__ = [
    "Replay",
    "ReplayAnswer",
    "Request",
    "get_replay",
    "get_replay_answers",
    "get_verdict",
    "list_replays",
    "list_verdicts",
    "put_replay",
    "put_replay_answers",
    "put_verdict",
    "suite_hash",
]

_BASELINE = schema.replay.alias("baseline_replay")
_CANDIDATE = schema.replay.alias("candidate_replay")


@dataclass(frozen=True, slots=True)
class Request:
    """A held-out request: what is asked, of which kind, and what a right answer contains.

    Attributes:
        id: unique within its suite.
        cohort: what the gate compares by.
        family: what intervals are clustered by.
        question_type: the finer kind, for people.
        messages: the conversation up to the answer, OpenAI-shaped.
        context: the passages that the answer may rest on.
        expected: what a right answer contains, where it is known.
    """

    id: str
    cohort: str
    family: str
    question_type: str
    messages: Messages
    context: tuple[str, ...] = ()
    expected: Expected | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what a model and an evaluator see of it, as plain JSON values."""
        return {
            "messages": [dict(message) for message in self.messages],
            "context": list(self.context),
            "expected": None if self.expected is None else self.expected.to_json(),
            "question_type": self.question_type,
        }


@dataclass(frozen=True, slots=True)
class Replay:
    """One checkpoint's answers to one suite of requests, under one way of sampling."""

    id: str
    checkpoint_id: str
    suite: str
    suite_hash: str
    sampling: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """What a checkpoint answered to a request; `tokens` and `finish_reason` as in `Completion`."""

    id: str
    replay_id: str
    request: Request
    text: str
    tokens: int
    finish_reason: str


def suite_hash(requests: Iterable[Request]) -> str:
    """Return the hash of a set of requests; their order does not matter."""
    return content_hash(
        sorted([r.id, r.cohort, r.family, content_hash(r.to_json())] for r in requests)
    )


def put_replay(tx: Tx, replay: Replay, actor: str, now: datetime) -> bool:
    """Store a replay, unless one of that id is there; return whether it is new."""
    row = {
        "id": replay.id,
        "checkpoint_id": replay.checkpoint_id,
        "suite": replay.suite,
        "suite_hash": replay.suite_hash,
        "sampling": dict(replay.sampling),
        "actor": actor,
        "created_at": now,
    }
    return bool(insert_new(tx, schema.replay, [row]))


def put_replay_answers(
    tx: Tx,
    replay_id: str,
    answers: Sequence[tuple[Request, Completion]],
    actor: str,
    now: datetime,
) -> list[str]:
    """Store answers, leaving those that are there as they are.

    Returns:
        The id of each, which follows from the replay and the request.
    """
    rows = [
        {
            "id": derived_id("replay_answer", replay_id, request.id),
            "replay_id": replay_id,
            "request_id": request.id,
            "cohort": request.cohort,
            "family": request.family,
            "messages_blob": put_json(tx, request.to_json(), actor=actor, now=now),
            "answer_blob": put_blob(tx, completion.text, actor=actor, now=now),
            "tokens": completion.tokens,
            "finish_reason": completion.finish_reason,
        }
        for request, completion in answers
    ]
    insert_new(tx, schema.replay_answer, rows)
    return [str(row["id"]) for row in rows]


def get_replay(tx: Tx, id_or_prefix: str) -> Replay:
    """Return a replay by its id or a prefix of it.

    Raises:
        UnknownName: none or several answer to it.
    """
    key = resolve_id(tx, schema.replay, id_or_prefix, "replay")
    return _replay(tx.execute(sa.select(schema.replay).where(schema.replay.c.id == key)).one())


def list_replays(tx: Tx, checkpoint_id: str | None = None) -> list[Replay]:
    """Return the replays, those of one checkpoint if it is given, the newest first."""
    table = schema.replay
    query = sa.select(table).order_by(table.c.created_at.desc(), table.c.id)
    if checkpoint_id is not None:
        query = query.where(table.c.checkpoint_id == checkpoint_id)
    return [_replay(row) for row in tx.execute(query)]


def get_replay_answers(tx: Tx, replay_id: str) -> list[ReplayAnswer]:
    """Return a replay's answers with their requests, by request id.

    Raises:
        StoreError: a text of one was erased.
    """
    table = schema.replay_answer
    query = sa.select(table).where(table.c.replay_id == replay_id).order_by(table.c.request_id)
    rows = list(tx.execute(query))
    texts = get_blobs(tx, [key for row in rows for key in (row.messages_blob, row.answer_blob)])
    return [
        ReplayAnswer(
            id=row.id,
            replay_id=row.replay_id,
            request=_request(row, json.loads(texts[row.messages_blob])),
            text=texts[row.answer_blob],
            tokens=row.tokens,
            finish_reason=row.finish_reason,
        )
        for row in rows
    ]


def put_verdict(
    tx: Tx,
    verdict: Verdict,
    *,
    baseline_replay_id: str,
    candidate_replay_id: str,
    actor: str,
    now: datetime,
) -> bool:
    """Store a verdict, unless one of that id is there; return whether it is new."""
    row = {
        "id": verdict.id,
        "baseline_replay_id": baseline_replay_id,
        "candidate_replay_id": candidate_replay_id,
        "outcome": verdict.outcome,
        "reasons": list(verdict.reasons),
        "table": [dict(line) for line in verdict.table],
        "margins": dict(verdict.margins),
        "actor": actor,
        "created_at": now,
    }
    return bool(insert_new(tx, schema.verdict, [row]))


def get_verdict(tx: Tx, id_or_prefix: str) -> Verdict:
    """Return a verdict by its id or a prefix of it.

    Raises:
        UnknownName: none or several answer to it.
    """
    key = resolve_id(tx, schema.verdict, id_or_prefix, "verdict")
    return _verdict(tx.execute(_verdicts().where(schema.verdict.c.id == key)).one())


def list_verdicts(tx: Tx, checkpoint_id: str | None = None) -> list[Verdict]:
    """Return the verdicts, those on one candidate if it is given, the newest first."""
    query = _verdicts()
    if checkpoint_id is not None:
        query = query.where(_CANDIDATE.c.checkpoint_id == checkpoint_id)
    return [_verdict(row) for row in tx.execute(query)]


def _verdicts() -> sa.Select[Any]:
    table = schema.verdict
    return (
        sa.select(
            table,
            _BASELINE.c.checkpoint_id.label("baseline_checkpoint_id"),
            _CANDIDATE.c.checkpoint_id.label("candidate_checkpoint_id"),
        )
        .join(_BASELINE, _BASELINE.c.id == table.c.baseline_replay_id)
        .join(_CANDIDATE, _CANDIDATE.c.id == table.c.candidate_replay_id)
        .order_by(table.c.created_at.desc(), table.c.id)
    )


def _replay(row: Any) -> Replay:
    return Replay(row.id, row.checkpoint_id, row.suite, row.suite_hash, row.sampling)


def _request(row: Any, body: Mapping[str, Any]) -> Request:
    expected = body["expected"]
    return Request(
        id=row.request_id,
        cohort=row.cohort,
        family=row.family,
        question_type=body["question_type"],
        messages=tuple(body["messages"]),
        context=tuple(body["context"]),
        expected=None if expected is None else Expected.from_json(expected),
    )


def _verdict(row: Any) -> Verdict:
    return Verdict(
        id=row.id,
        outcome=row.outcome,
        baseline_checkpoint_id=row.baseline_checkpoint_id,
        candidate_checkpoint_id=row.candidate_checkpoint_id,
        reasons=tuple(row.reasons),
        table=tuple(row.table),
        margins=row.margins,
    )
