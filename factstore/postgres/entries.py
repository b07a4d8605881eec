"""Dictionary entries out of the tables: two binary strings for all of them, cut up here.

A row message for each entry costs more than reading it; what is asked for is decoded, and what came along is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from psycopg.types.numeric import Int8

from factstore.columns import Ints, ints
from factstore.dictionary_entries import Entry
from factstore.errors import LogError
from factstore.postgres.arrays import int8s
from factstore.postgres.pool import TOO_LARGE, Pool
from factstore.postgres.value_file import NO_VALUES, Values, in_order
from factstore.values import ValueType
from factstore.values_bytes import from_bytes

MANY: Final = 20_000
_DENSE: Final = 3
"""More than MANY codes are read as a range if that reads at most _DENSE entries for one that is wanted: measured."""
_HEAD: Final = np.dtype([("code", ">i8"), ("kind", ">i2"), ("size", ">i4")])
_TYPES: Final = {int(vt): vt for vt in ValueType}


def fetched(pool: Pool, sql: Mapping[str, str], codes: Sequence[int]) -> Values:
    """The entries of ``codes``, and perhaps of others; those that the store does not know are left out."""
    if not codes:
        return NO_VALUES
    try:
        return _fetched(pool, sql, codes)
    except LogError as error:
        if error.data.get("sqlstate") != TOO_LARGE or len(codes) == 1:
            raise
    # Together they are beyond what one value may have: by halves.
    middle = len(codes) // 2
    return fetched(pool, sql, codes[:middle]).joined(fetched(pool, sql, codes[middle:]))


def _fetched(pool: Pool, sql: Mapping[str, str], codes: Sequence[int]) -> Values:
    low, high = min(codes), max(codes)
    if len(codes) > MANY and high - low < _DENSE * len(codes):
        [(heads, data)] = pool.fetch(sql["entries_between"], {"low": Int8(low), "high": Int8(high)})
    else:
        [(heads, data)] = pool.fetch(sql["entries"], {"id": int8s(ints(list(codes)))})
    if heads is None:
        return NO_VALUES
    rows = np.frombuffer(heads, dtype=_HEAD)
    found, kinds = rows["code"].astype(np.int64), rows["kind"].astype(np.int64)
    values = Values(found, kinds, np.cumsum(rows["size"], dtype=np.int64), data or b"")
    return values if (found[1:] > found[:-1]).all() else in_order(found, kinds, values.bodies(np.arange(len(found))))


def decoded(values: Values, codes: Ints) -> list[Entry]:
    """The entries of those of ``codes`` that are among ``values``."""
    at = values.find(codes)
    at = at[at >= 0]
    kinds = values.kinds[at]
    result: list[Entry] = []
    for kind in np.unique(kinds).tolist():
        mine = at[kinds == kind]
        found = _values(_TYPES[kind], values, mine)
        result.extend(
            (code, _TYPES[kind], value) for code, value in zip(values.codes[mine].tolist(), found, strict=True)
        )
    return result


def _values(vt: ValueType, values: Values, at: Ints) -> Iterator[Any]:
    data = values.data
    ranges = zip(*values.at(at), strict=True)
    if vt is not ValueType.STRING:
        return (from_bytes(vt, bytes(data[start:end])) for start, end in ranges)
    if isinstance(data, bytes) and data.isascii() and _DENSE * len(at) > len(values.codes):
        text = data.decode("ascii")
        return (text[start:end] for start, end in ranges)
    return (str(data[start:end], "utf-8", "surrogatepass") for start, end in ranges)
