"""One attribute's facts, by entity and by value: a large base, a short tail, and what has died.

An :class:`AttributeIndex` is a large :class:`~factstore.index_segment.Segment`, the base, a small one of
newer facts, the tail, and the positions in the base that hold no longer. A commit makes a new index that
shares the base; when the tail has grown, the two are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints, Mask, Rows, ints, member, spans
from factstore.index_segment import NO_FACTS, Segment, merged, spread, without
from factstore.index_single import Single, single_by_entity, single_by_value

_TAIL_MIN: Final = 4096
_TAIL_SHARE: Final = 8
"""The tail is merged when it outgrows both _TAIL_MIN and base / _TAIL_SHARE."""
_MERGED_AFTER: Final = 4
"""The tail is merged as well when so many keys were looked up for each fact."""
_DEAD_FEW: Final = 8192
"""Up to so many dead positions are put into a set when single ones are looked up."""


class Found:
    """Facts by their positions in segments; each column is gathered when it is first asked for."""

    __slots__ = ("_columns", "_parts")

    def __init__(self, *parts: tuple[Rows, Ints]) -> None:
        self._parts = parts
        self._columns: list[Ints | None] = [None, None, None]

    def _gathered(self, column: int) -> Ints:
        found = self._columns[column]
        if found is None:
            gathered = [rows[column].take(at) for rows, at in self._parts]
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

    @property
    def counts(self) -> Ints:
        """How many facts lie in the ranges of each key; exact likewise."""
        first, *more = (hi - lo for _, lo, hi in self.parts)
        return sum(more, start=first)

    def between(self, start: int, end: int) -> Ranges:
        """Those of some of the keys, by their positions."""
        return Ranges([(segment, lo[start:end], hi[start:end]) for segment, lo, hi in self.parts], self.by_value)


class AttributeIndex:
    """The facts of one attribute at one basis; immutable.

    Every lookup takes arrays and answers with arrays: ``row`` says which of the asked-for keys an
    answer belongs to.

    >>> index = AttributeIndex.of(Rows(ints([1, 1, 2]), ints([7, 8, 7]), ints([0, 0, 0])))
    >>> row, found = index.by_entity(ints([2, 1]))
    >>> row.tolist(), found.v.tolist()
    ([0, 1, 1], [7, 7, 8])
    """

    __slots__ = ("_base", "_by_entity", "_by_value", "_dead", "_dead_few", "_read", "_scanned", "_tail", "_whole")

    def __init__(self, base: Segment, tail: Segment = NO_FACTS, dead: Ints = EMPTY) -> None:
        self._base = base
        self._tail = tail
        self._dead = dead
        self._dead_few: frozenset[int] | None = None
        self._scanned: Rows | None = None
        self._by_entity: Single | None = None
        self._by_value: Single | None = None
        self._read = 0
        self._whole: AttributeIndex | None = None

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
        """The bytes of its columns, and of what was made of them since."""
        scanned = 0 if self._scanned is None else 24 * len(self._scanned.e)
        whole = 0 if self._whole is None else self._whole.nbytes
        return self._base.nbytes + self._tail.nbytes + self._dead.nbytes + scanned + whole

    def advance(self, added: Rows, retracted: Rows) -> AttributeIndex:
        """The index after a commit; ``retracted`` facts hold now, ``added`` ones do not."""
        if self._whole is not None:
            return self._whole.advance(added, retracted)
        tail, dead = self._tail, self._dead
        if len(retracted.e):
            in_tail = tail.find(retracted.e, retracted.v)
            tail = Segment(without(tail.rows, in_tail[in_tail >= 0]))
            in_base = self._base.find(retracted.e, retracted.v)
            dead = np.sort(np.concatenate((dead, in_base[(in_base >= 0) & (in_tail < 0)])))
        if len(added.e):
            tail = Segment.of(_concat(tail.rows, added))
        if len(tail) + len(dead) > max(_TAIL_MIN, len(self._base) // _TAIL_SHARE):
            return AttributeIndex(merged(self._base, tail, dead))
        return AttributeIndex(self._base, tail, dead)

    def scan(self) -> Rows:
        """All facts, sorted by (e, v)."""
        if not len(self._tail) and not len(self._dead):
            return self._base.rows
        if self._whole is not None:
            return self._whole.scan()
        if self._scanned is None:
            self._scanned = merged(self._base, self._tail, self._dead).rows
        return self._scanned

    def _repaid(self, keys: int) -> AttributeIndex:
        """What is to look ``keys`` up: this index, or, when enough were, one in which the tail is merged.

        Looking into a base, a tail and what has died takes up to twice as long as looking into a base alone.
        """
        if not len(self._tail) and not len(self._dead):
            return self
        self._read += keys
        if self._whole is None and self._read > _MERGED_AFTER * len(self):
            self._whole = AttributeIndex(Segment(self.scan()))
        return self._whole or self

    def by_entity(self, e: Ints) -> tuple[Ints, Found]:
        """The facts of each entity: (row, facts)."""
        return self.facts_in(self.ranges_of_entities(e))

    def by_value(self, v: Ints) -> tuple[Ints, Found]:
        """The facts with each value: (row, facts)."""
        return self.facts_in(self.ranges_of_values(v))

    def ranges_of_entities(self, e: Ints) -> Ranges:
        """Where the facts of each entity lie."""
        segments = self._repaid(len(e))._segments()
        return Ranges([(segment, *segment.by_e.ranges(e)) for segment in segments], by_value=False)

    def ranges_of_values(self, v: Ints) -> Ranges:
        """Where the facts with each value lie."""
        segments = self._repaid(len(v))._segments()
        return Ranges([(segment, *segment.by_v.ranges(v)) for segment in segments], by_value=True)

    def between(self, low: int | None, high: int | None) -> Found:
        """The facts whose encoded value lies in ``low..high``, both included, None being open."""
        parts = []
        for segment in self._segments():
            lo, hi = _bounds(segment.by_v.keys, low, high)
            parts.append((segment, ints([lo]), ints([hi])))
        return self.facts_in(Ranges(parts, by_value=True))[1]

    def any_in(self, ranges: Ranges) -> Mask:
        """For each key, whether a fact lies in its ranges."""
        if not len(self._dead) or ranges.parts[0][0] is not self._base:
            return np.asarray(ranges.counts > 0)
        if ranges.by_value:
            found = np.zeros(len(ranges.parts[0][1]), dtype=np.bool_)
            found[self.facts_in(ranges)[0]] = True
            return found
        _, lo, hi = ranges.parts[0]
        died = np.searchsorted(self._dead, hi) - np.searchsorted(self._dead, lo)
        return np.asarray(ranges.counts > died)

    def has_entities(self, e: Ints) -> Mask:
        """Which entities have a value."""
        index = self._repaid(len(e))
        if len(index._dead):
            return index.any_in(index.ranges_of_entities(e))
        held = index._base.by_e.contains(e)
        return held | index._tail.by_e.contains(e) if len(index._tail) else held

    def has_values(self, v: Ints) -> Mask:
        """Which values an entity has."""
        index = self._repaid(len(v))
        if len(index._dead):
            return index.any_in(index.ranges_of_values(v))
        held = index._base.by_v.contains(v)
        return held | index._tail.by_v.contains(v) if len(index._tail) else held

    @property
    def is_single(self) -> bool:
        """True if no entity has two values; False as well where finding out takes more than a glance."""
        if self._whole is not None:
            return self._whole.is_single
        return self._base.is_single and (not len(self._tail) or (self._tail.is_single and self._tail_is_apart()))

    def _tail_is_apart(self) -> bool:
        """True if no entity in the tail has a value in the base that still holds."""
        lo, hi = self._base.by_e.ranges(self._tail.rows.e)
        if len(self._dead):
            hi = hi - (np.searchsorted(self._dead, hi) - np.searchsorted(self._dead, lo))
        return bool((lo == hi).all())

    @property
    def is_unique(self) -> bool:
        """True if no value has two holders; False as well where finding out takes more than a glance."""
        if self._whole is not None:
            return self._whole.is_unique
        if len(self._tail) and not (
            self._tail.is_unique and (np.subtract(*self._base.by_v.ranges(self._tail.rows.v)) == 0).all()
        ):
            return False
        return self._base.is_unique

    def find(self, e: Ints, v: Ints) -> tuple[Mask, Ints]:
        """For each fact (e, v): whether it holds, and its transaction (-1 where it does not)."""
        whole = self._repaid(len(e))
        return self._find(e, v) if whole is self else whole.find(e, v)

    def _find(self, e: Ints, v: Ints) -> tuple[Mask, Ints]:
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

    def has(self, e: Ints, v: Ints) -> Mask:
        """For each fact (e, v): whether it holds; one of the two may be an array of one, for all."""
        whole = self._repaid(max(len(e), len(v)))
        if whole is not self:
            return whole.has(e, v)
        if not len(self._dead):
            held = self._base.has(e, v)
        else:
            size = max(len(e), len(v))
            at = self._base.find(spread(e, size), spread(v, size))
            held = np.asarray(at >= 0) & ~member(at, self._dead)
        return held | self._tail.has(e, v) if len(self._tail) else held

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

    @property
    def single_by_entity(self) -> Single:
        """The values of one entity after another."""
        found = self._by_entity
        if found is None:
            found = self._by_entity = single_by_entity(
                self._base, self._tail, self._is_dead if len(self._dead) else None
            )
        return found

    @property
    def single_by_value(self) -> Single:
        """The entities of one encoded value after another."""
        found = self._by_value
        if found is None:
            found = self._by_value = single_by_value(self._base, self._tail, self._is_dead if len(self._dead) else None)
        return found

    def _is_dead(self, position: int) -> bool:
        if self._dead_few is None and len(self._dead) <= _DEAD_FEW:
            self._dead_few = frozenset(self._dead.tolist())
        if self._dead_few is not None:
            return position in self._dead_few
        at = int(np.searchsorted(self._dead, position))
        return at < len(self._dead) and int(self._dead[at]) == position

    def holds(self, e: int, v: int) -> bool:
        """Whether one fact is there."""
        return self.tx_of(e, v) >= 0

    def tx_of(self, e: int, v: int) -> int:
        """The transaction of one fact, -1 if it is not there."""
        at = self._base.find_one(e, v)
        if at >= 0 and not self._is_dead(at):
            return int(self._base.rows.tx[at])
        at = self._tail.find_one(e, v) if len(self._tail) else -1
        return int(self._tail.rows.tx[at]) if at >= 0 else -1

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


def _concat(one: Rows, other: Rows) -> Rows:
    return Rows(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))
