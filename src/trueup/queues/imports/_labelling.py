"""The file that reviewers fill in elsewhere: one line an item, written blind, read strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trueup.errors import InputError, TrueupError, UnknownName
from trueup.queues.labels._ledger import Admission, Slot, Submission, admit
from trueup.queues.labels._questions import other_answers
from trueup.store.files import json_line, whole_file
from trueup.store.queues import QueueRow
from trueup.types import Item, Label

__all__ = ["ImportReport", "read_labels", "write_items"]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class _Given(_Strict):
    reviewer: str
    preferred: str | None = None
    strength: int = 0
    labels: list[str] = []
    correction: str | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    answers: dict[str, Any] = {}
    simulated: bool = False

    def label(self) -> Label:
        return Label(
            self.preferred,
            self.strength,
            tuple(self.labels),
            self.correction,
            self.seconds,
            self.answers,
        )


class _Line(_Strict):
    model_config = ConfigDict(extra="ignore")  # what the item shows travels along

    item_id: str
    answers: dict[str, str] | None = None
    annotations: list[_Given]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        added: labels that are new, corrections among them.
        corrected: new labels that take the place of the reviewer's earlier one.
        unchanged: labels that were there already.
        unlabelled: lines without a label.
        rejected: (line number, reason) of lines that were left out whole.
    """

    added: int
    corrected: int
    unchanged: int
    unlabelled: int
    rejected: tuple[tuple[int, str], ...]


def write_items(
    path: Path, queue: QueueRow, items: Sequence[Item], *, overwrite: bool = False
) -> None:
    """Write the items for reviewers, without a word on where each answer came from.

    Raises:
        InputError: the file exists and may not be overwritten, or cannot be written.
    """
    with (
        whole_file(path, overwrite=overwrite) as temporary,
        temporary.open("w", encoding="utf-8") as out,
    ):
        for item in items:
            out.write(json_line(_blind(queue, item)))


def _blind(queue: QueueRow, item: Item) -> dict[str, Any]:
    keys = [answer.key for answer in item.answers]
    return {
        "item_id": item.id,
        "queue": queue.name,
        "question_type": item.question_type,
        "messages": [dict(message) for message in item.messages],
        "context": list(item.context),
        "answers": {answer.key: answer.text for answer in item.answers},
        "fill_in": {
            "reviewer": "your name",
            "preferred": [*keys, "tie", "neither"] if len(keys) > 1 else [*keys, "neither"],
            "strength": "1 slightly, 2 clearly, 3 by far; 0 with tie or neither",
            "labels": list(queue.labels),
            "correction": "the right answer in full, with neither",
            "answers": other_answers(queue.questions, item),
        },
        "annotations": [],
    }


def read_labels(
    path: Path, queue: QueueRow, slots: dict[str, Slot], *, skip_bad: bool, now: datetime
) -> tuple[list[Admission], ImportReport]:
    """Read a filled-in file and check every label against the queue.

    Args:
        path: JSON lines, as `write_items` wrote them.
        queue: its settings.
        slots: its items with their labels; new labels are taken in.
        skip_bad: leave bad lines out, whole, and report them.
        now: when.

    Returns:
        The labels to store, in order, and the report.

    Raises:
        InputError: the file cannot be read, or has bad lines and `skip_bad` is False; the message
            names the first one's line and reason.
    """
    admitted: list[Admission] = []
    rejected: list[tuple[int, str]] = []
    unlabelled = 0
    read: dict[tuple[str, str], Label] = {}
    for number, text in _lines(path):
        try:
            line = _parse(text)
            _check_alike(line, read)
            given = _admit_line(queue, slots, line, now)
        except TrueupError as error:
            rejected.append((number, str(error)))
            continue
        read |= {(line.item_id, g.reviewer.strip()): g.label() for g in line.annotations}
        admitted += given
        unlabelled += not given
    if rejected and not skip_bad:
        number, reason = rejected[0]
        more = f" ({len(rejected) - 1} more bad lines)" if len(rejected) > 1 else ""
        raise InputError(
            f"{path} line {number}: {reason}{more}; nothing was imported, "
            "mend the file or skip bad lines"
        )
    new = [a for a in admitted if a.new]
    corrected = sum(a.replaces is not None for a in new)
    report = ImportReport(
        len(new), corrected, len(admitted) - len(new), unlabelled, tuple(rejected)
    )
    return new, report


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(
            f"cannot read {path}: {reason}; give the file that "
            "`trueup queue export --for-labelling` wrote"
        ) from error
    # not splitlines: JSON leaves line separators such as U+2028 inside a string as they are
    return ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())


def _parse(text: str) -> _Line:
    try:
        return _Line.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}: {first['msg']}" if where else first["msg"]) from error


def _admit_line(
    queue: QueueRow, slots: dict[str, Slot], line: _Line, now: datetime
) -> list[Admission]:
    """Admit a line's labels all together or, on an error, none of them."""
    if line.item_id not in slots:
        raise UnknownName(f"queue {queue.name} has no item {line.item_id!r}")
    slot = slots[line.item_id].copy()
    _check_shown(slot.item, line)
    given = [
        admit(
            queue,
            slot,
            Submission(line.item_id, entry.reviewer, entry.label(), entry.simulated),
            now=now,
            correcting=True,
        )
        for entry in line.annotations
    ]
    slots[line.item_id] = slot
    return given


def _check_alike(line: _Line, read: Mapping[tuple[str, str], Label]) -> None:
    """Hold a line against those before it: one reviewer's two labels on an item are a mix-up."""
    for entry in line.annotations:
        name = entry.reviewer.strip()
        if read.get((line.item_id, name), entry.label()) != entry.label():
            raise InputError(
                f"item {line.item_id}: {name} labelled it on an earlier line, and not alike; "
                "keep one of the two"
            )


def _check_shown(item: Item, line: _Line) -> None:
    """Hold a line against the item: labels on other answers, or two of one hand, are a mix-up."""
    shown = {answer.key: answer.text for answer in item.answers}
    if line.answers is not None and line.answers != shown:
        wrong = next((key for key in shown if line.answers.get(key) != shown[key]), "more")
        raise InputError(
            f"item {item.id}: answer {wrong} is not the one that the queue holds, so the labels "
            "may be meant for another; leave the answers as they were written"
        )
    hands: dict[str, _Given] = {}
    for entry in line.annotations:
        name = entry.reviewer.strip()
        if hands.setdefault(name, entry).label() != entry.label():
            raise InputError(
                f"item {item.id}: {name} labels it twice, and not alike; keep one of the two"
            )
