"""Aggregates of whole columns: one operation of NumPy for all groups.

Of integers they are exact whatever their size, as Python's own are. Sums of doubles are made in double precision and
in no particular order, so that their last digits may differ from one run to another; infinities meet as in IEEE 754.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, doubles_to_ints, ints_to_doubles
from factstore.forks import lazy
from factstore.query.columnar.relation import ANY, REF, Column, Values
from factstore.query.columnar.value_ranks import ranked
from factstore.query.results.grouping import Groups
from factstore.query.results.result_typed import Output
from factstore.values import ValueType

_LONG: Final = int(ValueType.LONG)
_DOUBLE: Final = int(ValueType.DOUBLE)
_WHOLE: Final = (REF, _LONG, int(ValueType.BOOLEAN))
_EXACT: Final = 2**53
"""Below this every integer is a double."""
_TOP: Final = 2**63
_HALF: Final = 32

Doubles = np.ndarray[Any, np.dtype[np.float64]]


class Grouped:
    """A column with the groups of its rows."""

    def __init__(self, column: Column, groups: Groups, values: Values) -> None:
        self.kind, self.of_rows = column
        self.groups = groups
        self.values = values

    @lazy
    def data(self) -> Ints:
        """The column in group order."""
        return self.groups.ordered(self.of_rows)

    def added(self, data: Any) -> Any:
        """The sum of each group of numbers."""
        with np.errstate(all="ignore"):
            return np.add.reduceat(data, self.groups.starts)

    @lazy
    def largest(self) -> int:
        """The largest magnitude there is."""
        return max(abs(int(self.of_rows.min())), abs(int(self.of_rows.max())))

    @lazy
    def fullest(self) -> int:
        """The size of the largest group."""
        return int(self.groups.counts.max())


def by_column(name: str, column: Grouped) -> Output | None:
    """The aggregate of each group; None if this one, of values of this type, is made value by value."""
    function = _BY_COLUMN.get(name)
    return None if function is None else function(column)


def _count(column: Grouped) -> Output:
    return Column(_LONG, column.groups.counts)


def _count_distinct(column: Grouped) -> Output:
    return Column(_LONG, column.groups.distinct(column.data)[0].counts)


def _distinct(column: Grouped) -> Output:
    groups, codes = column.groups.distinct(column.data)
    return list(map(frozenset, groups.split(column.values.decode(Column(column.kind, codes)))))


def _sum(column: Grouped) -> Output | None:
    if column.kind in _WHOLE:
        sums = whole_sums(column)
        return sums if isinstance(sums, list) else Column(_LONG, sums)
    return _doubles(column.added(ints_to_doubles(column.data))) if column.kind == _DOUBLE else None


def whole_sums(column: Grouped) -> Ints | list[int]:
    """The sum of each group of integers: int64, or Python's own where one may not fit."""
    numbers, bound = column.groups.of_rows, column.largest * column.fullest
    if numbers is not None and bound < _EXACT:
        # In doubles, which is exact below the bound, and needs no order.
        return np.bincount(numbers, weights=column.of_rows).astype(np.int64)
    if bound < _TOP:
        found: Ints = column.added(column.data)
        return found
    high, low = column.added(column.data >> _HALF), column.added(column.data & ((1 << _HALF) - 1))
    return [(a << _HALF) + b for a, b in zip(high.tolist(), low.tolist(), strict=True)]


def _doubles(found: Doubles) -> Output:
    # NaN has no code.
    return found.tolist() if np.isnan(found).any() else Column(_DOUBLE, doubles_to_ints(found))


def _average(column: Grouped) -> Output | None:
    if column.kind == _DOUBLE:
        with np.errstate(all="ignore"):
            return _doubles(column.added(ints_to_doubles(column.data)) / column.groups.counts)
    if column.kind not in _WHOLE:
        return None
    sums = whole_sums(column)
    if isinstance(sums, list) or column.largest * column.fullest >= _EXACT:
        pairs = zip(sums if isinstance(sums, list) else sums.tolist(), column.groups.counts.tolist(), strict=True)
        return [total / count for total, count in pairs]
    return _doubles(sums / column.groups.counts)


def _extreme(pick: np.ufunc) -> Callable[[Grouped], Output | None]:
    def extreme(column: Grouped) -> Output | None:
        if column.kind == ANY:
            return None
        by_rank = ranked(Column(column.kind, column.data), column.values)
        return by_rank.column(column.kind, pick.reduceat(by_rank.ranks, column.groups.starts))

    return extreme


def _median(column: Grouped) -> Output | None:
    """The middle value, or the mean of the two in the middle: then a double."""
    if column.kind not in (_LONG, _DOUBLE):
        return None
    within, starts, counts = column.groups.sorted_within(column.data), column.groups.starts, column.groups.counts
    below, above = within[starts + (counts - 1) // 2], within[starts + counts // 2]
    if column.kind == _DOUBLE:
        with np.errstate(all="ignore"):
            middle = (ints_to_doubles(below) + ints_to_doubles(above)) / 2
        return _doubles(np.where(counts % 2 == 1, ints_to_doubles(below), middle))
    if (counts % 2 == 1).all():
        return Column(_LONG, below)
    pairs = zip(below.tolist(), above.tolist(), (counts % 2).tolist(), strict=True)
    return [one if odd else (one + other) / 2 for one, other, odd in pairs]


def _variance(column: Grouped) -> Output | None:
    found = _variances(column)
    return None if found is None else _doubles(found)


def _deviation(column: Grouped) -> Output | None:
    found = _variances(column)
    return None if found is None else _doubles(np.sqrt(found))


def _variances(column: Grouped) -> Doubles | None:
    """The mean of squared distances from the mean; of doubles in two passes, as one would lose digits."""
    counts = column.groups.counts
    if column.kind == _DOUBLE:
        numbers = ints_to_doubles(column.data)
        with np.errstate(all="ignore"):
            away = numbers - np.repeat(column.added(numbers) / counts, counts)
            squares: Doubles = column.added(away * away) / counts
        return squares
    if column.kind != _LONG:
        return None
    low, high = int(column.data.min()), int(column.data.max())
    if (high - low) ** 2 * column.fullest**2 >= _TOP:
        return None
    away = column.data - low
    # n·Σx² - (Σx)² is exact, and both are below the bound.
    exact = counts * column.added(away * away) - column.added(away) ** 2
    return np.asarray(exact / counts / counts)


_BY_COLUMN: Final[Mapping[str, Callable[[Grouped], Output | None]]] = {
    "count": _count,
    "count-distinct": _count_distinct,
    "distinct": _distinct,
    "sum": _sum,
    "avg": _average,
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
    "median": _median,
    "variance": _variance,
    "stddev": _deviation,
}


def least(column: Grouped, count: int, *, largest: bool) -> Output | None:
    """The ``count`` smallest or largest different values of each group, in order."""
    if column.kind == ANY:
        return None
    by_rank = ranked(Column(column.kind, column.data), column.values)
    groups, ranks = column.groups.distinct(by_rank.ranks)
    kept = np.minimum(groups.counts, count)
    starts = groups.starts + groups.counts - kept if largest else groups.starts
    ends = np.cumsum(kept)
    rows = np.arange(int(kept.sum())) + np.repeat(starts - (ends - kept), kept)
    held = column.values.decode(by_rank.column(column.kind, ranks[rows]))
    return list(Groups(kept).split(held))
