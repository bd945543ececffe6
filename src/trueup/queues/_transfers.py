"""Items and labels in and out of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from trueup.errors import QueueEmpty
from trueup.queues._base import QueueBase
from trueup.queues.exports._exports import Export, Plan, RowFormat, Shape, write_export
from trueup.queues.imports._imports import Fields, Tool, import_records
from trueup.queues.imports._labelling import ImportReport, read_labels, write_items
from trueup.queues.labels._claims import check_open
from trueup.queues.labels._reading import read_slots
from trueup.queues.labels._taking import take
from trueup.queues.seniors._referral import refer_due
from trueup.store.annotations import list_annotations
from trueup.store.files import check_target
from trueup.store.items import list_items
from trueup.store.stamp import Stamp, stamp

__all__ = ["Transfers"]


class Transfers(QueueBase):
    """The part of a queue that reads and writes files."""

    def export_rows(
        self,
        path: str | Path,
        *,
        format: RowFormat,
        shape: Shape = "conversational",
        min_agreement: float = 0.0,
        reviewers: Sequence[str] | None = None,
        exclude_reviewers: Sequence[str] = (),
        exclude_flagged: bool = False,
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
                `label`; an answer that was shown alone and is not wanted is false, and has no
                `preference_id`), "ranked" (`prompt`, `ranking` with the best first, `ranks` with
                equal ones for ties), "reward" (a pair with `margin`, its mean strength: 1 slightly,
                2 clearly, 3 by far, 0 for a correction; and `head`) or "step" (the trajectory up to
                the first bad step as `prompt`, the better step as `chosen`, the bad one as
                `rejected`).
            shape: "conversational" has messages; "plain" has texts, and leaves out prompts of more
                than one user's turn.
            min_agreement: least share of agreeing rater pairs on an item, in [0, 1]; of a ranking,
                of pairs of answers put in one order.
            reviewers: only their labels count; None is everybody's.
            exclude_reviewers: theirs do not.
            exclude_flagged: nor those of reviewers whom gold items flag; see `reliability`.
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
            exclude_flagged,
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
        self,
        path: str | Path,
        *,
        include_done: bool = False,
        overwrite: bool = False,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> int:
        """Write the items that still need reviewers, for labelling elsewhere; return how many.

        One JSON line an item: the conversation, the context, the answers without where they came
        from, what may be filled in, and an empty `annotations` list to fill.

        Args:
            path: the file.
            include_done: whether items are written too that have the reviewers they need.
            overwrite: whether a file that is there may be replaced.
            actor: who exports.
            now: when.

        Raises:
            QueueEmpty: no item needs a reviewer.
            InputError: the file exists (it may hold labels) and `overwrite` is False.
        """
        with self._store.reading() as tx:
            raters = Counter(a.item_id for a in list_annotations(tx, queue_id=self.id))
            here = list_items(tx, queue_id=self.id, gold=False)
        items = [item for item in here if include_done or raters[item.id] < self.overlap]
        if not items:
            raise QueueEmpty(f"queue {self.name}: no item needs a reviewer; nothing to write")
        check_target(Path(path), overwrite=overwrite)
        self._log_read("items", len(items), actor, now, file=Path(path).name)
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
                take(tx, self._row, admission, actor, now)
            touched = {admission.annotation.item_id for admission in new}
            refer_due(tx, self._row, Stamp(actor, now), item_ids=touched)
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
        gold: bool = False,
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
            gold: whether the labels, one a record, are known to be right: the items are made to try
                reviewers by, as `add_gold` makes them.
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
        who = given.actor if gold and reviewer is None else reviewer
        fields = Fields(prompt, answers, questions or {}, who)
        with self._store.transaction() as tx:
            new, report = import_records(
                tx,
                self._row,
                Path(path),
                source,
                fields,
                skip_bad=skip_bad,
                gold=gold,
                stamp=given,
            )
            for admission in new:
                take(tx, self._row, admission, *given)
            touched = {admission.annotation.item_id for admission in new}
            refer_due(tx, self._row, given, item_ids=touched)
        return report
