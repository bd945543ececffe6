"""Training runs and the checkpoints that they made."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from trueup.errors import UnknownName
from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.rows import insert_new
from trueup.types import Checkpoint, Run

__all__ = [
    "get_checkpoint",
    "get_run",
    "list_checkpoints",
    "list_runs",
    "move_checkpoint",
    "put_checkpoint",
    "put_run",
    "resolve_id",
]

_MIN_PREFIX = 6
_SHOWN = 5


def put_checkpoint(tx: Tx, checkpoint: Checkpoint, actor: str, now: datetime) -> bool:
    """Store a checkpoint, unless one of that id is there; return whether it is new.

    Its path is as `Store.relative` gives it.
    """
    row = {
        "id": checkpoint.id,
        "path": checkpoint.path,
        "content_hash": checkpoint.content_hash,
        "role": checkpoint.role,
        "actor": actor,
        "created_at": now,
    }
    return bool(insert_new(tx, schema.checkpoint, [row]))


def move_checkpoint(tx: Tx, id: str, path: str) -> None:
    """Note where a checkpoint's weights lie now; what they are, its hash says."""
    table = schema.checkpoint
    tx.execute(sa.update(table).where(table.c.id == id).values(path=path))


def put_run(tx: Tx, run: Run, actor: str, now: datetime) -> bool:
    """Store a run, unless one of that id is there; return whether it is new.

    Its checkpoints and its dataset version must be in the store.
    """
    row = {
        "id": run.id,
        "stage": run.stage,
        "method": run.method,
        "config": dict(run.config),
        "dataset_version_id": run.dataset_version_id,
        "base_checkpoint_id": run.base_checkpoint_id,
        "checkpoint_id": run.checkpoint_id,
        "seed": run.seed,
        "code_revision": run.code_revision,
        "metrics": dict(run.metrics),
        "actor": actor,
        "created_at": now,
    }
    return bool(insert_new(tx, schema.run, [row]))


def get_checkpoint(tx: Tx, id_or_prefix: str) -> Checkpoint:
    """Return a checkpoint by its id, or by the first six or more characters of it.

    Raises:
        UnknownName: none or several answer to it.
    """
    key = resolve_id(tx, schema.checkpoint, id_or_prefix, "checkpoint")
    table = schema.checkpoint
    return _checkpoint(tx.execute(sa.select(table).where(table.c.id == key)).one())


def list_checkpoints(tx: Tx, role: str | None = None) -> list[Checkpoint]:
    """Return the checkpoints, of one role if it is given, the newest first."""
    table = schema.checkpoint
    query = sa.select(table).order_by(table.c.created_at.desc(), table.c.id)
    if role is not None:
        query = query.where(table.c.role == role)
    return [_checkpoint(row) for row in tx.execute(query)]


def get_run(tx: Tx, id_or_prefix: str) -> Run:
    """Return a run by its id or a prefix of it; see `get_checkpoint`."""
    key = resolve_id(tx, schema.run, id_or_prefix, "run")
    return _run(tx.execute(sa.select(schema.run).where(schema.run.c.id == key)).one())


def list_runs(tx: Tx, checkpoint_id: str | None = None) -> list[Run]:
    """Return the runs, those that made one checkpoint if it is given, the newest first."""
    table = schema.run
    query = sa.select(table).order_by(table.c.created_at.desc(), table.c.id)
    if checkpoint_id is not None:
        query = query.where(table.c.checkpoint_id == checkpoint_id)
    return [_run(row) for row in tx.execute(query)]


def resolve_id(tx: Tx, table: sa.Table, id_or_prefix: str, noun: str) -> str:
    """Return the one id in `table` that `id_or_prefix` is, or begins.

    Raises:
        UnknownName: none does, several do, or it is too short a prefix to be meant.
    """
    if tx.execute(sa.select(table.c.id).where(table.c.id == id_or_prefix)).first():
        return id_or_prefix
    if len(id_or_prefix) < _MIN_PREFIX:
        raise UnknownName(
            f"{noun} {id_or_prefix!r}: no such id; give at least {_MIN_PREFIX} of its characters"
        )
    query = sa.select(table.c.id).where(table.c.id.startswith(id_or_prefix, autoescape=True))
    found = list(tx.execute(query.order_by(table.c.id).limit(2)).scalars())
    if len(found) == 1:
        return str(found[0])
    if found:
        raise UnknownName(
            f"{noun} {id_or_prefix!r} begins several ids, {found[0]} and {found[1]} among them: "
            "give more characters"
        )
    newest = sa.select(table.c.id).order_by(table.c.created_at.desc(), table.c.id).limit(_SHOWN)
    known = ", ".join(tx.execute(newest).scalars())
    raise UnknownName(
        f"{noun} {id_or_prefix!r}: none in this store; "
        + (f"the newest are {known}" if known else f"it holds no {noun} yet")
    )


def _checkpoint(row: sa.Row[tuple[object, ...]]) -> Checkpoint:
    return Checkpoint(row.id, row.path, row.content_hash, row.role)


def _run(row: sa.Row[tuple[object, ...]]) -> Run:
    return Run(
        id=row.id,
        stage=row.stage,
        method=row.method,
        config=row.config,
        base_checkpoint_id=row.base_checkpoint_id,
        checkpoint_id=row.checkpoint_id,
        dataset_version_id=row.dataset_version_id,
        seed=row.seed,
        code_revision=row.code_revision,
        metrics=row.metrics,
    )
