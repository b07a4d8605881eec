"""One attribute's facts, by entity and by value: a large base, a short tail, and what has died.

A :class:`Segment` is a sorted array of facts with what makes looking up in it cheap: an offset array
where ids are dense, a by-value permutation made on first use. An :class:`AttributeIndex` is a base
segment, a small tail of newer facts, and the positions in the base that hold no longer. A commit
makes a new index that shares the base; when the tail has grown, the two are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from factstore.columns import EMPTY, NO_ROWS, Ints, Mask, Rows, bisect_within, ints, member, order_by, spans
from factstore.forks import lazy

_DENSE: Final = 8
"""An offset array is made while it has at most this many slots of four bytes per fact."""
_TAIL_MIN: Final = 4096
_TAIL_SHARE: Final = 8
"""The tail is merged when it outgrows both _TAIL_MIN and base / _TAIL_SHARE."""
_DEAD_FEW: Final = 8192
"""Up to so many dead positions are put into a set when single ones are looked up."""


class Sorted:
    """A sorted int64 array that finds the range of a key in O(1) where the keys are dense."""

    __slots__ = ("_low", "_offsets", "_single", "_width", "keys")

    def __init__(self, keys: Ints) -> None:
        self.keys = keys
        self._low = int(keys[0]) if len(keys) else 0
        self._offsets = self._make_offsets()
        self._width = -1 if self._offsets is None else len(self._offsets) - 1
        # An item of a memoryview is an int at once; of an array it is an object to be converted.
        self._single = None if self._offsets is None else self._offsets.data

    def _make_offsets(self) -> NDArray[Any] | None:
        keys = self.keys
        if not len(keys):
            return np.zeros(1, dtype=np.int64)
        width = int(keys[-1]) - self._low + 1
        if width > _DENSE * len(keys) + 1024:
            return None
        counts = np.bincount(keys - self._low, minlength=width)
        offsets: NDArray[Any] = np.zeros(width + 1, dtype=np.int32 if len(keys) < 2**31 else np.int64)
        np.cumsum(counts, out=offsets[1:])
        return offsets

    def ranges(self, wanted: Ints) -> tuple[Ints, Ints]:
        """The half-open range of positions of each wanted key."""
        if self._offsets is None:
            return np.searchsorted(self.keys, wanted), np.searchsorted(self.keys, wanted, side="right")
        if len(wanted) == 1:
            lo, hi = self.range(int(wanted[0]))
            return ints([lo]), ints([hi])
        at = wanted - self._low
        width = len(self._offsets) - 1
        outside = at.view(np.uint64) >= width  # what is below the first key wraps round to far above
        if outside.any():
            # Everything outside is the empty range at the end.
            at = np.where(outside, width, at)
            return ints(self._offsets[at]), ints(self._offsets[np.where(outside, width, at + 1)])
        return ints(self._offsets[at]), ints(self._offsets[at + 1])

    def range(self, wanted: int) -> tuple[int, int]:
        """The half-open range of positions of one key."""
        if self._single is not None:
            at = wanted - self._low
            return (self._single[at], self._single[at + 1]) if 0 <= at < self._width else (0, 0)
        return int(np.searchsorted(self.keys, wanted)), int(np.searchsorted(self.keys, wanted, side="right"))


class Segment:
    """Immutable facts sorted by (e, v), with a by-value order made when it is first asked for."""

    value_order: Any = None
    """Positions in the order of the values rather than of their codes, kept by who has made them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    @classmethod
    def of(cls, rows: Rows) -> Segment:
        """A segment of facts in any order."""
        order = order_by(rows.e, rows.v)
        return cls(Rows(rows.e[order], rows.v[order], rows.tx[order]))

    def __len__(self) -> int:
        return len(self.rows.e)

    @lazy
    def by_e(self) -> Sorted:
        return Sorted(self.rows.e)

    @lazy
    def _v_order(self) -> Ints:
        return order_by(self.rows.v).astype(np.int64)

    @lazy
    def by_v(self) -> Sorted:
        return Sorted(self.rows.v[self._v_order])

    def at_v(self, positions: Ints) -> Ints:
        """The row positions of positions in value order."""
        return self._v_order[positions]

    @lazy
    def _values(self) -> memoryview:
        return self.rows.v.data

    def values_in(self, lo: int, hi: int) -> list[int]:
        """The values at some positions."""
        return self._values[lo:hi].tolist() if lo < hi else []

    def values_of(self, e: int) -> list[int]:
        """The values of one entity, in order."""
        return self.values_in(*self.by_e.range(e))

    def holders_of(self, v: int) -> list[int]:
        """The entities with one value, in order."""
        lo, hi = self.by_v.range(v)
        found: list[int] = self.rows.e[self._v_order[lo:hi]].tolist() if lo < hi else []
        return found

    def find_one(self, e: int, v: int) -> int:
        """The position of one fact, -1 if there is none."""
        lo, hi = self.by_e.range(e)
        at = lo + int(np.searchsorted(self.rows.v[lo:hi], v))
        return at if at < hi and self.rows.v[at] == v else -1

    def find(self, e: Ints, v: Ints) -> Ints:
        """The position of each fact (e, v), -1 where there is none."""
        if not len(self):
            return np.full(len(e), -1, dtype=np.int64)
        lo, hi = self.by_e.ranges(e)
        at = bisect_within(self.rows.v, lo, hi, v)
        safe = np.minimum(at, len(self) - 1)
        return np.where((at < hi) & (self.rows.v[safe] == v), at, -1)


