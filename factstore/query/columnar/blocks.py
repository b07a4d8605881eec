"""Stretches of rows that are worked on one after the other, so that what is made on the way stays near and small."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from factstore.columns import Ints
from factstore.columns_sort import is_nearly_sorted
from factstore.query.columnar.relation import Relation


def ordered_by(rows: Relation, names: Collection[str]) -> str | None:
    """One of the columns ``names`` in whose order the rows are; None if there is none.

    >>> from factstore.columns import ints
    >>> from factstore.query.columnar.relation import Column
    >>> ordered_by(Relation({"?a": Column(1, ints([2, 1])), "?b": Column(1, ints([3, 3]))}), {"?a", "?b"})
    '?b'
    """
    for name, (_, data) in rows.columns.items():
        if name in names and is_nearly_sorted(data) and bool((data[1:] >= data[:-1]).all()):
            return name
    return None


def blocks(ordered: Ints, counts: Ints, most: int) -> Iterator[tuple[int, int]]:
    """Stretches of rows that lead to about ``most`` others together, ``counts`` telling how many each does.

    Equal values of ``ordered`` are in one stretch.

    >>> from factstore.columns import ints
    >>> list(blocks(ints([1, 1, 2, 3]), ints([2, 2, 1, 2]), 3))
    [(0, 2), (2, 4)]
    """
    ends = np.cumsum(counts)
    start = 0
    while start < len(ordered):
        done = int(ends[start - 1]) if start else 0
        last = max(start, int(np.searchsorted(ends, done + most, side="right")) - 1)
        end = int(np.searchsorted(ordered, ordered[last], side="right"))
        yield start, end
        start = end
