"""What an auditor is shown of safety-labelled data: each label with what it led to, and each event.

Read a page at a time, so that a log of any size takes the same memory. What was trained on which
dataset version is small beside that and read once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx

__all__ = ["head_of", "safety_events", "safety_labels"]

_PAGE = 500  # under SQLite's limit on bound variables
_ANNOTATION, _EVENT, _ITEM, _SEAL = schema.annotation, schema.event, schema.item, schema.seal
_BEFORE = schema.seal.alias()
_SEALED = (
    _EVENT.c.number.label("event"),
    _EVENT.c.action,
    _EVENT.c.actor.label("writer"),
    _EVENT.c.detail,
    _EVENT.c.safety,
    _EVENT.c.created_at.label("written_at"),
    _SEAL.c.number.label("seal"),
    _SEAL.c.hash.label("seal_hash"),
    sa.func.coalesce(_BEFORE.c.hash, "0" * 64).label("seal_before"),
)

Row = dict[str, Any]


def head_of(tx: Tx) -> tuple[int, str]:
    """Return the number and the hash of the last seal; 0 and "" where there is none."""
    row = tx.execute(sa.select(_SEAL).order_by(_SEAL.c.number.desc()).limit(1)).first()
    return (0, "") if row is None else (row.number, row.hash)


def safety_labels(
    tx: Tx, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[list[Row]]:
    """Yield the labels of every queue that is, or ever was, about safety, pages in order of ids.

    A row has `record` "label"; `at`, `actor`, `action`, `noun`, `object_id`, `safety` and `detail`
    of the event that tells of it (None where it is older than the log); `queue`, `item`, `trace`,
    `reviewer`, `stream`, `simulated`, `replaces`; `label`, what it says as JSON; the
    `guideline_version` that it was given under with the `guideline_sha256` of its text; the ids of
    `preferences` that rest on it, `datasets` (name and version) that hold these, `runs` trained on
    them or on what came of them, `checkpoints` that those made, `verdicts` on these; and `event`,
    `seal`, `seal_hash` and `seal_before`.
    """
    queues = _safety_queues(tx)
    trained = _Trained(tx)
    query = (
        sa.select(_ANNOTATION.c.id)
        .join(_ITEM)
        .where(_ITEM.c.queue_id.in_(queues), *_between(_ANNOTATION.c.created_at, since, until))
        .order_by(_ANNOTATION.c.id)
    )
    with tx.execute(query.execution_options(yield_per=_PAGE)) as found:
        for ids in found.scalars().partitions():
            yield _labels(tx, list(ids), trained)


def safety_events(
    tx: Tx, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[list[Row]]:
    """Yield events that touch safety-labelled data, in order: reads, exports, settings, skips.

    What tells of a label is with the label; see `safety_labels` for what a row has.
    """
    query = (
        sa.select(*_SEALED, _EVENT.c.noun, _EVENT.c.object_id)
        .select_from(_EVENT)
        .join(_SEAL, _SEAL.c.event_number == _EVENT.c.number, isouter=True)
        .join(_BEFORE, _BEFORE.c.number == _SEAL.c.number - 1, isouter=True)
        .where(
            _EVENT.c.safety,
            _EVENT.c.noun != "annotation",
            *_between(_EVENT.c.created_at, since, until),
        )
        .order_by(_EVENT.c.number)
    )
    with tx.execute(query.execution_options(yield_per=_PAGE)) as rows:
        for some in rows.partitions():
            yield [{"record": "event", **_told(row, row.noun, row.object_id)} for row in some]


def _safety_queues(tx: Tx) -> list[str]:
    """Return the ids of queues that are about safety, and of those of which the log says so."""
    table = schema.queue.c
    now = {row.id for row in tx.execute(sa.select(table.id, table.settings)) if _is(row.settings)}
    query = sa.select(_EVENT.c.object_id).where(_EVENT.c.safety, _EVENT.c.noun == "queue")
    return sorted(now | set(tx.scalars(query.distinct())))


def _is(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("safety"))


def _between(
    column: sa.ColumnElement[Any], since: datetime | None, until: datetime | None
) -> list[sa.ColumnElement[bool]]:
    ends = [] if since is None else [column >= since]
    return ends if until is None else [*ends, column < until]


def _labels(tx: Tx, ids: Sequence[str], trained: _Trained) -> list[Row]:
    guideline, queue = schema.guideline, schema.queue
    of_label = sa.and_(_EVENT.c.object_id == _ANNOTATION.c.id, _EVENT.c.noun == "annotation")
    query = (
        sa.select(
            *_SEALED,
            _ANNOTATION.c.id,
            _ANNOTATION.c.reviewer,
            _ANNOTATION.c.preferred,
            _ANNOTATION.c.strength,
            _ANNOTATION.c.labels,
            _ANNOTATION.c.answers,
            _ANNOTATION.c.stream,
            _ANNOTATION.c.simulated,
            _ANNOTATION.c.replaces_id,
            _ANNOTATION.c.actor,
            _ANNOTATION.c.created_at,
            _ITEM.c.id.label("item_id"),
            _ITEM.c.trace_id,
            queue.c.name.label("queue_name"),
            guideline.c.version,
            guideline.c.text_blob,
        )
        .select_from(_ANNOTATION)
        .join(_ITEM, _ITEM.c.id == _ANNOTATION.c.item_id)
        .join(queue, queue.c.id == _ITEM.c.queue_id)
        .join(guideline, guideline.c.id == _ANNOTATION.c.guideline_id, isouter=True)
        .join(_EVENT, of_label, isouter=True)
        .join(_SEAL, _SEAL.c.event_number == _EVENT.c.number, isouter=True)
        .join(_BEFORE, _BEFORE.c.number == _SEAL.c.number - 1, isouter=True)
        .where(_ANNOTATION.c.id.in_(ids))
        .order_by(_ANNOTATION.c.id, _EVENT.c.number)
    )
    rows = {row.id: row for row in reversed(tx.execute(query).all())}  # its first event alone
    preferences, versions = _rests(tx, ids)
    return [
        {
            "record": "label",
            **_told(row, "annotation", key),
            "at": (row.written_at or row.created_at).isoformat(),
            "actor": row.writer or row.actor,
            "queue": row.queue_name,
            "item": row.item_id,
            "trace": row.trace_id,
            "reviewer": row.reviewer,
            "stream": row.stream,
            "simulated": row.simulated,
            "replaces": row.replaces_id,
            "label": _json(
                {
                    "preferred": row.preferred,
                    "strength": row.strength,
                    "labels": row.labels,
                    "answers": row.answers,
                }
            ),
            "guideline_version": row.version,
            "guideline_sha256": row.text_blob,
            "preferences": sorted(preferences[key]),
            **trained.of(versions[key]),
        }
        for key, row in sorted(rows.items())
    ]


def _told(row: Any, noun: str, object_id: str) -> Row:
    return {
        "at": None if row.written_at is None else row.written_at.isoformat(),
        "actor": row.writer,
        "action": row.action,
        "noun": noun,
        "object_id": object_id,
        "safety": row.safety,
        "detail": None if row.event is None else _json(row.detail),
        "event": row.event,
        "seal": row.seal,
        "seal_hash": row.seal_hash,
        "seal_before": None if row.seal is None else row.seal_before,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _rests(tx: Tx, ids: Sequence[str]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the preferences that rest on each label, and the dataset versions that hold these."""
    link, row = schema.preference_annotation, schema.dataset_row
    query = (
        sa.select(link.c.annotation_id, link.c.preference_id, row.c.version_id)
        .join_from(link, row, row.c.preference_id == link.c.preference_id, isouter=True)
        .where(link.c.annotation_id.in_(ids))
    )
    preferences: dict[str, set[str]] = defaultdict(set)
    versions: dict[str, set[str]] = defaultdict(set)
    for label, preference, version in tx.execute(query):
        preferences[label].add(preference)
        if version is not None:
            versions[label].add(version)
    return preferences, versions


