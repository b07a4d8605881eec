"""Numbers for rows, in the order in which they come: what tells a walk where it has been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from factstore.columns import Ints

_WIDEST: Final = 1 << 26
"""Slots that the range of some codes may take: pages of them that nobody touches are never made."""
_SMALLEST: Final = 1 << 10
_HALF: Final = 31
"""The bits of a number."""


class Numbers:
    """The codes of one column, each with a number; the numbers come from whoever asks.

    Where the codes lie in a narrow range, as ids do, each has a slot in an array; else they are keys of a dict.

    >>> numbers = Numbers()
    >>> numbers.add(np.array([70, 50, 70]), 0)[0].tolist(), numbers.add(np.array([50, 60]), 2)[0].tolist()
    ([1, 0, 1], [0, 2])
    """

    def __init__(self) -> None:
        self._low = 0
        self._slots: NDArray[Any] = np.zeros(0, dtype=np.int32)
        self._view = self._slots.data
        self._known: dict[int, int] | None = None

    def cover(self, low: int, high: int) -> None:
        """Makes room for the codes in ``low..high``."""
        width = len(self._slots)
        if self._known is not None or (width and self._low <= low and high < self._low + width):
            return
        if width:
            # Twice as much as there was on the side it grows, so that rows are moved a few times only.
            low = min(low - width, self._low) if low < self._low else self._low
            high = max(high + width, self._low + width) if high >= self._low + width else self._low + width - 1
        if high - low >= _WIDEST:
            filled = np.flatnonzero(self._slots)
            numbers = (self._slots[filled] - 1).tolist()
            self._known = dict(zip((filled + self._low).tolist(), numbers, strict=True))
            return
        slots: NDArray[Any] = np.zeros(max(high - low + 1, _SMALLEST), dtype=np.int32)
        if width:
            slots[self._low - low : self._low - low + width] = self._slots
        self._low, self._slots, self._view = low, slots, slots.data

    def add(self, codes: Ints, first: int) -> tuple[Ints, Ints]:
        """The number of each code, new ones counted from ``first``; and a position for each that is new, in order."""
        if len(codes):
            self.cover(int(codes.min()), int(codes.max()))
        if self._known is not None:
            return self._add_known(codes.tolist(), first)
        slots, at = self._slots, codes - self._low
        fresh = np.flatnonzero(slots[at] == 0)
        if len(fresh):
            # Of equal codes the one written last stays, and so stands for all of them.
            own = np.arange(1, len(fresh) + 1, dtype=np.int32)
            slots[at[fresh]] = own
            fresh = fresh[slots[at[fresh]] == own]
            slots[at[fresh]] = np.arange(first + 1, first + 1 + len(fresh), dtype=np.int32)
        return slots[at].astype(np.int64) - 1, fresh

    def _add_known(self, codes: Sequence[int], first: int) -> tuple[Ints, Ints]:
        assert self._known is not None
        known = self._known
        fresh: list[int] = []
        for position, code in enumerate(codes):
            if code not in known:
                known[code] = first + len(fresh)
                fresh.append(position)
        numbers = np.fromiter((known[code] for code in codes), dtype=np.int64, count=len(codes))
        return numbers, np.asarray(fresh, dtype=np.int64)

    def add_one(self, code: int, number: int) -> int:
        """The number that a code has, or -1 - ``number`` if it is new and takes that one."""
        if self._known is not None:
            held = self._known.setdefault(code, number)
            return held if held != number else -1 - number
        at = code - self._low
        if not 0 <= at < len(self._view):
            self.cover(code, code)
            return self.add_one(code, number)
        held = self._view[at]
        if held:
            return int(held) - 1
        self._view[at] = number + 1
        return -1 - number


class RowNumbers:
    """Rows of several columns, each with a number: that of the pair of its last column and of the columns before."""

    def __init__(self, arity: int) -> None:
        self._columns = [Numbers() for _ in range(arity)]
        self._pairs = [Numbers() for _ in range(arity - 1)]
        self._counts = [0] * (2 * arity)

    def cover(self, low: int, high: int) -> None:
        """Makes room for the codes in ``low..high``, if there is one column."""
        if not self._pairs:
            self._columns[0].cover(low, high)

    @property
    def single(self) -> Numbers:
        """The numbers of the only column."""
        return self._columns[0]

    def add(self, columns: Sequence[Ints], first: int) -> tuple[Ints, Ints]:
        """The number of each row, new ones counted from ``first``; and the positions of the new."""
        if not self._pairs:
            return self._columns[0].add(columns[0], first)
        found = self._counted(self._columns[0], columns[0], 0)
        for place, (own, pairs) in enumerate(zip(self._columns[1:], self._pairs, strict=True), 1):
            packed = (found << _HALF) | self._counted(own, columns[place], 2 * place)
            if pairs is self._pairs[-1]:
                return pairs.add(packed, first)
            found = self._counted(pairs, packed, 2 * place + 1)
        raise AssertionError

    def _counted(self, numbers: Numbers, codes: Ints, counter: int) -> Ints:
        found, fresh = numbers.add(codes, self._counts[counter])
        self._counts[counter] += len(fresh)
        return found
