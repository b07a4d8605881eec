"""Finding the rows of a growing table by some of its columns, without going through all of them each time.

Rows are put into sorted runs as they come, each run at least twice as long as the next, so that a row is moved only
a logarithmic number of times (the idea of a log-structured merge tree), and a lookup asks each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from factstore.columns import Ints, spans
from factstore.columns_sort import argsort
from factstore.index_segment import Sorted
from factstore.query.rules.seen import Packing


class _Run(NamedTuple):
    keys: Sorted
    rows: Ints
    """The positions in the table of the rows with these keys."""


class TableIndex:
    """The positions of rows by the values of one or more columns.

    >>> from factstore.columns import ints
    >>> index = TableIndex()
    >>> index.extend([ints([5, 7, 5])])
    True
    >>> [found.tolist() for found in index.find([ints([7, 5])])]
    [[0, 1, 1], [1, 0, 2]]
    """

    def __init__(self) -> None:
        self.size = 0
        self._runs: list[_Run] = []
        self._packing: Packing | None = None

    def extend(self, columns: Sequence[Ints]) -> bool:
        """Takes the rows of a table beyond those it has; False if they cannot be told apart by one number."""
        new = [column[self.size :] for column in columns]
        if not len(new[0]):
            return True
        keys = new[0] if len(new) == 1 else self._packed(new)
        if keys is None:
            # A value out of the range of what was there: all are packed anew, in a range that has it.
            packing = Packing.of(new, self._packing)
            if packing is None:
                return False
            self._packing, self._runs, self.size = packing, [], 0
            keys = packing.pack(columns)
            assert keys is not None
        self._keep(keys, np.arange(self.size, self.size + len(keys), dtype=np.int64))
        self.size += len(keys)
        return True

    def _packed(self, columns: Sequence[Ints]) -> Ints | None:
        return None if self._packing is None else self._packing.pack(columns)

    def _keep(self, keys: Ints, rows: Ints) -> None:
        runs = self._runs
        parts = [(keys, rows)]
        total = len(keys)
        while runs and len(runs[-1].rows) < 2 * total:
            older = runs.pop()
            parts.append((older.keys.keys, older.rows))
            total += len(older.rows)
        keys, rows = (np.concatenate(column) for column in zip(*reversed(parts), strict=True))
        order = argsort(keys)
        runs.append(_Run(Sorted(keys[order]), rows[order]))

    def count(self, columns: Sequence[Ints]) -> int:
        """How many rows :meth:`find` would give."""
        _, ranges = self._ranges(columns)
        return sum(int((hi - lo).sum()) for _, lo, hi in ranges)

    def find(self, columns: Sequence[Ints]) -> tuple[Ints, Ints]:
        """For each row of ``columns`` those of the table that have its values: (its position, theirs)."""
        asked, ranges = self._ranges(columns)
        mine, theirs = [], []
        for run, lo, hi in ranges:
            row, at = spans(lo, hi)
            mine.append(row)
            theirs.append(run.rows[at])
        row = mine[0] if len(mine) == 1 else np.concatenate(mine)
        found = theirs[0] if len(theirs) == 1 else np.concatenate(theirs)
        return (row if asked is None else asked[row]), found

    def _ranges(self, columns: Sequence[Ints]) -> tuple[Ints | None, list[tuple[_Run, Ints, Ints]]]:
        asked, keys = None, columns[0]
        if len(columns) > 1:
            assert self._packing is not None
            kept = self._packing.fits(columns)
            if not kept.all():
                asked = np.flatnonzero(kept)
                columns = [column[asked] for column in columns]
            packed = self._packing.pack(columns)
            assert packed is not None
            keys = packed
        return asked, [(run, *run.keys.ranges(keys)) for run in self._runs]
