"""The way down to each entity of a recursive pull, so that none is entered twice on one way.

A way begins where a pattern is entered from outside, at the root or by a map in the pattern above;
recursion, and the components of components, make it longer. Ways are kept as a link to the one above.
"""

from __future__ import annotations

from typing import Final

from factstore.columns import Ints, ints
from factstore.errors import QueryError

MAX_REPEATS: Final = 1_000_000
"""Recursion shows an entity once for every way that leads to it. Thirty entities that all know each
other have more ways than any memory: where this many entities were shown before, it is an error."""


class Paths:
    """All ways of one pull, numbered; only ever added to.

    >>> paths = Paths()
    >>> ann = paths.start(ints([1]))
    >>> bob = paths.step(ann, ints([2]))
    >>> paths.step(ints([bob[0], bob[0]]), ints([1, 3])).tolist()
    [-1, 2]
    """

    def __init__(self, max_repeats: int = MAX_REPEATS) -> None:
        self._entity: list[int] = []
        self._above: list[int] = []
        self._start: list[int] = []
        self._met: set[tuple[int, int]] = set()  # (start, entity): spares most entities the walk up
        self._repeats_left = max_repeats

    def start(self, e: Ints) -> Ints:
        """A new way for each entity."""
        return ints([self._add(entity, -1) for entity in e.tolist()])

    def step(self, above: Ints, e: Ints) -> Ints:
        """Each way ``above[i]`` made longer by ``e[i]``; -1 where it has been there before.

        Raises :class:`QueryError` ``query/too-large``.
        """
        pairs = zip(above.tolist(), e.tolist(), strict=True)
        return ints([self._step(way, entity) for way, entity in pairs])

    def _step(self, way: int, entity: int) -> int:
        if (self._start[way], entity) in self._met:
            if self._has(way, entity):
                return -1
            self._repeat()
        return self._add(entity, way)

    def _add(self, entity: int, above: int) -> int:
        node = len(self._entity)
        start = node if above < 0 else self._start[above]
        self._entity.append(entity)
        self._above.append(above)
        self._start.append(start)
        self._met.add((start, entity))
        return node

    def _has(self, way: int, entity: int) -> bool:
        while way >= 0:
            if self._entity[way] == entity:
                return True
            way = self._above[way]
        return False

    def _repeat(self) -> None:
        self._repeats_left -= 1
        if self._repeats_left < 0:
            raise QueryError(
                "the recursion leads to the same entities over and over, by too many ways: expected a depth or a limit",
                code="query/too-large",
            )
