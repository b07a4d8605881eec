"""The log that lives in this process: the reference implementation of the port.

Everything a reader can see hangs on one immutable :class:`_State`. A writer makes the next state
beside it and puts it in place when its block ends well, so readers need no lock and a rollback is
to forget. Facts are columns throughout; what is appended bit by bit is kept in a few chunks that
double in size, so that a million small commits cost no more than a logarithm each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np
from pyrsistent import PMap, pmap

from factstore.columns import EMPTY, NO_ROWS, Intervals, Ints, LogRows, Rows, member
from factstore.datom import FIRST_ENTITY, FOREVER, TX0
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry
from factstore.errors import LogError
from factstore.forks import renewed_in_children
from factstore.index import NO_INDEX, AttributeIndex, Found
from factstore.log.erasure import Erasure
from factstore.log.memory_erase import ended_without, live_without, log_without
from factstore.log.memory_lives import entities_beyond, lives_of, lives_to
from factstore.log.memory_stretch import lives_ended, of_attribute
from factstore.log.port import (
    FIRST_CODE,
    Counters,
    Pending,
    Plan,
    Sizes,
    Wanted,
    bootstrap,
    changed_plan,
    changed_stretch,
    operations,
    rows_at,
)
from factstore.log.stretch import Entries, Stretch, settled
from factstore.snapshot_lives import Lives
from factstore.snapshot_source import NO_FACTS, Facts
from factstore.values import Value, ValueType

_NO_LOG = LogRows(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, np.empty(0, dtype=np.bool_))
_NO_LIVES = Intervals(EMPTY, EMPTY, EMPTY, EMPTY)

_Chunk = TypeVar("_Chunk", LogRows, Intervals, Facts, Rows)


class _State(NamedTuple):
    """All of a store after one commit."""

    counters: Counters
    live: PMap[int, AttributeIndex]
    ended: PMap[int, tuple[Intervals, ...]]
    refs: frozenset[int]
    log: tuple[LogRows, ...]

    @property
    def t(self) -> int:
        return self.counters.t - 1


class MemoryLog:
    """A store of this process; what is in it ends with it.

    >>> log = MemoryLog()
    >>> log.head(), len(log.read(-1).e) > 50
    (0, True)
    """

    def __init__(self) -> None:
        entries, rows = bootstrap()
        self.dictionary = Dictionary()
        self.dictionary.learn(entries)
        first = _State(Counters(0, FIRST_ENTITY, FIRST_CODE), pmap(), pmap(), frozenset(), ())
        self._state = _after(first, rows, Counters(1, FIRST_ENTITY, FIRST_CODE), frozenset())
        self.renew_locks()
        renewed_in_children(self)

    def renew_locks(self) -> None:
        """For a forked child, whose store is its own from then on."""
        self._writing = threading.Lock()
        self._moved = threading.Condition()

    def head(self) -> int:
        return self._state.t

    def forget(self, t: int) -> None:
        """Does nothing: whoever took values out has taken them out of this process."""

    def close(self) -> None:
        """Does nothing: another connection of this process may go on using the store."""

    @contextmanager
    def writer(self, wanted: Wanted | None = None) -> Iterator[MemoryWriter]:
        with self._writing:
            writer = MemoryWriter(self._state, self.dictionary)
            yield writer
            # The dictionary first: whoever sees a fact must be able to read it.
            self.dictionary.learn(writer.pending.entries)
            self._state = writer.state
            writer.published = True
            self.dictionary.drop(writer.lost)
        self.wake()

    def wait(self, after: int, timeout: float | None, give_up: Callable[[], bool]) -> bool:
        with self._moved:
            self._moved.wait_for(lambda: self._state.t > after or give_up(), timeout)
        return self._state.t > after

    def wake(self) -> None:
        with self._moved:
            self._moved.notify_all()

    def read(self, after: int, upto: int | None = None) -> LogRows:
        last = FOREVER if upto is None else TX0 + upto
        return _joined(_stretch(self._state.log, TX0 + after, last), _NO_LOG)

    def counters(self) -> Counters:
        return self._state.counters

    def count(self, after: int, upto: int) -> int:
        return sum(len(chunk.tx) for chunk in _stretch(self._state.log, TX0 + after, TX0 + upto))

    def sizes(self) -> Sizes:
        state = self._state
        live = {a: len(index) for a, index in state.live.items() if len(index)}
        ended = {a: sum(len(chunk.e) for chunk in chunks) for a, chunks in state.ended.items()}
        entities = np.unique(np.concatenate([EMPTY, *(index.scan().e for index in state.live.values())]))
        lives = (chunk for chunks in state.ended.values() for chunk in chunks)
        taken = {
            "log": sum(column.nbytes for chunk in state.log for column in chunk),
            "facts_live": sum(index.nbytes for index in state.live.values()),
            "facts_hist": sum(column.nbytes for chunk in lives for column in chunk),
        }
        rows, entries = sum(len(chunk.tx) for chunk in state.log), len(self.dictionary)
        return Sizes(live, ended, int((entities < TX0).sum()), rows, entries, taken)

    def reach(self, after: int, upto: int, rows: int) -> int:
        for chunk in _stretch(self._state.log, TX0 + after, TX0 + upto):
            if rows < len(chunk.tx):
                return max(int(chunk.tx[rows]) - TX0 - 1, after + 1)
            rows -= len(chunk.tx)
        return upto

    def load(self, attributes: Sequence[int], t: int) -> Mapping[int, Rows]:
        state = self._state
        return {attribute: _holding(state, attribute, t) for attribute in attributes}

    def load_intervals(self, attributes: Sequence[int], t: int) -> Mapping[int, Intervals]:
        state = self._state
        return {attribute: _lives(state, attribute, TX0 + t) for attribute in attributes}

    def facts_of(self, entities: Ints, t: int) -> Facts:
        state, wanted = self._state, np.unique(entities)
        live = _facts((a, index.by_entity(wanted)[1]) for a, index in state.live.items())
        if t >= state.t:
            return live
        parts = [_masked(live, live.tx <= TX0 + t)]
        for attribute, chunks in state.ended.items():
            for chunk in chunks:
                at = member(chunk.e, wanted) & (chunk.start <= TX0 + t) & (chunk.end > TX0 + t)
                parts.append(_facts([(attribute, Rows(chunk.e[at], chunk.v[at], chunk.start[at]))]))
        return _joined(parts, NO_FACTS)

    def lives_of(self, entities: Ints, t: int) -> Lives:
        state = self._state
        return lives_of(state.live, state.ended, np.unique(entities), TX0 + t)

    def lives_to(self, entities: Ints, t: int) -> Lives:
        state = self._state
        return lives_to(state.live, state.ended, sorted(state.refs), np.unique(entities), TX0 + t)

    def entities(self, beyond: int, count: int, backwards: bool) -> Ints:
        state = self._state
        return entities_beyond(state.live, state.ended, beyond, count, backwards)

    def entries_of_values(self, vt: ValueType, values: Sequence[Value]) -> Iterable[Entry]:
        codes = self.dictionary.codes_of(vt, values)
        return [(code, vt, value) for code, value in zip(codes, values, strict=True) if code is not None]

    def entries_of_codes(self, codes: Sequence[int]) -> Iterable[Entry]:
        """Nothing: this log's dictionary is never without what was committed."""
        return []

    def entries_between(self, low: int, high: int) -> Entries:
        # A writer learns what it is about to publish: what is newer than the state is not there yet.
        return Entries.of(self.dictionary.learned(low, min(high, self._state.counters.next_v - 1)))


