"""A large transaction into PostgreSQL: streamed, and indexed afterwards where that takes less time.

Keeping an index while rows come costs several times what making it at the end does. So where a table is
not larger than what comes into it, its indexes are taken away and made again, in the same PostgreSQL
transaction: nobody sees the table without them, but readers wait for the commit. Where there is somebody
who reads already and does not end in half a second, or the table is not ours, they stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import psycopg

from factstore.columns import EMPTY, Ints
from factstore.columns_order import ranked
from factstore.datom import TX0
from factstore.log import Plan
from factstore.postgres.parts import Facts, Part
from factstore.postgres.pool import Row, Session
from factstore.postgres.stream import HEADER, TRAILER, entry_pieces, fact_pieces, log_pieces
from factstore.schema import Ids

LARGE: Final = 50_000
"""Assertions from which on a transaction is written so."""
_BYTES: Final = {"log": 60, "facts_live": 64, "dict": 64}
"""About what a row of each table takes."""
_DEFINING: Final = np.asarray((Ids.UNIQUE, Ids.INDEX, Ids.CARDINALITY), dtype=np.int64)


def is_large(plan: Plan) -> bool:
    """Whether a plan is for :func:`copy`. One that defines attributes too is not: it may change what is there."""
    # What has its operations one by one is small.
    if hasattr(plan, "ops") or len(plan.added.e) < LARGE:
        return False
    return not np.isin(ranked(plan.added.a)[0], _DEFINING).any()


def without_additions(plan: Plan) -> list[Plan]:
    """What is left of a plan for the ordinary statements, which come first."""
    if not len(plan.retracted.e):
        return []
    none = Facts(EMPTY, EMPTY, EMPTY, EMPTY)
    return [Part(plan.t, (), none, plan.retracted, plan.next_e, plan.next_v, plan.schema)]


def copy(session: Session, sql: dict[str, str], plan: Plan, bits: Ints) -> None:
    """Writes the additions of a plan and its dictionary entries; ``bits`` are the ``fl`` of each addition."""
    tx = TX0 + plan.t
    with ThreadPoolExecutor(max_workers=2) as pool:
        entries = pool.submit(entry_pieces, plan.entries)
        rows = {"facts_live": len(plan.added.e), "log": len(plan.added.e), "dict": len(plan.entries)}
        made_again = _without_indexes(session, sql, rows)
        _stream(session, sql["copy_facts_live"], _ahead(pool, fact_pieces(plan.added, tx, bits)))
        _stream(session, sql["copy_log"], _ahead(pool, log_pieces(plan.added, tx)))
        _stream(session, sql["copy_dict"], entries.result())
    if made_again:
        session.execute(sql["bulk_memory"])
    for statement in made_again:
        session.execute(statement, prepare=False)


def _without_indexes(session: Session, sql: dict[str, str], coming: dict[str, int]) -> list[str]:
    """Takes away the indexes that are better made again, and gives the statements that do so."""
    tables = session.execute(sql["bulk_tables"]).fetchall()
    made_again: list[str] = []
    for table in _worthwhile(tables, coming):
        if not _lock(session, sql, table):
            continue
        for drop, make in session.execute(sql["bulk_indexes"], {"table": table}).fetchall():
            session.execute(drop, prepare=False)
            made_again.append(make)
    return made_again


def _worthwhile(tables: Iterable[Row], coming: dict[str, int]) -> list[str]:
    """The tables, in the order in which they are locked, into which as much comes as there is."""
    there = {name: size // _BYTES[name] for name, size, is_ours in tables if is_ours}
    return [name for name, rows in coming.items() if rows >= LARGE // 10 and there.get(name, rows + 1) <= rows]


def _lock(session: Session, sql: dict[str, str], table: str) -> bool:
    try:
        with session.transaction():
            session.execute(sql["bulk_patience"])
            session.execute(sql[f"bulk_lock_{table}"])
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    session.execute(sql["bulk_patient"])
    return True


def _stream(session: Session, statement: str, pieces: Iterable[bytes]) -> None:
    with session.cursor().copy(statement) as copy:
        copy.write(HEADER)
        for piece in pieces:
            copy.write(piece)
        copy.write(TRAILER)


def _ahead(pool: ThreadPoolExecutor, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, each made while the one before is on its way."""
    future = pool.submit(next, pieces, None)
    while (piece := future.result()) is not None:
        future = pool.submit(next, pieces, None)
        yield piece
