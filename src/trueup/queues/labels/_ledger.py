"""Whether a label may be given: the rules of a queue, on what its items already carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from unicodedata import category

from trueup.errors import InputError, QueueError
from trueup.queues.labels._questions import checked_answers, keys_of
from trueup.store import derived_id
from trueup.store.queues import QueueRow
from trueup.types import Annotation, AnnotationKind, Item, Label

__all__ = ["Admission", "Slot", "Submission", "admit", "kind_on", "slots"]

_MAX_REVIEWER = 128  # what the store's column holds


@dataclass(frozen=True, slots=True)
class Submission:
    """A label as a reviewer gives it.

    Attributes:
        simulated: whether a program gives it.
        replaces: id of the reviewer's standing label on the item, which this one corrects.
        shown: the keys of the answers in the order that the reviewer saw.
        kind: what the label is for.
    """

    item_id: str
    reviewer: str
    label: Label
    simulated: bool = False
    replaces: str | None = None
    shown: str = ""
    kind: AnnotationKind = "label"


@dataclass(frozen=True, slots=True)
class Admission:
    """An annotation that may stand, and what it does to those that are there.

    Attributes:
        annotation: the new one, or the equal one that was there already.
        replaces: id of the one it corrects.
        new: whether it has to be stored.
    """

    annotation: Annotation
    replaces: str | None
    new: bool


@dataclass(slots=True)
class Slot:
    """An item with the labels of one kind that it carries.

    Attributes:
        current: the standing label of each reviewer.
        past: every label given, corrected ones included.
        kind: which labels these are.
    """

    item: Item
    current: dict[str, Annotation]
    past: list[Annotation]
    kind: AnnotationKind = "label"

    def copy(self) -> Slot:
        """Return a slot to try labels on."""
        return Slot(self.item, dict(self.current), list(self.past), self.kind)


def slots(
    items: Iterable[Item],
    current: Iterable[Annotation],
    replaced: Iterable[Annotation],
    kind: AnnotationKind = "label",
) -> dict[str, Slot]:
    """Lay the annotations of a kind beside their items, by item id.

    A label on an item whose answer is known is gold, and nothing else is.
    """
    found = {item.id: Slot(item, {}, [], kind_on(item, kind)) for item in items}
    for standing, given in ((True, current), (False, replaced)):
        for annotation in given:
            slot = found[annotation.item_id]
            if annotation.kind != slot.kind:
                continue
            slot.past.append(annotation)
            if standing:
                slot.current[annotation.reviewer] = annotation
    return found


def kind_on(item: Item, kind: AnnotationKind) -> AnnotationKind:
    """Return which kind a label is that is given on an item."""
    return "gold" if item.gold and kind == "label" else kind


def admit(
    queue: QueueRow,
    slot: Slot,
    given: Submission,
    *,
    now: datetime,
    correcting: bool = False,
) -> Admission:
    """Check a label against the rules and take it into the slot.

    A label that the reviewer gave before on this item, in the same words, is not new; when
    correcting, the standing one alone counts, so that a reviewer can go back to an earlier label.

    Args:
        queue: its settings.
        slot: the item; changed by a new label.
        given: the label and who gives it.
        now: when.
        correcting: take whatever stands for the one that is corrected.

    Raises:
        InputError: the label does not fit the item or the queue.
        QueueError: the reviewer has labelled the item otherwise and `replaces` does not name
            that label, or the item has all the reviewers it needs.
    """
    item, simulated = slot.item, given.simulated
    reviewer = _checked_reviewer(item.id, given.reviewer)
    label = _checked(queue, item, given.label)
    mine = slot.current.get(reviewer)
    known = [mine] if correcting and mine else slot.past
    for earlier in known:
        equal = (earlier.reviewer, earlier.label, earlier.simulated) == (reviewer, label, simulated)
        if equal and (given.replaces is None or earlier is mine):
            return Admission(earlier, None, new=False)
    replaces = mine.id if correcting and mine else given.replaces
    _check_place(queue, slot, reviewer, replaces)
    annotation = Annotation(
        _identity(item, reviewer, label, simulated, replaces, slot.kind),
        item.id,
        reviewer,
        label,
        queue.stream,
        simulated,
        now,
        _checked_order(item, given.shown),
        queue.guideline_id,
        slot.kind,
    )
    slot.current[reviewer] = annotation
    slot.past.append(annotation)
    return Admission(annotation, replaces, new=True)


def _identity(
    item: Item,
    reviewer: str,
    label: Label,
    simulated: bool,
    replaces: str | None,
    kind: AnnotationKind,
) -> str:
    *said, answers = astuple(label)  # a label without answers is what it was before there were any
    more = (answers,) if answers else ()
    if kind not in ("label", "gold"):
        more = (*more, kind)
    return derived_id("annotation", item.id, reviewer, said, simulated, replaces or "", *more)


def _checked_order(item: Item, shown: str) -> str:
    if shown and sorted(shown) != keys_of(item):
        raise InputError(
            f"item {item.id}: its answers were shown as {shown!r}; "
            f"give each of {', '.join(keys_of(item))} once"
        )
    return shown


def _check_place(queue: QueueRow, slot: Slot, reviewer: str, replaces: str | None) -> None:
    mine, where = slot.current.get(reviewer), f"item {slot.item.id}"
    if replaces is not None and (mine is None or mine.id != replaces):
        raise QueueError(
            f"{where}: {replaces} is not {reviewer}'s standing label there; "
            f"name {mine.id if mine else 'none'} instead"
        )
    if replaces is None and mine is not None:
        raise QueueError(
            f"{where}: {reviewer} has labelled it; "
            f"correct it by naming the label that is replaced, {mine.id}"
        )
    needed = {"label": queue.overlap, "gold": None, "known": 1}.get(slot.kind, 1)
    if mine is None and needed is not None and len(slot.current) >= needed:
        raise QueueError(
            f"{where}: it has the {needed} reviewers it needs; give {reviewer} another item"
            if slot.kind == "label"
            else f"{where}: it has its {slot.kind} label, by {next(iter(slot.current))}"
        )


def _checked_reviewer(item_id: str, reviewer: str) -> str:
    """Return the name without spaces around it: `ann ` is not a second reviewer beside `ann`."""
    name = reviewer.strip()
    if not 0 < len(name) <= _MAX_REVIEWER:
        raise InputError(
            f"item {item_id}: a reviewer's name has 1 to {_MAX_REVIEWER} characters, "
            f"not {len(name)}"
        )
    if any(category(character) == "Cc" for character in name):
        raise InputError(f"item {item_id}: reviewer {name!r} has control characters in the name")
    return name


def _ordered(known: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in known if name in labels)


def _checked(queue: QueueRow, item: Item, label: Label) -> Label:
    """Return the label in its one written form, or raise InputError on what does not fit."""
    where = f"item {item.id}"
    asked = {question.name for question in queue.questions}
    _check_preference(where, keys_of(item), label, asks="preference" in asked)
    if unknown := [name for name in label.labels if name not in queue.labels]:
        raise InputError(
            f"{where}: label {unknown[0]!r} is not in queue {queue.name}; "
            f"give some of {', '.join(queue.labels)}"
        )
    correction = label.correction.strip() if label.correction is not None else None
    if correction is not None and "correction" not in asked:
        raise InputError(f"{where}: the queue asks for no correction; leave it out")
    if correction is not None and label.preferred not in ("neither", None):
        raise InputError(
            f"{where}: a correction comes with preferred 'neither', not {label.preferred!r}"
        )
    if correction == "":
        raise InputError(f"{where}: the correction is empty; write the answer or leave it out")
    return replace(
        label,
        labels=_ordered(queue.labels, label.labels),
        correction=correction,
        answers=checked_answers(queue.questions, item, label.answers),
    )


def _check_preference(where: str, keys: Sequence[str], label: Label, *, asks: bool) -> None:
    if not asks:
        if label.preferred is not None or label.strength:
            raise InputError(f"{where}: the queue asks for no preference; leave it out")
        return
    allowed = [*keys, "tie", "neither"] if len(keys) > 1 else [*keys, "neither"]
    if label.preferred not in allowed:
        raise InputError(f"{where}: preferred is {label.preferred!r}; give {', '.join(allowed)}")
    decided = label.preferred in keys
    lowest = 1 if decided and len(keys) > 1 else 0
    highest = 3 if decided else 0
    if not lowest <= label.strength <= highest:
        raise InputError(
            f"{where}: strength is {label.strength} with preferred {label.preferred!r}; "
            + (f"give {lowest} to {highest}" if highest else "give 0")
        )
