"""The distinct patterns of ratings that units show, which every agreement figure is computed from.

A million ratings by three raters on four values show a few dozen patterns. Rankings of five answers
have 541 values and up to a pattern a unit, nearly all of whose counts are zero, so the counts are
sparse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Floats", "Ints", "Patterns", "distinct_rows", "distinct_units", "sparse"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FEW_VALUES = 16


@dataclass(frozen=True, eq=False)
class Patterns:
    """Distinct patterns, in one order whatever form they came in.

    Attributes:
        counts: (patterns, values) sparse, how many raters gave each value.
        units: (patterns,) how many units show it.
        domain: the values, in the order of the columns.
    """

    counts: Any
    units: Ints
    domain: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.units)

    def keep(self, rows: Bools) -> Patterns:
        """Return the patterns for which `rows` (patterns,) is true."""
        return Patterns(self.counts[rows], self.units[rows], self.domain)

    def and_also(self, others: Patterns) -> Patterns:
        """Return these patterns and then the others, of the same domain."""
        from scipy.sparse import vstack

        counts = vstack([self.counts, others.counts], format="csr")
        return Patterns(counts, np.concatenate([self.units, others.units]), self.domain)

    @property
    def pairable(self) -> Patterns:
        """The patterns of at least two ratings: the only ones that tell of agreement."""
        return self.keep(self.raters >= 2)

    @property
    def compact(self) -> Patterns:
        """The same without the values that nobody chose; no distance depends on them."""
        used = self.used
        return replace(
            self, counts=self.counts[:, used], domain=tuple(self.domain[i] for i in used)
        )

    @property
    def used(self) -> Ints:
        """The (chosen,) indices of values that somebody chose."""
        return np.unique(self.counts.indices)

    @cached_property
    def raters(self) -> Ints:
        """The (patterns,) number of ratings on one unit."""
        return self.per_pattern(self.counts.data)

    @cached_property
    def row(self) -> Ints:
        """The (entries,) pattern of each entry of `counts`."""
        return np.repeat(np.arange(len(self)), np.diff(self.counts.indptr))

    @property
    def pairs(self) -> Ints:
        """The (patterns,) pairs of raters on one unit."""
        return self.raters * (self.raters - 1) // 2

    @property
    def same(self) -> Ints:
        """The (patterns,) pairs of raters that agree on one unit."""
        return self.per_pattern(self.counts.data * (self.counts.data - 1) // 2)

    def per_pattern(self, entries: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sum (entries,) values over each pattern."""
        sums = np.bincount(self.row, weights=entries, minlength=len(self))
        return sums.astype(entries.dtype)


def sparse(row: Ints, value: Ints, n: Ints, shape: tuple[int, int]) -> Any:
    """Return sparse counts from (entries,) rows, values and numbers; equal cells add up."""
    from scipy.sparse import csr_array

    counts = csr_array((n, (row, value)), shape=shape)
    counts.sum_duplicates()
    counts.eliminate_zeros()
    return counts


def distinct_units(unit: Ints, value: Ints, shape: tuple[int, int]) -> tuple[Any, Ints] | None:
    """Return each distinct pattern's counts, and each unit's pattern, straight from the ratings.

    A unit's pattern is one number where there are few values and few ratings on a unit, so that a
    million ratings take a tenth of the time that their table of counts does. The patterns and their
    order are those of `distinct_rows`; None where they do not fit in a number.

    Args:
        unit, value: (ratings,) indices.
        shape: units, values.
    """
    units, values = shape
    base = int(np.bincount(unit, minlength=1).max()) + 1
    if base**values > 2**53:  # the whole numbers that a float counts without a gap
        return None
    scales = base ** np.arange(values - 1, -1, -1, dtype=np.int64)
    keys = np.bincount(unit, weights=scales[value], minlength=units).astype(np.int64)
    distinct, of_unit = np.unique(keys, return_inverse=True)
    counts = distinct[:, None] // scales % base
    row, column = np.nonzero(counts)
    return sparse(row, column, counts[row, column], counts.shape), of_unit.reshape(-1)


def distinct_rows(counts: Any) -> tuple[Ints, Ints]:
    """Return the first row of each distinct pattern of counts, and each row's pattern.

    Patterns are compared by their counts, or where there are many values and fewer raters on a
    unit by the list of its values; which of the two follows from the counts alone, and so does the
    order.
    """
    rows, width = counts.shape
    sizes = np.asarray(counts.sum(axis=1), dtype=np.int64).reshape(-1)
    widest = int(sizes.max(initial=0))
    if width <= max(widest, _FEW_VALUES):
        return _distinct(counts.toarray())
    unit = np.repeat(np.arange(rows), sizes)
    listed = np.zeros((rows, widest), dtype=np.int64)
    place = np.arange(len(unit)) - (np.cumsum(sizes) - sizes)[unit]
    listed[unit, place] = np.repeat(counts.indices, counts.data) + 1
    return _distinct(listed)


def _distinct(rows: Ints) -> tuple[Ints, Ints]:
    """Return (distinct,) first places in lexicographic order, and the (rows,) index into them."""
    base = int(rows.max(initial=0)) + 1
    if base ** rows.shape[1] < 2**62:
        keys = np.zeros(len(rows), dtype=np.int64)  # a row as one number sorts ten times faster
        for column in rows.T:
            keys = keys * base + column
        _, first, of_row = np.unique(keys, return_index=True, return_inverse=True)
    else:
        _, first, of_row = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return first, of_row.reshape(-1)
