"""What the store holds of a queue, as the rest of this room needs it."""

from __future__ import annotations

from trueup.errors import QueueEmpty
from trueup.queues._ledger import Slot, slots
from trueup.store import Store, Tx
from trueup.store.annotations import list_annotations
from trueup.store.items import list_items, lock_items
from trueup.store.queues import QueueRow
from trueup.types import Annotation, Item

__all__ = ["read_labelled", "read_slots"]


def read_slots(tx: Tx, queue: QueueRow, item_id: str | None = None) -> dict[str, Slot]:
    """Lock an item of the queue, or all of them, and return them with their labels by item id."""
    lock_items(tx, queue.id, item_id)
    ids = None if item_id is None else [item_id]
    return slots(
        list_items(tx, queue_id=queue.id, ids=ids),
        list_annotations(tx, queue_id=queue.id, item_ids=ids),
        list_annotations(tx, queue_id=queue.id, item_ids=ids, replaced=True),
    )


def read_labelled(
    store: Store, queue: QueueRow, *, include_simulated: bool = True
) -> tuple[list[Item], list[Annotation]]:
    """Return the queue's items and standing labels, of which there is at least one.

    Raises:
        QueueEmpty: there is none.
    """
    with store.reading() as tx:
        items = list_items(tx, queue_id=queue.id)
        annotations = list_annotations(tx, queue_id=queue.id)
    kept = [a for a in annotations if include_simulated or not a.simulated]
    if not kept:
        kinds = "labels" if include_simulated or not annotations else "labels given by people"
        raise QueueEmpty(
            f"queue {queue.name} has {len(items)} items and no {kinds}: label them first "
            f"(`trueup queue export {queue.name} --for-labelling FILE`)"
        )
    return items, kept
