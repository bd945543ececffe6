"""Exports to files: settled page by page, so that a queue of any size takes the same memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, get_args

from trueup.errors import InputError, QueueEmpty
from trueup.queues._settings import settings_of
from trueup.queues.exports._export_files import check_kind, open_file
from trueup.queues.exports._export_rows import Row, RowFormat, Shape, render, schema_of
from trueup.queues.exports._export_settle import (
    Outcome,
    Trust,
    settle_alone,
    settle_pair,
    settle_ranking,
    settle_step,
)
from trueup.queues.exports._settle import WAITS
from trueup.queues.seniors._reliability import flagged
from trueup.store import Store, Tx, events
from trueup.store import exports as rows
from trueup.store.files import whole_file
from trueup.store.queues import QueueRow
from trueup.store.slots import waiting_items
from trueup.store.stamp import Stamp
from trueup.types import Annotation, Item, Preference

__all__ = ["Export", "Plan", "RowFormat", "Shape", "write_export"]

_BATCH = 10_000  # preferences that are stored at a time


@dataclass(frozen=True, slots=True)
class Export:
    """What an export wrote.

    Attributes:
        queue: the queue's name.
        path: the file.
        format, shape: what its rows are; see `AnnotationQueue.export_rows`.
        stream: whose labels they are: "reviewer", "end_user" or "ai".
        rows: how many.
        left_out: items that gave none, by reason.
        simulated: whether a program gave any of the labels.
        sha256: of the file.
    """

    queue: str
    path: Path
    format: RowFormat
    shape: Shape
    stream: str
    rows: int
    left_out: Mapping[str, int]
    simulated: bool
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return asdict(self) | {"path": str(self.path)}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be exported, and how; see `AnnotationQueue.export_rows`."""

    path: Path
    format: RowFormat
    shape: Shape
    min_agreement: float
    reviewers: Sequence[str] | None
    exclude_reviewers: Sequence[str]
    exclude_flagged: bool
    labels: Sequence[str] | None
    cohorts: Sequence[str] | None
    since: datetime | None
    until: datetime | None
    include_simulated: bool
    head: str
    overwrite: bool

    def check(self, queue: QueueRow) -> None:
        """Raise InputError on what makes no sense."""
        check_kind(self.path)
        for name, value, known in (
            ("format", self.format, get_args(RowFormat)),
            ("shape", self.shape, get_args(Shape)),
        ):
            if value not in known:
                raise InputError(f"{name} {value!r} is none of {', '.join(known)}")
        if not 0 <= self.min_agreement <= 1:
            raise InputError(f"min_agreement is {self.min_agreement}: give a share from 0 to 1")
        if unknown := [name for name in self.labels or () if name not in queue.labels]:
            raise InputError(
                f"label {unknown[0]!r} is not in queue {queue.name}; "
                f"give some of {', '.join(queue.labels)}"
            )
        if self.head and self.format != "reward":
            raise InputError(f"head {self.head!r} is for rewards: leave it out, or export reward")
        for name, when in (("since", self.since), ("until", self.until)):
            if when is not None and when.tzinfo is None:
                raise InputError(f"{name} is {when} in no time zone; give one, such as +00:00")
        if self.format == "step" and _asked(queue, "steps") is None:
            raise InputError(
                f"queue {queue.name} asks about no steps: give it a question of kind 'steps', or "
                "export another format"
            )

    def wanted(self, queue: QueueRow) -> rows.Wanted:
        """Return which items and labels the store is to read."""
        return rows.Wanted(
            queue.id,
            queue.stream,
            self.reviewers,
            self.exclude_reviewers,
            self.cohorts,
            self.since,
            self.until,
            self.include_simulated,
            answers=self.labels is not None
            or self.format in ("ranked", "step")
            or (self.format == "unpaired" and _asked(queue, "thumbs") is not None),
        )

    def filters(self) -> dict[str, Any]:
        """Return what narrows the export, as JSON values."""
        given = {
            "min_agreement": self.min_agreement,
            "reviewers": self.reviewers and list(self.reviewers),
            "exclude_reviewers": list(self.exclude_reviewers),
            "exclude_flagged": self.exclude_flagged,
            "labels": self.labels and list(self.labels),
            "cohorts": self.cohorts and list(self.cohorts),
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "include_simulated": self.include_simulated,
        }
        return {
            name: value
            for name, value in given.items()
            if value not in (None, [], 0.0) or name == "include_simulated"
        }


