"""What a connection keeps in memory, and the bound on it: what was used longest ago goes first."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple, Self

from factstore.columns import Intervals
from factstore.dictionary import Dictionary
from factstore.index import AttributeIndex
from factstore.schema import Schema
from factstore.snapshot import Indexes, Past, Snapshot
from factstore.snapshot_source import Source
from factstore.values import Keyword

_DICTIONARY_SHARE = 4
"""Values get at most this part of the bound: columns are asked for as a whole, values one by one."""


class Memory(NamedTuple):
    """The bytes a connection holds, as :meth:`Connection.memory` counts them."""

    columns: dict[Keyword, int]
    """By attribute: the columns of the newest db value, with the orders and offsets made for searching them."""
    lives: dict[Keyword, int]
    """By attribute: the columns that its history views use."""
    past: int
    """The columns of earlier bases, which ``as_of`` views use."""
    dictionary: int
    """The values that columns speak of by number: strings and the like; an estimate."""
    entries: int
    """How many values those are."""
    bound: int | None
    """``cache_bytes``."""

    @property
    def total(self) -> int:
        return sum(self.columns.values()) + sum(self.lives.values()) + self.past + self.dictionary


class Recency:
    """When each thing was last used, on a clock that ticks with every use; shared by all snapshots.

    >>> recency = Recency()
    >>> recency.note(7); recency.note(8); recency.note(7)
    >>> sorted([7, 8, 9], key=recency.last)
    [9, 8, 7]
    """

    def __init__(self) -> None:
        self._ticks = itertools.count(1)
        self._last: dict[Hashable, int] = {}

    def note(self, key: Hashable) -> None:
        self._last[key] = next(self._ticks)

    def last(self, key: Hashable) -> int:
        return self._last.get(key, 0)


class _NotedPast(Past):
    """Earlier snapshots whose use is noted."""

    def __init__(self, source: Source, recency: Recency) -> None:
        super().__init__(source)
        self._recency = recency

    def at(self, t: int) -> Snapshot:
        self._recency.note(("past", t))
        return super().at(t)


class BoundedSnapshot(Snapshot):
    """A snapshot whose use is noted, so that what it loads can be bounded."""

    __slots__ = ("_recency",)

    def __init__(self, source: Source, t: int, loaded: Indexes, recency: Recency, past: Past | None = None) -> None:
        super().__init__(source, t, loaded, past)
        self._recency = recency

    def _grown(self, t: int, prefix: int) -> Self:
        grown = super()._grown(t, prefix)
        grown._recency = self._recency
        return grown

    def index(self, attribute: int) -> AttributeIndex:
        self._recency.note(("columns", attribute))
        return super().index(attribute)

    def _nearest(self, attribute: int) -> tuple[int, AttributeIndex]:
        self._recency.note(("columns", attribute))
        return super()._nearest(attribute)

    def intervals(self, attribute: int) -> Intervals:
        self._recency.note(("lives", attribute))
        return super().intervals(attribute)


class Cache:
    """What all db values of one connection share, at most ``bound`` bytes of it; None is no bound.

    Whoever holds an older db value, or one that has loaded more since, keeps that alive until he lets go of it.
    """

    def __init__(self, source: Source, dictionary: Dictionary, bound: int | None) -> None:
        self.bound = bound
        self._source = source
        self._dictionary = dictionary
        self._recency = Recency()
        self.forget()

    def forget(self) -> None:
        """Lets go of the past, which was rewritten; snapshots made from here on have another one."""
        self._past = Past(self._source) if self.bound is None else _NotedPast(self._source, self._recency)

    def snapshot(self, t: int, loaded: Indexes) -> Snapshot:
        """A snapshot at ``t`` of which ``loaded`` is here already."""
        if self.bound is None:
            return Snapshot(self._source, t, loaded, self._past)
        return BoundedSnapshot(self._source, t, loaded, self._recency, self._past)

    def fitted(self, snapshot: Snapshot) -> Snapshot:
        """``snapshot`` without what is too much, itself if nothing is; the past is bounded with it."""
        if self.bound is None:
            return snapshot
        room = self.bound
        if self._dictionary.is_cache:
            self._dictionary.bound(self.bound // _DICTIONARY_SHARE)
            room -= self._dictionary.nbytes
        sizes = dict(self._sizes(snapshot))
        if sum(sizes.values()) <= room:
            return snapshot
        return self._keeping(snapshot, within(sizes, room, self._recency))

    def _sizes(self, snapshot: Snapshot) -> Iterator[tuple[tuple[str, int], int]]:
        for attribute, index in snapshot.nearest.items():
            yield ("columns", attribute), index.nbytes
        for attribute, lives in dict(snapshot.lives).items():
            made = snapshot.operated.get(attribute)
            yield ("lives", attribute), _nbytes(lives) + (0 if made is None else made.nbytes)
        for t, earlier in self._past.kept.items():
            yield ("past", t), _snapshot_nbytes(earlier)

    def _keeping(self, snapshot: Snapshot, kept: set[tuple[str, int]]) -> Snapshot:
        """A snapshot with those columns and lives; the past keeps those bases."""
        loaded = {a: index for a, index in snapshot.loaded.items() if ("columns", a) in kept}
        self._past.keep({t for what, t in kept if what == "past"})
        fresh = self.snapshot(snapshot.t, loaded)
        fresh.lives.update((a, lives) for a, lives in dict(snapshot.lives).items() if ("lives", a) in kept)
        return fresh

    def memory(self, snapshot: Snapshot, schema: Schema) -> Memory:
        """What is held now."""
        columns = {_name(schema, a): index.nbytes for a, index in snapshot.nearest.items()}
        lives = {_name(schema, a): _nbytes(lives) for a, lives in dict(snapshot.lives).items()}
        for a, made in dict(snapshot.operated).items():
            lives[_name(schema, a)] = lives.get(_name(schema, a), 0) + made.nbytes
        past = sum(map(_snapshot_nbytes, self._past.kept.values()))
        return Memory(columns, lives, past, self._dictionary.nbytes, len(self._dictionary), self.bound)


def within(sizes: Mapping[tuple[str, int], int], bound: int, recency: Recency) -> set[tuple[str, int]]:
    """The most recently used of what has these ``sizes`` that together take at most ``bound`` bytes.

    >>> recency = Recency()
    >>> for attribute in (7, 8, 9): recency.note(("columns", attribute))
    >>> sorted(within({("columns", 7): 10, ("columns", 8): 10, ("columns", 9): 10}, 25, recency))
    [('columns', 8), ('columns', 9)]
    """
    kept = set()
    for key in sorted(sizes, key=recency.last, reverse=True):
        bound -= sizes[key]
        if bound < 0:
            break
        kept.add(key)
    return kept


def _nbytes(lives: Intervals) -> int:
    return sum(column.nbytes for column in lives)


def _snapshot_nbytes(snapshot: Snapshot) -> int:
    columns = sum(index.nbytes for index in snapshot.nearest.values())
    made = sum(index.nbytes for index in list(snapshot.operated.values()))
    return columns + made + sum(map(_nbytes, list(snapshot.lives.values())))


def _name(schema: Schema, attribute: int) -> Keyword:
    return schema.ident(attribute) or Keyword(str(attribute))
