"""The indexes of all attributes at one basis, loaded when first asked for.

A snapshot is shared by every db value of its basis. The one after a commit shares the indexes the
commit did not touch.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence, Set
from typing import Final, Self

import numpy as np

from factstore.columns import EMPTY, Intervals, Ints, Rows, ints, unique
from factstore.forks import forkable_lock
from factstore.index import NO_INDEX, AttributeIndex
from factstore.recent import Op, Strand
from factstore.snapshot_changes import Change
from factstore.snapshot_lives import Lives
from factstore.snapshot_rent import Rent
from factstore.snapshot_source import NO_FACTS, Facts, Source

_SWAPPING: Final = forkable_lock()
"""Held while a list of past snapshots, any one, changes: too short to be worth a lock for each."""

Indexes = Mapping[int, AttributeIndex]
"""Indexes by attribute id; never changed once a snapshot has them."""


class Snapshot:
    """The facts that hold at ``t``; safe between threads.

    It is made of ``loaded``, the indexes of the snapshot it grew from, and a prefix of a
    :class:`~factstore.recent.Strand` of operations since. What it finds out never changes: two threads that
    load the same attribute at once get equal indexes.
    """

    __slots__ = (
        "_begun",
        "_intervals",
        "_loaded",
        "_made",
        "_past",
        "_prefix",
        "_strand",
        "_touched",
        "_whole",
        "operated",
        "source",
        "t",
    )

    def __init__(
        self,
        source: Source,
        t: int,
        loaded: Indexes | None = None,
        past: Past | None = None,
    ) -> None:
        self.source = source
        self.t = t
        self._begun: Indexes = {} if loaded is None else loaded
        self._strand = Strand()
        self._prefix = 0
        self._made: dict[int, AttributeIndex] = {}
        self._loaded: Indexes | None = None
        self._intervals: dict[int, Intervals] = {}
        self.operated: dict[int, AttributeIndex] = {}
        """Everything that was done to an attribute up to here, by attribute id; kept by who has made it."""
        self._touched: frozenset[int] | None = None
        self._whole: tuple[Collection[int], Indexes] | None = None
        self._past = past or Past(source)

    @property
    def loaded(self) -> Indexes:
        """The indexes this process holds, by attribute id, at this basis."""
        held = self._held_attributes()
        if self._loaded is None or len(self._loaded) != len(held):
            indexes = ((attribute, self._held(attribute)) for attribute in held)
            self._loaded = {attribute: index for attribute, index in indexes if index is not None}
        return self._loaded

    @property
    def nearest(self) -> Indexes:
        """The indexes this process holds, at this basis or shortly before it: what memory they take."""
        begun = ((a, self._start(a)) for a in self._held_attributes() if a not in self._made)
        return {**self._made, **{a: start[1] for a, start in begun if start is not None}}

    @property
    def lives(self) -> dict[int, Intervals]:
        """What :meth:`intervals` has found out so far."""
        return self._intervals

    def _held_attributes(self) -> Set[int]:
        made = {a for a, (prefix, _) in list(self._strand.made.items()) if prefix <= self._prefix}
        return {*self._begun, *self._made, *made}

    def holds(self, attribute: int) -> bool:
        """True if the attribute is in this process already."""
        return attribute in self._made or self._start(attribute) is not None

    def index(self, attribute: int) -> AttributeIndex:
        """The index of one attribute, by its id."""
        found = self._held(attribute)
        if found is None:
            self.prefetch((attribute,))
            found = self._made[attribute]
        return found

    def _held(self, attribute: int) -> AttributeIndex | None:
        """The index of one attribute if it can be had without the source."""
        found = self._made.get(attribute)
        if found is not None:
            return found
        start = self._start(attribute)
        if start is None:
            return None
        since, index = start
        found = self._strand.advance(index, attribute, since=since, upto=self._prefix)
        return self._keep(attribute, found)

    def _start(self, attribute: int) -> tuple[int, AttributeIndex] | None:
        """An index of one attribute, and the length of the prefix that is in it already."""
        made = self._strand.made.get(attribute)
        if made is not None and made[0] <= self._prefix:
            return made
        begun = self._begun.get(attribute)
        return None if begun is None else (0, begun)

    def _keep(self, attribute: int, index: AttributeIndex) -> AttributeIndex:
        kept = self._made.setdefault(attribute, index)
        self._strand.publish(attribute, self._prefix, kept)
        return kept

    def prefetch(self, attributes: Iterable[int]) -> None:
        """Loads those of ``attributes`` that are not yet here, in one go."""
        wanted = [attribute for attribute in attributes if not self.holds(attribute)]
        if not wanted:
            return
        rows = self._load(wanted)
        for a in wanted:
            self._keep(a, AttributeIndex.of(rows[a]) if a in rows and len(rows[a].e) else NO_INDEX)

    def _load(self, attributes: Sequence[int]) -> Mapping[int, Rows]:
        return self.source.load(attributes, self.t)

    def values_of(self, e: int, attribute: int) -> list[int]:
        """The encoded values of one entity's attribute, without making an index for it."""
        since, index = self._nearest(attribute)
        return self._strand.values_of(index.values_of(e), e, attribute, since=since, upto=self._prefix)

    def holders_of(self, attribute: int, v: int) -> list[int]:
        """The entities that have an encoded value of an attribute, without making an index for it."""
        since, index = self._nearest(attribute)
        return self._strand.holders_of(index.holders_of(v), attribute, v, since=since, upto=self._prefix)

    def referrers_of(self, e: int, refs: Iterable[int]) -> list[tuple[int, int]]:
        """Who refers to one entity by any of the attributes ``refs``: (entity, attribute)."""
        return [(entity, a) for a in refs for entity in self.holders_of(a, e)]

    def facts_of_one(self, e: int) -> list[tuple[int, int]]:
        """All facts about one entity: (attribute, encoded value)."""
        facts = self._facts_of(ints([e]))
        return list(zip(facts.a.tolist(), facts.v.tolist(), strict=True))

    def _nearest(self, attribute: int) -> tuple[int, AttributeIndex]:
        made = self._made.get(attribute)
        if made is None:
            start = self._start(attribute)
            if start is not None:
                return start
            made = self.index(attribute)
        return self._prefix, made

    def intervals(self, attribute: int) -> Intervals:
        """The lives of one attribute's facts up to this basis."""
        found = self._intervals.get(attribute)
        if found is None:
            found = self._load_intervals(attribute)
            self._intervals[attribute] = found
        return found

    def _load_intervals(self, attribute: int) -> Intervals:
        return self.source.load_intervals((attribute,), self.t).get(attribute, Intervals(EMPTY, EMPTY, EMPTY, EMPTY))

    def facts_of(self, entities: Ints, every: Collection[int] = ()) -> Facts:
        """All facts about ``entities``.

        ``every`` are all attributes that can have facts, if they are known: if all of them are here, they answer.
        """
        stored = self._facts_of(entities, every)
        return Facts(*(np.asarray(column, dtype=np.int64) for column in stored))

    def _facts_of(self, entities: Ints, every: Collection[int] = ()) -> Facts:
        whole = self.whole(every) if every else None
        if whole is not None:
            return _gathered(whole, entities)
        return self.source.facts_of(entities, self.t)

    def is_worth_loading(self, entities: int) -> bool:
        """Takes note of a question to the source about ``entities``; True if loading attributes is the better way."""
        return self._past.rent.pay(entities)

    def whole(self, every: Collection[int]) -> Indexes | None:
        """The indexes of those of the attributes ``every`` that have facts; None unless all are in this process."""
        if self._whole is None or self._whole[0] is not every:
            if not all(map(self.holds, every)):
                return None
            indexes = ((attribute, self.index(attribute)) for attribute in every)
            self._whole = every, {attribute: index for attribute, index in indexes if len(index)}
        return self._whole[1]

    @property
    def key(self) -> Hashable:
        """Equal for snapshots that show the same facts: those of one source at one t."""
        return self.source, self.t

    def lives_of(self, entities: Ints) -> Lives:
        """All facts about ``entities`` that ever held up to this basis."""
        return self.source.lives_of(entities, self.t)

    def lives_to(self, entities: Ints, refs: Ints) -> Lives:
        """All facts of the attributes ``refs`` with a value among ``entities`` that ever held up to this basis."""
        return self.source.lives_to(entities, self.t)

    def entities(self, beyond: int, count: int, backwards: bool = False) -> Ints:
        """Up to ``count`` entities next above (``backwards``: below) ``beyond``, with all that have facts here."""
        return self.source.entities(beyond, count, backwards)

    def advance(self, t: int, changes: Mapping[int, Change]) -> Self:
        """The snapshot after commits up to ``t`` that did ``changes``."""
        loaded = dict(self.loaded)
        for attribute, change in changes.items():
            if attribute in loaded:
                loaded[attribute] = loaded[attribute].advance(change.added, change.retracted)
        return self._beginning(t, loaded)

    def grow(self, t: int, ops: Sequence[Op]) -> Self:
        """The snapshot after commits up to ``t`` that did a few ``ops``, in their order."""
        prefix = self._strand.grow(self._prefix, ops)
        if prefix is not None:
            return self._grown(t, prefix)
        begun = self._beginning(self.t, self.loaded)
        prefix = begun._strand.grow(0, ops)
        assert prefix is not None, "a new strand takes what one commit does"
        return begun._grown(t, prefix)

    def _grown(self, t: int, prefix: int) -> Self:
        """This snapshot with another prefix of its strand."""
        grown = object.__new__(type(self))
        grown.source, grown._past = self.source, self._past
        grown._begun, grown._strand = self._begun, self._strand
        grown.t, grown._prefix = t, prefix
        grown._made, grown._loaded, grown._intervals, grown._touched, grown._whole = {}, None, {}, None, None
        grown.operated = {}
        return grown

    def _beginning(self, t: int, loaded: Indexes) -> Self:
        """This snapshot with a strand of its own, which begins at ``loaded``."""
        begun = self._grown(t, 0)
        begun._begun, begun._strand = loaded, Strand()
        return begun

    def at(self, t: int) -> Snapshot:
        """The snapshot of an earlier basis."""
        return self if t >= self.t else self._past.at(t)


