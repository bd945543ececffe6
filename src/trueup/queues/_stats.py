"""How far a queue has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trueup.store.queues import QueueRow
from trueup.types import Annotation, Item

__all__ = ["QueueStats", "make_stats"]


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
    overlap: int
    stream: str
    reviewers: Mapping[str, int]
    cohorts: Mapping[str, int]
    question_types: Mapping[str, int]
    reasons: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return asdict(self)


def make_stats(
    queue: QueueRow,
    items: Sequence[Item],
    annotations: Sequence[Annotation],
    *,
    corrections: int,
) -> QueueStats:
    """Count a queue's items and standing labels; `corrections` is how many were replaced."""
    raters = Counter(a.item_id for a in annotations)
    done = sum(count >= queue.overlap for count in raters.values())
    return QueueStats(
        name=queue.name,
        items=len(items),
        done=done,
        started=len(raters) - done,
        annotations=len(annotations),
        corrections=corrections,
        simulated=sum(a.simulated for a in annotations),
        overlap=queue.overlap,
        stream=queue.stream,
        reviewers=_count(a.reviewer for a in annotations),
        cohorts=_count(i.cohort for i in items),
        question_types=_count(i.question_type for i in items),
        reasons=_count(i.reason for i in items),
    )


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
