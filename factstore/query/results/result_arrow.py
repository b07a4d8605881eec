"""One column of a result as an Arrow array.

Numbers and instants are the engine's own memory. Text is written once for each distinct value and taken from
there. Tuples and the maps that ``pull`` shows are structs, so that their parts can be asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np

from factstore.errors import QueryError
from factstore.query.results.result_typed import Typed, distinct_places, inline, natural
from factstore.values import LONG_MAX, LONG_MIN, Value, ValueType

TEXT: Final = frozenset((ValueType.STRING, ValueType.KEYWORD, ValueType.SYMBOL, ValueType.URI))
"""Types whose values are a ``str`` in Python."""
_DIGITS: Final = 76
"""Decimals of 256 bits have no more."""
_SHORT: Final = 38
_LARGE: Final = 1 << 30
"""Bytes of text from which on offsets are of 64 bits."""


def array(name: str, column: Typed) -> Any:
    """The Arrow array of a column; ``query/no-arrow`` if there is no type for it."""
    import pyarrow

    try:
        return _array(pyarrow, column)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError) as error:
        # pyarrow's own message may be of several lines; the first one says what it met.
        reason = str(error).partition("\n")[0]
        message = f"column {name} has no Arrow type: {reason}; expected values of one type (to_list has any)"
        raise QueryError(message, code="query/no-arrow", column=name) from None


def _array(pyarrow: Any, column: Typed) -> Any:
    found = inline(column)
    if found is not None and column.kind is not None:
        codes, missing = found
        made = pyarrow.array(natural(column.kind, codes), mask=missing)
        return made.cast(pyarrow.timestamp("us", "UTC")) if column.kind is ValueType.INSTANT else made
    distinct = distinct_places(column)
    if distinct is None:
        return _of_values(pyarrow, column.kind, column.values)
    values, places = distinct
    return _of_values(pyarrow, column.kind, values, places).take(pyarrow.array(places))


def _of_values(pyarrow: Any, kind: ValueType | None, values: Sequence[Value], places: Any = None) -> Any:
    if kind in TEXT or kind is ValueType.UUID:
        texts = [None if value is None else str(value) for value in values]
        return pyarrow.array(texts, type=pyarrow.large_string() if _is_large(texts, places) else pyarrow.string())
    if kind is ValueType.BYTES:
        return pyarrow.array(values, type=pyarrow.large_binary() if _is_large(values, places) else pyarrow.binary())
    if kind in (ValueType.BIGINT, ValueType.BIGDEC):
        return _decimals(pyarrow, values)
    if all(value is None for value in values):
        return pyarrow.array(values, type=pyarrow.null())
    if any(isinstance(value, _PLAIN) for value in values):
        names = sorted({type(value).__name__ for value in values})
        raise TypeError(f"its values are of several types: {', '.join(names)}")
    return pyarrow.array([simple(value) for value in values])


_PLAIN: Final = (bool, int, float, str, Decimal, UUID)


def _is_large(values: Sequence[Any], places: Any) -> bool:
    sizes = np.fromiter((0 if value is None else len(value) for value in values), dtype=np.int64, count=len(values))
    return int((sizes if places is None else sizes[places]).sum()) > _LARGE


def _decimals(pyarrow: Any, values: Sequence[Value]) -> Any:
    decimals = [None if value is None else Decimal(value) for value in values]
    digits, scale = digits_of([value for value in decimals if value is not None])
    if digits > _DIGITS:
        raise ValueError(f"its numbers take {digits} digits, Arrow has {_DIGITS}")
    kind = pyarrow.decimal128(digits, scale) if digits <= _SHORT else pyarrow.decimal256(digits, scale)
    return pyarrow.array(decimals, type=kind)


def digits_of(values: Sequence[Decimal]) -> tuple[int, int]:
    """The digits all of the numbers can be written with, and how many of those come after the point.

    >>> digits_of([Decimal("1.50"), Decimal("1000"), Decimal("1E+3")])
    (6, 2)
    """
    before, after = 1, 0
    for value in values:
        _, digits, exponent = value.as_tuple()
        if not isinstance(exponent, int):
            raise ValueError(f"{value} is no number")
        before, after = max(before, len(digits) + exponent), max(after, -exponent)
    return before + after, after


def simple(value: Value) -> Any:
    """A value inside of a tuple, a set or a pulled map, as Arrow takes it: a tuple with names for its slots."""
    if isinstance(value, Mapping):
        return {str(key): simple(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return {f"f{place}": simple(item) for place, item in enumerate(value)}
    if isinstance(value, list):
        return [simple(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(simple, value), key=repr) if len(set(map(type, value))) > 1 else sorted(map(simple, value))
    if isinstance(value, str | UUID):
        return str(value)
    return Decimal(value) if type(value) is int and not LONG_MIN <= value <= LONG_MAX else value