class MemoryWriter:
    """The next state of a :class:`MemoryLog`, in the making."""

    failed = False

    def __init__(self, state: _State, published: Dictionary) -> None:
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
        return _facts((a, index.by_entity(wanted)[1]) for a, index in self.state.live.items())

    def refs_to(self, entities: Ints) -> Facts:
        wanted = np.unique(entities)
        return _facts((a, self.state.live.get(a, NO_INDEX).by_value(wanted)[1]) for a in sorted(self.state.refs))

    def erase(self, erasure: Erasure) -> int:
        state = self.state
        log, count, lost = log_without(_joined(state.log, _NO_LOG), erasure)
        live, ended = live_without(state.live, erasure), ended_without(state.ended, erasure)
        self.state = state._replace(live=live, ended=ended, log=(log,))
        self.lost += lost
        return count

    def write(self, plan: Plan) -> None:
        counters = self.state.counters
        if plan.t != counters.t:
            raise changed_plan(plan, counters)
        forgetful = frozenset(a for a in np.unique(plan.retracted.a).tolist() if _forgets(plan, a))
        self.state = _after(self.state, operations(plan), Counters(plan.t + 1, plan.next_e, plan.next_v), forgetful)
        self.pending.add(plan.entries)

    def write_stretch(self, stretch: Stretch) -> None:
        if stretch.after != self.state.counters.t - 1:
            raise changed_stretch(stretch, self.state.counters)
        self.state = _after_stretch(self.state, stretch)
        self.pending.add(stretch.entries.decoded())


def _forgets(plan: Plan, attribute: int) -> bool:
    known = plan.schema.get(attribute)
    return known is not None and known.no_history


def _after(state: _State, rows: LogRows, counters: Counters, forgetful: frozenset[int]) -> _State:
    live, ended = state.live.evolver(), state.ended.evolver()
    for attribute in np.unique(rows.a).tolist():
        mine = rows.a == attribute
        index = state.live.get(attribute, NO_INDEX)
        gone, come = _split(rows, mine & ~rows.added), _split(rows, mine & rows.added)
        if len(gone.e):
            lives = _ending(attribute, index, gone)
            if attribute not in forgetful:
                ended.set(attribute, _appended(state.ended.get(attribute, ()), lives))
            index = index.advance(NO_ROWS, gone)
        if len(come.e):
            _refuse_held(attribute, index, come)
            index = index.advance(come, NO_ROWS)
        live.set(attribute, index)
    refs = state.refs | frozenset(np.unique(rows.a[rows.vt == ValueType.REF]).tolist())
    return _State(counters, live.persistent(), ended.persistent(), refs, _appended(state.log, rows))


