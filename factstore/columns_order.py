"""Orders of whole columns: sorted, and as they first appear; in linear time where values are dense."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from factstore.columns import Ints, pack, unique
from factstore.columns_distinct import numbered

_DENSE: Final = 4
"""Values are dense while the span they lie in is at most so many times their number."""


def order_within(key: Ints, then: Ints) -> NDArray[np.intp]:
    """The stable permutation that sorts by ``key``, and by ``then`` where keys are equal.

    Few of them being equal, or the keys coming in a few sorted runs, it takes a fraction of a sort by both.

    >>> from factstore.columns import ints
    >>> order_within(ints([5, 3, 5, 3]), ints([1, 9, 0, 9])).tolist()
    [1, 3, 2, 0]
    """
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    same = ordered[1:] == ordered[:-1]
    tied = np.zeros(len(key), dtype=np.bool_)
    tied[1:] |= same
    tied[:-1] |= same
    at = np.flatnonzero(tied)
    if len(at):
        rows = order[at]
        order[at] = rows[np.lexsort((then[rows], key[rows]))]
    return order


def distinct_order(one: Ints, other: Ints) -> NDArray[np.intp] | None:
    """The permutation that sorts by two keys; None if a pair of them comes twice.

    Where pairs are dense each is put straight to its place, in a time that grows with their number alone.

    >>> from factstore.columns import ints
    >>> distinct_order(ints([5, 3, 5]), ints([1, 9, 0])), distinct_order(ints([5, 5]), ints([1, 1]))
    (array([1, 2, 0]), None)
    """
    size = len(one)
    others, rank = ranked(other)
    low = int(one.min()) if size else 0
    width = (int(one.max()) - low + 1) * len(others) if size else 0
    if width > _DENSE * size + 1024:
        packed = pack((one, rank))
        if packed is None:
            return None
        order = np.argsort(packed, kind="stable")
        ordered = packed[order]
        return order if (ordered[1:] != ordered[:-1]).all() else None
    place = np.full(width, -1, dtype=np.int64)
    place[(one - low) * len(others) + rank] = np.arange(size)
    order = place[place >= 0]
    return order if len(order) == size else None


def ranked(values: Ints) -> tuple[Ints, NDArray[np.intp]]:
    """The distinct values, sorted, and the place of each value among them.

    >>> from factstore.columns import ints
    >>> [part.tolist() for part in ranked(ints([7, 300, 7]))]
    [[7, 300], [0, 1, 0]]
    """
    low = int(values.min()) if len(values) else 0
    width = int(values.max()) - low + 1 if len(values) else 0
    if width > _DENSE * len(values):
        distinct = unique(values)
        return distinct, np.searchsorted(distinct, values)
    numbers = values - low
    there = np.zeros(width, dtype=np.bool_)
    there[numbers] = True
    place = np.cumsum(there) - 1
    return np.flatnonzero(there) + low, place[numbers]


def first_of(numbers: Ints, size: int) -> Ints:
    """The position at which each number below ``size`` first appears; beyond the last where it does not."""
    found = np.full(size, len(numbers), dtype=np.int64)
    found[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    return found


def in_order(values: Ints) -> tuple[Ints, Ints, Ints]:
    """The distinct values in the order they first appear, where each does, and which of them each one is.

    >>> from factstore.columns import ints
    >>> [part.tolist() for part in in_order(ints([7, -3, 7]))]
    [[7, -3], [0, 1], [0, 1, 0]]
    """
    distinct, first, which = distinct_first(values)
    order = np.argsort(first)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return distinct[order], first[order], place[which]


def distinct_first(values: Ints) -> tuple[Ints, Ints, Ints]:
    """The distinct values, sorted, where each first appears, and which of them each one is.

    Without sorting where the values are dense.
    """
    low = int(values.min())
    width = int(values.max()) - low + 1
    if width <= _DENSE * len(values):
        numbers = values - low
    else:
        numbers = numbered(values)[1]
        width = int(numbers.max()) + 1
    first = first_of(numbers, width)
    found = np.flatnonzero(first < len(values))
    place = np.empty(width, dtype=np.int64)
    place[found] = np.arange(len(found))
    return values[first[found]], first[found], place[numbers]
