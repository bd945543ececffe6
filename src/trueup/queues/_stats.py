"""How far a queue has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trueup.store import Store
from trueup.store.overview import count_queue
from trueup.store.queues import QueueRow

__all__ = ["QueueStats", "read_stats"]


@dataclass(frozen=True, slots=True)
class QueueStats:
    """How far a queue has come.

    Attributes:
        items: items in it.
        done: those with all the reviewers they need.
        started: those with some.
        annotations: standing labels.
        corrections: labels that were replaced.
        simulated: standing labels that a program gave.
        adjudications: items that wait for a senior reviewer to settle them.
        spot_checks: items that wait for one to label them again.
        overlap: reviewers that an item needs.
        stream: whose labels the queue takes.
        reviewers: standing labels by reviewer.
        cohorts: items by cohort.
        question_types: items by question type.
        reasons: items by why they were queued.
    """

    name: str
    items: int
    done: int
    started: int
    annotations: int
    corrections: int
    simulated: int
    adjudications: int
    spot_checks: int
    overlap: int
    stream: str
    reviewers: Mapping[str, int]
    cohorts: Mapping[str, int]
    question_types: Mapping[str, int]
    reasons: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return asdict(self)


def read_stats(store: Store, queue: QueueRow) -> QueueStats:
    """Count a queue's items and labels, in the database."""
    with store.reading() as tx:
        counts = count_queue(tx, queue.id, overlap=queue.overlap)
    return QueueStats(name=queue.name, overlap=queue.overlap, stream=queue.stream, **counts)
