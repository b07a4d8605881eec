"""The latest operations on a snapshot, kept one by one until there are enough to sort.

Sorting columns costs the same for one fact as for a hundred, so a commit of a few facts does not touch
them. Its operations go to the end of a :class:`Strand`, and the snapshot after it is the one before with
a longer *prefix* of the strand. All snapshots that grew from each other share one strand; each reads its
own prefix, which never changes. When a strand is full, or a snapshot that is not the newest grows, the
operations are put into the columns and a new strand begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from factstore.columns import EMPTY, LogRows, Rows, ints
from factstore.forks import forkable_lock
from factstore.index import AttributeIndex

Op = tuple[int, int, int, int, bool]
"""(entity, attribute id, encoded value, transaction, added)."""

FEW: Final = 256
"""Up to so many operations at once are kept one by one."""
_MOST: Final = 4096
"""Operations of a strand, ..."""
_MOST_OF_ONE: Final = 128
"""... and of one entity, whose operations a look at it goes through."""


_GROWING: Final = forkable_lock()
"""Held while a strand, any one, grows: there are as many as there are snapshots that were speculated from."""


class Strand:
    """Operations in commit order, found by entity, by value and by attribute; safe between threads.

    A strict log's: what is added does not hold, what is retracted does.

    >>> strand = Strand()
    >>> strand.grow(0, [(7, 1, 50, 9, True)]), strand.grow(1, [(7, 1, 50, 10, False), (7, 1, 60, 10, True)])
    (1, 3)
    >>> strand.values_of([], 7, 1, since=0, upto=1), strand.values_of([], 7, 1, since=0, upto=3)
    ([50], [60])
    >>> strand.grow(1, []) is None  # another snapshot has grown from there
    True
    """

    __slots__ = ("_by_attribute", "_by_entity", "_by_value", "_full", "_noted", "made", "ops")

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.made: dict[int, tuple[int, AttributeIndex]] = {}
        """The newest index that was made of each attribute, and the length of the prefix that is in it."""
        self._by_entity: dict[int, tuple[int, ...]] = {}
        """Tuples, as there are many: the garbage collector looks at one of numbers once, at a list again and again."""
        self._by_value: dict[tuple[int, int], list[int]] = {}
        self._by_attribute: dict[int, list[int]] = {}
        self._noted = [0, 0, 0]
        """How many operations each of the three has positions of; they are noted when first looked for."""
        self._full = False

    def grow(self, prefix: int, ops: Sequence[Op]) -> int | None:
        """The length of the prefix with ``ops`` after it; None if the strand is longer already, or full."""
        with _GROWING:
            if len(self.ops) != prefix or self._full:
                return None
            self.ops += ops
            grown = len(self.ops)
            self._full = grown > _MOST
            return grown

    def touched(self, prefix: int) -> list[int]:
        """The attributes that the prefix has operations of."""
        self._note_attributes(prefix)
        # A list first: another thread may be adding an attribute.
        return [a for a, positions in list(self._by_attribute.items()) if positions[0] < prefix]

    def _note_entities(self, upto: int) -> None:
        ops, positions = self.ops, self._by_entity
        with _GROWING:
            for at in range(self._noted[0], upto):
                e = ops[at][0]
                known = positions.get(e)
                if known is None:
                    positions[e] = (at,)
                else:
                    positions[e] = (*known, at)
                    self._full |= len(known) > _MOST_OF_ONE
            self._noted[0] = max(self._noted[0], upto)

    def _note_values(self, upto: int) -> None:
        with _GROWING:
            for at in range(self._noted[1], upto):
                _, a, v, _, _ = self.ops[at]
                self._by_value.setdefault((a, v), []).append(at)
            self._noted[1] = max(self._noted[1], upto)

    def _note_attributes(self, upto: int) -> None:
        if self._noted[2] < upto:
            with _GROWING:
                for at in range(self._noted[2], upto):
                    self._by_attribute.setdefault(self.ops[at][1], []).append(at)
                self._noted[2] = max(self._noted[2], upto)

    def values_of(self, values: list[int], e: int, a: int, *, since: int, upto: int) -> list[int]:
        """``values``, of one entity's attribute, after the operations from ``since`` to ``upto``."""
        if self._noted[0] < upto:
            self._note_entities(upto)
        positions = self._by_entity.get(e)
        if positions is None:
            return values
        for at in positions:
            if since <= at < upto:
                _, attribute, v, _, added = self.ops[at]
                if attribute == a and added:
                    values.append(v)
                elif attribute == a:
                    values.remove(v)
        return values

    def facts_of(
        self, facts: list[tuple[int, int]], e: int, *, since: Mapping[int, int], upto: int
    ) -> list[tuple[int, int]]:
        """``facts`` of one entity, (attribute, value), after the operations from each attribute's ``since`` on."""
        if self._noted[0] < upto:
            self._note_entities(upto)
        for at in self._by_entity.get(e, ()):
            _, a, v, _, added = self.ops[at]
            # An attribute that is not asked about may be in a longer prefix than this.
            if not since.get(a, upto) <= at < upto:
                continue
            if added:
                facts.append((a, v))
            else:
                facts.remove((a, v))
        return facts

    def holders_of(self, entities: list[int], a: int, v: int, *, since: int, upto: int) -> list[int]:
        """``entities``, that have a value, after the operations from ``since`` to ``upto``."""
        if self._noted[1] < upto:
            self._note_values(upto)
        positions = self._by_value.get((a, v))
        if positions is None:
            return entities
        for at in positions:
            if since <= at < upto:
                e, _, _, _, added = self.ops[at]
                if added:
                    entities.append(e)
                else:
                    entities.remove(e)
        return entities

    def advance(self, index: AttributeIndex, a: int, *, since: int, upto: int) -> AttributeIndex:
        """The index of one attribute after the operations from ``since`` to ``upto``."""
        self._note_attributes(upto)
        positions = [at for at in self._by_attribute.get(a, ()) if since <= at < upto]
        if not positions:
            return index
        held: dict[tuple[int, int], Op] = {}
        gone: dict[tuple[int, int], Op] = {}
        for at in positions:
            op = self.ops[at]
            fact = (op[0], op[2])
            if op[4]:
                held[fact] = op
            elif held.pop(fact, None) is None:
                gone[fact] = op
        return index.advance(_rows(list(held.values())), _rows(list(gone.values())))

    def publish(self, a: int, prefix: int, index: AttributeIndex) -> None:
        """Offers an index of a prefix to the snapshots that grow from it."""
        known = self.made.get(a)
        if known is None or known[0] < prefix:
            self.made[a] = (prefix, index)


def ops_in(log: LogRows) -> list[Op]:
    """The operations of a stretch of the log one by one."""
    columns = (log.e.tolist(), log.a.tolist(), log.v.tolist(), log.tx.tolist(), log.added.tolist())
    return list(zip(*columns, strict=True))


def _rows(ops: Sequence[Op]) -> Rows:
    if not ops:
        return Rows(EMPTY, EMPTY, EMPTY)
    e, _, v, tx, _ = zip(*ops, strict=True)
    return Rows(ints(e), ints(v), ints(tx))
