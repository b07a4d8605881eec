"""Dictionary entries out of the tables: two binary strings for all of them, cut up here.

A row message for each entry costs more than reading it; what is asked for is decoded, and what came along is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg.types.numeric import Int8

from factstore.columns import ints, member
from factstore.dictionary import Entry
from factstore.errors import LogError
from factstore.postgres.arrays import int8s
from factstore.postgres.pool import TOO_LARGE, Pool
from factstore.values import ValueType
from factstore.values_bytes import from_bytes

_MANY: Final = 20_000
_DENSE: Final = 16
"""More than _MANY codes are read as a range if that reads at most _DENSE entries for one that is wanted."""
_HEAD: Final = np.dtype([("code", ">i8"), ("kind", ">i2"), ("size", ">i4")])
_TYPES: Final = {int(vt): vt for vt in ValueType}


def entries(pool: Pool, sql: Mapping[str, str], codes: Sequence[int]) -> list[Entry]:
    """The entries of ``codes``; those that the store does not know are left out."""
    if not codes:
        return []
    try:
        return _entries(pool, sql, codes)
    except LogError as error:
        if error.data.get("sqlstate") != TOO_LARGE or len(codes) == 1:
            raise
    # Together they are beyond what one value may have: by halves.
    middle = len(codes) // 2
    return entries(pool, sql, codes[:middle]) + entries(pool, sql, codes[middle:])


def _entries(pool: Pool, sql: Mapping[str, str], codes: Sequence[int]) -> list[Entry]:
    low, high = min(codes), max(codes)
    if len(codes) > _MANY and high - low < _DENSE * len(codes):
        [(heads, data)] = pool.fetch(sql["entries_between"], {"low": Int8(low), "high": Int8(high)})
    else:
        [(heads, data)] = pool.fetch(sql["entries"], {"id": int8s(ints(list(codes)))})
    return [] if heads is None else _wanted(np.frombuffer(heads, dtype=_HEAD), data or b"", ints(codes))


def _wanted(heads: NDArray[Any], data: bytes, codes: NDArray[np.int64]) -> list[Entry]:
    ends = np.cumsum(heads["size"], dtype=np.int64)
    starts = ends - heads["size"]
    found = heads["code"].astype(np.int64)
    asked = member(found, np.sort(codes))
    result: list[Entry] = []
    for kind in np.unique(heads["kind"][asked]).tolist():
        mine = asked & (heads["kind"] == kind)
        values = _values(_TYPES[kind], data, starts[mine].tolist(), ends[mine].tolist())
        result.extend((code, _TYPES[kind], value) for code, value in zip(found[mine].tolist(), values, strict=True))
    return result


def _values(vt: ValueType, data: bytes, starts: list[int], ends: list[int]) -> Iterator[Any]:
    ranges = zip(starts, ends, strict=True)
    if vt is ValueType.STRING and data.isascii():
        text = data.decode("ascii")
        return (text[start:end] for start, end in ranges)
    return (from_bytes(vt, data[start:end]) for start, end in ranges)