def _after_stretch(state: _State, stretch: Stretch) -> _State:
    rows, done = stretch.rows, settled(stretch.rows)
    live, ended = state.live.evolver(), state.ended.evolver()
    for attribute in np.unique(rows.a).tolist():
        index = state.live.get(attribute, NO_INDEX)
        mine = of_attribute(rows, attribute, done)
        gone, lives = lives_ended(index, stretch, mine)
        if len(lives.e):
            ended.set(attribute, _appended(state.ended.get(attribute, ()), lives))
        if len(gone.e):
            index = index.advance(NO_ROWS, gone)
        come = _split(rows, mine.begun)
        if len(come.e):
            _refuse_held(attribute, index, come)
            index = index.advance(come, NO_ROWS)
        live.set(attribute, index)
    refs = state.refs | frozenset(np.unique(rows.a[rows.vt == ValueType.REF]).tolist())
    counters = Counters(stretch.upto + 1, stretch.next_e, stretch.next_v)
    return _State(counters, live.persistent(), ended.persistent(), refs, _appended(state.log, rows))


def _split(rows: LogRows, mask: Any) -> Rows:
    return Rows(rows.e[mask], rows.v[mask], rows.tx[mask])


def _ending(attribute: int, index: AttributeIndex, gone: Rows) -> Intervals:
    held, start = index.find(gone.e, gone.v)
    if not held.all():
        raise _conflict(attribute, int(gone.e[~held][0]), "is retracted but does not hold")
    return Intervals(gone.e, gone.v, start, gone.tx)


def _refuse_held(attribute: int, index: AttributeIndex, come: Rows) -> None:
    held, _ = index.find(come.e, come.v)
    if held.any():
        raise _conflict(attribute, int(come.e[held][0]), "is added but holds already")


def _conflict(attribute: int, entity: int, what: str) -> LogError:
    return LogError(
        f"a fact of attribute {attribute} about entity {entity} {what}", code="log/conflict", a=attribute, e=entity
    )


def _holding(state: _State, attribute: int, t: int) -> Rows:
    live = state.live.get(attribute, NO_INDEX).scan()
    if t >= state.t:
        return live
    parts = [_masked(live, live.tx <= TX0 + t)]
    for chunk in state.ended.get(attribute, ()):
        at = (chunk.start <= TX0 + t) & (chunk.end > TX0 + t)
        parts.append(Rows(chunk.e[at], chunk.v[at], chunk.start[at]))
    return _joined(parts, NO_ROWS)


def _lives(state: _State, attribute: int, last: int) -> Intervals:
    live = state.live.get(attribute, NO_INDEX).scan()
    parts = [Intervals(live.e, live.v, live.tx, np.full(len(live.e), FOREVER, dtype=np.int64))]
    parts += state.ended.get(attribute, ())
    every = _joined(parts, _NO_LIVES)
    begun = _masked(every, every.start <= last)
    return begun._replace(end=np.where(begun.end > last, FOREVER, begun.end))


def _facts(parts: Iterable[tuple[int, Rows | Found]]) -> Facts:
    found = [
        Facts(rows.e, np.full(len(rows.e), a, dtype=np.int64), rows.v, rows.tx) for a, rows in parts if len(rows.e)
    ]
    return _joined(found, NO_FACTS)


def _stretch(chunks: Sequence[LogRows], after: int, last: int) -> list[LogRows]:
    """The rows with ``after < tx <= last``; chunks are in order, and so are the rows in each."""
    parts = []
    for chunk in chunks:
        lo, hi = np.searchsorted(chunk.tx, after, side="right"), np.searchsorted(chunk.tx, last, side="right")
        if lo < hi:
            parts.append(rows_at(chunk, slice(lo, hi)))
    return parts


def _appended(chunks: tuple[_Chunk, ...], new: _Chunk) -> tuple[_Chunk, ...]:
    """``chunks`` and one more, merged so that each is at least twice as long as the next."""
    kept: list[_Chunk] = list(chunks)
    tail: list[_Chunk] = [new]
    size = len(new.e)
    while kept and len(kept[-1].e) < 2 * size:
        size += len(kept[-1].e)
        tail.insert(0, kept.pop())
    kept.append(_joined(tail, new))
    return tuple(kept)


def _joined(parts: Sequence[_Chunk], empty: _Chunk) -> _Chunk:
    if not parts:
        return empty
    if len(parts) == 1:
        return parts[0]
    columns: Any = (np.concatenate(column) for column in zip(*parts, strict=True))
    return type(empty)(*columns)


def _masked(chunk: _Chunk, mask: Any) -> _Chunk:
    columns: Any = (column[mask] for column in chunk)
    return type(chunk)(*columns)
