"""Datoms as parallel numpy arrays: sort, search, expand, tell apart.

Everything here works on int64 arrays a whole column at a time. A value stays in its int64 encoding
(:mod:`factstore.values`) from the table to the result: joins and sorts need nothing else, and only
what is shown or computed with is ever decoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from factstore.columns_distinct import numbered
from factstore.columns_sort import argsort, runs, sort, sort_in_place
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.values import LONG_MAX, Value, ValueType

Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

EMPTY: Ints = np.empty(0, dtype=np.int64)
EMPTY.flags.writeable = False


class Rows(NamedTuple):
    """Facts of one attribute that hold at some t: parallel arrays of entity, value and transaction."""

    e: Ints
    v: Ints
    tx: Ints


class Intervals(NamedTuple):
    """Facts of one attribute with their lives: each holds at t where ``start <= TX0 + t < end``."""

    e: Ints
    v: Ints
    start: Ints
    end: Ints


class LogRows(NamedTuple):
    """A stretch of the log, in commit order."""

    tx: Ints
    e: Ints
    a: Ints
    vt: Ints
    v: Ints
    added: Mask


NO_ROWS = Rows(EMPTY, EMPTY, EMPTY)


def ints(values: Any) -> Ints:
    """``values`` as an int64 array."""
    return np.asarray(values, dtype=np.int64)


def order_by(*keys: Ints) -> NDArray[np.intp]:
    """The stable permutation that sorts by the first key, then the second, and so on."""
    if len(keys) == 1:
        return argsort(keys[0])
    packed = pack(keys)
    return argsort(packed) if packed is not None else np.lexsort(keys[::-1])


def pack(keys: Sequence[Ints]) -> Ints | None:
    """One int64 per row that sorts and compares as the row of ``keys`` does; None if it does not fit."""
    if not len(keys[0]):
        return EMPTY
    lows = [int(key.min()) for key in keys]
    spans = [int(key.max()) - low + 1 for key, low in zip(keys, lows, strict=True)]
    total = 1
    for span in spans:
        total *= span
    if total > LONG_MAX:
        return None
    packed = keys[0] - lows[0]
    for key, low, span in zip(keys[1:], lows[1:], spans[1:], strict=True):
        packed = packed * span + (key - low)
    return packed


def rank(keys: Sequence[Ints]) -> Ints:
    """One int64 per row, equal exactly where the rows of ``keys`` are, in their order."""
    packed = keys[0] if len(keys) == 1 else pack(keys)
    if packed is not None:
        return packed
    narrow = [numbered(key)[1] for key in keys]
    while len(narrow) > 1:
        first = pack(narrow[:2])
        if first is None:  # two columns of ranks need at most n*n, which fits for any n below 3e9
            raise OverflowError("more rows than can be ranked")
        narrow[:2] = [numbered(first)[1]]
    return narrow[0]


def unique(values: Ints) -> Ints:
    """The distinct values, sorted: without a sort where they are dense, and never by numpy's own hashing, which
    takes several times as long on int64.

    >>> unique(ints([3, 1, 3])).tolist()
    [1, 3]
    """
    if len(values) < 2:
        return values.copy()
    if len(values) > _FLAGS_FROM:
        low = int(values.min())
        width = int(values.max()) - low + 1
        if width <= _FLAGS * len(values):
            return np.flatnonzero(_flags(values, low, width)) + low
    return runs(sort(values))


def _flags(values: Ints, low: int, width: int) -> Mask:
    flags = np.zeros(width, dtype=np.bool_)
    flags[values - low] = True
    return flags


_FLAGS_FROM: Final = 512
_FLAGS: Final = 16
"""Values are told apart by a flag each where they lie within a span of at most so many times their number."""


def distinct_rows(keys: Sequence[Ints]) -> list[Ints]:
    """The rows of ``keys``, each once, in sorted order.

    Where a row fits into 63 bits it is sorted as one number, which is several times as fast as finding
    the positions that would sort it.

    >>> [column.tolist() for column in distinct_rows([ints([2, 1, 2]), ints([7, 8, 7])])]
    [[1, 2], [8, 7]]
    """
    if len(keys) == 1 or len(keys[0]) < 2:
        return [unique(keys[0])] if len(keys) == 1 else list(keys)
    lows = [int(key.min()) for key in keys]
    highs = [int(key.max()) for key in keys]
    sizes = [high - low + 1 for high, low in zip(highs, lows, strict=True)]
    if len(keys[0]) > _FLAGS_FROM and math.prod(sizes) <= _FLAGS * len(keys[0]):
        return _flagged_rows(keys, lows, sizes)
    widths = [(size - 1).bit_length() for size in sizes]
    if sum(widths) > _BITS:
        first = np.unique(rank(keys), return_index=True)[1]
        return [key[first] for key in keys]
    # In place, and with all lows taken off at once: what is large is gone through as seldom as can be.
    packed, base = keys[0].copy(), lows[0]
    for key, low, width in zip(keys[1:], lows[1:], widths[1:], strict=True):
        packed <<= width
        packed += key
        base = (base << width) + low
    packed -= np.array(base % 2**64, dtype=np.uint64).view(np.int64)  # sums that went over the edge come back
    sort_in_place(packed)
    packed = runs(packed)
    found = []
    for low, width in zip(reversed(lows[1:]), reversed(widths[1:]), strict=True):
        column = packed & ((1 << width) - 1)
        column += low
        found.append(column)
        packed >>= width
    packed += lows[0]
    return [packed, *reversed(found)]


def _flagged_rows(keys: Sequence[Ints], lows: Sequence[int], sizes: Sequence[int]) -> list[Ints]:
    """The rows of ``keys``, each once, by a flag for every row there could be."""
    place = keys[0] - lows[0]
    for key, low, size in zip(keys[1:], lows[1:], sizes[1:], strict=True):
        place *= size
        place += key
        place -= low
    flags = np.zeros(math.prod(sizes), dtype=np.bool_)
    flags[place] = True
    left = np.flatnonzero(flags)
    found = []
    for low, size in zip(reversed(lows[1:]), reversed(sizes[1:]), strict=True):
        left, column = np.divmod(left, size)
        column += low
        found.append(column)
    left += lows[0]
    return [left, *reversed(found)]


_BITS: Final = 63


def spans(lo: Ints, hi: Ints) -> tuple[Ints, Ints]:
    """Expands the half-open ranges ``lo[i]:hi[i]``: (i of each element, each element).

    >>> rows, at = spans(ints([5, 0]), ints([7, 1]))
    >>> rows.tolist(), at.tolist()
    ([0, 0, 1], [5, 6, 0])
    """
    if len(lo) <= _FEW:
        return _few_spans(lo.tolist(), hi.tolist())
    counts = hi - lo
    total = int(counts.sum())
    if total == len(counts) and (counts == 1).all():
        return np.arange(total, dtype=np.int64), lo
    ends = np.cumsum(counts)
    if len(counts) > _SUMMED_FROM and total <= _SUMMED * len(counts):
        # Many short ranges: as many have ended before a position as its number says.
        rows = np.cumsum(np.bincount(ends, minlength=total)[:total])
        at = (lo - (ends - counts)).take(rows)
    else:
        rows = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        at = np.repeat(lo - (ends - counts), counts)
    at += np.arange(total, dtype=np.int64)
    return rows, at


_SUMMED_FROM: Final = 4096
_SUMMED: Final = 8
_FEW: Final = 4
"""Up to so many ranges a loop takes less time than the calls that would do without one."""


def _few_spans(lo: list[int], hi: list[int]) -> tuple[Ints, Ints]:
    if len(lo) == 1:
        return np.zeros(hi[0] - lo[0], dtype=np.int64), np.arange(lo[0], hi[0], dtype=np.int64)
    pieces = [np.arange(start, end, dtype=np.int64) for start, end in zip(lo, hi, strict=True)]
    rows = np.repeat(np.arange(len(lo), dtype=np.int64), [len(piece) for piece in pieces])
    return rows, np.concatenate(pieces) if pieces else EMPTY


def member(values: Ints, of: Ints) -> Mask:
    """Which of ``values`` are in the sorted array ``of``."""
    if not len(of):
        return np.zeros(len(values), dtype=np.bool_)
    low = int(of[0])
    width = int(of[-1]) - low + 1
    if len(values) > _FLAGS_FROM and width <= _FLAGS * len(values):
        at = values - low
        outside = at.view(np.uint64) >= width  # what is below the first wraps round to far above
        at[outside] = width
        return np.append(_flags(of, low, width), False)[at]
    at = np.searchsorted(of, values)
    at[at == len(of)] = 0
    return np.asarray(of[at] == values)


def bisect_within(keys: Ints, lo: Ints, hi: Ints, wanted: Ints) -> Ints:
    """The first position in ``keys[lo[i]:hi[i]]`` not below ``wanted[i]``, each range being sorted.

    All searches halve their ranges together, so the number of passes is the log of the widest one.
    """
    lo, end = lo.copy(), hi.copy()
    while True:
        active = lo < end
        if not active.any():
            return lo
        middle = (lo + end) >> 1
        below = np.zeros(len(lo), dtype=np.bool_)
        below[active] = keys[middle[active]] < wanted[active]
        lo = np.where(below, middle + 1, lo)
        end = np.where(active & ~below, middle, end)


def encode(vt: ValueType, values: Sequence[Value], dictionary: Dictionary | Overlay) -> list[int | None]:
    """The int64 of each (already coerced) value, None where it is interned and has no code."""
    if vt.interned:
        return dictionary.codes_of(vt, values)
    return list(encode_inline_array(vt, values).tolist())


_EPOCH = np.datetime64(0, "us")


def encode_inline_array(vt: ValueType, values: Sequence[Value]) -> Ints:
    """The int64 of each (already coerced) value of a type that is not interned."""
    if vt is ValueType.DOUBLE:
        return doubles_to_ints(np.asarray(values, dtype=np.float64))
    if vt is ValueType.INSTANT:
        naive = [value.replace(tzinfo=None) for value in values]
        return (np.asarray(naive, dtype="datetime64[us]") - _EPOCH).astype(np.int64)
    return np.asarray(values, dtype=np.int64)


def doubles_to_ints(values: NDArray[np.float64]) -> Ints:
    """Doubles in their order-preserving int64 encoding."""
    bits = (values + 0.0).view(np.int64)
    return np.where(bits >= 0, bits, bits ^ LONG_MAX)


def ints_to_doubles(codes: Ints) -> NDArray[np.float64]:
    """The inverse of :func:`doubles_to_ints`."""
    return np.where(codes >= 0, codes, codes ^ LONG_MAX).view(np.float64)


def decode(vt: ValueType, codes: Ints, dictionary: Dictionary | Overlay) -> list[Value]:
    """The Python value of each code."""
    if vt.interned:
        return _decode_interned(codes, dictionary)
    if vt is ValueType.DOUBLE:
        return list(ints_to_doubles(codes).tolist())
    if vt is ValueType.BOOLEAN:
        return list(codes.astype(np.bool_).tolist())
    if vt is ValueType.INSTANT:
        return _decode_instants(codes)
    return list(codes.tolist())


def _decode_interned(codes: Ints, dictionary: Dictionary | Overlay) -> list[Value]:
    if len(codes) <= _LOOKED_UP:
        return dictionary.values_of(codes.tolist())
    distinct, places = numbered(codes)
    # Not np.array, which would make a second dimension of tuples.
    values = np.fromiter(dictionary.values_of(distinct.tolist()), dtype=object, count=len(distinct))
    return list(values[places].tolist())


_LOOKED_UP: Final = 256
"""Up to so many codes are looked up as they are; of more, the distinct ones."""


def _decode_instants(codes: Ints) -> list[Value]:
    # Adding takes a fifth of the time that giving each datetime a time zone does.
    return list(map(_FIRST.__add__, codes.astype("timedelta64[us]").tolist()))


_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
