"""The cells of columns of pandas, polars and Arrow; each library is imported only if it made the column."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from factstore.columns import Ints, ints
from factstore.tx.cells import Cells, coded, instants, numbers, of_array, of_list, of_objects, recoded


def made_by(value: object, *names: str) -> str | None:
    """Which of pandas, polars and pyarrow the class of ``value``, one called one of ``names``, comes from."""
    for kind in type(value).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in {"pandas", "polars", "pyarrow"} and kind.__name__ in names:
            return library
    return None


def of_arrow(column: Any, whole: bool) -> Cells:
    """The cells of an Arrow array or chunked array. Null is null; NaN is a value, which no attribute takes."""
    array = _joined(column)
    rows = np.arange(len(array), dtype=np.int64)
    if array.null_count:
        rows = rows[array.is_valid().to_numpy(zero_copy_only=False)]
        array = array.drop_null()
    return _arrow(rows, array, whole)


def _joined(column: Any) -> Any:
    """The chunks of a chunked array as one."""
    import pyarrow as pa

    if not hasattr(column, "chunks"):
        return column
    if column.nbytes > _MANY_BYTES and pa.types.is_string(column.type):
        column = column.cast("large_string")
    chunks = column.unify_dictionaries().chunks
    return pa.concat_arrays(chunks) if chunks else pa.array([], column.type)


_MANY_BYTES: Final = 2**30
"""A string column of twice as many does not fit into one array."""


def _arrow(rows: Ints, array: Any, whole: bool) -> Cells:
    from pyarrow import types

    kind = array.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return Cells(rows, numbers(array.to_numpy(zero_copy_only=False)))
    if types.is_timestamp(kind) and kind.tz is not None:
        return Cells(rows, instants(array.cast("int64").to_numpy().view(f"datetime64[{kind.unit}]")))
    if types.is_timestamp(kind):
        return Cells(rows, array.cast("timestamp[us]", safe=False).to_pylist())
    if types.is_string(kind) or types.is_large_string(kind):
        array = array.dictionary_encode()
    elif types.is_dictionary(kind) and not _holds_strings(array):
        return _arrow(rows, array.dictionary_decode(), whole)
    if types.is_dictionary(array.type):
        return Cells(rows, recoded(array.dictionary.to_pylist(), ints(array.indices.to_numpy(zero_copy_only=False))))
    if not whole and (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return _arrow_lists(rows, array)
    return of_objects(rows, array.to_pylist(), whole)


def _holds_strings(array: Any) -> bool:
    from pyarrow import types

    kind = array.type.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind)) and not array.dictionary.null_count


def _arrow_lists(rows: Ints, array: Any) -> Cells:
    items = array.flatten()
    if items.null_count:
        return Cells(rows, array.to_pylist())
    found = _arrow(np.repeat(rows, ints(array.value_lengths().to_numpy(zero_copy_only=False))), items, True)
    return Cells(rows, array.to_pylist()) if isinstance(found.values, list) else found._replace(listed=True)


def of_pandas(series: Any, whole: bool) -> Cells:
    """The cells of a pandas Series, whose index means nothing. What pandas calls missing is null, and so is NaN."""
    import pandas as pd

    dtype = series.dtype
    missing = series.isna().to_numpy(dtype=bool)
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return _pandas_coded(series, missing, whole)
    rows = np.flatnonzero(~missing).astype(np.int64)
    known = series[~missing] if missing.any() else series
    if pd.api.types.is_bool_dtype(dtype):
        return Cells(rows, known.to_numpy(dtype=bool))
    if pd.api.types.is_integer_dtype(dtype):
        return Cells(rows, numbers(known.to_numpy(dtype="uint64" if "uint" in str(dtype).lower() else "int64")))
    if pd.api.types.is_float_dtype(dtype):
        return _pandas_floats(rows, known.to_numpy(dtype="float64", na_value=np.nan))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return Cells(rows, instants(known.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()))
    if isinstance(dtype, pd.ArrowDtype):
        found = of_arrow(known.array.__arrow_array__(), whole)
        return found._replace(rows=rows[found.rows])
    return of_objects(rows, known.tolist(), whole)


def _pandas_floats(rows: Ints, values: np.ndarray[Any, np.dtype[np.float64]]) -> Cells:
    known = ~np.isnan(values)
    return Cells(rows[known], values[known], widened=True)


def _pandas_coded(series: Any, missing: np.ndarray[Any, np.dtype[np.bool_]], whole: bool) -> Cells:
    rows = np.flatnonzero(~missing).astype(np.int64)
    codes, distinct = series.factorize()
    values = distinct.tolist()
    index = ints(codes)[rows]
    if all(type(value) is str for value in values):
        return Cells(rows, recoded(values, index))
    return of_objects(rows, [values[n] for n in index.tolist()], whole)


def of_polars(series: Any, whole: bool) -> Cells:
    """The cells of a polars Series. Null is null; NaN is a value, which no attribute takes."""
    rows = np.flatnonzero(series.is_not_null().to_numpy()).astype(np.int64)
    known = series.drop_nulls()
    dtype, name = known.dtype, str(known.dtype)
    if name == "Boolean" or (dtype.is_numeric() and name in _POLARS_NUMBERS):
        return Cells(rows, numbers(known.to_numpy()))
    if name.startswith("Datetime") and dtype.time_zone is not None:
        found = known.to_physical().to_numpy().view(f"datetime64[{dtype.time_unit.replace('μs', 'us')}]")
        return Cells(rows, instants(found))
    values = known.to_list()
    if set(map(type, values)) == {str}:
        return Cells(rows, coded(values))
    return of_objects(rows, values, whole)


_POLARS_NUMBERS: Final = {*(f"{sign}Int{size}" for sign in ("", "U") for size in (8, 16, 32, 64)), "Float32", "Float64"}


def read_cells(column: Any, whole: bool) -> Cells | None:
    """The cells of a column of any kind; None if it is none. ``whole`` keeps a list cell as one value."""
    library = made_by(column, "Series", "Index", "Array", "ChunkedArray", "ExtensionArray")
    if library == "pandas":
        return of_pandas(column if made_by(column, "Series") else _series(column), whole)
    if library == "polars":
        return of_polars(column, whole)
    if library == "pyarrow":
        return of_arrow(column, whole)
    if isinstance(column, np.ndarray):
        return of_array(column, whole) if column.ndim == 1 else None
    if isinstance(column, list | tuple | range):
        return of_list(column, whole)
    return None


def _series(column: Any) -> Any:
    import pandas as pd

    return pd.Series(column)
