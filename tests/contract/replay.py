"""What a store in PostgreSQL must be if its log is the truth: the log replayed, against the tables."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import psycopg

from factstore.datom import FOREVER, TX0
from factstore.schema import Ids

Key = tuple[int, int, int]
"""(e, a, v), encoded."""


class Replayed(NamedTuple):
    """What a log says."""

    live: dict[Key, int]
    """The transaction since when each fact holds."""
    ended: set[tuple[int, int, int, int, int]]
    """(e, a, v, from, to) of each life that is over."""
    ts: list[int]


def replay(session: psycopg.Connection[Any], schema: str) -> Replayed:
    """Goes through the log; refuses what is redundant or absent in it."""
    live: dict[Key, int] = {}
    ended: set[tuple[int, int, int, int, int]] = set()
    ts: list[int] = []
    for tx, e, a, v, added in session.execute(f'SELECT tx, e, a, v, added FROM "{schema}".log ORDER BY tx, added'):
        if not ts or ts[-1] != tx - TX0:
            ts.append(tx - TX0)
        assert ((e, a, v) in live) != added, f"{(e, a, v)} at {tx - TX0}"
        if added:
            live[e, a, v] = tx
        else:
            ended.add((e, a, v, live.pop((e, a, v)), tx))
    return Replayed(live, ended, ts)


def check(session: psycopg.Connection[Any], schema: str) -> Replayed:
    """Compares what is derived from the log with what it says; gives what it says."""
    found = replay(session, schema)
    [(t, next_e, next_v)] = session.execute(f'SELECT t, next_e, next_v FROM "{schema}".root').fetchall()
    assert found.ts == list(range(t + 1))
    rows = session.execute(f'SELECT e, a, v, tx_from, tx_to FROM "{schema}".facts').fetchall()
    assert {(e, a, v): start for e, a, v, start, end in rows if end == FOREVER} == found.live
    # What an attribute with db/noHistory had is only in the log.
    forgetful = {e for e, a, v in found.live if a == Ids.NO_HISTORY and v == 1}
    ended = {life for life in found.ended if life[1] not in forgetful}
    assert {tuple(row) for row in rows if row[4] != FOREVER} == ended
    assert len(rows) == len(found.live) + len(ended)
    instants = sorted((e, v) for e, a, v in found.live if a == Ids.TX_INSTANT)
    assert [e - TX0 for e, _ in instants] == found.ts[1:]
    assert all(earlier[1] < later[1] for earlier, later in itertools.pairwise(instants))
    assert max(e for e, _, _ in found.live if e < TX0) < next_e
    codes = {row[0] for row in session.execute(f'SELECT id FROM "{schema}".dict')}
    used = {row[0] for row in session.execute(f'SELECT v FROM "{schema}".log WHERE vt >= 6')}
    assert used <= codes
    assert max(codes) < next_v
    return found
