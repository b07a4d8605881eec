"""A sorted array of facts of one attribute, and what makes looking up in it cheap.

That is an offset array where ids are dense, and a by-value permutation made on first use.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from factstore.columns import NO_ROWS, Ints, Mask, Rows, bisect_within, ints, order_by
from factstore.forks import lazy
from factstore.index_pairs import MOST_PAIRS, Pairs

_MANY: Final = 4096
"""Pairs that are looked up at once, of which at least one is sought for _EACH facts, are worth a hash table."""
_EACH: Final = 8
_DENSE: Final = 8
"""An offset array is made while it has at most this many slots of four bytes per fact."""


class Sorted:
    """A sorted int64 array that finds the range of a key in O(1) where the keys are dense."""

    __slots__ = ("_flags", "_is_full", "_low", "_offsets", "_single", "_width", "keys")

    def __init__(self, keys: Ints) -> None:
        self.keys = keys
        self._low = int(keys[0]) if len(keys) else 0
        self._width = -1
        self._is_full = False
        self._single: memoryview | None = None
        self._offsets: NDArray[Any] | None = None
        self._flags: Mask | None = None
        self._address(len(keys))

    def _address(self, uses: int) -> None:
        """Makes the offset array if its size is in proportion to the keys, or to the ``uses`` there are for it."""
        offsets = self._make_offsets(uses)
        if offsets is not None:
            # An item of a memoryview is an int at once; of an array it is an object to be converted.
            self._width, self._single = len(offsets) - 1, offsets.data
            # Every number of a stretch once: then a key says itself where it lies.
            self._is_full = self._width == len(self.keys) and bool((offsets[1:] - offsets[:-1] == 1).all())
            self._offsets = offsets

    def _make_offsets(self, uses: int) -> NDArray[Any] | None:
        keys = self.keys
        if not len(keys):
            return np.zeros(1, dtype=np.int64)
        width = int(keys[-1]) - self._low + 1
        if width > _DENSE * uses + 1024:
            return None
        counts = np.bincount(keys - self._low, minlength=width)
        offsets: NDArray[Any] = np.zeros(width + 1, dtype=np.int32 if len(keys) < 2**31 else np.int64)
        np.cumsum(counts, out=offsets[1:])
        return offsets

    @property
    def slots(self) -> tuple[memoryview | None, int, int]:
        """The offset array, the key of its first slot, and how many slots it has; None where keys are sparse."""
        return self._single, self._low, self._width

    @property
    def nbytes(self) -> int:
        """The bytes it has beside its keys."""
        flags = 0 if self._flags is None else self._flags.nbytes
        return flags if self._offsets is None else flags + self._offsets.nbytes

    def contains(self, wanted: Ints) -> Mask:
        """Which of the wanted keys are there.

        >>> Sorted(ints([3, 3, 5])).contains(ints([2, 3, 4, 5, 6])).tolist()
        [False, True, False, True, False]
        """
        if self._offsets is None:
            self._address(len(wanted))
        if self._offsets is None:
            at = np.searchsorted(self.keys, wanted)
            at[at == len(self.keys)] = 0
            return np.asarray(self.keys[at] == wanted)
        if self._flags is None:
            # The last one is that of all keys outside.
            self._flags = np.append(self._offsets[1:] > self._offsets[:-1], False)
        slots = wanted - self._low
        unsigned = slots.view(np.uint64)  # what is below the first key wraps round to far above
        np.minimum(unsigned, self._width, out=unsigned)
        return self._flags[slots]

    def ranges(self, wanted: Ints) -> tuple[Ints, Ints]:
        """The half-open range of positions of each wanted key."""
        if self._offsets is None:
            self._address(len(wanted))
        offsets = self._offsets
        if offsets is None:
            return np.searchsorted(self.keys, wanted), np.searchsorted(self.keys, wanted, side="right")
        if len(wanted) == 1:
            lo, hi = self.range(int(wanted[0]))
            return ints([lo]), ints([hi])
        at = wanted - self._low
        width = len(offsets) - 1
        outside = at.view(np.uint64) >= width  # what is below the first key wraps round to far above
        if outside.any():
            # Everything outside is the empty range at the end.
            at = np.where(outside, width, at)
            return ints(offsets[at]), ints(offsets[np.where(outside, width, at + 1)])
        if self._is_full:
            return at, at + 1
        return ints(offsets[at]), ints(offsets[at + 1])

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
    codes_in_order: Any = None
    """The distinct codes in the order of their values, likewise."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    @classmethod
    def of(cls, rows: Rows) -> Segment:
        """A segment of facts in any order; in the right one, their columns are kept as they are."""
        if _in_order(rows):
            return cls(rows)
        order = order_by(rows.e, rows.v)
        return cls(Rows(rows.e[order], rows.v[order], rows.tx[order]))

    def __len__(self) -> int:
        return len(self.rows.e)

    @property
    def nbytes(self) -> int:
        """The bytes of its columns, and of what is made on first use as far as it has been."""
        made = vars(self) if len(self) else {}
        total = 24 * len(self)
        total += self.by_e.nbytes if "by_e" in made else 0
        total += self._v_order.nbytes if "_v_order" in made else 0
        total += self._pairs.nbytes if "_pairs" in made else 0
        total += self.codes_in_order.nbytes if "codes_in_order" in made else 0
        return total + (self.by_v.keys.nbytes + self.by_v.nbytes if "by_v" in made else 0)

    @lazy
    def by_e(self) -> Sorted:
        return Sorted(self.rows.e)

    @lazy
    def _v_order(self) -> Ints:
        return order_by(self.rows.v).astype(np.int64)

    @lazy
    def by_v(self) -> Sorted:
        return Sorted(self.rows.v[self._v_order])

    @lazy
    def _pairs(self) -> Pairs:
        return Pairs(self.rows.e, self.rows.v)

    @lazy
    def is_single(self) -> bool:
        """True if no entity has two values."""
        return bool((self.rows.e[1:] != self.rows.e[:-1]).all())

    @lazy
    def is_unique(self) -> bool:
        """True if no value has two holders."""
        return bool((self.by_v.keys[1:] != self.by_v.keys[:-1]).all())

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

    @property
    def positions_by_value(self) -> memoryview:
        """The row positions in value order, of which an item is an int at once."""
        return self._v_order.data

    def find_one(self, e: int, v: int) -> int:
        """The position of one fact, -1 if there is none."""
        lo, hi = self.by_e.range(e)
        at = bisect_left(self._values, v, lo, hi)
        return at if at < hi and self._values[at] == v else -1

    def has(self, e: Ints, v: Ints) -> Mask:
        """Whether each fact (e, v) is there; one of the two may be an array of one, for all."""
        if len(self) and self.is_single and len(e) >= len(v):
            at, hi = self.by_e.ranges(e)
            return np.asarray((self.rows.v[np.minimum(at, len(self) - 1)] == v) & (at < hi))
        size = max(len(e), len(v))
        return self.find(spread(e, size), spread(v, size)) >= 0

    def find(self, e: Ints, v: Ints) -> Ints:
        """The position of each fact (e, v), -1 where there is none."""
        if not len(self):
            return np.full(len(e), -1, dtype=np.int64)
        if self.is_single:
            at, hi = self.by_e.ranges(e)
            return np.where((at < hi) & (self.rows.v[np.minimum(at, len(self) - 1)] == v), at, -1)
        if len(e) >= _MANY and len(self) < min(_EACH * len(e), MOST_PAIRS):
            return self._pairs.find(e, v)
        lo, hi = self.by_e.ranges(e)
        at = bisect_within(self.rows.v, lo, hi, v)
        safe = np.minimum(at, len(self) - 1)
        return np.where((at < hi) & (self.rows.v[safe] == v), at, -1)


