"""Which items go to a senior reviewer: what reviewers disagree on, and what is looked at again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from trueup.errors import InputError, QueueError
from trueup.queues._settings import Settings, settings_of
from trueup.queues.exports._settle import share
from trueup.queues.quality._audit import identity
from trueup.store import Store, Tx, content_hash, events, slots
from trueup.store.annotations import list_annotations
from trueup.store.items import list_items
from trueup.store.queues import QueueRow
from trueup.store.stamp import Stamp
from trueup.types import Annotation, Item, Label, Question

__all__ = [
    "agreement_on",
    "draw_checks",
    "has_answer",
    "label_matches",
    "refer",
    "refer_due",
    "refer_if_due",
]

_WEEK = timedelta(days=7)
_CLOSED = ("preference", "choice", "choices", "thumbs", "rating", "number", "ranking")


def agreement_on(queue: QueueRow, item: Item, labels: Sequence[Annotation]) -> float | None:
    """Return the share of rater pairs that agree on the queue's first question with set answers.

    None with one rater, or where the queue asks for texts alone.
    """
    for asked in queue.questions:
        if asked.kind in _CLOSED:
            return share([_answer(asked, item, given.label) for given in labels])
    return None


def label_matches(queue: QueueRow, item: Item, right: Label, given: Label) -> bool:
    """Return whether a label says what another one says, in what has set answers.

    That is the preferred answer, or tie or neither; every choice, number, rating, thumb and ranking
    that `right` answers; and what is ticked, where it ticks anything. How strong a preference is,
    and what was written, may differ.
    """
    return all(
        _answer(asked, item, right) in (None, _answer(asked, item, given))
        for asked in queue.questions
        if asked.kind in _CLOSED
    )


def has_answer(queue: QueueRow, item: Item, label: Label) -> bool:
    """Return whether a label answers a question that has set answers."""
    return any(
        _answer(asked, item, label) is not None
        for asked in queue.questions
        if asked.kind in _CLOSED
    )


def _answer(asked: Question, item: Item, label: Label) -> Hashable:
    """Return what a label says to a question, in a form that can be compared; None is nothing."""
    if asked.kind == "preference":
        return None if label.preferred is None else identity(item, label.preferred)
    if asked.name == "labels":
        return tuple(sorted(label.labels)) or None
    found: Any = label.answers.get(asked.name)
    return content_hash(found) if isinstance(found, list) else found


def refer_if_due(
    tx: Tx, queue: QueueRow, item: Item, labels: Sequence[Annotation], stamp: Stamp
) -> bool:
    """Ask for an adjudication if the item has its labels and the queue's settings want one."""
    settings = settings_of(queue)
    if len(labels) < queue.overlap or not _wanted(settings, queue, item, labels):
        return False
    return _open(tx, queue, [item.id], "adjudication", stamp) > 0


def refer_due(
    tx: Tx, queue: QueueRow, stamp: Stamp, *, item_ids: Iterable[str] | None = None
) -> int:
    """Do so for many items, or all of the queue; return how many places that made."""
    settings = settings_of(queue)
    if settings.min_agreement is None and not settings.review_required:
        return 0
    by_item: dict[str, list[Annotation]] = defaultdict(list)
    for given in list_annotations(tx, queue_id=queue.id, item_ids=item_ids):
        by_item[given.item_id].append(given)
    complete = [key for key, labels in by_item.items() if len(labels) >= queue.overlap]
    due = [
        item.id
        for item in list_items(tx, ids=complete, gold=False)
        if _wanted(settings, queue, item, by_item[item.id])
    ]
    return _open(tx, queue, due, "adjudication", stamp)


def _wanted(settings: Settings, queue: QueueRow, item: Item, labels: Sequence[Annotation]) -> bool:
    if settings.review_required:
        return True
    if settings.min_agreement is None:
        return False
    agreement = agreement_on(queue, item, labels)
    return agreement is not None and agreement < settings.min_agreement


