"""The writer of a log in memory: it makes the next state beside the one that is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from factstore.columns import Ints
from factstore.dictionary import Dictionary
from factstore.index import NO_INDEX
from factstore.log.erasure import Erasure
from factstore.log.memory_erase import ended_without, live_without, log_without
from factstore.log.memory_state import NO_LOG, State, after, after_stretch, facts_in, joined
from factstore.log.pending import Pending
from factstore.log.port import Counters, Plan, changed_plan, changed_stretch
from factstore.log.rows import operations
from factstore.log.stretch import Stretch
from factstore.snapshot_source import Facts
from factstore.values import Value, ValueType


class MemoryWriter:
    """The next state of a :class:`MemoryLog`, in the making."""

    failed = False

    def __init__(self, state: State, published: Dictionary) -> None:
        self.state = state
        self.pending = Pending()
        self.published = False
        self.lost: list[tuple[int, ValueType]] = []
        """The dictionary codes that nothing speaks of any more."""
        self._dictionary = published

    @property
    def counters(self) -> Counters:
        return self.state.counters

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        return self.pending.codes_of(self._dictionary, vt, values)

    def holders(self, a: Ints, v: Ints) -> Ints:
        found = np.full(len(a), -1, dtype=np.int64)
        for attribute in np.unique(a).tolist():
            asked = np.flatnonzero(a == attribute)
            row, rows = self.state.live.get(attribute, NO_INDEX).by_value(v[asked])
            found[asked[row]] = rows.e
        return found

    def facts_of(self, entities: Ints) -> Facts:
        wanted = np.unique(entities)
        return facts_in((a, index.by_entity(wanted)[1]) for a, index in self.state.live.items())

    def refs_to(self, entities: Ints) -> Facts:
        wanted = np.unique(entities)
        return facts_in((a, self.state.live.get(a, NO_INDEX).by_value(wanted)[1]) for a in sorted(self.state.refs))

    def erase(self, erasure: Erasure) -> int:
        state = self.state
        log, count, lost = log_without(joined(state.log, NO_LOG), erasure)
        live, ended = live_without(state.live, erasure), ended_without(state.ended, erasure)
        self.state = state._replace(live=live, ended=ended, log=(log,))
        self.lost += lost
        return count

    def write(self, plan: Plan) -> None:
        counters = self.state.counters
        if plan.t != counters.t:
            raise changed_plan(plan, counters)
        forgetful = frozenset(a for a in np.unique(plan.retracted.a).tolist() if _forgets(plan, a))
        self.state = after(self.state, operations(plan), Counters(plan.t + 1, plan.next_e, plan.next_v), forgetful)
        self.pending.add(plan.entries)

    def write_stretch(self, stretch: Stretch) -> None:
        if stretch.after != self.state.counters.t - 1:
            raise changed_stretch(stretch, self.state.counters)
        self.state = after_stretch(self.state, stretch)
        self.pending.add(stretch.entries.decoded())


def _forgets(plan: Plan, attribute: int) -> bool:
    known = plan.schema.get(attribute)
    return known is not None and known.no_history