T = TypeVar("T", bound=np.generic)


def spread(values: NDArray[T], size: int) -> NDArray[T]:
    """A value for each of ``size``, of which there may be one for all."""
    return values if len(values) == size else np.repeat(values, size)


NO_FACTS: Final = Segment(NO_ROWS)


def without(rows: Rows, positions: Ints) -> Rows:
    """The rows at all other positions."""
    mask = np.ones(len(rows.e), dtype=np.bool_)
    mask[positions] = False
    return Rows(rows.e[mask], rows.v[mask], rows.tx[mask])


def merged(base: Segment, tail: Segment, dead: Ints) -> Segment:
    """One segment of both, but for the dead positions of the base."""
    alive = base.rows if not len(dead) else without(base.rows, dead)
    if not len(tail):
        return Segment(alive)
    # Both are sorted: the small one is put into the large one, without a sort of all.
    new = tail.rows
    lo, hi = np.searchsorted(alive.e, new.e), np.searchsorted(alive.e, new.e, side="right")
    at = bisect_within(alive.v, lo, hi, new.v)
    return Segment(Rows(*(np.insert(old, at, more) for old, more in zip(alive, new, strict=True))))


def _in_order(rows: Rows) -> bool:
    e, v = rows.e, rows.v
    above = e[1:] > e[:-1]
    return bool(above.all() or (above | ((e[1:] == e[:-1]) & (v[1:] > v[:-1]))).all())
