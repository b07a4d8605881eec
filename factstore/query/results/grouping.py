"""Rows in groups: a run of the rows for each, so that whatever is added up is so for all groups at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from factstore.columns import Ints, rank
from factstore.columns_distinct import numbered
from factstore.columns_sort import argsort
from factstore.forks import lazy
from factstore.query.columnar.relation import Relation
from factstore.values import Value

_BITS: Final = 63
_SHORT: Final = 1 << 16
"""Up to so many groups their numbers are sorted by counting, in two passes."""


class Groups:
    """Rows in groups, of which each is a run in *group order*: how many it has, and where its run starts."""

    def __init__(self, counts: Ints, *, order: Ints | None = None, of_rows: Ints | None = None) -> None:
        self.counts = counts
        self.of_rows = of_rows
        """The number of each row's group, in the order of the rows; None if the groups were found by sorting."""
        self._order = order

    @lazy
    def starts(self) -> Ints:
        return np.cumsum(self.counts) - self.counts

    @lazy
    def order(self) -> Ints | None:
        """The position of each row in group order; None if they are in it. What only adds up has no need of it."""
        if self.of_rows is None:
            return self._order
        # NumPy sorts 16 bits by radix.
        return np.argsort(self.of_rows.astype(np.uint16), kind="stable")

    @property
    def firsts(self) -> Ints:
        """A row of each group."""
        if self.of_rows is None:
            return self.starts if self._order is None else self._order[self.starts]
        rows = np.empty(len(self.counts), dtype=np.int64)
        rows[self.of_rows] = np.arange(len(self.of_rows))
        return rows

    @lazy
    def numbers(self) -> Ints:
        """The number of the group of each row, in group order."""
        return np.repeat(np.arange(len(self.counts), dtype=np.int64), self.counts)

    def ordered(self, data: Ints) -> Ints:
        """A column in group order."""
        return data if self.order is None else data[self.order]

    def split(self, values: Sequence[Value]) -> list[Sequence[Value]]:
        """Values in group order, a sequence per group."""
        return [values[a : a + n] for a, n in zip(self.starts.tolist(), self.counts.tolist(), strict=True)]

    def sorted_within(self, data: Ints) -> Ints:
        """A column that is in group order, sorted inside of each group.

        Where a group's number and a value fit into 63 bits, they are sorted as one number.
        """
        if len(self.counts) == 1:
            return np.sort(data, kind="stable")
        low, high = int(data.min()), int(data.max())
        width = (high - low).bit_length()
        if width + (len(self.counts) - 1).bit_length() > _BITS:
            return data[np.lexsort((data, self.numbers))]
        # Stable, as what is in runs already is merged in few steps.
        packed = np.sort((self.numbers << width) | (data - low), kind="stable")
        return (packed & ((1 << width) - 1)) + low

    def distinct(self, data: Ints) -> tuple[Groups, Ints]:
        """The distinct values of each group of a column in group order, sorted; and the groups of those."""
        within = self.sorted_within(data)
        kept = np.empty(len(within), dtype=np.bool_)
        kept[1:] = within[1:] != within[:-1]
        kept[self.starts] = True
        counts = np.add.reduceat(kept.astype(np.int64), self.starts)
        return Groups(counts), within[kept]


def grouped(rows: Relation, keys: Sequence[str]) -> Groups:
    """The groups of rows that agree on ``keys``; all rows are one group where there are no keys.

    >>> from factstore.columns import ints
    >>> from factstore.query.columnar.relation import Column
    >>> found = grouped(Relation({"?k": Column(2, ints([5, 4, 5]))}), ["?k"])
    >>> found.order.tolist(), found.starts.tolist(), found.counts.tolist(), found.firsts.tolist()
    ([1, 0, 2], [0, 1], [1, 2], [1, 2])
    """
    if not keys:
        return Groups(np.asarray([rows.size], dtype=np.int64))
    ranks = rank([rows[key].data for key in keys])
    if (ranks[1:] >= ranks[:-1]).all():
        return _runs(None, ranks)
    distinct, numbers = numbered(ranks)
    if len(distinct) <= _SHORT:
        return Groups(np.bincount(numbers, minlength=len(distinct)), of_rows=numbers)
    order = argsort(numbers)
    return _runs(order, numbers[order])


def _runs(order: Ints | None, ordered: Ints) -> Groups:
    begins = np.empty(len(ordered), dtype=np.bool_)
    begins[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return Groups(np.diff(np.flatnonzero(begins), append=len(ordered)), order=order)