def _gathered(indexes: Indexes, entities: Ints) -> Facts:
    """The facts about entities that indexes have."""
    wanted = unique(entities)
    parts = [NO_FACTS]
    for attribute, index in indexes.items():
        row, rows = index.by_entity(wanted)
        if len(row):
            parts.append(Facts(rows.e, np.full(len(row), attribute, dtype=np.int64), rows.v, rows.tx))
    return parts[-1] if len(parts) <= 2 else Facts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


class Past:
    """The snapshots of earlier bases that were asked for last; good for all snapshots of a source.

    What held at a t never changes, so a commit does not make a process load the past again.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.rent = Rent(source)
        """What questions about entities have cost these snapshots."""
        self._kept: dict[int, Snapshot] = {}

    def at(self, t: int) -> Snapshot:
        """The snapshot at ``t``."""
        with _SWAPPING:
            found = self._kept.pop(t, None) or Snapshot(self._source, t)
            self._kept[t] = found
            if len(self._kept) > _PAST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            return found

    @property
    def kept(self) -> dict[int, Snapshot]:
        """The snapshots that are here, by t."""
        with _SWAPPING:
            return dict(self._kept)

    def keep(self, ts: Collection[int]) -> None:
        """Lets go of all others."""
        with _SWAPPING:
            self._kept = {t: snapshot for t, snapshot in self._kept.items() if t in ts}


_PAST_KEPT: Final = 8
