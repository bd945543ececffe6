"""The items behind a figure, with the labels beside each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from trueup.errors import InputError
from trueup.queues._settings import settings_of
from trueup.queues.quality._agreement import named_question
from trueup.store import Store
from trueup.store.annotations import list_annotations
from trueup.store.items import list_items
from trueup.store.listing import Matching, matching_items, open_items
from trueup.store.queues import QueueRow
from trueup.store.reads import put_read
from trueup.types import Annotation, Item

__all__ = ["Match", "Matches", "find_matches"]

_PAGE = 20
_MAX_PAGE = 50  # beyond it, to narrow the search is quicker for everybody


@dataclass(frozen=True, slots=True)
class Match:
    """An item with its standing labels.

    Attributes:
        hidden: labels that are not shown, since who asks may still label the item.
    """

    item: Item
    labels: tuple[Annotation, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class Matches:
    """A page of items.

    Attributes:
        page: its number, from 1.
        more: whether there is another page.
    """

    items: tuple[Match, ...]
    page: int
    more: bool


def find_matches(
    store: Store,
    queue: QueueRow,
    wanted: Matching,
    *,
    question: str | None,
    page: int,
    blind_to: str | None,
    actor: str,
    now: datetime,
) -> Matches:
    """Return a page of items; see `AnnotationQueue.matches`."""
    if not 1 <= page <= _MAX_PAGE:
        raise InputError(f"page is {page}: give 1 to {_MAX_PAGE}, or ask for fewer items")
    if wanted.label is not None and wanted.label not in queue.labels:
        raise InputError(
            f"queue {queue.name}: label {wanted.label!r} is none of {', '.join(queue.labels)}"
        )
    if wanted.beside is not None and wanted.reviewer is None:
        raise InputError("who else labelled an item needs a reviewer too: give both")
    asked = named_question(queue, question) if wanted.disagree and not wanted.label else None
    with store.reading() as tx:
        offset = (page - 1) * _PAGE
        ids = matching_items(tx, queue.id, wanted, asked, offset=offset, limit=_PAGE + 1)
        items = {item.id: item for item in list_items(tx, ids=ids[:_PAGE])}
        labels = list_annotations(tx, item_ids=ids[:_PAGE])
        unfinished = open_items(tx, ids[:_PAGE])
    found = []
    for key in ids[:_PAGE]:
        given = tuple(label for label in labels if label.item_id == key)
        blind = blind_to is not None and _may_label(blind_to, key, given, unfinished)
        found.append(Match(items[key], () if blind else given, len(given) if blind else 0))
    if settings_of(queue).safety:
        with store.transaction(beside_others=True) as tx:
            shown = ids[:_PAGE]
            put_read(tx, queue.id, "labels", len(labels), actor=actor, now=now, items=shown)
    return Matches(tuple(found), page, len(ids) > _PAGE)


def _may_label(
    who: str, item: str, given: tuple[Annotation, ...], unfinished: Collection[str]
) -> bool:
    return item in unfinished and all(label.reviewer != who for label in given)
