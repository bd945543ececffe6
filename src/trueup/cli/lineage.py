"""`trueup lineage`: from a checkpoint back to each label, or from a label forward."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_json
from trueup.errors import InputError
from trueup.release.lineage import (
    LABELS_SHOWN,
    backward_tree,
    draw,
    forward_tree,
    trace_back,
    trace_forward,
)

__all__ = ["lineage"]


def lineage(
    checkpoint: str | None = None,
    /,
    *,
    label: str | None = None,
    every: Annotated[bool, Parameter(name="--all", negative=())] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Print what a checkpoint was made of, down to each label, reviewer and trace.

    Args:
        checkpoint: its id, or the first six or more characters of it.
        label: start from this label, and print what it touched.
        every: show every label, and not the first few.
    """
    if (checkpoint is None) == (label is None):
        raise InputError(
            "name a checkpoint or a label: trueup lineage CHECKPOINT, or trueup lineage --label ID"
        )
    with open_store(store) as opened:
        if label is not None:
            chain = trace_forward(opened, label)
            tree = forward_tree(chain)
        else:
            chain = trace_back(opened, str(checkpoint))
            tree = backward_tree(chain, limit=None if every else LABELS_SHOWN)
    if json:
        show_json(chain)
        return
    for line in draw(tree):
        say(line)
