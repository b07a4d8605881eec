"""The distinct values of a column, and where each of its values is among them.

What is done to values one by one, decoding them or calling a function, is done to the distinct ones.
Codes and ids lie close together, so that they are told apart by a table of marks, in one pass and without sorting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from factstore.columns_sort import argsort

_SPARSE: Final = 8
"""A table may have so many places for each value: beyond, sorting takes less time than writing to far memory."""
_SMALL: Final = 1 << 12


def numbered(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct values, sorted, and for each value its place among them.

    >>> distinct, places = numbered(np.asarray([7, 5, 7]))
    >>> distinct.tolist(), places.tolist()
    ([5, 7], [1, 0, 1])
    """
    if not len(values):
        return values[:0], values[:0]
    if values.strides == (0,):  # one value, repeated without being stored again
        return values[:1].copy(), np.zeros(len(values), dtype=np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low >= max(_SPARSE * len(values), _SMALL):
        return _by_sorting(values)
    at = values - low
    seen = np.zeros(high - low + 1, dtype=np.bool_)
    seen[at] = True
    marked = np.flatnonzero(seen)
    table = np.empty(len(seen), dtype=np.int64)
    table[marked] = np.arange(len(marked))
    return (marked + low).astype(np.int64, copy=False), table[at]


def _by_sorting(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = argsort(values)
    ordered = values[order]
    begins = np.empty(len(values), dtype=np.bool_)
    begins[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    places = np.empty(len(values), dtype=np.int64)
    places[order] = np.cumsum(begins) - 1
    return ordered[begins], places


def numbered_rows(keys: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A row for each distinct row of ``keys``, in sorted order, and for each row the number of its own.

    >>> rows, numbers = numbered_rows([np.asarray([7, 5, 8]), np.asarray([1, 2, 0])])
    >>> rows.tolist(), numbers.tolist()
    ([1, 0, 2], [1, 0, 2])
    """
    count, number = 1, np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        distinct, places = numbered(key)
        # Both are below the count of rows, so that their pairs fit an int64.
        found, number = numbered(number * len(distinct) + places) if count > 1 else (distinct, places)
        count = len(found)
    rows = np.empty(count, dtype=np.int64)
    rows[number] = np.arange(len(number))
    return rows, number
