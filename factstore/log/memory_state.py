"""All that a log in memory is after one commit, and what it is after the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from pyrsistent import PMap

from factstore.columns import EMPTY, NO_ROWS, Intervals, LogRows, Rows
from factstore.errors import LogError
from factstore.index import NO_INDEX, AttributeIndex, Found
from factstore.log.memory_stretch import lives_ended, of_attribute
from factstore.log.port import Counters
from factstore.log.stretch import Stretch, settled
from factstore.snapshot_source import NO_FACTS, Facts
from factstore.values import ValueType

NO_LOG = LogRows(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, np.empty(0, dtype=np.bool_))

Chunk = TypeVar("Chunk", LogRows, Intervals, Facts, Rows)


class State(NamedTuple):
    """All of a store after one commit."""

    counters: Counters
    live: PMap[int, AttributeIndex]
    ended: PMap[int, tuple[Intervals, ...]]
    refs: frozenset[int]
    log: tuple[LogRows, ...]

    @property
    def t(self) -> int:
        return self.counters.t - 1


def after(state: State, rows: LogRows, counters: Counters, forgetful: frozenset[int]) -> State:
    """The state after the operations of a transaction; what it retracts of the ``forgetful`` attributes is gone."""
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
    return State(counters, live.persistent(), ended.persistent(), refs, _appended(state.log, rows))


def after_stretch(state: State, stretch: Stretch) -> State:
    """The state after whole transactions at once."""
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
    return State(counters, live.persistent(), ended.persistent(), refs, _appended(state.log, rows))


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


def _appended(chunks: tuple[Chunk, ...], new: Chunk) -> tuple[Chunk, ...]:
    """``chunks`` and one more, merged so that each is at least twice as long as the next."""
    kept: list[Chunk] = list(chunks)
    tail: list[Chunk] = [new]
    size = len(new.e)
    while kept and len(kept[-1].e) < 2 * size:
        size += len(kept[-1].e)
        tail.insert(0, kept.pop())
    kept.append(joined(tail, new))
    return tuple(kept)


def joined(parts: Sequence[Chunk], empty: Chunk) -> Chunk:
    """The rows of all ``parts``, one after the other; ``empty`` if there is none."""
    if not parts:
        return empty
    if len(parts) == 1:
        return parts[0]
    columns: Any = (np.concatenate(column) for column in zip(*parts, strict=True))
    return type(empty)(*columns)


def masked(chunk: Chunk, mask: Any) -> Chunk:
    """The rows that a mask chooses."""
    columns: Any = (column[mask] for column in chunk)
    return type(chunk)(*columns)


def facts_in(parts: Iterable[tuple[int, Rows | Found]]) -> Facts:
    """The facts of several attributes in one."""
    found = [
        Facts(rows.e, np.full(len(rows.e), a, dtype=np.int64), rows.v, rows.tx) for a, rows in parts if len(rows.e)
    ]
    return joined(found, NO_FACTS)