def write_export(store: Store, queue: QueueRow, plan: Plan, stamp: Stamp) -> Export:
    """Write a queue's settled rows to a file; see `AnnotationQueue.export_rows`.

    Labels are read as they stand when it begins. The file appears once its rows' preferences and
    the event that tells of it are stored.
    """
    plan.check(queue)
    if plan.exclude_flagged:
        out = {*plan.exclude_reviewers, *flagged(store, queue)}
        plan = replace(plan, exclude_reviewers=sorted(out))
    tally, batch = _Tally(Counter()), rows.Batch(*stamp)
    with (
        whole_file(plan.path, overwrite=plan.overwrite) as temporary,
        store.reading() as tx,
    ):
        keys = rows.message_keys(tx, queue.id, plan.cohorts)
        schema = schema_of(plan.format, plan.shape, keys)
        with open_file(temporary, plan.path.suffix, schema) as write:
            for page, made in _settled(tx, queue, plan, keys, tally):
                for preference, _ in made:
                    if preference is not None:
                        batch.add(preference, page.blobs)
                write([row for _, some in made for row in some])
                if len(batch) >= _BATCH:
                    _store(store, batch)
        if not tally.rows:
            raise QueueEmpty(_why_empty(queue, plan, tally))
        _store(store, batch)
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        export = Export(
            queue.name,
            plan.path,
            plan.format,
            plan.shape,
            queue.stream,
            tally.rows,
            dict(sorted(tally.left_out.items())),
            tally.simulated,
            digest,
        )
        detail = {**export.to_json(), "filters": plan.filters()}
        with store.transaction(beside_others=True) as writing:
            events.record(
                writing,
                "export",
                "queue",
                queue.id,
                detail,
                **stamp._asdict(),
                safety=settings_of(queue).safety,
            )
    return export


def _store(store: Store, batch: rows.Batch) -> None:
    with store.transaction(beside_others=True) as tx:
        batch.store(tx)


@dataclass(slots=True)
class _Tally:
    left_out: Counter[str]
    rows: int = 0
    simulated: bool = False


Settle = Callable[[Item, Sequence[Annotation], float, Mapping[str, int]], Outcome | str]


def _settled(
    tx: Tx, queue: QueueRow, plan: Plan, keys: Sequence[str], tally: _Tally
) -> Iterator[tuple[rows.Page, list[tuple[Preference | None, list[Row]]]]]:
    """Yield each page with what its items settle on and the rows of it, and count."""
    wanted, settle = plan.wanted(queue), _settle_as(queue, plan.format)
    trust = Trust(lambda: rows.votes(tx, wanted))
    head = plan.head or ("safety" if settings_of(queue).safety else "quality")
    waiting = waiting_items(tx, queue.id, "adjudication")
    for page in rows.pages(tx, wanted):
        tally.left_out.update(["a text was erased"] * len(page.erased))
        made = []
        for item in page.items:
            given = page.annotations.get(item.id, [])
            simulated = any(a.simulated for a in given)
            lineage = {"queue": queue.name, "stream": queue.stream, "simulated": simulated}
            found: Outcome | list[Row] | str = "other labels"
            if item.id in waiting:
                found = WAITS
            elif plan.labels is None or _ticked(given, plan.labels):
                found = settle(item, given, plan.min_agreement, trust)
            if isinstance(found, Outcome):
                preference = found.preference if found.wanted else None
                found = render(
                    found,
                    format=plan.format,
                    shape=plan.shape,
                    keys=keys,
                    lineage=lineage,
                    head=head,
                )
            if isinstance(found, str):
                tally.left_out[found] += 1
                continue
            made.append((preference, found))
            tally.rows += len(found)
            tally.simulated |= simulated
        yield page, made


def _settle_as(queue: QueueRow, format: RowFormat) -> Settle:
    if format == "unpaired":
        return partial(settle_alone, question=_asked(queue, "thumbs"))
    if format == "ranked":
        return partial(settle_ranking, question=_asked(queue, "ranking"))
    if format == "step":
        return partial(settle_step, question=_asked(queue, "steps") or "")
    return settle_pair


def _asked(queue: QueueRow, kind: str) -> str | None:
    """Return the name of the queue's first question of a kind."""
    return next((asked.name for asked in queue.questions if asked.kind == kind), None)


def _ticked(annotations: Sequence[Annotation], labels: Sequence[str]) -> bool:
    """Whether more than half of the reviewers ticked one of the labels."""
    ticked = sum(not set(labels).isdisjoint(a.label.labels) for a in annotations)
    return 2 * ticked > len(annotations)


def _why_empty(queue: QueueRow, plan: Plan, tally: _Tally) -> str:
    reasons = ", ".join(f"{reason} ({n})" for reason, n in sorted(tally.left_out.items()))
    return (
        f"queue {queue.name}: no item gives a {plan.format} row, so no file was written: "
        f"{reasons or 'there are none that fit the filters'}; ask for less or label more"
    )
