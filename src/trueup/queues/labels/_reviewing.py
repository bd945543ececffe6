"""Items out to reviewers, and their labels back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trueup.errors import InputError
from trueup.queues._base import QueueBase, no_item
from trueup.queues.labels import _claims as claims
from trueup.queues.labels._claims import Claim, check_open
from trueup.queues.labels._ledger import Submission, admit
from trueup.queues.labels._reading import read_slot, read_slots
from trueup.queues.labels._taking import take
from trueup.queues.seniors._referral import refer_due
from trueup.store import reservations, slots
from trueup.store.slots import Asking
from trueup.store.stamp import Stamp, moment, stamp
from trueup.types import Annotation, Label

__all__ = ["Reviewing"]


class Reviewing(QueueBase):
    """The part of a queue that reviewers work on."""

    def claim(
        self,
        reviewer: str,
        *,
        kind: Asking = "label",
        tags: Sequence[str] = (),
        beside: str | None = None,
        now: datetime | None = None,
    ) -> Claim:
        """Reserve the next item for a reviewer, or return the one they hold.

        An item goes to no more reviewers than it needs, and to none twice. A reservation ends by
        time (`Settings.reservation_minutes`), and its place is then anybody's.

        Args:
            reviewer: who claims.
            kind: "label"; or, for senior reviewers, "adjudication" to settle what others disagree
                on, or "spot_check" to label again what was labelled. Nobody settles or checks an
                item that they have labelled.
            tags: the reviewer's expertise, where the queue assigns by it.
            beside: id of an item that they have in hand, to have a further one ready.
            now: when.

        Raises:
            QueueEmpty: nothing is left for this reviewer; the message says what waits, and why.
            QueueError: the queue is not active, or the reviewer is none of its.
        """
        now = moment(now)
        return claims.claim_next(
            self._store, self._row, reviewer, kind=kind, tags=tags, beside=beside, now=now
        )

    def release(self, item_id: str, reviewer: str) -> bool:
        """Give a reservation back, for anybody to take, and return whether there was one."""
        with self._store.transaction(beside_others=True) as tx:
            return reservations.release(tx, item_id, reviewer)

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
            UnknownName: the queue has no such item.
        """
        claims.skip(
            self._store, self._row, item_id, reviewer, reason, stamp(actor or reviewer, now)
        )

    def undo(self, reviewer: str, *, kind: Asking = "label", now: datetime | None = None) -> Claim:
        """Return the item that the reviewer labelled last, with the label, to give another one.

        Labels are never taken away: the new one names the old one as what it replaces.

        Raises:
            QueueEmpty: the reviewer has labelled nothing here.
        """
        return claims.last_label(self._store, self._row, reviewer, moment(now), kind)

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

    def submit(
        self,
        item_id: str,
        reviewer: str,
        label: Label,
        *,
        simulated: bool = False,
        replaces: str | None = None,
        shown: str = "",
        kind: Asking = "label",
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
            kind: "label"; or "adjudication" or "spot_check", where the item is up for that.
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
        check_open(self._row, *(["active", "paused"] if kind == "label" else claims.LOOKING))
        claims.check_asking(self._row, kind)
        given = Submission(item_id, reviewer, label, simulated, replaces, shown, kind)
        return claims.retried(self._row, reviewer, lambda: self._submit(given, actor, now))

    def _submit(self, given: Submission, actor: str, now: datetime) -> Annotation:
        with self._store.transaction(beside_others=True, alone_on=given.item_id) as tx:
            slot = read_slot(tx, self._row, given.item_id, given.kind)
            if slot is None:
                raise no_item(self._row, given.item_id)
            admission = admit(self._row, slot, given, now=now)
            take(tx, self._row, admission, actor, now, slot)
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
                    raise no_item(self._row, given.item_id)
                if given.kind != "label":
                    raise InputError(
                        f"item {given.item_id}: a label of kind {given.kind!r} is given by itself"
                    )
                admission = admit(self._row, here[given.item_id], given, now=now)
                count += take(tx, self._row, admission, actor, now)
            touched = {given.item_id for given in submissions}
            refer_due(tx, self._row, Stamp(actor, now), item_ids=touched)
        return count
