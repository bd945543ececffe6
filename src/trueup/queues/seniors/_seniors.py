"""What senior reviewers and managers do with a queue's labels: settle, check, try reviewers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trueup.queues._base import QueueBase
from trueup.queues.seniors import _referral as referral
from trueup.queues.seniors._gold import put_gold
from trueup.queues.seniors._reliability import (
    Feedback,
    Reliability,
    read_feedback,
    read_reliability,
)
from trueup.queues.sources._items import NewItem
from trueup.store.stamp import stamp
from trueup.types import Label

__all__ = ["Seniors"]


class Seniors(QueueBase):
    """The part of a queue that holds labels against a second look."""

    def refer(
        self, item_ids: Sequence[str], *, actor: str | None = None, now: datetime | None = None
    ) -> int:
        """Have a senior reviewer settle items; return how many were not up for that before.

        Items that agree too little (`Settings.min_agreement`), and every item where the queue says
        so (`Settings.review_required`), are referred by themselves once they have their labels.

        Raises:
            QueueError: an item is not in the queue, or has no label; none is referred.
        """
        return referral.refer(self._store, self._row, item_ids, stamp(actor, now))

    def draw_spot_checks(
        self,
        share: float | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        seed: int = 0,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> int:
        """Draw labelled items for a senior reviewer to label again, blind; return how many are new.

        Each reviewer's labels, and each answer that they give, are drawn in proportion, at least
        one label a reviewer; a program's are not. The same draw twice adds nothing.

        Args:
            share: of the labels; None takes `Settings.spot_check_share`.
            since: from labels given from then on; None is a week before `until`.
            until: and before then; None is now.
            seed: of the draw.
            actor: who draws.
            now: when.

        Raises:
            InputError: the share is none.
        """
        return referral.draw_checks(
            self._store,
            self._row,
            share=share,
            since=since,
            until=until,
            seed=seed,
            stamp=stamp(actor, now),
        )

    def add_gold(
        self,
        items: Sequence[tuple[NewItem, Label]],
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> int:
        """Put in items whose answer is known, to try reviewers by; return how many are new.

        They stand among the others, `Settings.gold_share` of the time, once for each reviewer, who
        cannot tell. Labels on them count for nothing else: no export and no agreement has them.

        Args:
            items: each with the label that is right, of which what has set answers is compared.
            actor: who knows.
            now: when.

        Raises:
            InputError: an item or a label makes no sense; nothing is added.
            QueueError: an item is in the queue to be labelled, or is gold with another answer.
            UnknownName: an item's trace is not in the store.
        """
        return put_gold(self._store, self._row, items, stamp(actor, now))

    def reliability(self) -> list[Reliability]:
        """Return, by reviewer, how their labels fare against gold, checks and adjudications."""
        return read_reliability(self._store, self._row)

    def feedback(
        self, reviewer: str, *, actor: str | None = None, now: datetime | None = None
    ) -> list[Feedback]:
        """Return a reviewer's labels that a senior reviewer looked at, with what they said.

        Gold items are not among them: who is told of them knows them the next time.
        """
        with self._store.reading() as tx:
            found = read_feedback(tx, self._row, reviewer=reviewer, gold=False)
        self._log_read("labels", len(found), actor or reviewer, now)
        return found
