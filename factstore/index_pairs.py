"""A hash table over pairs of numbers, in which a whole column of pairs is looked up at once.

Open addressing with double hashing, a round of it for all pairs together: whoever finds his slot taken goes on to
his next one. A table is a quarter full at most, so that three of four pairs that are not there end in the first round.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from factstore.columns import Ints

_ROOM: Final = 4
"""Slots, of four bytes, for each pair."""
MOST_PAIRS: Final = 2**29
"""More pairs than that are not put into a table."""
_ONE: Final = np.uint64(0x9E3779B97F4A7C15)
_OTHER: Final = np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd numbers whose products spread over 64 bits (Knuth, The Art of Computer Programming, 6.4)."""


class Pairs:
    """The positions of pairs of two columns, in which no pair comes twice.

    >>> from factstore.columns import ints
    >>> pairs = Pairs(ints([1, 1, 2]), ints([7, 8, 7]))
    >>> pairs.find(ints([2, 1, 2]), ints([7, 8, 8])).tolist()
    [2, 1, -1]
    """

    __slots__ = ("_bits", "_one", "_other", "_slots")

    def __init__(self, one: Ints, other: Ints) -> None:
        self._one = one
        self._other = other
        self._bits = max(4, (_ROOM * len(one) - 1).bit_length())
        self._slots: NDArray[np.int32] = np.full(2**self._bits, -1, dtype=np.int32)
        self._fill()

    @property
    def nbytes(self) -> int:
        """The bytes of the table, beside the columns."""
        return self._slots.nbytes

    def _fill(self) -> None:
        slots, waiting = self._slots, np.arange(len(self._one), dtype=np.int32)
        at, step = self._hashed(self._one, self._other)
        while len(waiting):
            free = slots[at] < 0
            slots[at[free]] = waiting[free]
            lost = np.flatnonzero(slots[at] != waiting)
            waiting, step = waiting[lost], step[lost]
            at = (at[lost] + step) & (len(slots) - 1)

    def _hashed(self, one: Ints, other: Ints) -> tuple[Ints, Ints]:
        """The first slot of each pair, and how far it is from one of its slots to the next."""
        mixed = one.astype(np.uint64) * _ONE
        mixed ^= mixed >> np.uint64(32)
        mixed += other.astype(np.uint64)
        mixed *= _OTHER
        first = (mixed >> np.uint64(64 - self._bits)).astype(np.int64)
        step = (mixed & np.uint64(len(self._slots) - 1)).astype(np.int64) | 1
        return first, step

    def find(self, one: Ints, other: Ints) -> Ints:
        """The position of each pair, -1 where there is none."""
        at, step = self._hashed(one, other)
        found = self._slots[at].astype(np.int64)
        asked = np.flatnonzero(found >= 0)
        while len(asked):
            there = found[asked]
            taken = (self._one[there] != one[asked]) | (self._other[there] != other[asked])
            asked = asked.compress(taken & (there >= 0))
            if not len(asked):
                break
            at[asked] = (at[asked] + step[asked]) & (len(self._slots) - 1)
            found[asked] = self._slots[at[asked]]
            asked = asked.compress(found[asked] >= 0)
        return found
