"""Whole transactions whose content is encoded already, and what they do to the facts.

A prepared transaction is written by its plan. What comes from another store is known to be right, and
comes as a stretch: many transactions at once, of which only the log needs each by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints, LogRows, Mask, ints, member
from factstore.dictionary_entries import Entry
from factstore.errors import LogError
from factstore.schema import Schema
from factstore.values import ValueType
from factstore.values_bytes import from_bytes, to_bytes


class Entries(NamedTuple):
    """Dictionary entries as columns, in order of code; ``body`` holds their canonical bytes end to end.

    >>> Entries.of([(300, ValueType.STRING, "ann"), (301, ValueType.KEYWORD, "a/b")]).bodies()
    [b'ann', b'a/b']
    """

    code: Ints
    kind: Ints
    size: Ints
    body: bytes

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Entries:
        """The columns of entries."""
        listed = sorted(entries, key=lambda entry: entry[0])
        bodies = [to_bytes(vt, value) for _, vt, value in listed]
        codes, kinds = [code for code, _, _ in listed], [int(vt) for _, vt, _ in listed]
        return cls(ints(codes), ints(kinds), ints([len(body) for body in bodies]), b"".join(bodies))

    def bodies(self) -> list[bytes]:
        """The bytes of each entry."""
        ends = np.cumsum(self.size).tolist()
        return [self.body[end - size : end] for end, size in zip(ends, self.size.tolist(), strict=True)]

    def at(self, mask: Mask) -> Entries:
        """The entries a mask chooses."""
        if mask.all():
            return self
        kept = [body for body, chosen in zip(self.bodies(), mask.tolist(), strict=True) if chosen]
        return Entries(self.code[mask], self.kind[mask], self.size[mask], b"".join(kept))

    def decoded(self) -> list[Entry]:
        """The entries as Python values."""
        triples = zip(self.code.tolist(), self.kind.tolist(), self.bodies(), strict=True)
        return [(code, ValueType(kind), from_bytes(ValueType(kind), body)) for code, kind, body in triples]


NO_ENTRIES = Entries(EMPTY, EMPTY, EMPTY, b"")


def chained(one: Entries, other: Entries) -> Entries:
    """The entries of both, one after the other."""
    if not (len(one.code) and len(other.code)):
        return one if len(one.code) else other
    code, kind, size = (np.concatenate(pair) for pair in zip(one[:3], other[:3], strict=True))
    return Entries(code, kind, size, one.body + other.body)


class Stretch(NamedTuple):
    """The transactions with ``after < t <= upto``: all there are, whole, in order."""

    after: int
    upto: int
    rows: LogRows
    entries: Entries
    """Those that are new with it."""
    next_e: int
    next_v: int
    forgotten: Mask
    """Of ``rows``: the retractions of what a noHistory attribute said."""
    schema: Schema
    """As it is at ``upto``."""
    redefined: tuple[int, ...]
    """The attributes of before whose definition it may change."""


class Settled(NamedTuple):
    """What became of the facts of a stretch, as positions in its rows."""

    ended: Ints
    """Retractions of what held before."""
    passed: tuple[Ints, Ints]
    """The assertion and the retraction of each life that began and ended in it."""
    begun: Ints
    """Assertions of what holds at its end."""


def settled(rows: LogRows) -> Settled:
    """The lives that a stretch of a strict log begins and ends; ``log/conflict`` if it is not strict.

    The first operation on a fact may be a retraction of what never held: excision can have taken the
    assertion and not what came after it.
    """
    touched = _retracted_ever(rows)
    free, at = np.flatnonzero(~touched), np.flatnonzero(touched)
    order = at[np.lexsort((rows.tx[at], rows.v[at], rows.a[at], rows.e[at]))]
    e, a, v, added = rows.e[order], rows.a[order], rows.v[order], rows.added[order]
    same = (e[1:] == e[:-1]) & (a[1:] == a[:-1]) & (v[1:] == v[:-1])
    twice = np.flatnonzero(same & (added[1:] == added[:-1]))
    if len(twice):
        raise _not_strict(rows, int(order[twice[0] + 1]))
    begins = np.concatenate((np.ones(min(len(order), 1), dtype=np.bool_), ~same))
    closes = np.flatnonzero(~begins & ~added)
    lasts = np.concatenate((~same, np.ones(min(len(order), 1), dtype=np.bool_)))
    begun = np.sort(np.concatenate((free, order[lasts & added])))
    return Settled(order[begins & ~added], (order[closes - 1], order[closes]), begun)


def _retracted_ever(rows: LogRows) -> Mask:
    """Which rows are of a fact that the stretch retracts; by a hash, so that a few others may be among them."""
    if rows.added.all():
        return ~rows.added
    hashed = (rows.e * _MIX_E) ^ (rows.a * _MIX_A) ^ (rows.v * _MIX_V)
    return member(hashed, np.unique(hashed[~rows.added]))


_MIX_E, _MIX_A, _MIX_V = (
    np.int64(-7046029254386353131),
    np.int64(-4417276706812531889),
    np.int64(2685821657736338717),
)


def _not_strict(rows: LogRows, at: int) -> LogError:
    e, a = int(rows.e[at]), int(rows.a[at])
    what = "is added but holds already" if rows.added[at] else "is retracted but does not hold"
    return LogError(f"a fact of attribute {a} about entity {e} {what}", code="log/conflict", a=a, e=e)


def same_operations(one: LogRows, other: LogRows) -> bool:
    """Whether two stretches say the same, whatever the order inside their transactions."""
    if len(one.tx) != len(other.tx):
        return False
    if all(map(np.array_equal, one, other)):
        return True
    return all(map(np.array_equal, _sorted(one), _sorted(other)))


def _sorted(rows: LogRows) -> tuple[Ints | Mask, ...]:
    order = np.lexsort((rows.added, rows.v, rows.vt, rows.a, rows.e, rows.tx))
    return tuple(column[order] for column in rows)
