"""What the labels come to: figures, an audit, preferences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trueup.queues._base import QueueBase
from trueup.queues._stats import QueueStats, read_stats
from trueup.queues.exports._preferences import Format, PreferenceSet, check_export, settle_queue
from trueup.queues.exports._settle import Origin
from trueup.queues.labels._reading import read_labelled
from trueup.queues.quality._activity import Activity, make_activity
from trueup.queues.quality._agreement import (
    Agreement,
    AgreementReport,
    make_agreement,
    read_agreement,
    read_alpha,
    read_columns,
)
from trueup.queues.quality._audit import AuditReport, make_report
from trueup.queues.quality._matches import Matches, find_matches
from trueup.queues.seniors._reliability import flagged
from trueup.store import queues as rows
from trueup.store.figures import Scope
from trueup.store.listing import Matching
from trueup.store.preferences import put_preference
from trueup.store.reads import put_read
from trueup.store.slots import waiting_items
from trueup.store.stamp import moment, stamp

__all__ = ["Results"]


class Results(QueueBase):
    """The part of a queue that reads its labels."""

    def stats(self) -> QueueStats:
        """Return how far the queue has come."""
        return read_stats(self._store, self._row)

    def alpha(self, *, seed: int = 0) -> Agreement:
        """Return how far the preferences agree over all items, counted in the database.

        What `agreement` says of the preference, at a tenth of the time.

        Raises:
            QueueEmpty: there is no label.
            InputError: the queue asks for no preference.
        """
        return read_alpha(self._store, self._row, seed)

    def agreement(
        self,
        question: str | None = None,
        *,
        cohort: str | None = None,
        question_type: str | None = None,
        reviewer: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        include_simulated: bool = True,
        seed: int = 0,
    ) -> AgreementReport:
        """Measure how far reviewers agree on every question, and on one in every part.

        Args:
            question: the one that is broken down by cohort, question type, reviewer, pair of
                reviewers and week; None takes the preference, else the first that can be agreed on.
            cohort: only its items.
            question_type: only its items.
            reviewer: only items that they labelled, with everybody's labels on them.
            since: only labels given from then on.
            until: only labels given before then.
            include_simulated: whether labels given by a program count.
            seed: of the bootstrap and of the sample of texts, not negative.

        Raises:
            QueueEmpty: no label fits.
            InputError: the queue has no such question, or none that can be agreed on.
        """
        scope = Scope(self.id, cohort, question_type, reviewer, since, until, include_simulated)
        return read_agreement(self._store, self._row, scope, question, seed)

    def activity(self, *, now: datetime | None = None) -> Activity:
        """Return how the work goes: labels by day, seconds, what waits and what is overruled."""
        found = read_columns(self._store, self._row, Scope(self.id))
        return make_activity(self._store, self._row, found, moment(now))

    def quality(self, *, now: datetime | None = None) -> tuple[AgreementReport, Activity]:
        """Return the whole queue's agreement and its activity, from one reading of the labels.

        Raises:
            QueueEmpty: there is no label.
            InputError: the queue asks nothing that can be agreed on.
        """
        scope = Scope(self.id)
        found = read_columns(self._store, self._row, scope)
        report = make_agreement(self._store, self._row, scope, found)
        return report, make_activity(self._store, self._row, found, moment(now))

    def matches(
        self,
        *,
        cohort: str | None = None,
        question_type: str | None = None,
        reviewer: str | None = None,
        beside: str | None = None,
        disagree: bool = False,
        label: str | None = None,
        question: str | None = None,
        page: int = 1,
        blind_to: str | None = None,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Matches:
        """Return a page of the items behind a figure, with their labels.

        Args:
            cohort: only its items.
            question_type: only its items.
            reviewer: only items that they labelled.
            beside: only those that this reviewer labelled too.
            disagree: only items whose labels differ: those of the two reviewers, those of the one
                from anybody's, or any two.
            label: only items that somebody ticked it on; with `disagree`, and somebody else did
                not.
            question: what labels differ on; None takes the preference, else the first.
            page: which 20 of them, 1 to 50.
            blind_to: a reviewer who is to see no labels on items that they may still label.
            actor: who looks; it is logged where the queue's labels are about safety.
            now: when.

        Raises:
            InputError: an argument makes no sense.
        """
        actor, now = stamp(actor, now)
        wanted = Matching(cohort, question_type, reviewer, beside, disagree, label)
        return find_matches(
            self._store,
            self._row,
            wanted,
            question=question,
            page=page,
            blind_to=blind_to,
            actor=actor,
            now=now,
        )

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
        report = make_report(self._store, self._row, min_alpha=min_alpha, seed=seed)
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
        exclude_flagged: bool = False,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> PreferenceSet:
        """Settle the items by majority and store the preferences; doing it twice changes nothing.

        Where more than half prefer an answer it is chosen over the other one. Where more than half
        want neither, the correction given most often is chosen over the served answer. An item
        that shows the served answer alone and is approved gives a row without a rejected answer.
        What an adjudication says holds instead, and what waits for one is left out.

        Args:
            format: "paired" leaves out rows without a rejected answer; "unpaired" has them all.
            min_agreement: least share of agreeing rater pairs on an item, in [0, 1]. Items with
                one rater are left out unless it is 0.
            origins: only preferences of these origins; None takes all.
            include_simulated: whether labels given by a program count.
            exclude_flagged: whether labels of reviewers whom gold items flag are left out.
            actor: who exports.
            now: when.

        Raises:
            QueueEmpty: no item gives a preference; the message says why not.
            InputError: an argument makes no sense.
        """
        check_export(format, min_agreement)
        actor, now = stamp(actor, now)
        items, annotations = read_labelled(
            self._store,
            self._row,
            include_simulated=include_simulated,
            kinds=("label", "adjudication"),
        )
        if exclude_flagged:
            out = set(flagged(self._store, self._row))
            annotations = [a for a in annotations if a.reviewer not in out]
        with self._store.reading() as tx:
            waiting = waiting_items(tx, self.id, "adjudication")
        found = settle_queue(
            self._row,
            items,
            annotations,
            format=format,
            min_agreement=min_agreement,
            origins=origins,
            waiting=waiting,
        )
        with self._store.transaction() as tx:
            for preference in found:
                put_preference(tx, preference, actor=actor, now=now)
            if self.settings.safety:
                put_read(tx, self.id, "preferences", len(found), actor=actor, now=now)
        return found
