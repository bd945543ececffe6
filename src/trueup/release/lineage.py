"""The chain of evidence as a tree of lines, for the command and the report alike.

A node is `{"text": ..., "children": [nodes]}`: plain JSON, so that a page can show it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from trueup.store import Store
from trueup.store import lineage as walks
from trueup.store.reads import log_read_of_items

__all__ = ["LABELS_SHOWN", "backward_tree", "draw", "forward_tree", "trace_back", "trace_forward"]

LABELS_SHOWN = 20
_STRENGTHS = ("", "slightly ", "clearly ", "by far ")

Node = dict[str, Any]


def trace_back(
    store: Store, checkpoint_id: str, *, actor: str | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Return everything that a checkpoint was made of; see `trueup.store.lineage.backward`.

    That `actor` read the labels of queues about safety is logged.
    """
    with store.reading() as tx:
        found = walks.backward(tx, checkpoint_id)
    on = {label["id"]: label["item_id"] for label in found["labels"]}
    log_read_of_items(store, "labels", on.values(), actor=actor, now=now, checkpoint=checkpoint_id)
    return found


def trace_forward(
    store: Store, annotation_id: str, *, actor: str | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """Return everything that a label touched; see `trueup.store.lineage.forward`, `trace_back`."""
    with store.reading() as tx:
        found = walks.forward(tx, annotation_id)
    label = found["label"]
    log_read_of_items(store, "labels", [label["item_id"]], actor=actor, now=now, label=label["id"])
    return found


def backward_tree(chain: Mapping[str, Any], *, limit: int | None = LABELS_SHOWN) -> Node:
    """Arrange `trace_back`'s answer as a tree: the counts first, then every row.

    Args:
        chain: what `trace_back` returned.
        limit: labels to show; None shows all. What is left out is counted in a line of its own.
    """
    found = chain["counts"]
    summary = (
        f"{_count(found['runs'], 'run')} on {_count(found['datasets'], 'dataset version')}: "
        f"{_count(found['rows'], 'row')} of {_count(found['preferences'], 'preference')}, from "
        f"{_count(found['labels'], 'label')} ({found['simulated']} simulated) by "
        f"{_count(found['reviewers'], 'reviewer')} on {_count(found['items'], 'item')} of "
        f"{_count(found['traces'], 'trace')}"
    )
    if not found["runs"]:
        summary = "it came from outside: no run in this store made it"
    return _node(
        _checkpoint(chain["checkpoint"]),
        [
            _node(summary),
            *(_node(_verdict(v)) for v in chain["verdicts"]),
            *_runs(chain),
            *(_node(_dataset(d)) for d in chain["datasets"]),
            *_labels(chain["labels"], limit),
        ],
    )


def forward_tree(chain: Mapping[str, Any]) -> Node:
    """Arrange `trace_forward`'s answer as a tree."""
    label = chain["label"]
    children = [_node(_origin(label))]
    if not chain["preferences"]:
        children.append(_node("no preference rests on it: nothing was trained on it"))
    children += [
        _node(
            _preference(p["id"], p["origin"], p["agreement"]),
            [_node(_row(r)) for r in chain["rows"] if r["preference_id"] == p["id"]],
        )
        for p in chain["preferences"]
    ]
    children += [_node(_dataset(d)) for d in chain["datasets"]]
    made = {c["id"]: c for c in chain["checkpoints"]}
    for run in chain["runs"]:
        made_by_run = run["checkpoint_id"]
        verdicts = [v for v in chain["verdicts"] if v["candidate_checkpoint_id"] == made_by_run]
        children.append(
            _node(
                _run(run),
                [_node(_checkpoint(made[made_by_run]), [_node(_verdict(v)) for v in verdicts])],
            )
        )
    return _node(_label(label), children)


def draw(node: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tree's lines, with the branches drawn."""
    yield node["text"]
    yield from _branches(node["children"], "")


def _branches(children: Sequence[Mapping[str, Any]], indent: str) -> Iterator[str]:
    for index, child in enumerate(children):
        last = index == len(children) - 1
        yield f"{indent}{'└── ' if last else '├── '}{child['text']}"
        yield from _branches(child["children"], indent + ("    " if last else "│   "))


def _node(text: str, children: Iterable[Node] = ()) -> Node:
    return {"text": text, "children": list(children)}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _checkpoint(row: Mapping[str, Any]) -> str:
    return f"checkpoint {row['id']} ({row['role']}) sha256 {row['content_hash'][:12]} {row['path']}"


def _verdict(row: Mapping[str, Any]) -> str:
    why = f": {row['reasons'][0]}" if row["reasons"] else ""
    return f"verdict {row['outcome']} {row['id']}{why}"


def _dataset(row: Mapping[str, Any]) -> str:
    digest = f"sha256 {row['content_hash'][:12]}" if row["content_hash"] else "draft"
    gone = ", withdrawn: texts in it were erased" if row["withdrawn"] else ""
    return f"dataset {row['name']} {row['version']} {digest}, {_count(row['rows'], 'row')}{gone}"


def _run(row: Mapping[str, Any]) -> str:
    data = f", on {row['dataset']}" if row.get("dataset") else ""
    if files := row["config"].get("files"):
        data += f", and on rows that no label here bears out: {', '.join(files)}"
    return (
        f"run {row['stage']} ({row['method']}) {row['id']}, "
        f"seed {row['seed']}, code {row['code_revision'] or 'unknown'}{data}"
    )


def _runs(chain: Mapping[str, Any]) -> list[Node]:
    """Nest each run's base under it, down to the checkpoint that came from outside."""
    bases = {c["id"]: c for c in chain["checkpoints"]}
    by_made: dict[str, list[Mapping[str, Any]]] = {}
    for run in chain["runs"]:
        by_made.setdefault(run["checkpoint_id"], []).append(run)
    drawn: set[str] = set()

    def nest(checkpoint_id: str) -> list[Node]:
        # a run whose weights came out as they went in names one checkpoint on both sides
        runs = [r for r in by_made.get(checkpoint_id, []) if r["id"] not in drawn]
        drawn.update(r["id"] for r in runs)
        return [_node(_run(r), [start(r["base_checkpoint_id"])]) for r in runs]

    def start(checkpoint_id: str) -> Node:
        base = bases.get(checkpoint_id, chain["checkpoint"])
        return _node(f"from {_checkpoint(base)}", nest(checkpoint_id))

    return nest(chain["checkpoint"]["id"])


def _labels(labels: Sequence[Mapping[str, Any]], limit: int | None) -> list[Node]:
    shown = labels if limit is None else labels[:limit]
    nodes = [
        _node(
            f"{_origin(first)}, {_preference(key, first['origin'], first['agreement'])}, "
            f"in {', '.join(first['datasets'])}",
            [_node(_label(label)) for label in (first, *rest)],
        )
        for key, (first, *rest) in groupby(shown, key=lambda label: label["preference_id"])
    ]
    if rest := len(labels) - len(shown):
        nodes.append(_node(f"and {_count(rest, 'more label')}: --all shows every one"))
    return nodes


def _origin(row: Mapping[str, Any]) -> str:
    return f"trace {row['trace_id']} “{row['question']}” item {row['item_id']}"


def _preference(key: str, origin: str, agreement: float | None) -> str:
    agreed = "one rater" if agreement is None else f"agreement {agreement:.2f}"
    return f"preference {key} ({origin}, {agreed})"


def _row(row: Mapping[str, Any]) -> str:
    return f"row {row['row_hash'][:12]} ({row['split']}) of dataset version {row['version_id']}"


def _label(row: Mapping[str, Any]) -> str:
    said = {"tie": "a tie", "neither": "neither is right"}.get(
        row["preferred"], f"{row['preferred']} {_STRENGTHS[row['strength']]}better"
    )
    ticked = f", {', '.join(row['labels'])}" if row["labels"] else ""
    simulated = ", simulated" if row["simulated"] else ""
    return f"label {row['id']} by {row['reviewer']}{simulated}: {said}{ticked}"
