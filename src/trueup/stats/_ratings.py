"""Ratings as every agreement figure reads them: who gave which value to which unit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from trueup.errors import InputError

__all__ = ["Floats", "Ints", "Ratings", "Table", "ValueCounts", "value_counts"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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
        if self.counts.ndim != 2 or self.counts.shape[1] != len(self.domain):
            raise InputError(
                f"value counts of shape {self.counts.shape} do not fit {len(self.domain)} values: "
                "give one row a unit and one column a value"
            )
        if (self.counts < 0).any():
            raise InputError("value counts are below zero: a count is how many raters chose it")

    @property
    def pairable(self) -> ValueCounts:
        """The units that at least two raters saw: the only ones that tell of agreement."""
        return ValueCounts(self.counts[self.counts.sum(axis=1) >= 2], self.domain)


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
        units = _index(unit for unit, _, _ in entries)
        raters = _index(rater for _, rater, _ in entries)
        values = _index(domain if domain is not None else _sorted({v for _, _, v in entries}))
        pairs = {(unit, rater) for unit, rater, _ in entries}
        if len(pairs) < len(entries):
            raise InputError(
                f"{len(entries) - len(pairs)} ratings repeat a rater on a unit: keep the last one"
            )
        if outside := {value for _, _, value in entries if value not in values}:
            raise InputError(f"rating {_sorted(outside)[0]!r} is none of {list(values)}")
        return cls(
            np.array([units[unit] for unit, _, _ in entries], dtype=np.int64),
            np.array([raters[rater] for _, rater, _ in entries], dtype=np.int64),
            np.array([values[value] for _, _, value in entries], dtype=np.int64),
            tuple(units),
            tuple(raters),
            tuple(values),
        )

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


Table = Ratings | ValueCounts | Sequence[Sequence[Any]]
"""Ratings in any form: raters x units with None where one is missing, `Ratings`, `ValueCounts`."""


def value_counts(ratings: Table) -> ValueCounts:
    """Return the (units, values) counts of ratings in any form."""
    if isinstance(ratings, ValueCounts):
        return ratings
    return (ratings if isinstance(ratings, Ratings) else Ratings.from_table(ratings)).value_counts


def _index(names: Iterable[Any]) -> dict[Any, int]:
    return {name: i for i, name in enumerate(dict.fromkeys(names))}


def _sorted(values: Iterable[Any]) -> list[Any]:
    try:
        return sorted(values)
    except TypeError:  # mixed types have no order of their own; by name it is at least stable
        return sorted(values, key=repr)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
