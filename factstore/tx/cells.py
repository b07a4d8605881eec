"""The cells of one column of a table: where they say something, and what.

Values are an array where all are of one plain type, :class:`Coded` where they are strings, and Python
objects otherwise. Nothing is known here of attributes; what a null is depends on what the column came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from itertools import chain, count
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from factstore.columns import Ints, ints
from factstore.columns_order import first_of

Array: TypeAlias = NDArray[Any]


class Coded(NamedTuple):
    """Values that repeat: each distinct one, in the order they first appear, and which of them each cell has."""

    distinct: list[Any]
    which: Ints

    @property
    def first(self) -> Ints:
        """The position at which each distinct value first appears."""
        return first_of(self.which, len(self.distinct))


Values: TypeAlias = "Array | Coded | list[Any]"


class Cells(NamedTuple):
    """The cells of a column that are not null."""

    rows: Ints
    """The row of each value, ascending; a list cell has as many values as items."""
    values: Values
    """An array of int64, float64, bool or datetime64[us] (UTC); or coded strings; or objects."""
    widened: bool = False
    """Whether floats may be ints that had to make room for a missing value."""
    listed: bool = False
    """Whether the values are items of list cells."""

    def objects(self) -> list[Any]:
        """The values as Python's own."""
        values = self.values
        if isinstance(values, Coded):
            return [values.distinct[n] for n in values.which.tolist()]
        if isinstance(values, list):
            return values
        if values.dtype.kind == "M":
            return [value.replace(tzinfo=UTC) for value in values.tolist()]
        return list(values.tolist())


def of_list(values: Sequence[Any], whole: bool) -> Cells:
    """The cells of a Python sequence, in which None is null; ``whole`` keeps a list cell as one value."""
    every = values if isinstance(values, list) else list(values)
    rows = np.arange(len(every), dtype=np.int64)
    kinds = set(map(type, every))
    if type(None) in kinds:
        rows = ints([row for row, value in enumerate(every) if value is not None])
        every = [value for value in every if value is not None]
    return of_objects(rows, every, whole, kinds - {type(None)})


def of_objects(rows: Ints, values: list[Any], whole: bool, kinds: set[type] | None = None) -> Cells:
    """The cells of Python objects, none of which is null, of certain types."""
    kinds = set(map(type, values)) if kinds is None else kinds
    if np.ndarray in kinds:
        values = [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
        kinds = set(map(type, values))
    if not whole and kinds and kinds <= _COLLECTIONS:
        return _flat(rows, values)
    return Cells(rows, plain(values, kinds))


_COLLECTIONS: Final = {list, tuple, set, frozenset}


def _flat(rows: Ints, values: list[Any]) -> Cells:
    """The items of list cells, where they are of one plain type; else the lists, for a closer look."""
    items = list(chain.from_iterable(values))
    found = plain(items, set(map(type, items)))
    if isinstance(found, list) and items:
        return Cells(rows, values)
    return Cells(np.repeat(rows, ints([len(value) for value in values])), found, listed=True)


def plain(values: list[Any], kinds: set[type]) -> Values:
    """An array or coded values if all are of one type that has such a form."""
    if kinds == {str}:
        return coded(values)
    dtype = _DTYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
    if dtype is None:
        return values
    try:
        return np.asarray(values, dtype=dtype)
    except OverflowError:  # an int of more than 64 bits
        return values


_DTYPES: Final[dict[type, type]] = {int: np.int64, float: np.float64, bool: np.bool_}


def coded(values: Sequence[Any]) -> Coded:
    """Hashable values of one type, coded."""
    distinct = dict.fromkeys(values)
    if len(distinct) == len(values):
        return Coded(list(values), np.arange(len(values), dtype=np.int64))
    number = dict(zip(distinct, count(), strict=False))
    which = np.fromiter(map(number.__getitem__, values), dtype=np.int64, count=len(values))
    return Coded(list(distinct), which)


def recoded(distinct: Sequence[Any], index: Ints) -> Coded:
    """Coded values from a dictionary in any order, which may hold what no cell has.

    >>> recoded(["a", "b", "c"], ints([2, 0, 2]))
    Coded(distinct=['c', 'a'], which=array([0, 1, 0]))
    """
    first = first_of(index, len(distinct))
    used = np.argsort(first, kind="stable")[: int((first < len(index)).sum())]
    number = np.empty(len(distinct), dtype=np.int64)
    number[used] = np.arange(len(used))
    return Coded([distinct[n] for n in used.tolist()], number[index])


def of_array(array: Array, whole: bool) -> Cells:
    """The cells of a NumPy array. Masked, None and NaT are null; NaN is a value, which no attribute takes.

    A ``datetime64`` is UTC, having no zone of its own.
    """
    if isinstance(array, np.ma.MaskedArray):
        rows = np.flatnonzero(~np.ma.getmaskarray(array)).astype(np.int64)
        found = of_array(np.asarray(array.data)[rows], whole)
        return found._replace(rows=rows[found.rows])
    if array.dtype.kind in "OSU":
        return of_list(array.tolist(), whole)
    rows = np.arange(len(array), dtype=np.int64)
    if array.dtype.kind == "M":
        known = ~np.isnat(array)
        return Cells(rows[known], instants(array[known]))
    return Cells(rows, numbers(array))


def numbers(array: Array) -> Values:
    """Numbers or truth values as int64, float64 or bool; anything else as objects."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b" or array.dtype in {np.dtype(np.int64), np.dtype(np.float64)}:
        return array
    if kind == "i" or (kind == "u" and (size < 8 or not len(array) or array.max() < 2**63)):
        return array.astype(np.int64)
    if kind == "f" and size <= 8:
        return array.astype(np.float64)
    return list(array.tolist())


_FIRST: Final = np.datetime64("0001-01-01", "us")
_LAST: Final = np.datetime64("9999-12-31T23:59:59.999999", "us")


def instants(array: Array) -> Values:
    """Instants of any unit as datetime64[us]; as objects, which are refused, where that would change one."""
    try:
        found = array.astype("datetime64[us]")
    except OverflowError:
        return list(array)
    kept = (found.astype(array.dtype) == array) & (found >= _FIRST) & (found <= _LAST)
    return found if kept.all() else list(array)
