"""A queue of items to label, on a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

from trueup.errors import InputError, LeaseExpired, QueueEmpty, QueueError, UnknownName
from trueup.queues import _claims as claims
from trueup.queues._audit import AuditReport, make_report
from trueup.queues._claims import Claim, check_open
from trueup.queues._exports import Export, Plan, RowFormat, Shape, write_export
from trueup.queues._imports import Fields, Tool, import_records
from trueup.queues._items import NewItem, to_item
from trueup.queues._labelling import ImportReport, read_labels, write_items
from trueup.queues._ledger import Admission, Submission, admit
from trueup.queues._preferences import Format, PreferenceSet, check_export, settle_queue
from trueup.queues._questions import default_questions
from trueup.queues._reading import read_labelled, read_slots
from trueup.queues._settings import Settings, State, Stream, checked, put_queue, settings_of
from trueup.queues._settle import Origin
from trueup.queues._stats import QueueStats, read_stats
from trueup.store import Store, Tx, default_store, events, slots
from trueup.store import queues as rows
from trueup.store.stamp import Stamp, stamp
from trueup.types import LABELS, Annotation, Item, Label, Question

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
            return claims.put_items(tx, self._row, made, Stamp(actor, now))

    def items(self) -> list[Item]:
        """Return the items in the order they were added."""
        with self._store.reading() as tx:
            return rows.list_items(tx, queue_id=self.id)

    def annotations(self) -> list[Annotation]:
        """Return the standing labels, in the order they were given."""
        with self._store.reading() as tx:
            return rows.list_annotations(tx, queue_id=self.id)

    def claim(
        self,
        reviewer: str,
        *,
        tags: Sequence[str] = (),
        beside: str | None = None,
        now: datetime | None = None,
    ) -> Claim:
        """Reserve the next item for a reviewer, or return the one they hold.

        An item goes to no more reviewers than it needs, and to none twice. A reservation ends by
        time (`Settings.reservation_minutes`), and its place is then anybody's.

        Args:
            reviewer: who claims.
            tags: the reviewer's expertise, where the queue assigns by it.
            beside: id of an item that they have in hand, to have a further one ready.
            now: when.

        Raises:
            QueueEmpty: nothing is left for this reviewer; the message says what waits, and why.
            QueueError: the queue is not active, or the reviewer is none of its.
        """
        now = stamp(None, now).now
        return claims.claim_next(
            self._store, self._row, reviewer, tags=tags, beside=beside, now=now
        )

    def release(self, item_id: str, reviewer: str) -> bool:
        """Give a reservation back, for anybody to take, and return whether there was one."""
        with self._store.transaction(beside_others=True) as tx:
            return slots.release(tx, item_id, reviewer)

    def skip(
        self,
        item_id: str,
        reviewer: str,
        reason: str,
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> None:
        """Give an item back for others, who see it next; the reviewer gets it no more.

        Raises:
            InputError: there is no reason.
            QueueError: the queue has no such item.
        """
        claims.skip(
            self._store, self._row, item_id, reviewer, reason, stamp(actor or reviewer, now)
        )

    def undo(self, reviewer: str, *, now: datetime | None = None) -> Claim:
        """Return the item that the reviewer labelled last, with the label, to give another one.

        Labels are never taken away: the new one names the old one as what it replaces.

        Raises:
            QueueEmpty: the reviewer has labelled nothing here.
        """
        return claims.last_label(self._store, self._row, reviewer, stamp(None, now).now)

    def assign(
        self,
        item_ids: Sequence[str],
        reviewer: str | None,
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> int:
        """Have one reviewer alone fill a free place of each item; None frees what was assigned.

        Returns how many places that changed: an item whose places are all taken has none.
        """
        actor, now = stamp(actor, now)
        with self._store.transaction() as tx:
            count = slots.assign(tx, item_ids, reviewer)
            detail = {"items": list(item_ids), "reviewer": reviewer}
            self._record(tx, "assign", detail, actor, now)
        return count

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
            detail |= {"overlap": wanted, "state": state or self.state}
            self._record(tx, "configure", detail, actor, now)
            row = rows.find_queue(tx, self.name)
        assert row is not None
        self._row = row

    def guidelines(self) -> list[rows.Guideline]:
        """Return all versions of what reviewers read beside each item, the first one first."""
        with self._store.reading() as tx:
            return rows.list_guidelines(tx, self.id)

    def submit(
        self,
        item_id: str,
        reviewer: str,
        label: Label,
        *,
        simulated: bool = False,
        replaces: str | None = None,
        shown: str = "",
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
            shown: the keys of the answers in the order that the reviewer saw.
            actor: who writes; None takes the reviewer.
            now: when.

        Raises:
            UnknownName: the queue has no such item.
            InputError: the label does not fit the item or the queue.
            QueueError: the reviewer has labelled the item otherwise and `replaces` does not name
                that label, or the item has all the reviewers it needs, or the queue is completed.
            LeaseExpired: others have reserved what places are left.
        """
        actor, now = stamp(actor or reviewer, now)
        check_open(self._row, "active", "paused")
        with self._store.transaction(beside_others=True) as tx:
            slot = read_slots(tx, self._row, item_id).get(item_id)
            if slot is None:
                raise self._no_item(item_id)
            given = Submission(item_id, reviewer, label, simulated, replaces, shown)
            admission = admit(self._row, slot, given, now=now)
            self._take(tx, admission, actor, now)
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
            UnknownName, InputError, QueueError, LeaseExpired: see `submit`; nothing is recorded.
        """
        actor, now = stamp(actor, now)
        check_open(self._row, "active", "paused")
        with self._store.transaction() as tx:
            here = read_slots(tx, self._row)
            count = 0
            for given in submissions:
                if given.item_id not in here:
                    raise self._no_item(given.item_id)
                admission = admit(self._row, here[given.item_id], given, now=now)
                count += self._take(tx, admission, actor, now)
        return count

    def stats(self) -> QueueStats:
        """Return how far the queue has come."""
        return read_stats(self._store, self._row)

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

    def export_rows(
        self,
        path: str | Path,
        *,
        format: RowFormat,
        shape: Shape = "conversational",
        min_agreement: float = 0.0,
        reviewers: Sequence[str] | None = None,
        exclude_reviewers: Sequence[str] = (),
        labels: Sequence[str] | None = None,
        cohorts: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        include_simulated: bool = True,
        head: str = "",
        overwrite: bool = False,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Export:
        """Settle the items and write them to a file, a page at a time; see `export` for the rules.

        The rows' preferences are stored as `export` stores them, and the audit log tells of it.

        Args:
            path: the file: `.jsonl`, `.parquet` or `.csv`, which has what is nested as JSON text.
            format: "paired" (`prompt`, `chosen`, `rejected`), "unpaired" (`prompt`, `completion`,
                `label`), "ranked" (`prompt`, `ranking` with the best first, `ranks` with equal ones
                for ties), "reward" (a pair with `margin`, its mean strength: 1 slightly, 2 clearly,
                3 by far, 0 for a correction; and `head`) or "step" (the trajectory up to the first
                bad step as `prompt`, the better step as `chosen`, the bad one as `rejected`).
            shape: "conversational" has messages; "plain" has texts, and leaves out prompts of more
                than one user's turn.
            min_agreement: least share of agreeing rater pairs on an item, in [0, 1]; of a ranking,
                of pairs of answers put in one order.
            reviewers: only their labels count; None is everybody's.
            exclude_reviewers: theirs do not.
            labels: only items on which more than half of the reviewers ticked one of these.
            cohorts: only items of these.
            since, until: only labels given from then on, and before then.
            include_simulated: whether labels given by a program count.
            head: which reward the pairs are about; empty takes "safety" for a safety queue, else
                "quality".
            overwrite: whether a file that is there may be replaced.
            actor: who exports.
            now: when.

        Raises:
            QueueEmpty: no item gives a row; the message says why not.
            InputError: an argument makes no sense, or the file is there or cannot be written.
        """
        plan = Plan(
            Path(path),
            format,
            shape,
            min_agreement,
            reviewers,
            exclude_reviewers,
            labels,
            cohorts,
            since,
            until,
            include_simulated,
            head,
            overwrite,
        )
        return write_export(self._store, self._row, plan, stamp(actor, now))

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
                self._take(tx, admission, actor, now)
        return report

    def import_annotations(
        self,
        path: str | Path,
        *,
        source: Tool = "jsonl",
        prompt: str | None = None,
        answers: Sequence[str] | None = None,
        questions: Mapping[str, str | None] | None = None,
        reviewer: str | None = None,
        skip_bad: bool = False,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> ImportReport:
        """Read items and labels that another tool exported; the same file twice adds nothing.

        Items that the queue lacks are made, each on a trace made of the record, of the cohort that
        it names or "imported". Labels are checked as `submit` checks them, and one that differs
        from the reviewer's standing label is a correction of it.

        Args:
            path: the file: JSON, JSON lines or Parquet.
            source: "argilla" (records of version 2), "label_studio" (its JSON export) or "jsonl"
                (`prompt` or `messages`, with `chosen` and `rejected` or `completion` and `label`,
                and `annotator`).
            prompt: the field with the prompt; None takes the usual names.
            answers: the fields with the answers, in their order; None takes the usual names.
            questions: the queue's question for each of the tool's, by name, None for one to leave
                out; those not named keep their name.
            reviewer: who gave the labels that name nobody.
            skip_bad: leave bad records out, whole, and report them.
            actor: who imports.
            now: when.

        Raises:
            InputError: the file cannot be read, or has bad records and `skip_bad` is False; then
                nothing is imported.
            QueueError: the queue takes no labels.
        """
        given = stamp(actor, now)
        check_open(self._row, "active", "paused")
        fields = Fields(prompt, answers, questions or {}, reviewer)
        with self._store.transaction() as tx:
            new, report = import_records(
                tx, self._row, Path(path), source, fields, skip_bad=skip_bad, stamp=given
            )
            for admission in new:
                self._take(tx, admission, *given)
        return report

    def _take(self, tx: Tx, admission: Admission, actor: str, now: datetime) -> bool:
        """Store a label that may stand, and return whether it is new."""
        given, replaces = admission.annotation, admission.replaces
        if not admission.new:
            return False
        if replaces is None and not slots.fill(tx, given.item_id, given.reviewer, now=now):
            raise LeaseExpired(
                f"item {given.item_id}: what places are left are reserved by others or assigned to "
                f"them, and {given.reviewer} holds none (any more); claim another item"
            )
        rows.put_annotation(tx, given, replaces=replaces, actor=actor)
        detail = {"item": given.item_id, "reviewer": given.reviewer, "replaces": replaces}
        events.record(
            tx,
            "submit" if replaces is None else "correct",
            "annotation",
            given.id,
            detail,
            actor=actor,
            now=now,
            safety=self.settings.safety,
        )
        return True

    def _record(
        self, tx: Tx, action: str, detail: dict[str, Any], actor: str, now: datetime
    ) -> None:
        safety = self.settings.safety
        events.record(tx, action, "queue", self.id, detail, actor=actor, now=now, safety=safety)

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
