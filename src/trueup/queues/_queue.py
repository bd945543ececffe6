"""A queue of items to label, on a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from trueup.errors import QueueEmpty, QueueError, UnknownName
from trueup.queues._audit import AuditReport, make_report
from trueup.queues._items import NewItem, to_item
from trueup.queues._labelling import ImportReport, read_labels, write_items
from trueup.queues._ledger import Submission, admit
from trueup.queues._preferences import Format, PreferenceSet, check_export, settle_queue
from trueup.queues._reading import read_labelled, read_slots
from trueup.queues._settings import Settings, Stream, put_queue
from trueup.queues._settle import Origin
from trueup.queues._stats import QueueStats, make_stats
from trueup.store import Store, default_store
from trueup.store import queues as rows
from trueup.store.stamp import stamp
from trueup.types import LABELS, Annotation, Item, Label

__all__ = ["AnnotationQueue", "list_queues"]


class AnnotationQueue:
    """Items that reviewers label, and what follows from their labels.

    Every write takes `actor`, else TRUEUP_ACTOR or the login name, and `now`, else the clock.
    """

    def __init__(self, store: Store, row: rows.QueueRow) -> None:
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

    def __repr__(self) -> str:
        return f"AnnotationQueue({self.name!r}, store={self._store.address!r})"

    @classmethod
    def create(
        cls,
        name: str,
        *,
        overlap: int = 3,
        stream: Stream = "reviewer",
        labels: Sequence[str] = LABELS,
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
            store: where; None takes the default store, making it if need be.
            actor: who makes it.
            now: when.

        Raises:
            QueueError: there is one of that name.
            InputError: a setting makes no sense.
        """
        settings = Settings(name, overlap, stream, tuple(labels))
        store = store or default_store(create=True)
        row, new = put_queue(store, settings, stamp(actor, now))
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
        store: Store | None = None,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> AnnotationQueue:
        """Make a queue, or return the one of that name and these settings; see `create`.

        Raises:
            QueueError: the queue of that name has other settings.
            InputError: a setting makes no sense.
        """
        settings = Settings(name, overlap, stream, tuple(labels))
        store = store or default_store(create=True)
        row, _ = put_queue(store, settings, stamp(actor, now))
        if Settings(name, row.overlap, row.stream, row.labels) != settings:
            raise QueueError(
                f"queue {name} exists with overlap {row.overlap}, stream {row.stream} and "
                f"labels {', '.join(row.labels)}: ask for these, or take another name"
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
        with store.reading() as tx:
            row = rows.find_queue(tx, name)
            if row is not None:
                return cls(store, row)
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
        actor, now = stamp(actor, now)
        made = [to_item(item, self.id) for item in items]
        with self._store.transaction() as tx:
            traces = {item.trace_id for item in made}
            if missing := sorted(traces - rows.known_traces(tx, traces)):
                raise UnknownName(
                    f"queue {self.name}: {len(missing)} items are on traces that the store does "
                    f"not have, {missing[0]} first; import their traces before"
                )
            return sum(rows.put_item(tx, item, actor=actor, now=now) for item in made)

    def items(self) -> list[Item]:
        """Return the items in the order they were added."""
        with self._store.reading() as tx:
            return rows.list_items(tx, queue_id=self.id)

    def annotations(self) -> list[Annotation]:
        """Return the standing labels, in the order they were given."""
        with self._store.reading() as tx:
            return rows.list_annotations(tx, queue_id=self.id)

    def submit(
        self,
        item_id: str,
        reviewer: str,
        label: Label,
        *,
        simulated: bool = False,
        replaces: str | None = None,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Annotation:
        """Record a reviewer's label on an item; giving the same one again changes nothing.

        Args:
            item_id: the item.
            reviewer: who labels.
            label: the label.
            simulated: whether a program gives it.
            replaces: id of the reviewer's standing label on the item, to correct it: a new row
                that names the old one, which stays.
            actor: who writes; None takes the reviewer.
            now: when.

        Raises:
            UnknownName: the queue has no such item.
            InputError: the label does not fit the item or the queue.
            QueueError: the reviewer has labelled the item otherwise and `replaces` does not name
                that label, or the item has all the reviewers it needs.
        """
        actor, now = stamp(actor or reviewer, now)
        with self._store.transaction() as tx:
            slot = read_slots(tx, self._row, item_id).get(item_id)
            if slot is None:
                raise self._no_item(item_id)
            given = Submission(item_id, reviewer, label, simulated, replaces)
            admission = admit(self._row, slot, given, now=now)
            if admission.new:
                rows.put_annotation(
                    tx, admission.annotation, replaces=admission.replaces, actor=actor
                )
        return admission.annotation

    def submit_many(
        self,
        submissions: Sequence[Submission],
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> int:
        """Record many labels in one transaction, all or none, and return how many are new.

        Raises:
            UnknownName, InputError, QueueError: see `submit`; nothing is recorded.
        """
        actor, now = stamp(actor, now)
        with self._store.transaction() as tx:
            here = read_slots(tx, self._row)
            count = 0
            for given in submissions:
                if given.item_id not in here:
                    raise self._no_item(given.item_id)
                admission = admit(self._row, here[given.item_id], given, now=now)
                if admission.new:
                    count += rows.put_annotation(
                        tx, admission.annotation, replaces=admission.replaces, actor=actor
                    )
        return count

    def stats(self) -> QueueStats:
        """Return how far the queue has come."""
        with self._store.reading() as tx:
            items = rows.list_items(tx, queue_id=self.id)
            annotations = rows.list_annotations(tx, queue_id=self.id)
            replaced = rows.list_annotations(tx, queue_id=self.id, replaced=True)
        return make_stats(self._row, items, annotations, corrections=len(replaced))

    def audit(
        self,
        min_alpha: float = 0.6,
        seed: int = 0,
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> AuditReport:
        """Measure how far the labels agree, and store what was found.

        Args:
            min_alpha: the line that alpha is held against.
            seed: of the bootstrap, not negative.
            actor: who audits.
            now: when.

        Raises:
            QueueEmpty: there is no label.
            InputError: an argument makes no sense.
        """
        actor, now = stamp(actor, now)
        items, annotations = read_labelled(self._store, self._row)
        report = make_report(self._row, items, annotations, min_alpha=min_alpha, seed=seed)
        row = rows.AuditRow(
            report.id, self.id, report.alpha.value, min_alpha, report.passed, report.to_json(), now
        )
        with self._store.transaction() as tx:
            rows.put_audit(tx, row, actor=actor)
        return report

    def require_agreement(
        self,
        min_alpha: float = 0.6,
        seed: int = 0,
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> AuditReport:
        """Audit the queue and return the report only if it passed; see `audit`.

        Raises:
            AgreementTooLow: it did not; the message says where to look.
            QueueEmpty: there is no label.
        """
        report = self.audit(min_alpha, seed, actor=actor, now=now)
        report.require()
        return report

    def export(
        self,
        format: Format = "paired",
        min_agreement: float = 0.0,
        *,
        origins: Sequence[Origin] | None = None,
        include_simulated: bool = True,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> PreferenceSet:
        """Settle the items by majority and store the preferences; doing it twice changes nothing.

        Where more than half prefer an answer it is chosen over the other one. Where more than half
        want neither, the correction given most often is chosen over the served answer. An item
        that shows the served answer alone and is approved gives a row without a rejected answer.

        Args:
            format: "paired" leaves out rows without a rejected answer; "unpaired" has them all.
            min_agreement: least share of agreeing rater pairs on an item, in [0, 1]. Items with
                one rater are left out unless it is 0.
            origins: only preferences of these origins; None takes all.
            include_simulated: whether labels given by a program count.
            actor: who exports.
            now: when.

        Raises:
            QueueEmpty: no item gives a preference; the message says why not.
            InputError: an argument makes no sense.
        """
        check_export(format, min_agreement)
        actor, now = stamp(actor, now)
        items, annotations = read_labelled(
            self._store, self._row, include_simulated=include_simulated
        )
        found = settle_queue(
            self._row,
            items,
            annotations,
            format=format,
            min_agreement=min_agreement,
            origins=origins,
        )
        with self._store.transaction() as tx:
            for preference in found:
                rows.put_preference(tx, preference, actor=actor, now=now)
        return found

    def export_for_labelling(
        self, path: str | Path, *, include_done: bool = False, overwrite: bool = False
    ) -> int:
        """Write the items that still need reviewers, for labelling elsewhere; return how many.

        One JSON line an item: the conversation, the context, the answers without where they came
        from, what may be filled in, and an empty `annotations` list to fill.

        Raises:
            QueueEmpty: no item needs a reviewer.
            InputError: the file exists (it may hold labels) and `overwrite` is False.
        """
        raters = Counter(a.item_id for a in self.annotations())
        items = [i for i in self.items() if include_done or raters[i.id] < self.overlap]
        if not items:
            raise QueueEmpty(f"queue {self.name}: no item needs a reviewer; nothing to write")
        write_items(Path(path), self._row, items, overwrite=overwrite)
        return len(items)

    def import_labels(
        self,
        path: str | Path,
        *,
        skip_bad: bool = False,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> ImportReport:
        """Read labels from a file that `export_for_labelling` wrote and reviewers filled in.

        The same file twice adds nothing. A reviewer's label that differs from the standing one is
        a correction of it; two lines of a file that contradict each other are an error.

        Args:
            path: the file.
            skip_bad: leave bad lines out, whole, and report them.
            actor: who imports.
            now: when.

        Raises:
            InputError: the file cannot be read, or has bad lines and `skip_bad` is False; then
                nothing is imported.
        """
        actor, now = stamp(actor, now)
        with self._store.transaction() as tx:
            here = read_slots(tx, self._row)
            new, report = read_labels(Path(path), self._row, here, skip_bad=skip_bad, now=now)
            for admission in new:
                rows.put_annotation(
                    tx, admission.annotation, replaces=admission.replaces, actor=actor
                )
        return report

    def _no_item(self, item_id: str) -> UnknownName:
        return UnknownName(
            f"queue {self.name} has no item {item_id!r}: "
            f"`trueup queue export {self.name} --for-labelling FILE` writes those it has"
        )


def list_queues(*, store: Store | None = None) -> list[AnnotationQueue]:
    """Return the queues of a store by name.

    Raises:
        StoreError: there is no store.
    """
    store = store or default_store()
    with store.reading() as tx:
        return [AnnotationQueue(store, row) for row in rows.list_queues(tx)]
