"""What the store is told of a training run: the link from a checkpoint to its dataset."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import trueup
from trueup.store import Store, derived_id
from trueup.store.runs import get_checkpoint, put_checkpoint, put_run
from trueup.training import Method, TrainResult
from trueup.types import Checkpoint, Run

__all__ = ["code_revision", "record_run"]


def record_run(
    store: Store,
    key: str,
    result: TrainResult,
    *,
    stage: str,
    role: str,
    method: Method,
    base: Checkpoint,
    version_id: str | None,
    actor: str,
    now: datetime,
    files: Sequence[str] = (),
) -> Checkpoint:
    """Put a finished run and its checkpoint into the store, unless they are there.

    Args:
        store: that holds the dataset.
        key: names the run, by what went into it.
        result: what the run gave.
        stage: what the run is called.
        role: what a new checkpoint is to be.
        method: by which it was trained.
        base: what it was trained from; it is put there too.
        version_id: of the dataset that it was trained on; None where it is none of the store.
        actor: who writes.
        now: when, UTC.
        files: names of what else it was trained on, which the store does not hold.

    Returns:
        The checkpoint as the store has it.
    """
    checkpoint = Checkpoint(
        derived_id("checkpoint", result.content_hash),
        store.relative(result.checkpoint_path),
        result.content_hash,
        role,
    )
    run = Run(
        id=derived_id("run", key),
        stage=stage,
        method=method.name,
        config=method.to_dict() | ({"files": list(files)} if files else {}),
        base_checkpoint_id=base.id,
        checkpoint_id=checkpoint.id,
        dataset_version_id=version_id,
        seed=method.seed,
        code_revision=code_revision(),
        metrics={"steps": result.steps, "best": result.best_metric},
    )
    with store.transaction() as tx:
        put_checkpoint(tx, base, actor, now)
        put_checkpoint(tx, checkpoint, actor, now)
        put_run(tx, run, actor, now)
        return get_checkpoint(tx, checkpoint.id)


def code_revision() -> str:
    """Return trueup's version and, in a checkout, its commit."""
    here = Path(trueup.__file__).parent
    found = subprocess.run(
        ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    commit = found.stdout.strip()
    return f"{trueup.__version__}+{commit}" if found.returncode == 0 else trueup.__version__
