"""Results as tables of Arrow, pandas and polars.

Text of any kind is text: a keyword without its colon, a symbol, a URI, a uuid. Instants are in UTC, to the
microsecond. Whole numbers beyond 64 bits and decimals are decimals. What is missing is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from factstore.query.results import result_arrow, result_polars
from factstore.query.results.result_typed import Typed, as_array, distinct_places, inline, natural
from factstore.values import Value, ValueType

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Columns: TypeAlias = Sequence[tuple[str, Typed]]


def to_arrow(columns: Columns) -> pyarrow.Table:
    """An Arrow table."""
    import pyarrow

    return pyarrow.table({name: result_arrow.array(name, column) for name, column in columns})


def to_polars(columns: Columns) -> polars.DataFrame:
    """A polars DataFrame."""
    import polars

    return polars.DataFrame([result_polars.series(name, column) for name, column in columns])


def to_pandas(columns: Columns) -> pandas.DataFrame:
    """A pandas DataFrame; instants know that they are UTC, and numbers of which some are missing are nullable."""
    import pandas

    return pandas.DataFrame({name: _series(pandas, column) for name, column in columns})


_NULLABLE = {ValueType.REF: "Int64", ValueType.LONG: "Int64", ValueType.BOOLEAN: "boolean"}


def _series(pandas: Any, column: Typed) -> Any:
    found = inline(column)
    if found is None or column.kind is None:
        return _texts(column) if column.kind in result_arrow.TEXT else as_array(column)
    codes, missing = found
    values = natural(column.kind, codes)
    if column.kind is ValueType.INSTANT:
        series = pandas.Series(values).dt.tz_localize("UTC")
    elif missing is not None and column.kind in _NULLABLE:
        series = pandas.Series(values, dtype=_NULLABLE[column.kind])
    else:
        series = pandas.Series(values)
    return series if missing is None else series.mask(missing)


def _texts(column: Typed) -> Any:
    """Text as plain ``str``, each distinct one made once."""
    found = distinct_places(column)
    if found is None:
        return np.fromiter(map(_text, column.values), dtype=object)
    distinct, places = found
    return np.fromiter(map(_text, distinct), dtype=object)[places]


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
