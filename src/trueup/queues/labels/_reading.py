"""What the store holds of a queue, as the rest of this room needs it."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.errors import QueueEmpty
from trueup.queues.labels._ledger import Slot, slots
from trueup.store import Store, Tx
from trueup.store.annotations import labels_on, list_annotations
from trueup.store.items import cached_item, list_items
from trueup.store.queues import QueueRow
from trueup.types import Annotation, AnnotationKind, Item

__all__ = ["read_labelled", "read_slot", "read_slots"]


def read_slot(tx: Tx, queue: QueueRow, item_id: str, kind: AnnotationKind = "label") -> Slot | None:
    """Return an item of the queue with its labels of a kind, if there is one."""
    found = cached_item(tx, item_id)
    if found is None or found.queue_id != queue.id:
        return None
    return slots([found], *labels_on(tx, item_id), kind)[item_id]


def read_slots(tx: Tx, queue: QueueRow) -> dict[str, Slot]:
    """Return all items of the queue with their labels by item id."""
    kinds: Sequence[AnnotationKind] = ("label", "gold")
    return slots(
        list_items(tx, queue_id=queue.id),
        list_annotations(tx, queue_id=queue.id, kinds=kinds),
        list_annotations(tx, queue_id=queue.id, kinds=kinds, replaced=True),
    )


def read_labelled(
    store: Store,
    queue: QueueRow,
    *,
    include_simulated: bool = True,
    kinds: Sequence[AnnotationKind] = ("label",),
) -> tuple[list[Item], list[Annotation]]:
    """Return the queue's items and standing labels, of which there is at least one.

    Items whose answer is known are left out.

    Raises:
        QueueEmpty: there is none.
    """
    with store.reading() as tx:
        items = list_items(tx, queue_id=queue.id, gold=False)
        annotations = list_annotations(tx, queue_id=queue.id, kinds=kinds)
    kept = [a for a in annotations if include_simulated or not a.simulated]
    if not kept:
        named = "labels" if include_simulated or not annotations else "labels given by people"
        raise QueueEmpty(
            f"queue {queue.name} has {len(items)} items and no {named}: label them first "
            f"(`trueup queue export {queue.name} --for-labelling FILE`)"
        )
    return items, kept
