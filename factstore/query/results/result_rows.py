"""Rows out of columns of Python values."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

from factstore.values import Value

Shape: TypeAlias = Literal["tuples", "values", "maps"]

_MANY: Final = 2000


def rows_of(columns: Sequence[list[Value]], shape: Shape, keys: Sequence[str]) -> list[Any]:
    """The rows: tuples, the values of the only column, or dicts with ``keys``.

    >>> rows_of([[1, 2], ["a", "b"]], "maps", ["n", "s"])
    [{'n': 1, 's': 'a'}, {'n': 2, 's': 'b'}]
    """
    if shape == "values":
        return columns[0]
    if len(columns[0]) < _MANY:
        return _rows_of(columns, shape, keys)
    with _uncollected():
        return _rows_of(columns, shape, keys)


def _rows_of(columns: Sequence[list[Value]], shape: Shape, keys: Sequence[str]) -> list[Any]:
    rows = zip(*columns, strict=True)
    return list(rows) if shape == "tuples" else [dict(zip(keys, row, strict=True)) for row in rows]


@contextmanager
def _uncollected() -> Iterator[None]:
    """The garbage collector waits: every few hundred new tuples it would look through the young ones, and now and then
    through all that the process has, though none of it can have become garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
