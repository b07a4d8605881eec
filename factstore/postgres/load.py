"""Whole attributes out of the tables: several sessions read pieces of one snapshot, and numpy puts them together.

Formatting rows costs the server more than finding them, so a row is sent as two numbers, and once: the
server groups by attribute, and packs entity and transaction into one int8. That product overflows with
an error where it does not fit, and then (never, below 2^63 entities times transactions) columns are sent one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import numpy as np
import psycopg
from psycopg.types.numeric import Int8

from factstore.columns import EMPTY, Intervals, Ints, Rows, ints, order_by
from factstore.datom import FOREVER, TX0
from factstore.postgres.arrays import LAST_ATTRIBUTE, int4s, int8s
from factstore.postgres.load_steps import Pieces, Step, Work
from factstore.postgres.pool import TOO_LARGE, Pool, Session, is_lost, pipelined, translated
from factstore.schema import Ids

_PIECE: Final = 4096
"""Blocks of a table read by one statement: 32 MB, half a million facts."""
_OVERFLOW: Final = "22003"
"""The sqlstate of a number that does not fit: an entity and a transaction in one int8."""

_NO_LIVES: Final = Intervals(EMPTY, EMPTY, EMPTY, EMPTY)


class _Wanted(NamedTuple):
    """What a load is about: some attributes, at a transaction, with what had ended by then or without it."""

    attributes: list[int]
    t: int
    lives: bool

    @property
    def bits(self) -> int:
        """The bits of a packed row that its transaction takes."""
        return max(1, self.t.bit_length())


class _Extent(NamedTuple):
    """The size of the tables in blocks, and which attributes an index finds."""

    t: int
    live: int
    hist: int
    by_value: frozenset[int]


def load(pool: Pool, sql: Mapping[str, str], attributes: Sequence[int], t: int) -> dict[int, Rows]:
    """The facts of each attribute that held at ``t``, sorted by entity and value."""
    found = _load(pool, sql, _Wanted(_stored(attributes), t, lives=False))
    return {attribute: _rows(found.get(attribute, [])) for attribute in attributes}


def load_intervals(pool: Pool, sql: Mapping[str, str], attributes: Sequence[int], t: int) -> dict[int, Intervals]:
    """The facts of each attribute that ever held up to ``t``, with their lives."""
    found = _load(pool, sql, _Wanted(_stored(attributes), t, lives=True))
    return {attribute: _lives(found.get(attribute, []), t) for attribute in attributes}


def _stored(attributes: Sequence[int]) -> list[int]:
    # What only a speculative value defines is not in the store.
    return [attribute for attribute in attributes if attribute <= LAST_ATTRIBUTE]


def _load(pool: Pool, sql: Mapping[str, str], wanted: _Wanted) -> Pieces:
    """The pieces of each attribute; a broken connection is replaced once, and the load begun again."""
    if not wanted.attributes:
        return {}
    for attempt in (1, 2):
        try:
            return _whole(pool, sql, wanted)
        except psycopg.Error as error:
            if attempt == 2 or not (is_lost(error) or isinstance(error, psycopg.errors.DeadlockDetected)):
                raise translated(error) from error
            pool.drop()
    raise AssertionError("the second attempt returns or raises")


def _whole(pool: Pool, sql: Mapping[str, str], wanted: _Wanted) -> Pieces:
    indexed, packed = True, True
    while True:
        try:
            return _attempt(pool, sql, wanted, indexed=indexed, packed=packed)
        except psycopg.Error as error:
            if error.sqlstate == TOO_LARGE and indexed:
                indexed = False
            elif error.sqlstate == _OVERFLOW and packed:
                packed = False
            else:
                raise


def _attempt(pool: Pool, sql: Mapping[str, str], wanted: _Wanted, *, indexed: bool, packed: bool) -> Pieces:
    with pool.session() as session:
        try:
            extent = _begin(session, sql, wanted)
            return Work(pool, sql, _steps(wanted, extent, indexed=indexed, packed=packed)).done(session)
        finally:
            if not session.closed:
                with suppress(psycopg.Error):
                    session.rollback()


def _begin(session: Session, sql: Mapping[str, str], wanted: _Wanted) -> _Extent:
    """Takes the snapshot that every piece is read from; what is in an index and what is not is part of it."""
    params = {"a": int8s(ints(wanted.attributes)), "unique": Int8(Ids.UNIQUE), "index": Int8(Ids.INDEX)}
    with pipelined(session):
        session.execute(sql["begin_load"], prepare=False)
        session.execute(sql["load_settings"], prepare=False)
        sizes = session.execute(sql["extent"], binary=True)
        said = session.execute(sql["by_value"], params, binary=True)
    t, live, hist = sizes.fetchall()[0]
    return _Extent(t, live, hist, frozenset(row[0] for row in said.fetchall()))


def _steps(wanted: _Wanted, extent: _Extent, *, indexed: bool, packed: bool) -> list[Step]:
    """One pass over the tables finds all that is wanted; an index is for when it knows all of that."""
    tx = TX0 + wanted.t
    common = {
        "a": int4s(ints(wanted.attributes)),
        "tx": Int8(tx),
        "tx0": Int8(TX0),
        "unit": Int8(1 << wanted.bits),
        # hist is asked for what ended after t, or for everything.
        "ended": Int8(0 if wanted.lives else tx),
    }
    past = wanted.lives or extent.t > wanted.t
    if packed and set(wanted.attributes) <= _SCHEMA:
        steps = [Step("load_schema_live", common, wanted.bits)]
        return [*steps, Step("load_schema_hist", common, None)] if past else steps
    if indexed and packed and extent.by_value.issuperset(wanted.attributes):
        steps = [Step("load_by_value_live", common, wanted.bits)]
        return [*steps, Step("load_by_value_hist", common, None)] if past else steps
    live = "load_scan_live" if packed else "load_scan_live_wide"
    steps = [Step(live, {**common, **piece}, wanted.bits if packed else None) for piece in _ranges(extent.live)]
    return steps + [Step("load_scan_hist", {**common, **piece}, None) for piece in _ranges(extent.hist) if past]


_SCHEMA: Final = frozenset(range(1, 256)) - {Ids.DOC, Ids.TX_INSTANT, Ids.TX_ORIGIN}
"""The attributes of the two indexes named schema, see layout.sql."""


def _ranges(blocks: int) -> Iterable[dict[str, str]]:
    for low in range(0, blocks, _PIECE):
        yield {"low": f"({low},0)", "high": f"({low + _PIECE},0)"}


def _rows(pieces: Sequence[Intervals]) -> Rows:
    if not pieces:
        return Rows(EMPTY, EMPTY, EMPTY)
    e, v, tx = (_joined([piece[column] for piece in pieces]) for column in range(3))
    order = order_by(e, v)
    return Rows(e[order], v[order], tx[order])


def _lives(pieces: Sequence[Intervals], t: int) -> Intervals:
    if not pieces:
        return _NO_LIVES
    e, v, start = (_joined([piece[column] for piece in pieces]) for column in range(3))
    ends = [piece.end if len(piece.end) else np.full(len(piece.e), FOREVER, dtype=np.int64) for piece in pieces]
    end = _joined(ends)
    return Intervals(e, v, start, np.where(end > TX0 + t, FOREVER, end))


def _joined(columns: Sequence[Ints]) -> Ints:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)
