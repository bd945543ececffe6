"""Labels that were given in other tools: items for them where there are none, and the labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

from trueup.errors import InputError, TrueupError
from trueup.queues import _claims as claims
from trueup.queues._import_records import Fields, Record, Tool, read_records
from trueup.queues._import_values import to_label
from trueup.queues._items import NewItem, to_item
from trueup.queues._labelling import ImportReport
from trueup.queues._ledger import Admission, Slot, Submission, admit
from trueup.queues._reading import read_slots
from trueup.store import Tx, derived_id
from trueup.store.queues import QueueRow
from trueup.store.stamp import Stamp
from trueup.store.traces import put_trace
from trueup.types import ALL_COHORTS, Item, ItemAnswer, Label, Trace

__all__ = ["Fields", "Tool", "import_records"]

_COHORT = "imported"
_MAX_NAME = 100  # what the store's columns hold


@dataclass(slots=True)
class _Found:
    """What the records so far hold.

    Attributes:
        slots: the queue's items with their labels, those of the records among them.
        traces: of the items that are new, by item id.
        said: the label of each item and reviewer in this file.
    """

    slots: dict[str, Slot]
    traces: dict[str, Trace]
    said: dict[tuple[str, str], Label]
    admitted: list[Admission]
    rejected: list[tuple[int, str]]
    unlabelled: int = 0


def import_records(
    tx: Tx, queue: QueueRow, path: Path, tool: Tool, fields: Fields, *, skip_bad: bool, stamp: Stamp
) -> tuple[list[Admission], ImportReport]:
    """Store the items that a file's records need, and return their labels, which may stand.

    Raises:
        InputError: the file cannot be read, or has bad records and `skip_bad` is False; the
            message names the first one's number and reason.
    """
    found = _Found(read_slots(tx, queue), {}, {}, [], [])
    for number, record in read_records(path, tool, fields):
        try:
            if isinstance(record, str):
                raise InputError(record)
            _take(queue, record, tool, found, stamp)
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
    trace, item = _frozen(queue, record, tool)
    known = found.slots.get(item.id)
    slot = Slot(item, {}, []) if known is None else known.copy()
    admitted: list[Admission] = []
    said: dict[tuple[str, str], Label] = {}
    for given in record.given:
        label = to_label(queue, slot.item, given)
        submission = Submission(item.id, given.reviewer, label)
        admission = admit(queue, slot, submission, now=stamp.now, correcting=True)
        key = (item.id, admission.annotation.reviewer)
        if (found.said | said).get(key, admission.annotation.label) != admission.annotation.label:
            raise InputError(
                f"{key[1]} labels its answers twice, and not alike; keep one of the two"
            )
        said[key] = admission.annotation.label
        admitted.append(admission)
    found.said.update(said)
    found.admitted += admitted
    found.unlabelled += not admitted
    found.slots[item.id] = slot
    if known is None:
        found.traces[item.id] = trace


def _frozen(queue: QueueRow, record: Record, tool: Tool) -> tuple[Trace, Item]:
    """Return the trace and the item of a record, which follow from what it shows."""
    cohort = record.about.get("cohort", _COHORT)
    if cohort == ALL_COHORTS:
        raise InputError(f"its cohort is {cohort!r}, which means all of them; name another")
    names = {f"answer {number}": name for number, (name, _) in enumerate(record.answers, 1)}
    for what, name in {**record.about, **names}.items():
        if len(name) > _MAX_NAME:
            raise InputError(f"its {what} is called {name[:20]}..., over {_MAX_NAME} characters")
    texts = sorted(text for _, text in record.answers)
    trace_id = derived_id("import", tool, [dict(m) for m in record.messages], texts)
    answers = tuple(
        ItemAnswer(key, text, name)
        for key, (name, text) in zip(ascii_lowercase, record.answers, strict=False)
    )
    trace = Trace(
        id=trace_id,
        conversation_id=record.about.get("conversation_id", trace_id),
        cohort=cohort,
        messages=record.messages,
        answer=answers[0].text,
        question_type=record.about.get("question_type", ""),
    )
    new = NewItem(
        trace_id,
        trace.conversation_id,
        cohort,
        record.messages,
        answers,
        f"import:{tool}",
        question_type=trace.question_type,
    )
    return trace, to_item(new, queue.id)


def _put_items(tx: Tx, queue: QueueRow, found: _Found, tool: Tool, stamp: Stamp) -> None:
    made = [found.slots[item_id].item for item_id in found.traces]
    for item in made:
        trace = found.traces[item.id]
        put_trace(tx, trace, source=f"import:{tool}", checkpoint_id=None, **stamp._asdict())
    claims.put_items(tx, queue, made, stamp)
