"""A queue of items to label, on a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, get_args

from trueup.errors import InputError, QueueError, UnknownName
from trueup.queues._settings import Settings, State, Stream, checked, put_queue
from trueup.queues._transfers import Transfers
from trueup.queues.labels import _claims as claims
from trueup.queues.labels._questions import default_questions
from trueup.queues.labels._reviewing import Reviewing
from trueup.queues.quality._results import Results
from trueup.queues.seniors._referral import refer_due
from trueup.queues.seniors._seniors import Seniors
from trueup.queues.sources._adding import Adding
from trueup.queues.sources._items import NewItem, to_items
from trueup.store import Store, default_store, events
from trueup.store import queues as rows
from trueup.store.stamp import Stamp, stamp
from trueup.types import LABELS, Question

__all__ = ["AnnotationQueue", "list_queues"]


class AnnotationQueue(Adding, Reviewing, Seniors, Results, Transfers):
    """Items that reviewers label, and what follows from their labels.

    Every write takes `actor`, else TRUEUP_ACTOR or the login name, and `now`, else the clock.
    """

    @classmethod
    def create(
        cls,
        name: str,
        *,
        overlap: int = 3,
        stream: Stream = "reviewer",
        labels: Sequence[str] = LABELS,
        questions: Sequence[Question] | None = None,
        settings: Settings = Settings(),  # noqa: B008, it is frozen
        store: Store | None = None,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> AnnotationQueue:
        """Make a new queue.

        Args:
            name: what it is found by.
            overlap: annotations required per item.
            stream: whose labels it takes; streams are never mixed in one queue.
            labels: the labels that reviewers may tick.
            questions: what reviewers are asked; None asks for a preference, `labels` and a
                correction.
            settings: how it hands out its items.
            store: where; None takes the default store, making it if need be.
            actor: who makes it.
            now: when.

        Raises:
            QueueError: there is one of that name.
            InputError: a setting makes no sense.
        """
        store = store or default_store(create=True)
        with store.transaction() as tx:
            row, new = put_queue(
                tx,
                name,
                overlap=overlap,
                stream=stream,
                questions=tuple(questions or default_questions(labels)),
                settings=settings,
                stamp=stamp(actor, now),
            )
        if not new:
            raise QueueError(f"queue {name} exists: take another name, or get the one there is")
        return cls(store, row)

    @classmethod
    def create_or_get(
        cls,
        name: str,
        *,
        overlap: int = 3,
        stream: Stream = "reviewer",
        labels: Sequence[str] = LABELS,
        questions: Sequence[Question] | None = None,
        settings: Settings = Settings(),  # noqa: B008, it is frozen
        store: Store | None = None,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> AnnotationQueue:
        """Make a queue, or return the one of that name and these settings; see `create`.

        Raises:
            QueueError: the queue of that name has other settings.
            InputError: a setting makes no sense.
        """
        asked = tuple(questions or default_questions(labels))
        store = store or default_store(create=True)
        with store.transaction() as tx:
            row, _ = put_queue(
                tx,
                name,
                overlap=overlap,
                stream=stream,
                questions=asked,
                settings=settings,
                stamp=stamp(actor, now),
            )
        if (row.overlap, row.stream, row.questions) != (overlap, stream, asked):
            raise QueueError(
                f"queue {name} exists with overlap {row.overlap}, stream {row.stream}, questions "
                f"{', '.join(q.name for q in row.questions)} and labels {', '.join(row.labels)}: "
                "ask for these, or take another name"
            )
        return cls(store, row)

    @classmethod
    def get(cls, name: str, *, store: Store | None = None) -> AnnotationQueue:
        """Return the queue of that name.

        Raises:
            UnknownName: there is none; the message lists those there are.
            StoreError: there is no store.
        """
        store = store or default_store()
        with store.glance() as tx:
            row = rows.find_queue(tx, name)
        if row is not None:
            return cls(store, row)
        with store.reading() as tx:
            known = [queue.name for queue in rows.list_queues(tx)]
        raise UnknownName(
            f"no queue {name!r} in {store.address}: there "
            + (f"are {', '.join(known)}" if known else "are none yet, `trueup loop` makes one")
        )

    def add_items(
        self,
        items: Sequence[NewItem],
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> int:
        """Put items into the queue and return how many are new.

        An item's id follows from its trace and answers: adding it twice is adding it once.

        Raises:
            InputError: an item's answers make no sense; nothing is added.
            UnknownName: an item's trace is not in the store; nothing is added.
        """
        given = stamp(actor, now)
        with self._store.transaction() as tx:
            return claims.put_items(tx, self._row, to_items(tx, self._row, items), given)

    def configure(
        self,
        *,
        overlap: int | None = None,
        state: State | None = None,
        guidelines: str | None = None,
        actor: str | None = None,
        now: datetime | None = None,
        **settings: Any,
    ) -> None:
        """Change what of the queue may change; what is left out stays.

        Args:
            overlap: annotations required per item; fewer keeps the labels there are.
            state: "active", "paused" (no new claims), "completed" or "archived" (no labels).
            guidelines: what reviewers read beside each item, in Markdown: the next version.
            actor: who changes it.
            now: when.
            **settings: see `Settings`.

        Raises:
            InputError: one makes no sense; nothing is changed.
        """
        actor, now = stamp(actor, now)
        made = checked(self.name, settings, self.settings)
        wanted = self._row.overlap if overlap is None else overlap
        if wanted < 1:
            raise InputError(f"queue {self.name}: overlap is {wanted}; give 1 or more")
        if state is not None and state not in get_args(State):
            known = ", ".join(get_args(State))
            raise InputError(f"queue {self.name}: state {state!r} is none of {known}")
        with self._store.transaction() as tx:
            detail: dict[str, Any] = dict(settings)
            if guidelines is not None:
                detail["guidelines"] = rows.put_guideline(
                    tx, self.id, guidelines, actor=actor, now=now
                )
            rows.set_queue(
                tx, self.id, overlap=wanted, state=state or self.state, settings=asdict(made)
            )
            claims.resize(tx, self._row, wanted, actor=actor, now=now)
            row = rows.find_queue(tx, self.name)
            assert row is not None
            before = self.settings.min_agreement, self.settings.review_required, self.overlap
            if before != (made.min_agreement, made.review_required, wanted):
                refer_due(tx, row, Stamp(actor, now))
            detail |= {"overlap": wanted, "state": state or self.state}
            # what makes a queue one about safety, and what ends that, are of its log too
            safety = made.safety or self.settings.safety
            events.record(
                tx, "configure", "queue", self.id, detail, actor=actor, now=now, safety=safety
            )
        self._row = row

    def guidelines(self) -> list[rows.Guideline]:
        """Return all versions of what reviewers read beside each item, the first one first."""
        with self._store.reading() as tx:
            return rows.list_guidelines(tx, self.id)

    def guideline(self) -> str:
        """Return what reviewers read beside each item now; "" where there is nothing."""
        if self._row.guideline_id is None:
            return ""
        with self._store.glance() as tx:
            return rows.read_guideline(tx, self._row.guideline_id)


def list_queues(*, store: Store | None = None) -> list[AnnotationQueue]:
    """Return the queues of a store by name.

    Raises:
        StoreError: there is no store.
    """
    store = store or default_store()
    with store.reading() as tx:
        return [AnnotationQueue(store, row) for row in rows.list_queues(tx)]
