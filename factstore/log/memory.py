"""The log that lives in this process: the reference implementation of the port.

Everything a reader can see hangs on one immutable :class:`State`. A writer makes the next state
beside it and puts it in place when its block ends well, so readers need no lock and a rollback is
to forget. Facts are columns throughout; what is appended bit by bit is kept in a few chunks that
double in size, so that a million small commits cost no more than a logarithm each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from pyrsistent import pmap

from factstore.columns import EMPTY, NO_ROWS, Intervals, Ints, LogRows, Rows, member
from factstore.datom import FIRST_ENTITY, FOREVER, TX0
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry
from factstore.forks import renewed_in_children
from factstore.index import NO_INDEX
from factstore.log.memory_lives import entities_beyond, lives_of, lives_to
from factstore.log.memory_state import NO_LOG, State, after, facts_in, joined, masked
from factstore.log.memory_writer import MemoryWriter
from factstore.log.port import FIRST_CODE, Counters, Sizes, Wanted
from factstore.log.rows import rows_at
from factstore.log.schema_of import bootstrap
from factstore.log.stretch import Entries
from factstore.snapshot_lives import Lives
from factstore.snapshot_source import NO_FACTS, Facts
from factstore.values import Value, ValueType

_NO_LIVES = Intervals(EMPTY, EMPTY, EMPTY, EMPTY)


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
        first = State(Counters(0, FIRST_ENTITY, FIRST_CODE), pmap(), pmap(), frozenset(), ())
        self._state = after(first, rows, Counters(1, FIRST_ENTITY, FIRST_CODE), frozenset())
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
        return joined(_stretch(self._state.log, TX0 + after, last), NO_LOG)

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

    def size(self) -> int:
        return sum(len(index) for index in self._state.live.values())

    def facts_of(self, entities: Ints, t: int) -> Facts:
        state, wanted = self._state, np.unique(entities)
        live = facts_in((a, index.by_entity(wanted)[1]) for a, index in state.live.items())
        if t >= state.t:
            return live
        parts = [masked(live, live.tx <= TX0 + t)]
        for attribute, chunks in state.ended.items():
            for chunk in chunks:
                at = member(chunk.e, wanted) & (chunk.start <= TX0 + t) & (chunk.end > TX0 + t)
                parts.append(facts_in([(attribute, Rows(chunk.e[at], chunk.v[at], chunk.start[at]))]))
        return joined(parts, NO_FACTS)

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


def _holding(state: State, attribute: int, t: int) -> Rows:
    live = state.live.get(attribute, NO_INDEX).scan()
    if t >= state.t:
        return live
    parts = [masked(live, live.tx <= TX0 + t)]
    for chunk in state.ended.get(attribute, ()):
        at = (chunk.start <= TX0 + t) & (chunk.end > TX0 + t)
        parts.append(Rows(chunk.e[at], chunk.v[at], chunk.start[at]))
    return joined(parts, NO_ROWS)


def _lives(state: State, attribute: int, last: int) -> Intervals:
    live = state.live.get(attribute, NO_INDEX).scan()
    parts = [Intervals(live.e, live.v, live.tx, np.full(len(live.e), FOREVER, dtype=np.int64))]
    parts += state.ended.get(attribute, ())
    every = joined(parts, _NO_LIVES)
    begun = masked(every, every.start <= last)
    return begun._replace(end=np.where(begun.end > last, FOREVER, begun.end))


def _stretch(chunks: Sequence[LogRows], after: int, last: int) -> list[LogRows]:
    """The rows with ``after < tx <= last``; chunks are in order, and so are the rows in each."""
    parts = []
    for chunk in chunks:
        lo, hi = np.searchsorted(chunk.tx, after, side="right"), np.searchsorted(chunk.tx, last, side="right")
        if lo < hi:
            parts.append(rows_at(chunk, slice(lo, hi)))
    return parts
