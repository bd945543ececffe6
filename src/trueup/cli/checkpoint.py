"""`trueup checkpoint`: the weights that the store knows, and weights from outside."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from cyclopts import App

from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_json, show_table
from trueup.store import Store, derived_id
from trueup.store.runs import get_checkpoint, list_checkpoints, move_checkpoint, put_checkpoint
from trueup.store.stamp import stamp
from trueup.types import Checkpoint

__all__ = ["app"]

app = App(name="checkpoint")


@app.command(name="list")
def list_(*, store: StoreOption = None, json: JsonOption = False) -> None:
    """List the checkpoints, the newest first."""
    with open_store(store) as opened, opened.reading() as tx:
        found = [replace(c, path=str(opened.locate(c.path))) for c in list_checkpoints(tx)]
    if json:
        show_json([asdict(checkpoint) for checkpoint in found])
    else:
        rows = [(c.id[:12], c.role, c.content_hash[:12], c.path) for c in found]
        show_table(("checkpoint", "role", "sha256", "folder"), rows)


@app.command
def add(
    folder: Path,
    /,
    *,
    role: str = "candidate",
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Make a folder of weights known to the store, such as one that `trueup train` made.

    Args:
        folder: in the Hugging Face format.
        role: what it is to be: base, deployed, control, candidate.
    """
    from trueup.models import folder_hash  # it loads torch

    digest = folder_hash(folder)
    actor, now = stamp()
    with Store.open(store) as opened, opened.transaction() as tx:
        place = opened.relative(folder)
        checkpoint = Checkpoint(derived_id("checkpoint", digest), place, digest, role)
        new = put_checkpoint(tx, checkpoint, actor, now)
        before = get_checkpoint(tx, checkpoint.id).path
        moved = not new and before != place and not opened.locate(before).exists()
        if moved:
            move_checkpoint(tx, checkpoint.id, place)
    if json:
        show_json({"checkpoint": checkpoint.id, "new": new, "moved": moved})
        return
    there = f", which has moved here from {before}" if moved else " was there already"
    say(f"checkpoint {checkpoint.id}{'' if new else there}")
