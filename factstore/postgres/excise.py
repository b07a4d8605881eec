"""An excision in PostgreSQL: rows taken out of every table, in the transaction that records it.

The log's trigger refuses to delete. It is off inside this transaction alone, which only the owner of the
table can do: a role that may write but does not own the store cannot excise, whatever it sets or calls.
"""

from __future__ import annotations

import psycopg
from psycopg.types.numeric import Int8

from factstore.columns import EMPTY, Ints, ints
from factstore.log.erasure import KEPT, Erasure
from factstore.postgres.arrays import columns, int4s, int8s
from factstore.postgres.pool import Session, translated

_STEPS_BEFORE = ("excise_plans", "excise_lock", "excise_open")
_STEPS_AFTER = ("excise_close", "analyze")


def erase(session: Session, sql: dict[str, str], erasure: Erasure) -> int:
    """Takes the facts of an erasure out of all tables; gives how many rows of the log that were."""
    try:
        for name in _STEPS_BEFORE:
            session.execute(sql[name], prepare=False)
        params = {
            "e": int8s(erasure.entities),
            "every": erasure.only is None,
            "only": int4s(EMPTY if erasure.only is None else erasure.only),
            "a": int4s(erasure.attributes),
            "kept": int4s(KEPT),
            "before": Int8(erasure.before),
        }
        [(count, codes)] = session.execute(sql["excise_log"], params, binary=True, prepare=False).fetchall()
        session.execute(sql["excise_facts"], params, prepare=False)
        _erase_values(session, sql, codes)
        for name in _STEPS_AFTER:
            session.execute(sql[name], prepare=False)
        return int(count)
    except psycopg.Error as error:
        raise translated(error) from error


def _erase_values(session: Session, sql: dict[str, str], packed: bytes | None) -> None:
    codes: Ints = ints(columns([(packed,)], (("v", ">i8"),))[0])
    if len(codes):
        session.execute(sql["excise_dict"], {"v": int8s(codes)}, prepare=False)
