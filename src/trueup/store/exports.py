"""A queue's items and labels a page at a time, and the preferences that they settle on in batches.

An export of any size holds one page. The ids of a queue are read by one cursor, in their order, and
what belongs to a page's ids by their keys: paging by "id greater than the last one" would have
SQLite sort the queue again for every page.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from trueup.store import schema
from trueup.store.engine import Tx
from trueup.store.ids import content_hash
from trueup.types import Annotation, Item, ItemAnswer, Label, Preference

__all__ = ["MESSAGE_KEYS", "Batch", "Page", "Wanted", "message_keys", "pages", "votes"]

MESSAGE_KEYS = ("name", "tool_call_id", "tool_calls")
"""What a message of a prompt may hold beside its role and text."""

_UNREAD = datetime.min.replace(tzinfo=UTC)
_PAGE = 500  # under SQLite's limit on bound variables
_ITEM, _ANSWER, _ANNOTATION = schema.item.c, schema.item_answer.c, schema.annotation.c
_LATER = schema.annotation.alias()
_TEXT = schema.blob.alias()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items of a queue are read, and which of the standing labels on them.

    Attributes:
        stream: only labels that were given through it.
        reviewers: only theirs; None is everybody's.
        exclude_reviewers: not theirs.
        cohorts: only items of these; None is all.
        since, until: only labels given from then on, and before then.
        include_simulated: whether labels that a program gave are read.
        answers: whether labels come with what was ticked and what other questions were answered;
            reading that takes a tenth of an export's time.
    """

    queue_id: str
    stream: str
    reviewers: Sequence[str] | None = None
    exclude_reviewers: Sequence[str] = ()
    cohorts: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    include_simulated: bool = True
    answers: bool = True


@dataclass(frozen=True, slots=True)
class Page:
    """Some items with their labels.

    Attributes:
        items: without the context and what was expected, which no file of an export holds.
        annotations: by item id, in no order, and without when they were given: `created_at` is
            the beginning of time, since reading it takes a twentieth of an export's.
        erased: ids of items left out, since a text of theirs was erased.
        blobs: the hash of each text that was read, which the store therefore has.
    """

    items: list[Item]
    annotations: Mapping[str, list[Annotation]]
    erased: list[str]
    blobs: Mapping[str, str]


def pages(tx: Tx, wanted: Wanted) -> Iterator[Page]:
    """Yield the items of a queue with the labels that are wanted, in the order of the items' ids.

    An item without such a label is there too, with none; one whose answer is known is not. Labels
    are those that count, and what settled a disagreement.
    """
    for ids in _ids(tx, wanted):
        rows = tx.execute(_ITEMS.where(_ITEM.id.in_(ids))).all()
        answers: dict[str, list[ItemAnswer]] = defaultdict(list)
        blobs: dict[str, str] = {}
        erased = {row.id for row in rows if row.text is None}
        shown = tx.execute(_ANSWERS.where(_ANSWER.item_id.in_(ids))).all()
        for item_id, key, source, blob, text in shown:
            answers[item_id].append(ItemAnswer(key, text, source))
            blobs[text] = blob
            if text is None:
                erased.add(item_id)
        annotations = _annotations(tx, wanted, ids, blobs, erased)
        items = [
            Item(
                row.id,
                row.queue_id,
                row.trace_id,
                row.conversation_id,
                row.cohort,
                row.question_type,
                row.family,
                tuple(json.loads(row.text)),
                (),
                tuple(answers[row.id]),
                row.reason,
                inclusion=row.inclusion,
            )
            for row in rows
            if row.id not in erased
        ]
        yield Page(items, annotations, sorted(erased), blobs)


def votes(tx: Tx, wanted: Wanted) -> Iterator[list[tuple[str, str]]]:
    """Yield, item by item, who preferred which answer, named by where it came from."""
    source = sa.func.coalesce(_ANSWER.source, _ANNOTATION.preferred)
    query = (
        sa.select(_ANNOTATION.item_id, _ANNOTATION.reviewer, source)
        .join_from(
            schema.annotation,
            schema.item_answer,
            sa.and_(_ANSWER.item_id == _ANNOTATION.item_id, _ANSWER.key == _ANNOTATION.preferred),
            isouter=True,
        )
        .where(_ANNOTATION.preferred.is_not(None), _ANNOTATION.kind == "label")
    )
    for ids in _ids(tx, wanted):
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for item_id, reviewer, vote in tx.execute(query.where(*_counted(wanted, ids))):
            found[item_id].append((reviewer, vote))
        yield from found.values()


