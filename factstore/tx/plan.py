"""The outcome of a prepared transaction: what a log is to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from factstore.columns import EMPTY, Ints, ints
from factstore.dictionary_entries import Entry
from factstore.forks import lazy
from factstore.recent import Op
from factstore.schema import Schema
from factstore.values import ValueType, decode_inline


class Allocation(Protocol):
    """What a transaction may use: its t, the next free entity id and the next free dictionary code."""

    @property
    def t(self) -> int: ...
    @property
    def next_e(self) -> int: ...
    @property
    def next_v(self) -> int: ...


class Counters(msgspec.Struct, frozen=True):
    """An :class:`Allocation`."""

    t: int
    next_e: int
    next_v: int


class Assertions(NamedTuple):
    """Facts of several attributes, encoded: parallel arrays of entity, attribute id, type tag and value."""

    e: Ints
    a: Ints
    vt: Ints
    v: Ints


class QuickPlan(msgspec.Struct, eq=False, dict=True):
    """A :class:`Plan` as plain numbers, which become arrays when somebody asks for them."""

    t: int
    tx: int
    ops: Sequence[Op]
    """Retractions, then assertions, the transaction's instant last."""
    tempids: Mapping[str | int, int]
    next_e: int
    schema: Schema
    encoded_instant: int
    entries: Sequence[Entry] = ()
    next_v: int = 0
    """Of a transaction that is going to be written."""

    @lazy
    def added(self) -> Assertions:
        return self._assertions(True)

    @lazy
    def retracted(self) -> Assertions:
        return self._assertions(False)

    @property
    def instant(self) -> datetime:
        found: datetime = decode_inline(ValueType.INSTANT, self.encoded_instant)
        return found

    def _assertions(self, added: bool) -> Assertions:
        facts = sorted(op[:3] for op in self.ops if op[4] is added)
        if not facts:
            return Assertions(EMPTY, EMPTY, EMPTY, EMPTY)
        e, a, v = zip(*facts, strict=True)
        vt = [self.schema.attribute(id).type for id in a]
        return Assertions(ints(e), ints(a), ints(vt), ints(v))


class Plan(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Nothing in it is redundant: what is added does not hold yet, what is retracted does."""

    t: int
    tx: int
    entries: Sequence[Entry]
    """New dictionary values, as (code, type, value)."""
    added: Assertions
    """With the transaction's own facts."""
    retracted: Assertions
    tempids: Mapping[str | int, int]
    """The entity of each tempid, and of ``"db/current-tx"``."""
    next_e: int
    next_v: int
    schema: Schema
    """As it is after the transaction."""
    instant: datetime
