"""A bound on what a connection keeps in memory: the attribute used longest ago goes first."""

from __future__ import annotations

import itertools
from typing import Self

from factstore.index import AttributeIndex
from factstore.snapshot import Indexes, Past, Snapshot, Source


class Recency:
    """When each attribute was last used, on a clock that ticks with every use; shared by all snapshots.

    >>> recency = Recency()
    >>> recency.note(7); recency.note(8); recency.note(7)
    >>> sorted([7, 8, 9], key=recency.last)
    [9, 8, 7]
    """

    def __init__(self) -> None:
        self._ticks = itertools.count(1)
        self._last: dict[int, int] = {}

    def note(self, attribute: int) -> None:
        self._last[attribute] = next(self._ticks)

    def last(self, attribute: int) -> int:
        return self._last.get(attribute, 0)


class BoundedSnapshot(Snapshot):
    """A snapshot whose use is noted, so that what it loads can be bounded by :func:`within`."""

    def __init__(self, source: Source, t: int, loaded: Indexes, recency: Recency) -> None:
        super().__init__(source, t, loaded)
        self._recency = recency

    def _grown(self, t: int, prefix: int) -> Self:
        grown = super()._grown(t, prefix)
        # The past is outside the bound, so it is let go of with its head.
        grown._past = Past(self.source)
        return grown

    def index(self, attribute: int) -> AttributeIndex:
        self._recency.note(attribute)
        return super().index(attribute)


def within(loaded: Indexes, bound: int, recency: Recency) -> Indexes:
    """The most recently used of ``loaded`` that together take at most ``bound`` bytes; itself if all do."""
    if sum(index.nbytes for index in loaded.values()) <= bound:
        return loaded
    kept: dict[int, AttributeIndex] = {}
    for attribute in sorted(loaded, key=recency.last, reverse=True):
        bound -= loaded[attribute].nbytes
        if bound < 0:
            break
        kept[attribute] = loaded[attribute]
    return kept