NO_FACTS: Final = Segment(NO_ROWS)


class Found:
    """Facts by their positions in segments; each column is gathered when it is first asked for."""

    __slots__ = ("_columns", "_parts")

    def __init__(self, *parts: tuple[Rows, Ints]) -> None:
        self._parts = parts
        self._columns: list[Ints | None] = [None, None, None]

    def _gathered(self, column: int) -> Ints:
        found = self._columns[column]
        if found is None:
            gathered = [rows[column][at] for rows, at in self._parts]
            found = self._columns[column] = gathered[0] if len(gathered) == 1 else np.concatenate(gathered)
        return found

    @property
    def e(self) -> Ints:
        return self._gathered(0)

    @property
    def v(self) -> Ints:
        return self._gathered(1)

    @property
    def tx(self) -> Ints:
        return self._gathered(2)


class Ranges(NamedTuple):
    """Half-open ranges of positions, one for each key that was sought, in each segment of an index."""

    parts: Sequence[tuple[Segment, Ints, Ints]]
    by_value: bool

    @property
    def size(self) -> int:
        """How many facts lie in them; exact up to what has died since the last merge."""
        return sum(int(hi.sum() - lo.sum()) for _, lo, hi in self.parts)


class AttributeIndex:
    """The facts of one attribute at one basis; immutable.

    Every lookup takes arrays and answers with arrays: ``row`` says which of the asked-for keys an
    answer belongs to.

    >>> index = AttributeIndex.of(Rows(ints([1, 1, 2]), ints([7, 8, 7]), ints([0, 0, 0])))
    >>> row, found = index.by_entity(ints([2, 1]))
    >>> row.tolist(), found.v.tolist()
    ([0, 1, 1], [7, 7, 8])
    """

    __slots__ = ("_base", "_dead", "_dead_few", "_scanned", "_tail")

    def __init__(self, base: Segment, tail: Segment = NO_FACTS, dead: Ints = EMPTY) -> None:
        self._base = base
        self._tail = tail
        self._dead = dead
        self._dead_few: frozenset[int] | None = None
        self._scanned: Rows | None = None

    @classmethod
    def of(cls, rows: Rows) -> AttributeIndex:
        """An index of facts in any order."""
        return cls(Segment.of(rows))

    def parts(self) -> tuple[Segment, Segment, Ints]:
        """The base, the tail of newer facts, and the sorted positions in the base that hold no longer."""
        return self._base, self._tail, self._dead

    def __len__(self) -> int:
        return len(self._base) - len(self._dead) + len(self._tail)

    @property
    def nbytes(self) -> int:
        """The bytes of its three columns."""
        return 24 * (len(self._base) + len(self._tail))

    def advance(self, added: Rows, retracted: Rows) -> AttributeIndex:
        """The index after a commit; ``retracted`` facts hold now, ``added`` ones do not."""
        tail, dead = self._tail, self._dead
        if len(retracted.e):
            in_tail = tail.find(retracted.e, retracted.v)
            tail = Segment(_keep(tail.rows, _all_but(len(tail), in_tail[in_tail >= 0])))
            in_base = self._base.find(retracted.e, retracted.v)
            dead = np.sort(np.concatenate((dead, in_base[(in_base >= 0) & (in_tail < 0)])))
        if len(added.e):
            tail = Segment.of(_concat(tail.rows, added))
        if len(tail) + len(dead) > max(_TAIL_MIN, len(self._base) // _TAIL_SHARE):
            return AttributeIndex(_merged(self._base, tail, dead))
        return AttributeIndex(self._base, tail, dead)

    def scan(self) -> Rows:
        """All facts, sorted by (e, v)."""
        if not len(self._tail) and not len(self._dead):
            return self._base.rows
        if self._scanned is None:
            self._scanned = _merged(self._base, self._tail, self._dead).rows
        return self._scanned

    def by_entity(self, e: Ints) -> tuple[Ints, Found]:
        """The facts of each entity: (row, facts)."""
        return self.facts_in(self.ranges_of_entities(e))

    def by_value(self, v: Ints) -> tuple[Ints, Found]:
        """The facts with each value: (row, facts)."""
        return self.facts_in(self.ranges_of_values(v))

    def ranges_of_entities(self, e: Ints) -> Ranges:
        """Where the facts of each entity lie."""
        return Ranges([(segment, *segment.by_e.ranges(e)) for segment in self._segments()], by_value=False)

    def ranges_of_values(self, v: Ints) -> Ranges:
        """Where the facts with each value lie."""
        return Ranges([(segment, *segment.by_v.ranges(v)) for segment in self._segments()], by_value=True)

    def between(self, low: int | None, high: int | None) -> Found:
        """The facts whose encoded value lies in ``low..high``, both included, None being open."""
        parts = []
        for segment in self._segments():
            lo, hi = _bounds(segment.by_v.keys, low, high)
            parts.append((segment, ints([lo]), ints([hi])))
        return self.facts_in(Ranges(parts, by_value=True))[1]

    def find(self, e: Ints, v: Ints) -> tuple[Mask, Ints]:
        """For each fact (e, v): whether it holds, and its transaction (-1 where it does not)."""
        tx = np.full(len(e), -1, dtype=np.int64)
        at = self._base.find(e, v)
        held = at >= 0
        if len(self._dead):
            held &= ~member(at, self._dead)
        tx[held] = self._base.rows.tx[at[held]]
        if len(self._tail):
            at = self._tail.find(e, v)
            newer = at >= 0
            tx[newer] = self._tail.rows.tx[at[newer]]
            held |= newer
        return held, tx

    def values_of(self, e: int) -> list[int]:
        """The encoded values of one entity: :meth:`by_entity` where a call counts more than a row."""
        lo, hi = self._base.by_e.range(e)
        found = self._base.values_in(lo, hi)
        if found and len(self._dead):
            found = [v for at, v in enumerate(found, lo) if not self._is_dead(at)]
        return found + self._tail.values_of(e) if len(self._tail.rows.e) else found

    def holders_of(self, v: int) -> list[int]:
        """The entities that have one encoded value: :meth:`by_value` where a call counts more than a row."""
        found = self._base.holders_of(v)
        if found and len(self._dead):
            found = [e for e in found if not self._is_dead(self._base.find_one(e, v))]
        return found + self._tail.holders_of(v) if len(self._tail.rows.e) else found

    def _is_dead(self, position: int) -> bool:
        if self._dead_few is None and len(self._dead) <= _DEAD_FEW:
            self._dead_few = frozenset(self._dead.tolist())
        if self._dead_few is not None:
            return position in self._dead_few
        at = int(np.searchsorted(self._dead, position))
        return at < len(self._dead) and int(self._dead[at]) == position

    def holds(self, e: int, v: int) -> bool:
        """Whether one fact is there."""
        at = self._base.find_one(e, v)
        if at >= 0 and not self._is_dead(at):
            return True
        return len(self._tail) > 0 and self._tail.find_one(e, v) >= 0

    def count_between(self, low: int | None, high: int | None) -> int:
        """How many facts :meth:`between` gives; exact up to what has died since the last merge."""
        ranges = [_bounds(segment.by_v.keys, low, high) for segment in self._segments()]
        return sum(hi - lo for lo, hi in ranges)

    def _segments(self) -> tuple[Segment, ...]:
        return (self._base, self._tail) if len(self._tail) else (self._base,)

    def facts_in(self, ranges: Ranges) -> tuple[Ints, Found]:
        """The facts in each range: (row, facts)."""
        rows, found = [], []
        for segment, lo, hi in ranges.parts:
            row, at = spans(lo, hi)
            if ranges.by_value:
                at = segment.at_v(at)
            if segment is self._base and len(self._dead):
                alive = ~member(at, self._dead)
                row, at = row[alive], at[alive]
            rows.append(row)
            found.append((segment.rows, at))
        return rows[0] if len(rows) == 1 else np.concatenate(rows), Found(*found)


NO_INDEX: Final = AttributeIndex(NO_FACTS)


def _bounds(keys: Ints, low: int | None, high: int | None) -> tuple[int, int]:
    lo = 0 if low is None else int(np.searchsorted(keys, low))
    hi = len(keys) if high is None else int(np.searchsorted(keys, high, side="right"))
    return lo, max(lo, hi)


def _keep(rows: Rows, mask: Mask) -> Rows:
    return Rows(rows.e[mask], rows.v[mask], rows.tx[mask])


def _all_but(size: int, positions: Ints) -> Mask:
    mask = np.ones(size, dtype=np.bool_)
    mask[positions] = False
    return mask


def _concat(one: Rows, other: Rows) -> Rows:
    return Rows(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))


def _merged(base: Segment, tail: Segment, dead: Ints) -> Segment:
    alive = base.rows if not len(dead) else _keep(base.rows, _all_but(len(base), dead))
    if not len(tail):
        return Segment(alive)
    # Both are sorted: the small one is put into the large one, without a sort of all.
    new = tail.rows
    lo, hi = np.searchsorted(alive.e, new.e), np.searchsorted(alive.e, new.e, side="right")
    at = bisect_within(alive.v, lo, hi, new.v)
    return Segment(Rows(*(np.insert(old, at, more) for old, more in zip(alive, new, strict=True))))
