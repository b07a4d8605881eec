"""The outcome of a prepared transaction: what a log is to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from factstore.columns import Ints
from factstore.dictionary import Entry
from factstore.schema import Schema


class Allocation(Protocol):
    """What a transaction may use: its t, the next free entity id and the next free dictionary code."""

    @property
    def t(self) -> int: ...
    @property
    def next_e(self) -> int: ...
    @property
    def next_v(self) -> int: ...


class Counters(NamedTuple):
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
