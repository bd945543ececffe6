"""Labels that were given in other tools: items for them where there are none, and the labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from trueup.errors import InputError, TrueupError
from trueup.queues.imports._import_records import Fields, Record, Tool, read_records
from trueup.queues.imports._import_values import to_label
from trueup.queues.imports._labelling import ImportReport
from trueup.queues.labels import _claims as claims
from trueup.queues.labels._ledger import Admission, Slot, Submission, admit
from trueup.queues.labels._reading import read_slot, read_slots
from trueup.queues.seniors._gold import check_gold, check_known
from trueup.queues.sources._outside import Frozen, freeze, put_traces
from trueup.store import Tx
from trueup.store.queues import QueueRow
from trueup.store.stamp import Stamp
from trueup.types import Label

__all__ = ["Fields", "Tool", "import_records"]


@dataclass(slots=True)
class _Found:
    """What the records so far hold.

    Attributes:
        slots: the queue's items with their labels, those of the records among them.
        made: what is new, by item id.
        said: the label of each item and reviewer in this file.
        golden: items of the file whose answer is known, with it.
    """

    slots: dict[str, Slot]
    made: dict[str, Frozen]
    said: dict[tuple[str, str], Label]
    admitted: list[Admission]
    rejected: list[tuple[int, str]]
    unlabelled: int = 0
    golden: dict[str, Slot] = field(default_factory=dict)


def import_records(
    tx: Tx,
    queue: QueueRow,
    path: Path,
    tool: Tool,
    fields: Fields,
    *,
    skip_bad: bool,
    gold: bool,
    stamp: Stamp,
) -> tuple[list[Admission], ImportReport]:
    """Store the items that a file's records need, and return their labels, which may stand.

    Args:
        tx: an open transaction.
        queue: its settings.
        path: the file.
        tool: which wrote it.
        fields: what its fields are called.
        skip_bad: leave bad records out, whole, and report them.
        gold: whether the records' labels are what is known to be right.
        stamp: who imports, and knows, and when.

    Raises:
        InputError: the file cannot be read, or has bad records and `skip_bad` is False; the
            message names the first one's number and reason.
    """
    take = partial(_take_gold, tx) if gold else _take
    found = _Found(read_slots(tx, queue), {}, {}, [], [])
    for number, record in read_records(path, tool, fields):
        try:
            if isinstance(record, str):
                raise InputError(record)
            take(queue, record, tool, found, stamp)
        except TrueupError as error:
            found.rejected.append((number, str(error)))
    if found.rejected and not skip_bad:
        number, reason = found.rejected[0]
        more = f" ({len(found.rejected) - 1} more bad records)" if len(found.rejected) > 1 else ""
        raise InputError(
            f"{path} record {number}: {reason}{more}; nothing was imported, mend the file or skip "
            "bad records"
        )
    _put_items(tx, queue, found, tool, stamp)
    new = [admission for admission in found.admitted if admission.new]
    corrected = sum(admission.replaces is not None for admission in new)
    unchanged = len(found.admitted) - len(new)
    rejected = tuple(found.rejected)
    return new, ImportReport(len(new), corrected, unchanged, found.unlabelled, rejected)


def _take(queue: QueueRow, record: Record, tool: Tool, found: _Found, stamp: Stamp) -> None:
    """Admit a record's labels all together or, on an error, none of them."""
    made = freeze(queue, record.shown, tool)
    known = found.slots.get(made.item.id)
    slot = Slot(made.item, {}, []) if known is None else known.copy()
    admitted: list[Admission] = []
    said: dict[tuple[str, str], Label] = {}
    for given in record.given:
        label = to_label(queue, slot.item, given)
        submission = Submission(made.item.id, given.reviewer, label)
        admission = admit(queue, slot, submission, now=stamp.now, correcting=True)
        key = (made.item.id, admission.annotation.reviewer)
        if (found.said | said).get(key, admission.annotation.label) != admission.annotation.label:
            raise InputError(
                f"{key[1]} labels its answers twice, and not alike; keep one of the two"
            )
        said[key] = admission.annotation.label
        admitted.append(admission)
    found.said.update(said)
    found.admitted += admitted
    found.unlabelled += not admitted
    found.slots[made.item.id] = slot
    if known is None:
        found.made[made.item.id] = made


def _take_gold(
    tx: Tx, queue: QueueRow, record: Record, tool: Tool, found: _Found, stamp: Stamp
) -> None:
    """Take a record as an item whose answer is known."""
    frozen = freeze(queue, record.shown, tool)
    made = replace(frozen, item=replace(frozen.item, gold=True))
    key = made.item.id
    known = found.slots.get(key)
    check_gold(queue, made.item if known is None else known.item)
    if len(record.given) != 1:
        raise InputError(f"it has {len(record.given)} labels; give the one that is right")
    label = to_label(queue, made.item, record.given[0])
    check_known(queue, made.item, label)
    slot = (None if known is None else read_slot(tx, queue, key, "known")) or found.golden.get(
        key, Slot(made.item, {}, [], "known")
    )
    submission = Submission(key, stamp.actor, label, kind="known")
    found.admitted.append(admit(queue, slot, submission, now=stamp.now))
    found.golden[key] = slot
    if known is None:
        found.made[key] = made


def _put_items(tx: Tx, queue: QueueRow, found: _Found, tool: Tool, stamp: Stamp) -> None:
    put_traces(tx, found.made.values(), tool, stamp)
    claims.put_items(tx, queue, [made.item for made in found.made.values()], stamp)
