"""From what was said and what holds to what is written: nothing redundant, nothing absent, no contradiction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from factstore.columns import EMPTY, Ints, Mask, member, pack
from factstore.columns_order import distinct_order, order_within
from factstore.datom import TX0
from factstore.snapshot_source import Facts

ADD: Final = 0
RETRACT: Final = 1
HELD: Final = 2

BOTH: Final = "both asserted and retracted"
TWO: Final = "two values"


class Said(NamedTuple):
    """Facts that were said, with the row of each; -1 where no form says it outright."""

    e: Ints
    a: Ints
    v: Ints
    row: Ints


NOTHING: Final = Said(EMPTY, EMPTY, EMPTY, EMPTY)


class Diff(NamedTuple):
    """What changes, each sorted by (e, a, v)."""

    added: Said
    retracted: Said


Refuse = Callable[[Said, str], Exception]
"""Gives the error for one fact that is BOTH, or for TWO facts that can not hold together."""


def diff(adds: Said, retracts: Said, held: Facts, many: Ints, refuse: Refuse) -> Diff:
    """What must be written so that ``adds`` hold and ``retracts`` do not.

    A value of an attribute that is not in ``many`` replaces the one that holds.
    """
    if not len(retracts.e) and not len(held.e):
        facts = _apart(adds)
        if facts is not None:
            return Diff(facts, NOTHING)
    facts, has = _by_fact(adds, retracts, held)
    _refuse_first(facts, has[ADD] & has[RETRACT], refuse, BOTH)
    one = ~member(facts.a, many)
    new = np.ones(len(facts.e), dtype=np.bool_)
    new[1:] = (facts.e[1:] != facts.e[:-1]) | (facts.a[1:] != facts.a[:-1])
    pair = np.cumsum(new) - 1
    said = np.bincount(pair[has[ADD]], minlength=len(new))[pair]
    _refuse_first(facts, one & has[ADD] & (said > 1), refuse, TWO)
    replaced = one & has[HELD] & ~has[ADD] & (said > 0)
    gone = (has[RETRACT] & has[HELD]) | replaced
    return Diff(at(facts, has[ADD] & ~has[HELD]), at(facts, gone))


def _apart(adds: Said) -> Said | None:
    """Facts of which no two are of one (e, a), in their order; None if some are. Of a first load, most are so."""
    if not len(adds.e):
        return NOTHING
    # The transaction's own facts are far above the others, and there are few of them.
    own = adds.e >= TX0
    parts = [at(adds, np.flatnonzero(~own)), at(adds, np.flatnonzero(own))] if own.any() else [adds]
    orders = [distinct_order(part.e, part.a) for part in parts]
    sorted_parts = [at(part, order) for part, order in zip(parts, orders, strict=True) if order is not None]
    if len(sorted_parts) < len(parts):
        return None
    return sorted_parts[0] if len(parts) == 1 else joined(*sorted_parts)


def _by_fact(adds: Said, retracts: Said, held: Facts) -> tuple[Said, tuple[Mask, Mask, Mask]]:
    """Every distinct fact in (e, a, v) order, and whether it is to be added, to be retracted, and held."""
    sizes = (len(adds.e), len(retracts.e), len(held.e))
    e, a, v = (np.concatenate(parts) for parts in zip(adds[:3], retracts[:3], held[:3], strict=True))
    row = np.concatenate((adds.row, retracts.row, np.full(sizes[HELD], -1, dtype=np.int64)))
    kind = np.repeat(np.arange(3), sizes)
    # The sort is stable: the first of equal facts is one that was said, if any was.
    subject = pack((e, a))
    order = np.lexsort((v, a, e)) if subject is None else order_within(subject, v)
    e, a, v, row, kind = e[order], a[order], v[order], row[order], kind[order]
    new = np.ones(len(e), dtype=np.bool_)
    new[1:] = (e[1:] != e[:-1]) | (a[1:] != a[:-1]) | (v[1:] != v[:-1])
    first = np.flatnonzero(new)
    fact = np.cumsum(new) - 1
    has = np.zeros((3, len(first)), dtype=np.bool_)
    has[kind, fact] = True
    return Said(e[first], a[first], v[first], row[first]), (has[ADD], has[RETRACT], has[HELD])


def _refuse_first(facts: Said, bad: Mask, refuse: Refuse, what: str) -> None:
    if bad.any():
        raise refuse(at(facts, np.flatnonzero(bad)[:2]), what)


def at(said: Said, which: Mask | NDArray[np.integer[Any]]) -> Said:
    """What was said at a mask or at positions."""
    return Said(said.e[which], said.a[which], said.v[which], said.row[which])


def joined(one: Said, other: Said) -> Said:
    """The one and then the other."""
    return Said(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))
