"""The middle stations: labels in, audited, and exported as a dataset version."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping

from trueup.datasets import Dataset
from trueup.errors import QueueEmpty, VersionConflict
from trueup.flywheel.context import Found, Turn
from trueup.queues import AnnotationQueue, PreferenceSet, Submission
from trueup.store.traces import list_traces
from trueup.types import Item

__all__ = ["audit", "export", "label"]


def label(turn: Turn, found: Mapping[str, Found]) -> Found:
    """Collect the reviewers' labels: from a file, or from the demo's simulation."""
    queue = AnnotationQueue.get(found["enqueue"]["queue"], store=turn.store)
    if turn.labels is not None:
        return _labels_from_file(turn, queue)
    items = _items_of(turn, queue)
    if not items:
        raise QueueEmpty(
            f"queue {queue.name}: it holds no item of turn {turn.id} (seed {turn.config.seed}); "
            "record and enqueue with the same settings first"
        )
    made = list(
        turn.application.simulated_labels(items, overlap=queue.overlap, seed=turn.config.seed)
    )
    queue.submit_many(
        [Submission(item_id, who, given, simulated=True) for item_id, who, given in made],
        actor=turn.actor,
        now=turn.now(),
    )
    reviewers = dict(sorted(Counter(who for _, who, _ in made).items()))
    return {"labels": len(made), "simulated": True, "reviewers": reviewers}


def _labels_from_file(turn: Turn, queue: AnnotationQueue) -> Found:
    path = turn.labels
    assert path is not None
    if not path.exists():
        count = queue.export_for_labelling(path, actor=turn.actor, now=turn.now())
        raise QueueEmpty(
            f"queue {queue.name}: its {count} items are written to {path} for labelling; "
            "fill in `annotations` and run the same command again"
        )
    read = queue.import_labels(path, actor=turn.actor, now=turn.now())
    if not read.added + read.unchanged:
        raise QueueEmpty(
            f"queue {queue.name}: {path} holds no label; fill in `annotations` and run the same "
            "command again"
        )
    mine = {item.id for item in _items_of(turn, queue)}
    annotations = [
        a for a in queue.annotations(actor=turn.actor, now=turn.now()) if a.item_id in mine
    ]
    simulated = any(a.simulated for a in annotations)
    reviewers = dict(sorted(Counter(a.reviewer for a in annotations).items()))
    return {"labels": len(annotations), "simulated": simulated, "reviewers": reviewers}


def _items_of(turn: Turn, queue: AnnotationQueue) -> list[Item]:
    """Return the items of this turn; a quarter's queue may hold those of several."""
    with turn.store.reading() as tx:
        mine = {trace.id for trace in list_traces(tx, source=turn.id)}
    return [item for item in queue.items(actor=turn.actor, now=turn.now()) if item.trace_id in mine]


def audit(turn: Turn, found: Mapping[str, Found]) -> Found:
    """Hold the labels' agreement against the red line; under it the turn stops here."""
    queue = AnnotationQueue.get(found["enqueue"]["queue"], store=turn.store)
    report = queue.require_agreement(
        turn.config.min_alpha, turn.config.seed, actor=turn.actor, now=turn.now()
    )
    return report.to_json()


def export(turn: Turn, found: Mapping[str, Found]) -> Found:
    """Settle the items and seal what was settled as a dataset version."""
    config = turn.config
    queue = AnnotationQueue.get(found["enqueue"]["queue"], store=turn.store)
    preferences = queue.export("unpaired", config.min_agreement, actor=turn.actor, now=turn.now())
    dataset = _seal_version(turn, preferences)
    pairs = [p for p in preferences if p.rejected is not None]
    return {
        "dataset": config.dataset,
        "version": dataset.version,
        "version_id": dataset.id,
        "content_hash": dataset.content_hash,
        "rows": len(preferences),
        "pairs": len(pairs),
        "pairs_by_origin": dict(sorted(Counter(p.origin for p in pairs).items())),
        "rows_by_origin": dict(sorted(Counter(p.origin for p in preferences).items())),
        "left_out": dict(preferences.left_out),
        "splits": dict(dataset.splits),
        "cohorts": dict(dataset.cohorts),
    }


def _seal_version(turn: Turn, preferences: PreferenceSet) -> Dataset:
    """Seal the rows as the named version, or as the first of v1, v2 ... that is free for them."""
    config = turn.config
    names: Iterable[str] = (f"v{n}" for n in itertools.count(1))
    for name in names if config.version is None else (config.version,):
        dataset = Dataset.create_or_get(
            config.dataset,
            name,
            validation_share=config.validation_share,
            store=turn.store,
            actor=turn.actor,
            now=turn.now(),
        )
        if not dataset.takes(preferences):
            if config.version is None:
                continue
            raise VersionConflict(
                f"dataset {config.dataset} version {name} holds other rows than this export: "
                "name another version, or leave it out"
            )
        dataset.add_rows(preferences, actor=turn.actor, now=turn.now())
        dataset.seal(actor=turn.actor, now=turn.now())
        return dataset
    raise AssertionError("itertools.count ended")