def refer(store: Store, queue: QueueRow, item_ids: Sequence[str], stamp: Stamp) -> int:
    """Ask for an adjudication of items; see `AnnotationQueue.refer`."""
    with store.transaction() as tx:
        known = {item.id: item for item in list_items(tx, queue_id=queue.id, ids=item_ids)}
        labelled = {a.item_id for a in list_annotations(tx, item_ids=item_ids)}
        for key in item_ids:
            if key not in known or known[key].gold:
                raise QueueError(f"queue {queue.name} has no item {key!r} to settle")
            if key not in labelled:
                raise QueueError(f"item {key}: nobody has labelled it; nothing is to settle")
        return _open(tx, queue, item_ids, "adjudication", stamp)


def draw_checks(
    store: Store,
    queue: QueueRow,
    *,
    share: float | None,
    since: datetime | None,
    until: datetime | None,
    seed: int,
    stamp: Stamp,
) -> int:
    """Draw labelled items for a second look; see `AnnotationQueue.draw_spot_checks`."""
    wanted = settings_of(queue).spot_check_share if share is None else share
    if not 0 < wanted <= 1:
        raise InputError(
            f"queue {queue.name}: share is {wanted}; give that of labels to check, such as 0.02"
        )
    end = until or stamp.now
    start = since or end - _WEEK
    with store.transaction() as tx:
        given = [
            a
            for a in list_annotations(tx, queue_id=queue.id, since=start, until=end)
            if not a.simulated
        ]
        items = {item.id: item for item in list_items(tx, ids={a.item_id for a in given})}
        drawn = list(_draw(queue, items, given, wanted, seed))
        return _open(tx, queue, drawn, "spot_check", stamp)


def _draw(
    queue: QueueRow,
    items: Mapping[str, Item],
    given: Sequence[Annotation],
    share: float,
    seed: int,
) -> Iterator[str]:
    """Yield items so that each reviewer's labels, and each thing they say, are drawn alike.

    Reviewers get a share of the whole each, one label at the least; what one of them says gets a
    share of theirs by largest remainders. Which labels it is follows from the seed and their ids.
    """
    first = next((asked for asked in queue.questions if asked.kind in _CLOSED), None)
    strata: dict[str, dict[Hashable, list[Annotation]]] = defaultdict(lambda: defaultdict(list))
    for a in given:
        said = None if first is None else _answer(first, items[a.item_id], a.label)
        strata[a.reviewer][said].append(a)
    for reviewer in sorted(strata):
        by_answer = strata[reviewer]
        counts = Counter({said: len(some) for said, some in by_answer.items()})
        for said, number in _shares(counts, ceil(share * counts.total() - 1e-9)).items():
            some = sorted(by_answer[said], key=lambda a: content_hash([seed, a.id]))
            yield from (a.item_id for a in some[:number])


def _shares(counts: Mapping[Hashable, int], total: int) -> dict[Hashable, int]:
    """Split a total in proportion to counts, by largest remainders."""
    whole = sum(counts.values())
    exact = {key: total * count / whole for key, count in counts.items()}
    found = {key: int(value) for key, value in exact.items()}
    left = sorted(exact, key=lambda key: (found[key] - exact[key], str(key)))
    for key in left[: total - sum(found.values())]:
        found[key] += 1
    return found


def _open(tx: Tx, queue: QueueRow, item_ids: Iterable[str], kind: slots.Kind, stamp: Stamp) -> int:
    """Make a place for a senior reviewer at each item that has none; tell the log of those."""
    wanted = list(dict.fromkeys(item_ids))
    there = slots.items_with(tx, wanted, kind)
    new = [key for key in wanted if key not in there]
    if not new:
        return 0
    position = int(stamp.now.timestamp() * 1000)  # handed out in the order they were asked for
    places = [slots.Place(key, position, 0) for key in new]
    slots.add_slots(tx, queue.id, places, kind=kind, **stamp._asdict())
    events.record(
        tx,
        "refer" if kind == "adjudication" else "draw_spot_checks",
        "queue",
        queue.id,
        {"items": new},
        **stamp._asdict(),
        safety=settings_of(queue).safety,
    )
    return len(new)
