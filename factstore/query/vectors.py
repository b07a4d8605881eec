"""Comparisons and sums on whole columns, where the encoding allows it.

Each function answers None where it has no way on int64 columns; then the call is made once per
distinct row of arguments instead (:mod:`factstore.query.calls`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from factstore.columns import Mask, ints_to_doubles
from factstore.query.operators import agreeing
from factstore.query.relation import ANY, REF, Column, Values, same_kind
from factstore.values import ValueType, order_key

_LONG: Final = int(ValueType.LONG)
_DOUBLE: Final = int(ValueType.DOUBLE)
_INTEGERS: Final = (REF, _LONG)
_EXACT: Final = 2**53
"""Up to here every integer is a double."""

_ORDER: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def predicate(name: str, columns: Sequence[Column], values: Values) -> Mask | None:
    """Where a built-in comparison holds between all neighbouring columns."""
    if name in _ORDER:
        masks = [_ordered(_ORDER[name], one, other, values) for one, other in pairwise(columns)]
    elif name in ("=", "!=", "not="):
        masks = [agreeing(one, other, values) for one, other in pairwise(columns)]
    else:
        return None
    held = np.ones(len(columns[0].data), dtype=np.bool_)
    for mask in masks:
        if mask is None:
            return None
        held &= mask
    return held if name in _ORDER or name == "=" else ~held


def _ordered(compare: Callable[[Any, Any], Any], one: Column, other: Column, values: Values) -> Mask | None:
    if ANY in (one.kind, other.kind):
        return None
    if same_kind(one.kind, other.kind):
        both = _sortable(one, other, values)
        return None if both is None else np.asarray(compare(*both))
    numbers = _as_doubles(one), _as_doubles(other)
    return None if numbers[0] is None or numbers[1] is None else np.asarray(compare(*numbers))


def _sortable(one: Column, other: Column, values: Values) -> tuple[Any, Any] | None:
    if not ValueType(one.kind).interned:
        return one.data, other.data
    # Codes have no order; the distinct values do.
    codes, inverse = np.unique(np.concatenate((one.data, other.data)), return_inverse=True)
    held = list(map(order_key, values.decode(Column(one.kind, codes))))
    ranks = np.empty(len(held), dtype=np.int64)
    try:
        ranks[sorted(range(len(held)), key=held.__getitem__)] = np.arange(len(held))
    except TypeError:  # tuples of different types; the row that has no order is told where it is met
        return None
    both = ranks[inverse]
    return both[: len(one.data)], both[len(one.data) :]


def _as_doubles(column: Column) -> Any:
    if column.kind == _DOUBLE:
        return ints_to_doubles(column.data)
    if column.kind in _INTEGERS and not (np.abs(column.data) > _EXACT).any():
        return column.data.astype(np.float64)
    return None


_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def function(name: str, columns: Sequence[Column]) -> Column | None:
    """The sum, difference or product of two columns of longs that cannot overflow."""
    if name not in _ARITHMETIC or len(columns) != 2 or any(column.kind not in _INTEGERS for column in columns):
        return None
    limit = 2**31 if name == "*" else 2**62
    if any((column.data > limit).any() or (column.data < -limit).any() for column in columns):
        return None
    return Column(_LONG, _ARITHMETIC[name](columns[0].data, columns[1].data))
