"""The indexes of all attributes at one basis, loaded when first asked for.

A snapshot is shared by every db value of its basis. The one after a commit shares the indexes the
commit did not touch. A speculative one lies over another and keeps its changes to itself.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from pyrsistent import PMap, pmap

from factstore.columns import EMPTY, Intervals, Ints, LogRows, Rows, order_by
from factstore.datom import FOREVER, TX0
from factstore.index import NO_INDEX, AttributeIndex


class Facts(NamedTuple):
    """Facts of several attributes: parallel arrays."""

    e: Ints
    a: Ints
    v: Ints
    tx: Ints


NO_FACTS = Facts(EMPTY, EMPTY, EMPTY, EMPTY)


class Change(NamedTuple):
    """What one or more transactions did to one attribute; nothing is in both."""

    added: Rows
    retracted: Rows


class Source(Protocol):
    """Where a snapshot's facts come from: a log that can say what held at any t it has reached."""

    def load(self, attributes: Sequence[int], t: int) -> Mapping[int, Rows]:
        """The facts of each attribute that hold at ``t``, in any order."""

    def load_intervals(self, attributes: Sequence[int], t: int) -> Mapping[int, Intervals]:
        """The facts of each attribute that ever held up to ``t``; ``end`` is FOREVER if they hold at ``t``."""

    def facts_of(self, entities: Ints, t: int) -> Facts:
        """All facts about ``entities`` that hold at ``t``."""


class Snapshot:
    """The facts that hold at ``t``; safe between threads.

    ``loaded`` only ever grows, and what it holds never changes: two threads that load the same
    attribute at once get equal indexes, and one of them is kept.
    """

    def __init__(
        self, source: Source, t: int, loaded: PMap[int, AttributeIndex] | None = None, past: Past | None = None
    ) -> None:
        self.source = source
        self.t = t
        self._loaded: PMap[int, AttributeIndex] = pmap() if loaded is None else loaded
        self._intervals: dict[int, Intervals] = {}
        self._past = past or Past(source)
        self._lock = threading.Lock()

    @property
    def loaded(self) -> PMap[int, AttributeIndex]:
        """The indexes this process holds, by attribute id."""
        return self._loaded

    @property
    def lives(self) -> dict[int, Intervals]:
        """What :meth:`intervals` has found out so far."""
        return self._intervals

    def holds(self, attribute: int) -> bool:
        """True if the attribute is in this process already."""
        return attribute in self._loaded

    def index(self, attribute: int) -> AttributeIndex:
        """The index of one attribute, by its id."""
        found = self._loaded.get(attribute)
        if found is not None:
            return found
        self.prefetch((attribute,))
        return self._loaded[attribute]

    def prefetch(self, attributes: Iterable[int]) -> None:
        """Loads those of ``attributes`` that are not yet here, in one go."""
        wanted = [attribute for attribute in attributes if attribute not in self._loaded]
        if not wanted:
            return
        rows = self._load(wanted)
        fresh = {a: AttributeIndex.of(rows[a]) if a in rows and len(rows[a].e) else NO_INDEX for a in wanted}
        with self._lock:
            for attribute, index in fresh.items():
                if attribute not in self._loaded:
                    self._loaded = self._loaded.set(attribute, index)

    def _load(self, attributes: Sequence[int]) -> Mapping[int, Rows]:
        return self.source.load(attributes, self.t)

    def intervals(self, attribute: int) -> Intervals:
        """The lives of one attribute's facts up to this basis."""
        found = self._intervals.get(attribute)
        if found is None:
            found = self._load_intervals(attribute)
            self._intervals[attribute] = found
        return found

    def _load_intervals(self, attribute: int) -> Intervals:
        return self.source.load_intervals((attribute,), self.t).get(attribute, Intervals(EMPTY, EMPTY, EMPTY, EMPTY))

    def facts_of(self, entities: Ints) -> Facts:
        """All facts about ``entities``, without loading what is not here."""
        stored = self._facts_of(entities)
        return Facts(*(np.asarray(column, dtype=np.int64) for column in stored))

    def _facts_of(self, entities: Ints) -> Facts:
        return self.source.facts_of(entities, self.t)

    def advance(self, t: int, changes: Mapping[int, Change]) -> Snapshot:
        """The snapshot after commits up to ``t`` that did ``changes``."""
        loaded = self._loaded.evolver()
        for attribute, change in changes.items():
            index = self._loaded.get(attribute)
            if index is not None:
                loaded.set(attribute, index.advance(change.added, change.retracted))
        return Snapshot(self.source, t, loaded.persistent(), self._past)

    def at(self, t: int) -> Snapshot:
        """The snapshot of an earlier basis."""
        return self if t >= self.t else self._past.at(t)


