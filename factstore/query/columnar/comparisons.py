"""Comparisons on whole columns, where the encoding allows it.

Each function answers None where it has no way on int64 columns, or where what Python would answer is something else:
an error that names the values. Then the call is made once per distinct row of arguments
instead (:mod:`factstore.query.columnar.calls`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from factstore.columns import Mask, ints_to_doubles
from factstore.query.columnar.operators import agreeing
from factstore.query.columnar.relation import ANY, REF, Column, Values, same_kind
from factstore.query.columnar.value_ranks import ranked_together
from factstore.values import ValueType

LONG: Final = int(ValueType.LONG)
DOUBLE: Final = int(ValueType.DOUBLE)
INTEGERS: Final = (REF, LONG)
_EXACT: Final = 2**53
"""Up to here every integer is a double."""

_ORDER: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_SIGN: Final[dict[str, Callable[[Any], Any]]] = {
    "zero?": lambda numbers: numbers == 0,
    "pos?": lambda numbers: numbers > 0,
    "neg?": lambda numbers: numbers < 0,
    "even?": lambda numbers: numbers % 2 == 0,
    "odd?": lambda numbers: numbers % 2 == 1,
}

_EQUAL: Final = ("=", "==")
_UNEQUAL: Final = ("!=", "not=")


def predicate(name: str, columns: Sequence[Column], values: Values) -> Mask | None:
    """Where a built-in comparison holds between all neighbouring columns, or a test of the sign of one."""
    if name in _SIGN and len(columns) == 1 and columns[0].kind in (*INTEGERS, DOUBLE):
        return _signed(name, columns[0])
    compare = _compared(name)
    if compare is None or len(columns) < 2:
        return None
    held = np.ones(len(columns[0].data), dtype=np.bool_)
    for one, other in pairwise(columns):
        mask = compare(one, other, values)
        if mask is None:
            return None
        held &= mask
    return ~held if name in _UNEQUAL else held


def _signed(name: str, column: Column) -> Mask:
    with np.errstate(invalid="ignore"):  # infinity is neither even nor odd
        return np.asarray(_SIGN[name](column.data if column.kind in INTEGERS else ints_to_doubles(column.data)))


def _compared(name: str) -> Callable[[Column, Column, Values], Mask | None] | None:
    if name in _ORDER:
        return lambda one, other, values: _ordered(_ORDER[name], one, other, values)
    if name == "==":
        return _numerically_equal
    return agreeing if name in (*_EQUAL, *_UNEQUAL) else None


def _ordered(compare: Callable[[Any, Any], Any], one: Column, other: Column, values: Values) -> Mask | None:
    if ANY in (one.kind, other.kind):
        return None
    if same_kind(one.kind, other.kind):
        try:
            return np.asarray(compare(*ranked_together(one, other, values)))
        except TypeError:  # tuples of different types; the row that has no order is told where it is met
            return None
    numbers = as_doubles(one), as_doubles(other)
    return None if numbers[0] is None or numbers[1] is None else np.asarray(compare(*numbers))


def _numerically_equal(one: Column, other: Column, values: Values) -> Mask | None:
    """As Python's ``==``, for which 1 is 1.0."""
    plain = (*INTEGERS, DOUBLE, int(ValueType.STRING), int(ValueType.INSTANT), int(ValueType.UUID))
    if same_kind(one.kind, other.kind) and one.kind in plain:
        return np.asarray(one.data == other.data)
    return _ordered(operator.eq, one, other, values) if {one.kind, other.kind} <= {*INTEGERS, DOUBLE} else None


def as_doubles(column: Column) -> Any:
    """A column of numbers as doubles; None if some integer is none."""
    if column.kind == DOUBLE:
        return ints_to_doubles(column.data)
    if column.kind in INTEGERS and not (np.abs(column.data) > _EXACT).any():
        return column.data.astype(np.float64)
    return None
