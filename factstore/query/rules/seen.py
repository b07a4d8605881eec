"""Which rows have been seen: what makes every row of a table stand there once.

Rows that come by the few are kept in a set. Rows that come by the many are packed into one int64 each
and kept in sorted runs, each at least twice as long as the next, so that a row is moved only a
logarithmic number of times (the idea of a log-structured merge tree); or, where they fill a good part of
the range they lie in, as flags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from factstore.columns import Ints, Mask, ints, member
from factstore.columns_sort import sort

_FEW: Final = 32
"""Up to so many rows at a time a set is faster than a search in arrays."""
_RECENT: Final = 4096
"""Rows the set takes before they become a run."""
_BITS: Final = 63
_FLAGS: Final = 32
"""Rows are marked in an array with a flag for each there could be, if those are at most so many times as many."""


class Packing(NamedTuple):
    """How rows become one int64 each: of every column the lowest value, and the bits that its range takes."""

    lows: tuple[int, ...]
    widths: tuple[int, ...]

    @classmethod
    def of(cls, columns: Sequence[Ints], old: Packing | None) -> Packing | None:
        """A packing for these rows and for all that ``old`` can pack; None if they do not fit."""
        lows = [int(column.min()) for column in columns]
        highs = [int(column.max()) for column in columns]
        if old is not None:
            lows = list(map(min, lows, old.lows))
            highs = [max(high, low + (1 << width) - 1) for high, low, width in zip(highs, *old, strict=True)]
        widths = [(high - low).bit_length() for high, low in zip(highs, lows, strict=True)]
        return cls(tuple(lows), tuple(widths)) if sum(widths) <= _BITS else None

    def pack(self, columns: Sequence[Ints]) -> Ints | None:
        """One int64 per row, in the order of the rows; None if a value lies outside of the range of its column."""
        packed = np.zeros(len(columns[0]), dtype=np.int64)
        for column, low, width in zip(columns, *self, strict=True):
            offset = (column - low).view(np.uint64)  # what is below the lowest wraps round to far above
            if (offset >> width).any():
                return None
            packed = (packed << width) | offset.view(np.int64)
        return packed

    def fits(self, columns: Sequence[Ints]) -> Mask:
        """Which rows lie in the range of every column."""
        fit = np.ones(len(columns[0]), dtype=np.bool_)
        for column, low, width in zip(columns, *self, strict=True):
            fit &= ((column - low).view(np.uint64) >> width) == 0
        return fit

    def unpack(self, packed: Ints) -> list[Ints]:
        """The columns again."""
        found = []
        for low, width in zip(reversed(self.lows), reversed(self.widths), strict=True):
            found.append((packed & ((1 << width) - 1)) + low)
            packed = packed >> width
        return found[::-1]


class Seen:
    """A set of rows of integers.

    >>> seen = Seen()
    >>> seen.add([ints([1, 2]), ints([7, 7])]).tolist(), seen.add([ints([2, 3]), ints([7, 7])]).tolist()
    ([True, True], [False, True])
    """

    def __init__(self) -> None:
        self._recent: set[tuple[int, ...]] = set()
        self._runs: list[Ints] = []
        self._packing: Packing | None = None
        self._packs = True
        self._flags: Mask | None = None

    def add(self, columns: Sequence[Ints]) -> Mask:
        """Takes rows, none of which stands twice among them; tells which of them are new."""
        if len(columns[0]) > _FEW or len(self._recent) > _RECENT:
            self._settle()
        is_packed = self._runs or self._flags is not None or len(columns[0]) > _FEW
        packed = self._packed(columns) if is_packed else None
        if packed is not None and self._flags is not None:
            new = ~self._flags[packed]
            self._flags[packed] = True
            return new
        new = np.ones(len(columns[0]), dtype=np.bool_)
        if packed is not None:
            for run in self._runs:
                new &= ~member(packed, run)
        if packed is None or len(columns[0]) <= _FEW:
            return new & self._add_recent(columns)
        self._keep(sort(packed.compress(new)))
        return new

    def _add_recent(self, columns: Sequence[Ints]) -> Mask:
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        new = np.fromiter((row not in self._recent for row in rows), dtype=np.bool_, count=len(rows))
        self._recent.update(rows)
        return new

    def _settle(self) -> None:
        """Makes a run of the recent rows, if rows can be packed."""
        if self._recent and self._packs:
            columns = [ints(column) for column in zip(*self._recent, strict=True)]
            packed = self._packed(columns)
            if packed is not None:
                self._recent = set()
                self._keep(sort(packed))

    def _packed(self, columns: Sequence[Ints]) -> Ints | None:
        """The rows as integers, by a packing that fits all there are; None if there is none."""
        packed = None if self._packing is None else self._packing.pack(columns)
        if packed is None and self._packs:
            self._repack(Packing.of(columns, self._packing))
            packed = None if self._packing is None else self._packing.pack(columns)
        return packed

    def _repack(self, packing: Packing | None) -> None:
        old, runs = self._packing, self._runs
        if self._flags is not None:
            runs, self._flags = [np.flatnonzero(self._flags)], None
        self._packing, self._packs = packing, packing is not None
        self._runs = []
        for run in runs:
            assert old is not None
            columns = old.unpack(run)
            packed = None if packing is None else packing.pack(columns)
            if packed is None:
                self._recent.update(zip(*(column.tolist() for column in columns), strict=True))
            else:
                self._runs.append(packed)

    def _keep(self, run: Ints) -> None:
        """Takes packed rows, sorted, none of which was there."""
        runs = self._runs
        while runs and len(runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate((runs.pop(), run)), kind="stable")
        if len(run):
            runs.append(run)
            self._flag(sum(map(len, runs)))

    def _flag(self, count: int) -> None:
        """Makes a flag for each row there could be, if that is in proportion to the rows there are."""
        assert self._packing is not None
        width = 1 << sum(self._packing.widths)
        if count > _RECENT and width <= _FLAGS * count:
            self._flags = np.zeros(width, dtype=np.bool_)
            for run in self._runs:
                self._flags[run] = True
            self._runs = []