class _Trained:
    """What was trained on each dataset version, directly or on from there, and what was found."""

    def __init__(self, tx: Tx) -> None:
        run, version, dataset = schema.run.c, schema.dataset_version, schema.dataset
        names = sa.select(version.c.id, dataset.c.name, version.c.version).join(dataset)
        self._names = {key: f"{name} {number}" for key, name, number in tx.execute(names)}
        self._on: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._from: dict[str, set[tuple[str, str]]] = defaultdict(set)
        runs = sa.select(run.id, run.dataset_version_id, run.base_checkpoint_id, run.checkpoint_id)
        for key, trained_on, base, made in tx.execute(runs):
            self._from[base].add((key, made))
            if trained_on is not None:
                self._on[trained_on].add((key, made))
        self._verdicts: dict[str, set[str]] = defaultdict(set)
        verdict, replay = schema.verdict, schema.replay
        judged = sa.select(replay.c.checkpoint_id, verdict.c.id, verdict.c.outcome).join_from(
            verdict, replay, replay.c.id == verdict.c.candidate_replay_id
        )
        for checkpoint, key, outcome in tx.execute(judged):
            self._verdicts[checkpoint].add(f"{key} {outcome}")
        self._known: dict[frozenset[str], dict[str, list[str]]] = {}

    def of(self, versions: set[str]) -> dict[str, list[str]]:
        """Return `datasets`, `runs`, `checkpoints` and `verdicts` that come of versions."""
        asked = frozenset(versions)
        if asked not in self._known:
            self._known[asked] = self._follow(asked)
        return self._known[asked]

    def _follow(self, versions: frozenset[str]) -> dict[str, list[str]]:
        runs: set[str] = set()
        checkpoints: set[str] = set()
        fresh = {made for version in versions for made in self._on[version]}
        while fresh:
            runs |= {key for key, _ in fresh}
            new = {made for _, made in fresh} - checkpoints
            checkpoints |= new
            fresh = {run for made in new for run in self._from.get(made, ())}
        verdicts = {found for made in checkpoints for found in self._verdicts.get(made, ())}
        return {
            "datasets": sorted(self._names[version] for version in versions),
            "runs": sorted(runs),
            "checkpoints": sorted(checkpoints),
            "verdicts": sorted(verdicts),
        }
