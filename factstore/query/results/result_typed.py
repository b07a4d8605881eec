"""The columns of a result as other libraries see them: of one type of value, some perhaps missing, or of several."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from factstore.columns import Ints, Mask, encode_inline_array, ints_to_doubles
from factstore.columns_distinct import numbered
from factstore.query.columnar.relation import ANY, Column, Values
from factstore.values import Value, ValueType, type_of

Output: TypeAlias = Column | list[Value]
"""A column of a result: codes, or Python values where there are none."""


class Typed(NamedTuple):
    """A column with the one type of its values, None where they are of several, or of none of the store's types.

    Either its codes are at hand, or its values are; what is missing (of an ``optional``) is only in values.
    """

    kind: ValueType | None
    codes: Ints | None
    decode: Callable[[Ints], list[Value]]
    values: list[Value]
    missing: bool = False

    def held(self) -> list[Value]:
        """Every value."""
        return self.values if self.codes is None else self.decode(self.codes)


def typed(output: Output, values: Values | None) -> Typed:
    """The column with its type; that of Python values is found by looking at each."""
    if isinstance(output, Column):
        assert values is not None
        if output.kind != ANY:
            of = output.kind
            return Typed(ValueType(of), output.data, lambda codes: values.decode(Column(of, codes)), [])
        output = values.decode(output)
    classes = set(map(type, output))
    missing = type(None) in classes
    classes.discard(type(None))
    kind: ValueType | None = None
    if len(classes) == 1:
        first = next(value for value in output if value is not None)
        kind = type_of(first) if type(first) is not int else _whole(output)
    return Typed(kind, None, _nothing, output, missing)


def _whole(values: list[Value]) -> ValueType:
    fits = all(value is None or type_of(value) is ValueType.LONG for value in values)
    return ValueType.LONG if fits else ValueType.BIGINT


def _nothing(_: Ints) -> list[Value]:
    raise AssertionError("a column of Python values has no codes to decode")


def natural(kind: ValueType, codes: Ints) -> np.ndarray[Any, Any]:
    """Codes that are the values themselves, as an array of those that cannot be written to."""
    codes = np.ascontiguousarray(codes).view()
    if kind is ValueType.DOUBLE:
        found: np.ndarray[Any, Any] = ints_to_doubles(codes)
    elif kind is ValueType.BOOLEAN:
        found = codes.astype(np.bool_)
    else:
        found = codes.view("datetime64[us]" if kind is ValueType.INSTANT else np.int64)
    found.flags.writeable = False
    return found


def inline(column: Typed) -> tuple[Ints, Mask | None] | None:
    """Codes that are the values themselves, and where one is missing; None if such a column has no such codes."""
    if column.kind is None or column.kind.interned:
        return None
    if column.codes is not None:
        return column.codes, None
    missing = np.asarray([value is None for value in column.values], dtype=np.bool_) if column.missing else None
    default = _DEFAULTS[column.kind]
    filled = [default if value is None else value for value in column.values]
    return encode_inline_array(column.kind, filled), missing


_DEFAULTS: Final[dict[ValueType, Value]] = {
    ValueType.REF: 0,
    ValueType.LONG: 0,
    ValueType.DOUBLE: 0.0,
    ValueType.BOOLEAN: False,
    ValueType.INSTANT: datetime(1970, 1, 1, tzinfo=UTC),
}
"""What stands where a value is missing."""


def as_array(column: Typed) -> np.ndarray[Any, Any]:
    """A NumPy array of the natural type, of objects where there is none or something is missing."""
    found = None if column.missing else inline(column)
    if found is not None and column.kind is not None:
        return natural(column.kind, found[0])
    return np.fromiter(column.held(), dtype=object)


def distinct_places(column: Typed) -> tuple[list[Value], Ints] | None:
    """The distinct values of an interned column and the place of each among them; None if it has no codes."""
    if column.codes is None:
        return None
    distinct, places = numbered(column.codes)
    return column.decode(distinct), places
