"""Gold items: what is known of them is a label of its own kind, given by whoever knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trueup.errors import InputError, QueueError
from trueup.queues.labels._claims import put_items
from trueup.queues.labels._ledger import Submission, admit
from trueup.queues.labels._reading import read_slot
from trueup.queues.labels._taking import take
from trueup.queues.seniors._referral import has_answer
from trueup.queues.sources._items import NewItem, to_items
from trueup.store import Store
from trueup.store.items import list_items
from trueup.store.queues import QueueRow
from trueup.store.stamp import Stamp
from trueup.types import Item, Label

__all__ = ["check_gold", "check_known", "put_gold"]


def put_gold(
    store: Store, queue: QueueRow, given: Sequence[tuple[NewItem, Label]], stamp: Stamp
) -> int:
    """Store items whose answer is known, with it; see `AnnotationQueue.add_gold`."""
    with store.transaction() as tx:
        made = [replace(item, gold=True) for item in to_items(tx, queue, [new for new, _ in given])]
        there = {item.id: item for item in list_items(tx, ids=[item.id for item in made])}
        for item in there.values():
            check_gold(queue, item)
        count = put_items(tx, queue, made, stamp)
        for item, (_, label) in zip(made, given, strict=True):
            check_known(queue, item, label)
            slot = read_slot(tx, queue, item.id, "known")
            assert slot is not None
            known = Submission(item.id, stamp.actor, label, kind="known")
            take(tx, queue, admit(queue, slot, known, now=stamp.now), *stamp)
    return count


def check_gold(queue: QueueRow, item: Item) -> None:
    """Raise QueueError if an item is in the queue for another end than to be gold."""
    if not item.gold:
        raise QueueError(
            f"item {item.id} is in queue {queue.name} to be labelled, so its answer is not known; "
            "give another one as gold"
        )


def check_known(queue: QueueRow, item: Item, label: Label) -> None:
    """Raise InputError if no label can be held against this one."""
    if not has_answer(queue, item, label):
        raise InputError(
            f"item {item.id}: the known label answers no question that has set answers, so no "
            "label can be held against it"
        )
