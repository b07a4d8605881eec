"""Looking up one key after another in an index, where a call counts more than a row.

The arrays of a segment are read through memoryviews, whose items are ints at once, by functions made
once for an index: a lookup takes a fraction of a microsecond, and none of numpy.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from factstore.index_segment import Segment, Sorted

MOST: Final = 512
"""Facts of one key up to which looking it up alone is worth it."""


class TooMany(Exception):
    """A key has more than :data:`MOST` facts: whole columns are the better way."""


class Single(NamedTuple):
    """How one key is looked up: what it has, :class:`TooMany` if that is a lot, and how much that is, nearly.

    The count is exact up to what has died since the last merge.
    """

    of: Callable[[int], Sequence[int]]
    count: Callable[[int], int]


Range = Callable[[int], tuple[int, int]]
IsDead = Callable[[int], bool] | None


def single_by_entity(base: Segment, tail: Segment, is_dead: IsDead) -> Single:
    """The values of one entity, in facts that are a base and a newer tail."""
    if not len(tail) and is_dead is None:
        return Single(_values_of(base), _counted(base.by_e))
    older, newer = _alive_values_of(base, is_dead), _values_of(tail)
    return _both(Single(older, _counted(base.by_e)), Single(newer, _counted(tail.by_e)))


def single_by_value(base: Segment, tail: Segment, is_dead: IsDead) -> Single:
    """The entities of one value, likewise."""
    older = Single(_holders_of(base, is_dead), _counted(base.by_v))
    if not len(tail):
        return older
    return _both(older, Single(_holders_of(tail, None), _counted(tail.by_v)))


def _both(one: Single, other: Single) -> Single:
    one_of, other_of, one_count, other_count = one.of, other.of, one.count, other.count
    return Single(
        lambda key: [*one_of(key), *other_of(key)],
        lambda key: one_count(key) + other_count(key),
    )


def _range(keys: Sorted) -> Range:
    offsets, low, width = keys.slots
    if offsets is None:
        view = keys.keys.data
        return lambda key: (bisect_left(view, key), bisect_right(view, key))

    def found(key: int) -> tuple[int, int]:
        at = key - low
        return (offsets[at], offsets[at + 1]) if 0 <= at < width else (0, 0)

    return found


def _counted(keys: Sorted) -> Callable[[int], int]:
    ranges = _range(keys)

    def count(key: int) -> int:
        lo, hi = ranges(key)
        return hi - lo

    return count


def _values_of(segment: Segment) -> Callable[[int], Sequence[int]]:
    values = segment.rows.v.data
    offsets, low, width = segment.by_e.slots
    if offsets is None:
        ranges = _range(segment.by_e)

        def of_sparse(e: int) -> Sequence[int]:
            lo, hi = ranges(e)
            return values[lo:hi].tolist() if _few(lo, hi) else ()

        return of_sparse

    def of_dense(e: int) -> Sequence[int]:
        at = e - low
        if not 0 <= at < width:
            return ()
        lo, hi = offsets[at], offsets[at + 1]
        if hi - lo == 1:
            return (values[lo],)
        return values[lo:hi].tolist() if _few(lo, hi) else ()

    return of_dense


def _alive_values_of(segment: Segment, is_dead: IsDead) -> Callable[[int], Sequence[int]]:
    if is_dead is None:
        return _values_of(segment)
    values, ranges = segment.rows.v.data, _range(segment.by_e)

    def of(e: int) -> Sequence[int]:
        lo, hi = ranges(e)
        return [values[at] for at in range(lo, hi) if not is_dead(at)] if _few(lo, hi) else ()

    return of


def _holders_of(segment: Segment, is_dead: IsDead) -> Callable[[int], Sequence[int]]:
    entities, order, ranges = segment.rows.e.data, segment.positions_by_value, _range(segment.by_v)

    def of(v: int) -> Sequence[int]:
        lo, hi = ranges(v)
        if not _few(lo, hi):
            return ()
        places = order[lo:hi].tolist()
        return [entities[at] for at in places if is_dead is None or not is_dead(at)]

    return of


def _few(lo: int, hi: int) -> bool:
    if hi - lo > MOST:
        raise TooMany
    return lo < hi
