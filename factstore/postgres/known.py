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
from factstore.log import Counters, Plan
from factstore.snapshot import Facts
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

    def wrote(self, plan: Plan, counters: Counters) -> None:
        """Takes note of what was written last; ``counters`` are those after it."""
        if len(plan.added.e) + len(plan.retracted.e) > _LARGE:
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
            self._end(plan)
            self._begin(plan)
        self._written.clear()

    def _end(self, plan: Plan) -> None:
        gone = plan.retracted
        for e, a, v in zip(gone.e.tolist(), gone.a.tolist(), gone.v.tolist(), strict=True):
            if e in self._facts:
                del self._facts[e][a, v]
            if (a, v) in self._holders:
                self._holders[a, v] = -1

    def _begin(self, plan: Plan) -> None:
        come, tx = plan.added, TX0 + plan.t
        for e, a, v in zip(come.e.tolist(), come.a.tolist(), come.v.tolist(), strict=True):
            if e in self._facts or self._is_own(e):
                self._facts.setdefault(e, {})[a, v] = tx
            attribute = plan.schema.get(a)
            if attribute is not None and attribute.unique is not None:
                self._holders[a, v] = e
