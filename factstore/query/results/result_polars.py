"""One column of a result as a polars series, without pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from factstore.query.results.result_arrow import TEXT, digits_of, simple
from factstore.query.results.result_typed import Typed, distinct_places, inline, natural
from factstore.values import Value, ValueType

_DIGITS = 38
"""A decimal of polars has no more."""


def series(name: str, column: Typed) -> Any:
    """The polars series of a column; of objects where polars has no type that all its values have."""
    import polars

    found = inline(column)
    if found is not None and column.kind is not None:
        codes, missing = found
        made = polars.Series(name, natural(column.kind, codes))
        if column.kind is ValueType.INSTANT:
            made = made.dt.replace_time_zone("UTC")
        return made if missing is None else made.set(polars.Series(missing), None)
    distinct = distinct_places(column)
    if distinct is None:
        return _of_values(polars, name, column.kind, column.values)
    values, places = distinct
    made = _of_values(polars, name, column.kind, values)
    if made.dtype == polars.Object:  # which cannot be gathered
        return polars.Series(name, column.held(), dtype=polars.Object)
    return made.gather(places)


def _of_values(polars: Any, name: str, kind: ValueType | None, values: Sequence[Value]) -> Any:
    if kind in TEXT or kind is ValueType.UUID:
        return polars.Series(name, [None if value is None else str(value) for value in values], dtype=polars.String)
    if kind is ValueType.BYTES:
        return polars.Series(name, values, dtype=polars.Binary)
    if kind in (ValueType.BIGINT, ValueType.BIGDEC):
        decimals = [None if value is None else Decimal(value) for value in values]
        digits, scale = digits_of([value for value in decimals if value is not None])
        kind_of = polars.Decimal(_DIGITS, scale) if digits <= _DIGITS else polars.Object
        return polars.Series(name, decimals, dtype=kind_of)
    if all(value is None for value in values):
        return polars.Series(name, values, dtype=polars.Null)
    if all(value is None or isinstance(value, dict | list | tuple | frozenset) for value in values):
        try:
            return polars.Series(name, [simple(value) for value in values])
        except (TypeError, ValueError, OverflowError, polars.exceptions.PolarsError):
            pass
    return polars.Series(name, list(values), dtype=polars.Object)
