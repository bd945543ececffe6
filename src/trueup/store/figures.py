"""A queue's standing labels as columns of numbers, and counted in the database.

What labels agree on is computed from who said what of which item, and no text. A column is a number
a label: a million labels are read in a few seconds and take 40 MB, where they would be gigabytes as
items and annotations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from trueup.stats.agreement import PatternCounts
from trueup.store import schema
from trueup.store.engine import Tx
from trueup.types import Question

__all__ = [
    "Columns",
    "Scope",
    "answer_of",
    "columns",
    "label_ids",
    "patterns",
    "roomy",
    "sources",
    "standing",
    "unindexed",
    "version",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_ITEM, _GIVEN = schema.item.c, schema.annotation.c
_LATER = schema.annotation.alias()
_CHUNK = 1000  # more would leave the processor's cache
_BITS = 62  # of a whole number, one left for the sign


@dataclass(frozen=True, slots=True)
class Scope:
    """Which labels of a queue are looked at; None is all.

    Attributes:
        cohort, question_type: of the item.
        reviewer: only items that they labelled, with everybody's labels on them.
        since, until: labels given from then on, and before then.
        include_simulated: whether labels that a program gave are read.
    """

    queue_id: str
    cohort: str | None = None
    question_type: str | None = None
    reviewer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    include_simulated: bool = True


@dataclass(frozen=True, eq=False)
class Columns:
    """The standing labels of N reviewers' judgements on M items, as numbers.

    Attributes:
        item: (N,) index of the item.
        reviewer: (N,) index into `reviewers`.
        day: (N,) days since 1970 on which the label was given.
        seconds: (N,) taken; NaN where it was not measured.
        first: (N,) 1 where the answer shown first was preferred of two, 0 where the other one was,
            -1 where there is no telling.
        answers: (N,) for each question index into its `values`, -1 without an answer.
        values: for each question the answers as JSON texts; of the preference, where it came from.
        items: (M,) their ids.
        cohort, question_type: (M,) index into `cohorts` and `question_types`.
        failed: (M,) whether an evaluator failed what was served.
    """

    item: Ints
    reviewer: Ints
    day: Ints
    seconds: Floats
    first: Ints
    answers: Mapping[str, Ints]
    values: Mapping[str, tuple[str, ...]]
    items: tuple[str, ...]
    cohort: Ints
    question_type: Ints
    failed: Bools
    reviewers: tuple[str, ...]
    cohorts: tuple[str, ...]
    question_types: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.item)


def version(tx: Tx) -> int:
    """Return a number that is another one once anything of the store has changed."""
    return tx.execute(sa.select(sa.func.max(schema.event.c.number))).scalar() or 0


def roomy(tx: Tx) -> None:
    """Have PostgreSQL sort and group in memory until the transaction ends: as configured, on disk.

    A million labels take 100 MB.
    """
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("SET LOCAL work_mem = '192MB'")


def standing(tx: Tx, given: Any = _GIVEN) -> sa.ColumnElement[bool]:
    """Return the condition that no correction takes a label's place, as the database likes it."""
    if tx.dialect.name == "postgresql":  # a list of many is searched from end to end there
        # what is not NULL follows from the first condition, but the planner does not see it
        return ~sa.exists().where(
            _LATER.c.replaces_id == given.id, _LATER.c.replaces_id.is_not(None)
        )
    corrected = sa.select(_LATER.c.replaces_id).where(_LATER.c.replaces_id.is_not(None))
    condition: sa.ColumnElement[bool] = given.id.not_in(corrected)
    return condition


def answer_of(given: Any, asked: Question) -> sa.ColumnElement[Any]:
    """Return the column of a label's answer to a question: of the preference, its source."""
    if asked.kind == "preference":
        source: sa.ColumnElement[Any] = given.c.source
        return source
    if asked.name == "labels":
        return sa.cast(given.c.labels, sa.Text)
    # SQLite tells what is not there as null, in JSON
    return sa.func.nullif(sa.cast(given.c.answers[asked.name], sa.Text), "null")


