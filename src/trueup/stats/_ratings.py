"""Ratings as every agreement figure reads them: who gave which value to which unit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from trueup.errors import InputError
from trueup.stats._patterns import Ints, Patterns, distinct_rows, distinct_units, sparse

__all__ = [
    "Names",
    "PatternCounts",
    "Ratings",
    "Table",
    "ValueCounts",
    "encode",
    "patterns",
]


@dataclass(frozen=True, eq=False)
class ValueCounts:
    """How many raters gave each value to each unit.

    Attributes:
        counts: (units, values), whole numbers.
        domain: the values, in the order of the columns; ordered for every level but nominal.
    """

    counts: Ints
    domain: tuple[Any, ...]

    def __post_init__(self) -> None:
        _check_counts(self.counts, self.domain, "unit")


@dataclass(frozen=True, eq=False)
class PatternCounts:
    """How many units show each pattern of counts, as a database can count them.

    812 units with two votes for "served" and one for "tie" are one row of `counts` and 812 in
    `units`. The same pattern may come in several rows.

    Attributes:
        counts: (patterns, values) how many raters gave each value, whole numbers.
        units: (patterns,) how many units show it, whole numbers.
        domain: the values, in the order of the columns; ordered for every level but nominal.
    """

    counts: Ints
    units: Ints
    domain: tuple[Any, ...]

    def __post_init__(self) -> None:
        _check_counts(self.counts, self.domain, "pattern")
        if self.units.shape != self.counts.shape[:1]:
            raise InputError(
                f"unit counts of shape {self.units.shape} do not fit {len(self.counts)} patterns: "
                "give one number a pattern"
            )
        if (self.units < 0).any():
            raise InputError("unit counts are below zero: a count is how many units show a pattern")


@dataclass(frozen=True, eq=False)
class Ratings:
    """Who gave which value to which unit, one entry a rating.

    Attributes:
        unit, rater, value: (ratings,) indices into `units`, `raters` and `domain`.
        units, raters, domain: their names; `domain` is sorted where its values allow it.
    """

    unit: Ints
    rater: Ints
    value: Ints
    units: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    domain: tuple[Any, ...]

    @classmethod
    def from_triples(
        cls,
        triples: Iterable[tuple[Hashable, Hashable, Any]],
        *,
        domain: Sequence[Any] | None = None,
    ) -> Ratings:
        """Build from (unit, rater, value) entries, in any order.

        Args:
            triples: the ratings; one rater rates one unit at most once.
            domain: the values in order; None takes those that occur.

        Raises:
            InputError: a rater rated a unit twice, or a value is not in `domain`.
        """
        entries = list(triples)
        names = [unit for unit, _, _ in entries]
        people = [rater for _, rater, _ in entries]
        given = [value for _, _, value in entries]
        values = _index(domain if domain is not None else _sorted(set(given)))
        (units, unit), (raters, rater) = encode(names), encode(people)
        pairs = np.sort(unit * len(raters) + rater)
        if repeats := int((pairs[1:] == pairs[:-1]).sum()):
            raise InputError(f"{repeats} ratings repeat a rater on a unit: keep the last one")
        if outside := set(given) - values.keys():
            raise InputError(f"rating {_sorted(outside)[0]!r} is none of {list(values)}")
        return cls(unit, rater, _codes(given, values), tuple(units), tuple(raters), tuple(values))

    @classmethod
    def from_table(
        cls, table: Sequence[Sequence[Any]], *, raters: Sequence[Hashable] | None = None
    ) -> Ratings:
        """Build from a table of raters x units, where None or NaN is a missing rating.

        Raises:
            InputError: the rows differ in length.
        """
        if len({len(row) for row in table}) > 1:
            raise InputError("a table of ratings has rows of several lengths: one column a unit")
        names = list(raters) if raters is not None else list(range(len(table)))
        return cls.from_triples(
            (unit, name, value)
            for name, row in zip(names, table, strict=True)
            for unit, value in enumerate(row)
            if not _missing(value)
        )

    @cached_property
    def value_counts(self) -> ValueCounts:
        """The (units, values) counts."""
        shape = (len(self.units), len(self.domain))
        cells = self.unit * shape[1] + self.value
        counts = np.bincount(cells, minlength=shape[0] * shape[1])
        return ValueCounts(counts.reshape(shape).astype(np.int64), self.domain)

    @cached_property
    def patterns(self) -> tuple[Patterns, Ints]:
        """The distinct patterns of ratings on a unit, and the (units,) index of each unit's own."""
        shape = (len(self.units), len(self.domain))
        if found := distinct_units(self.unit, self.value, shape):
            counts, of_unit = found
            units = np.bincount(of_unit, minlength=counts.shape[0])
            return Patterns(counts, units, self.domain), of_unit
        ones = np.ones(len(self.unit), dtype=np.int64)
        counts = sparse(self.unit, self.value, ones, shape)
        first, of_unit = distinct_rows(counts)
        units = np.bincount(of_unit, minlength=len(first))
        return Patterns(counts[first], units, self.domain), of_unit


