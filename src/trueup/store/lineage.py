"""The chain of evidence, walked: from a checkpoint back to each label, and from a label forward.

Both walks return plain JSON values, so that the command, the page and the report show the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.rows import chunks
from trueup.store.runs import resolve_id

__all__ = ["backward", "forward"]

_EXCERPT = 100

Row = dict[str, Any]


def backward(tx: Tx, checkpoint_id: str) -> Row:
    """Walk from a checkpoint back to everything that it was made of.

    Args:
        tx: an open transaction.
        checkpoint_id: an id, or the first six or more characters of one.

    Returns:
        `checkpoint`; `runs` (the newest first, each with its `dataset` or None), `checkpoints`
        (those that they started from), `datasets` (with `rows` and `content_hash`), `labels` (one
        for each annotation behind a dataset row: reviewer, what was preferred, whether simulated,
        its preference, item, trace and the datasets that hold it), `replays`, `verdicts` and
        `counts`.

    Raises:
        UnknownName: no checkpoint, or several, answer to the id.
    """
    root = resolve_id(tx, schema.checkpoint, checkpoint_id, "checkpoint")
    runs, bases = _ancestry(tx, root)
    versions = dict.fromkeys(r["dataset_version_id"] for r in runs if r["dataset_version_id"])
    datasets = _datasets(tx, list(versions))
    by_version = {d["id"]: f"{d['name']} {d['version']}" for d in datasets}
    labels, rows = _labels(tx, by_version)
    return {
        "checkpoint": _checkpoints(tx, [root])[0],
        "runs": [run | {"dataset": by_version.get(run["dataset_version_id"])} for run in runs],
        "checkpoints": _checkpoints(tx, bases),
        "datasets": datasets,
        "labels": labels,
        "replays": _replays(tx, [root]),
        "verdicts": _verdicts(tx, [root]),
        "counts": {
            "runs": len(runs),
            "datasets": len(datasets),
            "rows": rows,
            "preferences": len({label["preference_id"] for label in labels}),
            "labels": len({label["id"] for label in labels}),
            "simulated": len({label["id"] for label in labels if label["simulated"]}),
            "reviewers": len({label["reviewer"] for label in labels}),
            "items": len({label["item_id"] for label in labels}),
            "traces": len({label["trace_id"] for label in labels}),
        },
    }


def forward(tx: Tx, annotation_id: str) -> Row:
    """Walk from one label to every checkpoint and verdict that it touched.

    Args:
        tx: an open transaction.
        annotation_id: an id, or the first six or more characters of one.

    Returns:
        `label` (with its item and trace), `preferences`, `rows` (dataset rows made of them),
        `datasets`, `runs` (those trained on them, and those that started from their checkpoints),
        `checkpoints` and `verdicts`.

    Raises:
        UnknownName: no label, or several, answer to the id.
    """
    key = resolve_id(tx, schema.annotation, annotation_id, "label")
    link, row = schema.preference_annotation, schema.dataset_row
    preferences = _rows(
        tx,
        sa.select(schema.preference.c.id, schema.preference.c.origin, schema.preference.c.agreement)
        .join(link, link.c.preference_id == schema.preference.c.id)
        .where(link.c.annotation_id == key)
        .order_by(schema.preference.c.id),
    )
    rows = _rows(
        tx,
        sa.select(row.c.version_id, row.c.row_hash, row.c.split, row.c.preference_id)
        .where(row.c.preference_id.in_([p["id"] for p in preferences]))
        .order_by(row.c.version_id, row.c.position),
    )
    versions = list(dict.fromkeys(r["version_id"] for r in rows))
    runs = _descendants(tx, versions)
    made = list(dict.fromkeys(run["checkpoint_id"] for run in runs))
    return {
        "label": _label(tx, key),
        "preferences": preferences,
        "rows": rows,
        "datasets": _datasets(tx, versions),
        "runs": runs,
        "checkpoints": _checkpoints(tx, made),
        "verdicts": _verdicts(tx, made),
    }


def _ancestry(tx: Tx, root: str) -> tuple[list[Row], list[str]]:
    """Return the runs behind a checkpoint, and the checkpoints that they started from, in order."""
    runs: dict[str, Row] = {}
    seen, frontier = {root: None}, [root]
    while frontier:
        found = [r for r in _runs(tx, "checkpoint_id", frontier) if r["id"] not in runs]
        runs |= {run["id"]: run for run in found}
        bases = dict.fromkeys(run["base_checkpoint_id"] for run in found)
        frontier = [base for base in bases if base not in seen]
        seen |= dict.fromkeys(frontier)
    return list(runs.values()), list(seen)[1:]


def _descendants(tx: Tx, versions: Sequence[str]) -> list[Row]:
    runs = {run["id"]: run for run in _runs(tx, "dataset_version_id", versions)}
    fresh = list(runs.values())
    while fresh:
        made = list(dict.fromkeys(run["checkpoint_id"] for run in fresh))
        fresh = [r for r in _runs(tx, "base_checkpoint_id", made) if r["id"] not in runs]
        runs |= {run["id"]: run for run in fresh}
    return list(runs.values())


def _rows(tx: Tx, query: sa.Executable) -> list[Row]:
    return [dict(row) for row in tx.execute(query).mappings()]


def _stamped(rows: Iterable[Row]) -> list[Row]:
    return [row | {"created_at": row["created_at"].isoformat()} for row in rows]


def _runs(tx: Tx, column: str, ids: Sequence[str]) -> list[Row]:
    run = schema.run
    query = sa.select(
        run.c.id,
        run.c.stage,
        run.c.method,
        run.c.config,
        run.c.seed,
        run.c.code_revision,
        run.c.dataset_version_id,
        run.c.base_checkpoint_id,
        run.c.checkpoint_id,
        run.c.actor,
        run.c.created_at,
    )
    query = query.where(run.c[column].in_(ids)).order_by(run.c.created_at.desc(), run.c.id)
    return _stamped(_rows(tx, query))


def _checkpoints(tx: Tx, ids: Sequence[str]) -> list[Row]:
    table = schema.checkpoint
    query = sa.select(
        table.c.id, table.c.role, table.c.path, table.c.content_hash, table.c.created_at
    ).where(table.c.id.in_(ids))
    found = {row["id"]: row for row in _stamped(_rows(tx, query))}
    return [found[key] for key in ids]


def _datasets(tx: Tx, versions: Sequence[str]) -> list[Row]:
    version, row = schema.dataset_version, schema.dataset_row
    count = sa.select(sa.func.count()).where(row.c.version_id == version.c.id).scalar_subquery()
    query = (
        sa.select(
            version.c.id,
            schema.dataset.c.name,
            version.c.version,
            version.c.content_hash,
            version.c.withdrawn_at.is_not(None).label("withdrawn"),
            count.label("rows"),
        )
        .join(schema.dataset, schema.dataset.c.id == version.c.dataset_id)
        .where(version.c.id.in_(versions))
    )
    found = {r["id"]: r for r in _rows(tx, query)}
    return [found[key] for key in versions]


def _replays(tx: Tx, checkpoints: Sequence[str]) -> list[Row]:
    replay, answer = schema.replay, schema.replay_answer
    count = sa.select(sa.func.count()).where(answer.c.replay_id == replay.c.id).scalar_subquery()
    query = sa.select(
        replay.c.id, replay.c.suite, replay.c.suite_hash, count.label("answers")
    ).where(replay.c.checkpoint_id.in_(checkpoints))
    return _rows(tx, query.order_by(replay.c.created_at.desc(), replay.c.id))


def _verdicts(tx: Tx, checkpoints: Sequence[str]) -> list[Row]:
    verdict, replay = schema.verdict, schema.replay
    baseline = replay.alias("baseline")
    query = (
        sa.select(
            verdict.c.id,
            verdict.c.outcome,
            verdict.c.reasons,
            baseline.c.checkpoint_id.label("baseline_checkpoint_id"),
            replay.c.checkpoint_id.label("candidate_checkpoint_id"),
            verdict.c.created_at,
        )
        .join(replay, replay.c.id == verdict.c.candidate_replay_id)
        .join(baseline, baseline.c.id == verdict.c.baseline_replay_id)
        .where(replay.c.checkpoint_id.in_(checkpoints))
        .order_by(verdict.c.created_at.desc(), verdict.c.id)
    )
    return _stamped(_rows(tx, query))


_LABEL = (
    schema.annotation.c.id,
    schema.annotation.c.reviewer,
    schema.annotation.c.preferred,
    schema.annotation.c.strength,
    schema.annotation.c.labels,
    schema.annotation.c.stream,
    schema.annotation.c.simulated,
    schema.annotation.c.created_at,
    schema.item.c.id.label("item_id"),
    schema.item.c.cohort,
    schema.item.c.question_type,
    schema.item.c.reason,
    schema.item.c.trace_id,
    schema.blob.c.text.label("messages"),
)


def _label_query(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return (
        sa.select(*_LABEL, *columns)
        .select_from(schema.annotation)
        .join(schema.item, schema.item.c.id == schema.annotation.c.item_id)
        .join(schema.blob, schema.blob.c.id == schema.item.c.messages_blob)
    )


def _labels(tx: Tx, versions: dict[str, str]) -> tuple[list[Row], int]:
    """Return the labels behind dataset versions, and how many rows these have together."""
    row, link, preference = schema.dataset_row, schema.preference_annotation, schema.preference
    holds: dict[str, list[str]] = {}
    query = sa.select(row.c.version_id, row.c.preference_id).where(row.c.version_id.in_(versions))
    members = _rows(tx, query.order_by(row.c.version_id, row.c.position))
    for member in members:
        names = holds.setdefault(member["preference_id"], [])
        if (name := versions[member["version_id"]]) not in names:
            names.append(name)
    found: list[Row] = []
    for some in chunks(holds):
        query = (
            _label_query(
                preference.c.id.label("preference_id"), preference.c.origin, preference.c.agreement
            )
            .join(link, link.c.annotation_id == schema.annotation.c.id)
            .join(preference, preference.c.id == link.c.preference_id)
            .where(preference.c.id.in_(some))
        )
        found += [_with_question(r) for r in _stamped(_rows(tx, query))]
    place = {key: i for i, key in enumerate(holds)}
    found.sort(key=lambda r: (place[r["preference_id"]], r["reviewer"], r["id"]))
    return [r | {"datasets": holds[r["preference_id"]]} for r in found], len(members)


def _label(tx: Tx, key: str) -> Row:
    query = _label_query().where(schema.annotation.c.id == key)
    return _with_question(_stamped(_rows(tx, query))[0])


def _with_question(row: Row) -> Row:
    """Put the last user turn's end, where the question is, in place of the whole conversation."""
    text = row.pop("messages")
    if text is None:
        return row | {"question": "(erased)"}
    turns = [m.get("content") or "" for m in json.loads(text) if m.get("role") == "user"]
    words = " ".join(str(turns[-1]).split()) if turns else ""
    short = words if len(words) <= _EXCERPT else "…" + words[1 - _EXCERPT :].lstrip()
    return row | {"question": short}