def patterns(tx: Tx, queue_id: str) -> PatternCounts | None:
    """Count how many items show each pattern of preferences, in the database.

    An item's pattern is one number there: how many prefer each source, as its digits. None where
    there are too many sources, or labels on an item, for one number. "tie" and "neither" are of the
    domain, whether anybody said so or not.
    """
    here = [
        _GIVEN.queue_id == queue_id,
        _GIVEN.kind == "label",
        _GIVEN.source.is_not(None),
        standing(tx),
    ]
    roomy(tx)
    said = tx.scalars(sa.select(_GIVEN.source).where(*here).group_by(_GIVEN.source)).all()
    domain = tuple(sorted({*said, "tie", "neither"}))
    bits = _BITS // len(domain)
    places = {source: 1 << bits * place for place, source in enumerate(domain)}
    digit = sa.case(places, value=_GIVEN.source, else_=0)
    by_item = (
        sa.select(
            sa.cast(sa.func.sum(digit), sa.BigInteger).label("pattern"),
            sa.func.count().label("raters"),
        )
        .where(*here)
        .group_by(_GIVEN.item_id)
        .subquery()
    )
    query = sa.select(by_item.c.pattern, sa.func.count(), sa.func.max(by_item.c.raters))
    found = tx.execute(query.group_by(by_item.c.pattern)).all() if bits else []
    if not bits or any(raters >> bits for _, _, raters in found):
        return None
    table = [
        [pattern >> bits * place & (1 << bits) - 1 for place in range(len(domain))]
        for pattern, _, _ in found
    ]
    return PatternCounts(
        np.array(table, dtype=np.int64).reshape(len(found), len(domain)),
        np.array([row[1] for row in found], dtype=np.int64),
        domain,
    )


def columns(tx: Tx, scope: Scope, questions: Sequence[Question]) -> Columns:
    """Read the labels' columns, with the answers to some questions."""
    roomy(tx)
    items = _Items.read(tx, scope)
    people, answers = _Codes(), {asked.name: _Codes() for asked in questions}
    parts = []
    for names, people_of, days, taken, letters, *given in _chunks(
        tx, _labels(tx, scope, questions)
    ):
        item = np.fromiter(map(items.codes.get, names, repeat(-1)), np.int64, len(names))
        numbers = [
            item,
            people.read(people_of),
            _DAYS.read(days),
            np.array(taken, dtype=np.float64),
            np.array(letters, dtype=np.int64),
            *(codes.read(some) for codes, some in zip(answers.values(), given, strict=True)),
        ]
        parts.append([column[item >= 0] for column in numbers])
    joined: list[Any] = [
        np.concatenate([part[place] for part in parts]) if parts else np.zeros(0, dtype=np.int64)
        for place in range(5 + len(answers))
    ]
    item, who, day, seconds, first, *codes = joined
    return Columns(
        item=item,
        reviewer=who,
        day=day,
        seconds=seconds,
        first=first,
        answers=dict(zip(answers, codes, strict=True)),
        values={name: tuple(known) for name, known in answers.items()},
        items=tuple(items.codes),
        cohort=items.cohort,
        question_type=items.question_type,
        failed=items.failed,
        reviewers=tuple(people),
        cohorts=tuple(items.cohorts),
        question_types=tuple(items.question_types),
    )


def label_ids(tx: Tx, queue_id: str) -> tuple[list[str], int]:
    """Return the ids of the queue's standing labels, sorted, and how many a program gave."""
    here = (_GIVEN.queue_id == queue_id, _GIVEN.kind == "label", standing(tx))
    ids: list[str] = []
    for (some,) in _chunks(tx, sa.select(_GIVEN.id).where(*here)):
        ids += some
    simulated = sa.select(sa.func.count()).where(*here, _GIVEN.simulated)
    return sorted(ids), tx.execute(simulated).scalar_one()


def sources(tx: Tx, queue_id: str) -> list[tuple[str, str, str]]:
    """Return the (item id, key, source) of every answer that the queue's items show."""
    answer = schema.item_answer.c
    query = sa.select(answer.item_id, answer.key, answer.source).join_from(
        schema.item_answer, schema.item
    )
    return [tuple(row) for row in tx.execute(query.where(_ITEM.queue_id == queue_id))]


class _Codes(dict[Any, int]):
    """Numbers for names in the order they come in; None is -1."""

    def __missing__(self, name: Any) -> int:
        if name is None:
            return -1
        self[name] = number = len(self)
        return number

    def read(self, names: Sequence[Any]) -> Ints:
        return np.fromiter(map(self.__getitem__, names), dtype=np.int64, count=len(names))


class _Days(_Codes):
    """Days since 1970 by how they are written; a queue's are a few hundred."""

    def __missing__(self, day: str) -> int:
        self[day] = number = date.fromisoformat(day).toordinal() - _EPOCH
        return number


_EPOCH = date(1970, 1, 1).toordinal()
_DAYS = _Days()


