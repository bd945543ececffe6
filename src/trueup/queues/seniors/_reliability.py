"""How far each reviewer can be relied on: gold items, and second looks at what they labelled."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from trueup.queues._settings import settings_of
from trueup.queues.seniors._referral import label_matches
from trueup.stats._wilson import wilson
from trueup.store import Store, Tx
from trueup.store.annotations import list_annotations
from trueup.store.items import list_items
from trueup.store.queues import QueueRow
from trueup.types import Annotation, AnnotationKind

__all__ = ["MIN_GOLD", "Feedback", "Reliability", "flagged", "read_feedback", "read_reliability"]

MIN_GOLD = 5
"""Gold labels that a reviewer has given before they can be flagged."""

_AGAINST: dict[AnnotationKind, Literal["gold", "spot_check", "adjudication"]] = {
    "known": "gold",
    "spot_check": "spot_check",
    "adjudication": "adjudication",
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """One label of a reviewer beside what was known, or what a senior reviewer said of the item.

    Attributes:
        kind: what it is held against: "gold", "spot_check" or "adjudication".
        given: the reviewer's standing label.
        right: the other one.
        agrees: whether the first says what the second says, in what has set answers.
    """

    kind: Literal["gold", "spot_check", "adjudication"]
    given: Annotation
    right: Annotation
    agrees: bool


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reviewer's labels held against what was known or looked at again.

    Attributes:
        gold: labels on items whose answer is known.
        gold_right: those of them that say it.
        gold_low, gold_high: a 95% interval of the share (Wilson); None without such labels.
        checked: labels that a senior reviewer looked at again.
        upheld: those of them that the second look agrees with.
        overruled: labels that an adjudication decided against.
        settled: labels on items that were adjudicated.
        flagged: whether too few of at least `MIN_GOLD` gold labels are right.
    """

    reviewer: str
    gold: int
    gold_right: int
    gold_low: float | None
    gold_high: float | None
    checked: int
    upheld: int
    settled: int
    overruled: int
    flagged: bool

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return asdict(self)


def read_feedback(
    tx: Tx, queue: QueueRow, *, reviewer: str | None = None, gold: bool = True
) -> list[Feedback]:
    """Return the labels that were held against others, in the order that these were given."""
    right: dict[str, list[Annotation]] = defaultdict(list)
    for other in list_annotations(tx, queue_id=queue.id, kinds=tuple(_AGAINST)):
        right[other.item_id].append(other)
    items = {item.id: item for item in list_items(tx, ids=right)}
    given = list_annotations(tx, item_ids=right, kinds=("label", "gold"))
    made = [
        Feedback(
            _AGAINST[other.kind],
            a,
            other,
            label_matches(queue, items[a.item_id], other.label, a.label),
        )
        for a in given
        if reviewer in (None, a.reviewer)
        for other in right[a.item_id]
        if (a.kind == "gold") == (other.kind == "known")
    ]
    kept = [one for one in made if gold or one.kind != "gold"]
    return sorted(kept, key=_when)


def _when(one: Feedback) -> tuple[datetime, str]:
    return max(one.right.created_at, one.given.created_at), one.given.id


def read_reliability(store: Store, queue: QueueRow) -> list[Reliability]:
    """Return each reviewer's figures, by name; see `AnnotationQueue.reliability`."""
    with store.reading() as tx:
        return list(_figures(queue, read_feedback(tx, queue)))


def flagged(store: Store, queue: QueueRow) -> list[str]:
    """Return the names of the reviewers who are flagged."""
    return [found.reviewer for found in read_reliability(store, queue) if found.flagged]


def _figures(queue: QueueRow, feedback: Sequence[Feedback]) -> Iterator[Reliability]:
    seen, agreed = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in feedback:
        key = (one.given.reviewer, one.kind)
        seen[key] += 1
        agreed[key] += one.agrees
    line = settings_of(queue).gold_line
    for name in sorted({reviewer for reviewer, _ in seen}):
        gold, right = seen[name, "gold"], agreed[name, "gold"]
        low, high = _interval(right, gold)
        settled = seen[name, "adjudication"]
        yield Reliability(
            name,
            gold,
            right,
            low,
            high,
            seen[name, "spot_check"],
            agreed[name, "spot_check"],
            settled,
            settled - agreed[name, "adjudication"],
            gold >= MIN_GOLD and right < line * gold,
        )


def _interval(hits: int, n: int) -> tuple[float | None, float | None]:
    if not n:
        return None, None
    low, high = wilson(hits / n, n)
    return float(low), float(high)
