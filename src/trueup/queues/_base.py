"""What a queue is: its row, its settings, its items and labels."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from trueup.errors import UnknownName
from trueup.queues._settings import Settings, State, settings_of
from trueup.queues.sources._context import ItemContext, read_context
from trueup.store import Store, Tx, events
from trueup.store.annotations import list_annotations
from trueup.store.items import list_items
from trueup.store.queues import QueueRow
from trueup.store.reads import log_read
from trueup.types import Annotation, Item, Question

__all__ = ["QueueBase", "no_item"]


class QueueBase:
    """A queue on a store; what the rooms of `AnnotationQueue` share."""

    def __init__(self, store: Store, row: QueueRow) -> None:
        self._store = store
        self._row = row

    @property
    def id(self) -> str:
        """The queue's id in the store."""
        return self._row.id

    @property
    def name(self) -> str:
        """The queue's name."""
        return self._row.name

    @property
    def overlap(self) -> int:
        """Annotations required per item."""
        return self._row.overlap

    @property
    def stream(self) -> str:
        """Whose labels it takes: "reviewer", "end_user" or "ai"."""
        return self._row.stream

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that reviewers may tick."""
        return self._row.labels

    @property
    def questions(self) -> tuple[Question, ...]:
        """What it asks: the label schema."""
        return self._row.questions

    @property
    def state(self) -> State:
        """Whether it hands out items: "active", "paused", "completed" or "archived"."""
        return cast(State, self._row.state)

    @property
    def settings(self) -> Settings:
        """How it hands out its items."""
        return settings_of(self._row)

    def __repr__(self) -> str:
        return f"AnnotationQueue({self.name!r}, store={self._store.address!r})"

    def items(self, *, actor: str | None = None, now: datetime | None = None) -> list[Item]:
        """Return the items in the order they were added; of a safety queue, that is logged.

        Args:
            actor: who reads.
            now: when.
        """
        with self._store.reading() as tx:
            found = list_items(tx, queue_id=self.id)
        self._log_read("items", len(found), actor, now)
        return found

    def annotations(
        self, *, actor: str | None = None, now: datetime | None = None
    ) -> list[Annotation]:
        """Return the standing labels, in the order they were given; see `items`."""
        with self._store.reading() as tx:
            found = list_annotations(tx, queue_id=self.id)
        self._log_read("labels", len(found), actor, now)
        return found

    def _log_read(
        self, what: str, count: int, actor: str | None, now: datetime | None, **of: Any
    ) -> None:
        if self.settings.safety:
            log_read(self._store, what, {self.id: count}, actor=actor, now=now, **of)

    def context_of(self, item: Item) -> ItemContext:
        """Return what is known of an item beside what it shows: tool calls, evaluators' scores."""
        with self._store.glance() as tx:
            return read_context(tx, item)

    def _record(
        self, tx: Tx, action: str, detail: dict[str, Any], actor: str, now: datetime
    ) -> None:
        safety = self.settings.safety
        events.record(tx, action, "queue", self.id, detail, actor=actor, now=now, safety=safety)


def no_item(row: QueueRow, item_id: str) -> UnknownName:
    """Return the error of asking for an item that the queue does not have."""
    return UnknownName(
        f"queue {row.name} has no item {item_id!r}: "
        f"`trueup queue export {row.name} --for-labelling FILE` writes those it has"
    )