Names = Sequence[Hashable] | npt.NDArray[Any]
"""(N,) names, as a list or as an array of one type, which is quicker for a million."""

Table = Ratings | ValueCounts | PatternCounts | Patterns | Sequence[Sequence[Any]]
"""Ratings in any form: raters x units with None where one is missing, `Ratings`, `ValueCounts`,
`PatternCounts`, or the patterns of any of these."""


def patterns(ratings: Table) -> Patterns:
    """Return the distinct patterns of ratings in any form, in one order whatever the form."""
    if isinstance(ratings, Patterns):
        return ratings
    if isinstance(ratings, ValueCounts):
        ratings = PatternCounts(
            ratings.counts, np.ones(len(ratings.counts), dtype=np.int64), ratings.domain
        )
    if isinstance(ratings, PatternCounts):
        table = ratings.counts[ratings.units > 0]
        row, value = np.nonzero(table)
        counts = sparse(row, value, table[row, value], table.shape)
        first, of_row = distinct_rows(counts)
        units = np.zeros(len(first), dtype=np.int64)
        np.add.at(units, of_row, ratings.units[ratings.units > 0])
        return Patterns(counts[first], units, ratings.domain)
    return (ratings if isinstance(ratings, Ratings) else Ratings.from_table(ratings)).patterns[0]


def _check_counts(counts: Ints, domain: tuple[Any, ...], row: str) -> None:
    if counts.ndim != 2 or counts.shape[1] != len(domain):
        raise InputError(
            f"value counts of shape {counts.shape} do not fit {len(domain)} values: "
            f"give one row a {row} and one column a value"
        )
    if (counts < 0).any():
        raise InputError("value counts are below zero: a count is how many raters chose it")


def _index(names: Iterable[Any]) -> dict[Any, int]:
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def encode(names: Names) -> tuple[list[Any], Ints]:
    """Return the distinct names in the order they come in, and the index of each one's own."""
    if isinstance(names, np.ndarray):
        _, first, of_name = np.unique(names, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return names[first[order]].tolist(), place[of_name.reshape(-1)]
    index = _index(names)
    return list(index), _codes(names, index)


def _codes(names: Sequence[Any], index: dict[Any, int]) -> Ints:
    return np.fromiter(map(index.__getitem__, names), dtype=np.int64, count=len(names))


def _sorted(values: Iterable[Any]) -> list[Any]:
    values = list(values)
    if any(isinstance(value, frozenset) for value in values):  # "<" on sets is no order
        return sorted(values, key=_spelling)
    try:
        return sorted(values)
    except TypeError:  # mixed types have no order of their own; by name it is at least stable
        return sorted(values, key=repr)


def _spelling(value: Any) -> list[str]:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else [repr(value)]


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
