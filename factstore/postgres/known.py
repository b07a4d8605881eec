"""What a writer knows of the state after all it has written, without asking the server.

It is told some of it with the lock, and the rest is its own doing. What it writes is applied when the
next question comes: the last transaction of a commit, most often the only one, is never looked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, ints
from factstore.datom import TX0
from factstore.log import Counters, Plan, operations
from factstore.postgres.merge import ops_of
from factstore.recent import Op, ops_in
from factstore.schema import Schema
from factstore.snapshot_source import Facts
from factstore.values import ValueType

_LARGE: Final = 4096
"""Operations; after a larger transaction it is cheaper to ask."""


class Known:
    """The answers of a :class:`~factstore.postgres.write.PostgresWriter` that cost no round trip.

    ``counters`` are those at the start: whoever has an id from there on was born in this commit.
    """

    def __init__(self, counters: Counters) -> None:
        self.absent: set[tuple[ValueType, Any]] = set()
        """The type and key of values that the store did not have."""
        self._since = counters
        self._holders: dict[tuple[int, int], int] = {}
        self._facts: dict[int, dict[tuple[int, int], int]] = {}
        self._written: list[Plan] = []

    def tell_holders(self, asked: Iterable[tuple[int, int]], found: Iterable[tuple[int, int, int]]) -> None:
        """Takes who holds (attribute, value) pairs: nobody but those in ``found``, (attribute, value, entity)."""
        self._holders.update(dict.fromkeys(asked, -1))
        self._holders.update({(a, v): e for a, v, e in found})

    def tell_facts(self, entities: Iterable[int], facts: Facts) -> None:
        """Takes all facts there are about ``entities``."""
        for entity in entities:
            self._facts[entity] = {}
        for e, a, v, tx in zip(*(column.tolist() for column in facts), strict=True):
            self._facts[e][a, v] = tx

    def wrote(self, plan: Plan, counters: Counters, size: int) -> None:
        """Takes note of what was written last, ``size`` operations; ``counters`` are those after it."""
        if size > _LARGE:
            self._written, self._holders, self._facts, self._since = [], {}, {}, counters
        else:
            self._written.append(plan)

    def holders(self, a: Ints, v: Ints) -> list[int | None]:
        """The holder of each value, -1 where there is none, None where that is not known."""
        self._apply()
        return [self._holders.get(pair) for pair in zip(a.tolist(), v.tolist(), strict=True)]

    def strangers(self, entities: Sequence[int]) -> list[int]:
        """Those of ``entities`` whose facts are not known."""
        self._apply()
        return [e for e in entities if e not in self._facts and not self._is_own(e)]

    def facts(self, entities: Sequence[int]) -> Facts:
        """All facts about entities of which none is a stranger."""
        rows = [(e, a, v, tx) for e in entities for (a, v), tx in self._facts.get(e, {}).items()]
        columns = np.asarray(rows, dtype=np.int64).reshape(-1, 4)
        return Facts(*(ints(columns[:, n]) for n in range(4)))

    def _is_own(self, entity: int) -> bool:
        return self._since.next_e <= entity < TX0 or entity >= TX0 + self._since.t

    def _apply(self) -> None:
        for plan in self._written:
            for op in ops_of(plan) or ops_in(operations(plan)):
                self._apply_one(op, plan.schema)
        self._written.clear()

    def _apply_one(self, op: Op, schema: Schema) -> None:
        e, a, v, tx, added = op
        facts = self._facts.setdefault(e, {}) if self._is_own(e) else self._facts.get(e)
        attribute = schema.get(a)
        is_unique = attribute is not None and attribute.unique is not None
        if added:
            if facts is not None:
                facts[a, v] = tx
            if is_unique:
                self._holders[a, v] = e
        else:
            if facts is not None:
                facts.pop((a, v), None)
            if self._holders.get((a, v)) == e:
                self._holders[a, v] = -1