@dataclass(slots=True)
class _Items:
    codes: _Codes
    cohort: Ints
    question_type: Ints
    failed: Bools
    cohorts: _Codes
    question_types: _Codes

    @classmethod
    def read(cls, tx: Tx, scope: Scope) -> _Items:
        query = sa.select(_ITEM.id, _ITEM.cohort, _ITEM.question_type, _ITEM.reason)
        query = query.where(_ITEM.queue_id == scope.queue_id)
        if scope.cohort is not None:
            query = query.where(_ITEM.cohort == scope.cohort)
        if scope.question_type is not None:
            query = query.where(_ITEM.question_type == scope.question_type)
        codes, cohorts, types, reasons = (_Codes() for _ in range(4))
        empty = np.zeros(0, dtype=np.int64)
        parts = [(empty, empty, empty)]
        for names, of_cohort, of_type, of_reason in _chunks(tx, query):
            codes.read(names)
            parts.append((cohorts.read(of_cohort), types.read(of_type), reasons.read(of_reason)))
        cohort, kind, reason = (np.concatenate(column) for column in zip(*parts, strict=True))
        failing = np.array([name.startswith("failed:") for name in reasons], dtype=np.bool_)
        return cls(codes, cohort, kind, failing[reason], cohorts, types)


def _labels(tx: Tx, scope: Scope, questions: Sequence[Question]) -> sa.Select[Any]:
    """Return the query of the labels' columns: plain numbers and texts, cheap to fetch."""
    letter = sa.func.substr(_GIVEN.shown, 1, 1)
    first = sa.case(
        (sa.or_(sa.func.length(_GIVEN.shown) != 2, _GIVEN.preferred.is_(None)), -1),
        (sa.func.length(_GIVEN.preferred) > 1, -1),
        (_GIVEN.preferred == letter, 1),
        else_=0,
    )
    query = sa.select(
        _GIVEN.item_id,
        _GIVEN.reviewer,
        _day(tx, _GIVEN.created_at),
        _GIVEN.seconds,
        first,
        *(answer_of(schema.annotation, asked) for asked in questions),
    ).where(_in_queue(tx, scope), _GIVEN.kind == "label", standing(tx))
    if scope.since is not None:
        query = query.where(_GIVEN.created_at >= scope.since)
    if scope.until is not None:
        query = query.where(_GIVEN.created_at < scope.until)
    if not scope.include_simulated:
        query = query.where(~_GIVEN.simulated)
    if scope.reviewer is not None:
        theirs = sa.select(_LATER.c.item_id).where(
            _LATER.c.reviewer == scope.reviewer,
            _LATER.c.queue_id == scope.queue_id,
            _LATER.c.kind == "label",
        )
        query = query.where(_GIVEN.item_id.in_(theirs))
    return query


def _in_queue(tx: Tx, scope: Scope) -> sa.ColumnElement[bool]:
    """Return the condition that a label is the queue's, without an index where most are."""
    if tx.dialect.name == "postgresql" or scope.reviewer is not None:
        return _GIVEN.queue_id == scope.queue_id
    total = sa.select(sa.func.count()).select_from(schema.annotation)
    here = total.where(_GIVEN.queue_id == scope.queue_id)
    if tx.execute(here).scalar_one() * 4 < tx.execute(total).scalar_one():
        return _GIVEN.queue_id == scope.queue_id
    # by an index SQLite would fetch each label from another page
    condition: sa.ColumnElement[bool] = unindexed(tx, _GIVEN.queue_id) == scope.queue_id
    return condition


def unindexed(tx: Tx, column: Any) -> Any:
    """Return the column in a form that SQLite looks up in no index; PostgreSQL knows by itself."""
    if tx.dialect.name == "postgresql":
        return column
    return UnaryExpression[str](column, operator=custom_op("+"), type_=sa.String())


def _day(tx: Tx, column: sa.Column[datetime]) -> sa.ColumnElement[str]:
    if tx.dialect.name == "postgresql":
        return sa.func.to_char(sa.func.timezone("UTC", column), "YYYY-MM-DD")
    return sa.func.substr(sa.type_coerce(column, sa.String), 1, 10)


def _chunks(tx: Tx, query: sa.Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield a query's columns, so many rows at a time."""
    if tx.dialect.name == "postgresql":
        with tx.execute(query.execution_options(yield_per=_CHUNK)) as found:
            for rows in found.partitions():
                yield list(zip(*rows, strict=True))
        return
    with tx.execute(query) as found:  # as the driver gives them, since nothing is to be converted
        while rows := found.cursor.fetchmany(_CHUNK):
            yield list(zip(*rows, strict=True))