class Past:
    """The snapshots of earlier bases that were asked for last; good for all snapshots of a source.

    What held at a t never changes, so a commit does not make a process load the past again.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept: dict[int, Snapshot] = {}
        self._lock = threading.Lock()

    def at(self, t: int) -> Snapshot:
        """The snapshot at ``t``."""
        with self._lock:
            found = self._kept.pop(t, None) or Snapshot(self._source, t)
            self._kept[t] = found
            if len(self._kept) > _PAST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            return found

    @property
    def kept(self) -> dict[int, Snapshot]:
        """The snapshots that are here, by t."""
        with self._lock:
            return dict(self._kept)

    def keep(self, ts: Collection[int]) -> None:
        """Lets go of all others."""
        with self._lock:
            self._kept = {t: snapshot for t, snapshot in self._kept.items() if t in ts}


_PAST_KEPT: Final = 8


class SpeculativeSnapshot(Snapshot):
    """A snapshot as it would be after changes that nobody committed."""

    def __init__(self, base: Snapshot, t: int, changes: Mapping[int, Change]) -> None:
        super().__init__(base.source, t)
        self._base = base
        self._changes = changes

    def holds(self, attribute: int) -> bool:
        return self._base.holds(attribute)

    def index(self, attribute: int) -> AttributeIndex:
        change = self._changes.get(attribute)
        if change is None:
            return self._base.index(attribute)
        found = self._loaded.get(attribute)
        if found is None:
            found = self._base.index(attribute).advance(change.added, change.retracted)
            with self._lock:
                self._loaded = self._loaded.set(attribute, found)
        return found

    def prefetch(self, attributes: Iterable[int]) -> None:
        self._base.prefetch(attributes)

    def _load_intervals(self, attribute: int) -> Intervals:
        below = self._base.intervals(attribute)
        change = self._changes.get(attribute)
        if change is None:
            return below
        end = below.end.copy()
        ended = _positions(below, change.retracted)
        end[ended] = TX0 + self.t
        return Intervals(
            np.concatenate((below.e, change.added.e)),
            np.concatenate((below.v, change.added.v)),
            np.concatenate((below.start, change.added.tx)),
            np.concatenate((end, np.full(len(change.added.e), FOREVER, dtype=np.int64))),
        )

    def _facts_of(self, entities: Ints) -> Facts:
        parts = [self._without_changed(self._base.facts_of(entities))]
        wanted = np.unique(entities)
        for attribute in self._changes:
            _, rows = self.index(attribute).by_entity(wanted)
            parts.append(Facts(rows.e, np.full(len(rows.e), attribute, dtype=np.int64), rows.v, rows.tx))
        return Facts(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _without_changed(self, facts: Facts) -> Facts:
        kept = ~np.isin(facts.a, np.fromiter(self._changes, dtype=np.int64, count=len(self._changes)))
        return Facts(*(column[kept] for column in facts))

    def advance(self, t: int, changes: Mapping[int, Change]) -> Snapshot:
        return SpeculativeSnapshot(self, t, changes)

    def at(self, t: int) -> Snapshot:
        return self if t >= self.t else self._base.at(t)


def _positions(intervals: Intervals, retracted: Rows) -> Ints:
    live = np.flatnonzero(intervals.end == FOREVER)
    index = AttributeIndex.of(Rows(intervals.e[live], intervals.v[live], live.astype(np.int64)))
    held, at = index.find(retracted.e, retracted.v)
    return at[held]


def changes_of(log: LogRows) -> dict[int, Change]:
    """The net change of each attribute over a stretch of a strict log.

    Per fact the first and last operation decide: added if both assert, retracted if both retract; a
    fact that was added and retracted again, or retracted and added again, nets to a replacement of
    its transaction only, which is told as both.
    """
    changes: dict[int, Change] = {}
    for attribute in np.unique(log.a).tolist():
        mine = log.a == attribute
        changes[attribute] = _net(log.e[mine], log.v[mine], log.tx[mine], log.added[mine])
    return changes


def _net(e: Ints, v: Ints, tx: Ints, added: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Change:
    order = order_by(e, v)  # stable, and the log is in the order of transactions
    e, v, tx, added = e[order], v[order], tx[order], added[order]
    if not len(e):
        return Change(Rows(e, v, tx), Rows(e, v, tx))
    new = np.empty(len(e), dtype=np.bool_)
    new[0] = True
    new[1:] = (e[1:] != e[:-1]) | (v[1:] != v[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(e)) - 1
    held_before, holds_after = ~added[first], added[last]
    gone, come = first[held_before], last[holds_after]
    return Change(Rows(e[come], v[come], tx[come]), Rows(e[gone], v[gone], tx[gone]))
