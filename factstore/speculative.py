"""The snapshot as it would be after transactions that nobody commits.

It lies over the snapshot of a real basis, its *root*, and keeps what it changes to itself. However long
the chain of speculations, it knows its root directly; what was changed before its own strand began is in
the snapshot it began from, so that the lives of its facts and its earlier states can still be told.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Final, Self

import numpy as np

from factstore.columns import EMPTY, Intervals, Ints, Mask, Rows, ints, member, unique
from factstore.datom import FOREVER, TX0
from factstore.index import AttributeIndex
from factstore.recent import Op
from factstore.snapshot import Indexes, Snapshot
from factstore.snapshot_changes import Change
from factstore.snapshot_lives import Lives
from factstore.snapshot_source import Facts

FIRST_SPECULATIVE: Final = TX0 // 2
"""Entities that only a speculative transaction knows have ids from here on: far above every real one,
and below every transaction."""


class SpeculativeSnapshot(Snapshot):
    """A snapshot as it would be after changes that nobody committed."""

    __slots__ = ("_begun_from", "_root", "instant", "next_e")

    def __init__(self, root: Snapshot) -> None:
        super().__init__(root.source, root.t, None, root._past)
        self._root = root
        self._begun_from: tuple[SpeculativeSnapshot, Mapping[int, Change]] | None = None
        """Where the strand began, and what was changed there at once."""
        self.next_e: int = 0
        """The next entity id that this line of speculation may give out, ..."""
        self.instant: int | None = None
        """... and the encoded instant of its last transaction; of whoever makes the transactions to keep."""

    def _grown(self, t: int, prefix: int) -> Self:
        grown = super()._grown(t, prefix)
        grown._root, grown._begun_from = self._root, self._begun_from
        grown.next_e, grown.instant = self.next_e, self.instant
        return grown

    @classmethod
    def over(cls, snapshot: Snapshot) -> SpeculativeSnapshot:
        """``snapshot`` itself if it is speculative, else one over it that changes nothing yet."""
        return snapshot if isinstance(snapshot, SpeculativeSnapshot) else cls(snapshot)

    def holds(self, attribute: int) -> bool:
        return self._root.holds(attribute)

    def prefetch(self, attributes: Iterable[int]) -> None:
        self._root.prefetch(attributes)

    def _held(self, attribute: int) -> AttributeIndex:
        found = self._made.get(attribute)
        if found is not None:
            return found
        since, index = self._start(attribute)
        found = self._strand.advance(index, attribute, since=since, upto=self._prefix)
        # What is not changed stays with the root alone: see _changed.
        return found if found is index and attribute not in self._begun else self._keep(attribute, found)

    def _start(self, attribute: int) -> tuple[int, AttributeIndex]:
        made = self._strand.made.get(attribute)
        if made is not None and made[0] <= self._prefix:
            return made
        begun = self._begun.get(attribute)
        return 0, self._root.index(attribute) if begun is None else begun

    def values_of(self, e: int, attribute: int) -> list[int]:
        made = self._made.get(attribute)
        if made is not None:
            return made.values_of(e)
        since, index = self._start(attribute)
        return self._strand.values_of(index.values_of(e), e, attribute, since=since, upto=self._prefix)

    def _changed(self) -> frozenset[int]:
        """The attributes whose facts are others than the root's."""
        if self._touched is None:
            self._touched = frozenset((*self._begun, *self._strand.touched(self._prefix)))
        return self._touched

    def _held_attributes(self) -> Set[int]:
        return self._changed()

    def _load_intervals(self, attribute: int) -> Intervals:
        return _continued(self._root.intervals(attribute), *self._operations(attribute))

    @property
    def key(self) -> Hashable:
        return self

    def lives_of(self, entities: Ints) -> Lives:
        wanted = unique(entities)
        return self._lives(self._root.lives_of(wanted), self._changed(), lambda e, v: member(e, wanted))

    def lives_to(self, entities: Ints, refs: Ints) -> Lives:
        wanted = unique(entities)
        below = self._root.lives_to(wanted, refs)
        return self._lives(below, self._changed().intersection(refs.tolist()), lambda e, v: member(v, wanted))

    def _lives(self, below: Lives, attributes: Set[int], mine: Callable[[Ints, Ints], Mask]) -> Lives:
        """The lives of the root after what was done to ``attributes``, as far as it is ``mine``."""
        others = ~np.isin(below.a, ints(list(attributes)))
        parts = [Lives(*(column[others] for column in below))]
        for attribute in attributes:
            at = below.a == attribute
            e, v, tx, added = self._operations(attribute)
            own = mine(e, v)
            old = Intervals(below.e[at], below.v[at], below.start[at], below.end[at])
            lives = _continued(old, e[own], v[own], tx[own], added[own])
            a = np.full(len(lives.e), attribute, dtype=np.int64)
            parts.append(Lives(lives.e, a, lives.v, lives.start, lives.end))
        return Lives(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def entities(self, beyond: int, count: int, backwards: bool = False) -> Ints:
        own = unique(np.concatenate([EMPTY, *(self._operations(attribute)[0] for attribute in self._changed())]))
        own = own[own < beyond][-count:] if backwards else own[own > beyond][:count]
        both = unique(np.concatenate((own, self._root.entities(beyond, count, backwards))))
        return both[-count:] if backwards else both[:count]

    def _operations(self, attribute: int) -> tuple[Ints, Ints, Ints, Mask]:
        """What was done to one attribute since the root, in order: entity, value, transaction, added."""
        parts: list[tuple[Ints, Ints, Ints, Mask]] = [(EMPTY, EMPTY, EMPTY, EMPTY.astype(np.bool_))]
        for snapshot, changes in self._stages():
            change = changes.get(attribute)
            if change is not None:
                parts += [_all(change.retracted, False), _all(change.added, True)]
            parts.append(_columns([op for op in snapshot._strand.ops[: snapshot._prefix] if op[1] == attribute]))
        e, v, tx, added = zip(*parts, strict=True)
        return np.concatenate(e), np.concatenate(v), np.concatenate(tx), np.concatenate(added)

    def _stages(self) -> Iterator[tuple[SpeculativeSnapshot, Mapping[int, Change]]]:
        """The strands on the way from the root to here, each as its last snapshot, and the changes it began with."""
        stages: list[tuple[SpeculativeSnapshot, Mapping[int, Change]]] = []
        at: SpeculativeSnapshot | None = self
        while at is not None:
            before, changes = at._begun_from or (None, {})
            stages.append((at, changes))
            at = before
        yield from reversed(stages)

    def _facts_of(self, entities: Ints, every: Collection[int] = ()) -> Facts:
        changed = self._changed()
        facts, wanted = self._root.facts_of(entities, every), np.unique(entities)
        kept = ~np.isin(facts.a, ints(list(changed)))
        parts = [Facts(*(column[kept] for column in facts))]
        for attribute in changed:
            _, rows = self.index(attribute).by_entity(wanted)
            parts.append(Facts(rows.e, np.full(len(rows.e), attribute, dtype=np.int64), rows.v, rows.tx))
        return Facts(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def facts_of_one(self, e: int) -> list[tuple[int, int]]:
        changed = self._changed()
        starts = {a: self._nearest(a) for a in changed}
        facts = [(a, v) for a, (_, index) in starts.items() for v in index.values_of(e)]
        facts = self._strand.facts_of(facts, e, since={a: since for a, (since, _) in starts.items()}, upto=self._prefix)
        if e >= FIRST_SPECULATIVE:  # the root knows nothing of it
            return facts
        return facts + [fact for fact in self._root.facts_of_one(e) if fact[0] not in changed]

    def referrers_of(self, e: int, refs: Iterable[int]) -> list[tuple[int, int]]:
        return super().referrers_of(e, self._changed().intersection(refs) if e >= FIRST_SPECULATIVE else refs)

    def advance(self, t: int, changes: Mapping[int, Change]) -> Self:
        changed = dict(self.loaded)
        for attribute, change in changes.items():
            changed[attribute] = self.index(attribute).advance(change.added, change.retracted)
        after = self._beginning(t, changed)
        after._begun_from = (self, changes)
        return after

    def _beginning(self, t: int, loaded: Indexes) -> Self:
        begun = super()._beginning(t, loaded)
        begun._begun_from = (self, {})
        return begun

    def at(self, t: int) -> Snapshot:
        if t >= self.t:
            return self
        at: SpeculativeSnapshot | None = self
        while at is not None and t < at.t:
            within = bisect_right(at._strand.ops, TX0 + t, hi=at._prefix, key=lambda op: op[3])
            if within:
                return at._grown(t, within)
            at = at._begun_from[0] if at._begun_from else None
        return self._root.at(t) if at is None else at


def _all(rows: Rows, added: bool) -> tuple[Ints, Ints, Ints, Mask]:
    return rows.e, rows.v, rows.tx, np.full(len(rows.e), added, dtype=np.bool_)


def _columns(ops: Sequence[Op]) -> tuple[Ints, Ints, Ints, Mask]:
    e, v, tx = (ints([op[at] for op in ops]) for at in (0, 2, 3))
    return e, v, tx, np.asarray([op[4] for op in ops], dtype=np.bool_)


def _continued(lives: Intervals, e: Ints, v: Ints, tx: Ints, added: Mask) -> Intervals:
    """The lives of facts after more operations on them, in order; of one fact each adds or ends it in turn."""
    if not len(e):
        return lives
    order = np.lexsort((np.arange(len(e)), v, e))
    e, v, tx, added = e[order], v[order], tx[order], added[order]
    follows = np.zeros(len(e), dtype=np.bool_)
    follows[1:] = (e[1:] == e[:-1]) & (v[1:] == v[:-1])
    end = np.full(len(e), FOREVER, dtype=np.int64)
    end[:-1] = np.where(follows[1:], tx[1:], FOREVER)
    ended = ~added & ~follows
    old_end = lives.end.copy()
    old_end[_positions(lives, e[ended], v[ended])] = tx[ended]
    return Intervals(
        np.concatenate((lives.e, e[added])),
        np.concatenate((lives.v, v[added])),
        np.concatenate((lives.start, tx[added])),
        np.concatenate((old_end, end[added])),
    )


def _positions(lives: Intervals, e: Ints, v: Ints) -> Ints:
    """Where the lives of facts are that have not ended."""
    live = np.flatnonzero(lives.end == FOREVER)
    index = AttributeIndex.of(Rows(lives.e[live], lives.v[live], live.astype(np.int64)))
    held, at = index.find(e, v)
    return at[held]