def message_keys(tx: Tx, queue_id: str, cohorts: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return which of `MESSAGE_KEYS` the queue's conversations, or those of some cohorts, use.

    They are looked for in the JSON text, where a key that somebody wrote in a message is escaped;
    for all of them at once, since it is the texts that take long to reach.
    """
    text = schema.blob.c.text
    used = [
        sa.func.max(sa.case((text.contains(f'"{key}": ', autoescape=True), 1), else_=0))
        for key in MESSAGE_KEYS
    ]
    query = (
        sa.select(*used)
        .select_from(schema.item)
        .join(schema.blob, schema.blob.c.id == _ITEM.messages_blob)
        .where(*_within(queue_id, cohorts))
    )
    found = zip(MESSAGE_KEYS, tx.execute(query).one(), strict=True)
    return tuple(key for key, is_used in found if is_used)


@dataclass(slots=True)
class Batch:
    """Preferences that are to be stored with the annotations they rest on, as rows.

    Their ids are hashes, so that each lands on another page of the indexes; many at a time, in
    their order, write a page once.
    """

    actor: str
    now: datetime
    texts: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, preference: Preference, known: Mapping[str, str]) -> None:
        """Take a preference in; `known` has the hashes of texts that the store has."""
        rejected = preference.rejected
        self.rows.append(
            (
                preference.id,
                preference.item_id,
                self._hash(preference.chosen, known),
                None if rejected is None else self._hash(rejected, known),
                preference.origin,
                preference.agreement,
                preference.raters,
                preference.strength,
                self.actor,
                self.now,
            )
        )
        self.links += [(preference.id, annotation) for annotation in preference.annotation_ids]

    def store(self, tx: Tx) -> None:
        """Store what was taken in, except what is there, and forget it."""
        texts = [(key, text, self.actor, self.now) for key, text in self.texts.items()]
        _insert(tx, schema.blob, ("id", "text", "actor", "created_at"), texts)
        _insert(tx, schema.preference, _PREFERENCE, sorted(self.rows, key=itemgetter(0)))
        links = ("preference_id", "annotation_id")
        _insert(tx, schema.preference_annotation, links, sorted(self.links))
        self.texts, self.rows, self.links = {}, [], []

    def _hash(self, text: str, known: Mapping[str, str]) -> str:
        if text in known:
            return known[text]
        key = content_hash(text)
        self.texts[key] = text
        return key


_PREFERENCE = (
    "id",
    "item_id",
    "chosen_blob",
    "rejected_blob",
    "origin",
    "agreement",
    "raters",
    "strength",
    "actor",
    "created_at",
)


def _insert(tx: Tx, table: sa.Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert the rows that are not there yet, given as tuples in the order of `names`.

    The statement is written by hand: binding half a million values by name takes longer than
    storing them, and PostgreSQL takes far longer over many statements than over one with arrays.
    """
    if not rows:
        return
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    types = [table.c[name].type.dialect_impl(tx.dialect) for name in names]
    for number, kind in enumerate(types):
        if process := kind.bind_processor(tx.dialect):
            columns[number] = [process(value) for value in columns[number]]
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    if tx.dialect.name == "postgresql":
        arrays = ", ".join(f"CAST(%s AS {kind.compile(dialect=tx.dialect)}[])" for kind in types)
        tx.exec_driver_sql(
            f"{into} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING",
            tuple(list(column) for column in columns),
        )
        return
    marks = ", ".join("?" for _ in names)
    tx.exec_driver_sql(
        f"{into} VALUES ({marks}) ON CONFLICT DO NOTHING", list(zip(*columns, strict=True))
    )


def _ids(tx: Tx, wanted: Wanted) -> Iterator[list[str]]:
    query = (
        sa.select(_ITEM.id)
        .where(*_within(wanted.queue_id, wanted.cohorts), ~_ITEM.gold)
        .order_by(_ITEM.id)
    )
    with tx.execute(query.execution_options(yield_per=_PAGE)) as rows:
        for some in rows.scalars().partitions():
            yield list(some)


def _within(queue_id: str, cohorts: Sequence[str] | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on an item of a queue, or of some cohorts of it."""
    conditions = [_ITEM.queue_id == queue_id]
    if cohorts is not None:
        conditions.append(_ITEM.cohort.in_(cohorts))
    return conditions


def _annotations(
    tx: Tx, wanted: Wanted, ids: Sequence[str], blobs: dict[str, str], erased: set[str]
) -> dict[str, list[Annotation]]:
    query = _ANNOTATIONS.where(*_counted(wanted, ids))
    if wanted.answers:
        query = query.add_columns(_ANNOTATION.labels, _ANNOTATION.answers)
    found: dict[str, list[Annotation]] = defaultdict(list)
    more: list[Any]
    for row in tx.execute(query).all():
        key, item_id, reviewer, kind, preferred, strength, simulated, blob, text, *more = row
        if blob is not None:
            blobs[text] = blob
            if text is None:
                erased.add(item_id)
        label = _label(preferred, strength)
        if more or text is not None:
            ticked, answers = more or ((), {})
            label = replace(label, labels=tuple(ticked), correction=text, answers=answers)
        found[item_id].append(
            Annotation(key, item_id, reviewer, label, wanted.stream, simulated, _UNREAD, kind=kind)
        )
    return found


@lru_cache
def _label(preferred: str | None, strength: int) -> Label:
    """Return a label that says no more than this, as most do; they are frozen, so they share it."""
    return Label(preferred, strength)


def _counted(wanted: Wanted, ids: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on a label on one of these items that is wanted."""
    # of these items alone: asked of each label by itself, PostgreSQL reads all there are
    corrected = sa.select(_LATER.c.replaces_id).where(
        _LATER.c.item_id.in_(ids), _LATER.c.replaces_id.is_not(None)
    )
    conditions = [
        _ANNOTATION.item_id.in_(ids),
        _ANNOTATION.id.not_in(corrected),
        _ANNOTATION.stream == wanted.stream,
        _ANNOTATION.kind.in_(("label", "adjudication")),
    ]
    if wanted.reviewers is not None:
        conditions.append(_ANNOTATION.reviewer.in_(wanted.reviewers))
    if wanted.exclude_reviewers:
        conditions.append(_ANNOTATION.reviewer.not_in(wanted.exclude_reviewers))
    if wanted.since is not None:
        conditions.append(_ANNOTATION.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(_ANNOTATION.created_at < wanted.until)
    if not wanted.include_simulated:
        conditions.append(~_ANNOTATION.simulated)
    return conditions


_ITEMS = (
    sa.select(
        _ITEM.id,
        _ITEM.queue_id,
        _ITEM.trace_id,
        _ITEM.conversation_id,
        _ITEM.cohort,
        _ITEM.question_type,
        _ITEM.family,
        _ITEM.reason,
        _ITEM.inclusion,
        schema.blob.c.text,
    )
    .join(schema.blob, schema.blob.c.id == _ITEM.messages_blob)
    .order_by(_ITEM.id)
)
_ANSWERS = (
    sa.select(_ANSWER.item_id, _ANSWER.key, _ANSWER.source, _ANSWER.text_blob, schema.blob.c.text)
    .join(schema.blob, schema.blob.c.id == _ANSWER.text_blob)
    .order_by(_ANSWER.item_id, _ANSWER.key)
)
_ANNOTATIONS = sa.select(
    _ANNOTATION.id,
    _ANNOTATION.item_id,
    _ANNOTATION.reviewer,
    _ANNOTATION.kind,
    _ANNOTATION.preferred,
    _ANNOTATION.strength,
    _ANNOTATION.simulated,
    _ANNOTATION.correction_blob,
    _TEXT.c.text,
).join_from(schema.annotation, _TEXT, _TEXT.c.id == _ANNOTATION.correction_blob, isouter=True)
