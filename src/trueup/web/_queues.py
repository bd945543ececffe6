"""The queue that a request is about, if whoever asks may see it."""

from __future__ import annotations

from trueup.errors import UnknownName
from trueup.people import Actor
from trueup.queues import AnnotationQueue, list_queues
from trueup.store import Store
from trueup.web._access import visible

__all__ = ["queue_named", "queue_of"]


def queue_named(store: Store, actor: Actor, name: str) -> AnnotationQueue:
    """Return a queue by its name.

    Raises:
        UnknownName: there is none.
        AccessDenied: the actor may not see it.
    """
    try:
        found = AnnotationQueue.get(name, store=store)
    except UnknownName:  # its message names all queues, and where the store is
        raise UnknownName(f"no queue {name!r}: /api/queues lists yours") from None
    visible(actor, found, needed=True)
    return found


def queue_of(store: Store, actor: Actor, key: str) -> AnnotationQueue:
    """Return a queue by its id; see `queue_named`."""
    for found in list_queues(store=store):
        if found.id == key:
            visible(actor, found, needed=True)
            return found
    raise UnknownName(f"no queue {key!r}")
