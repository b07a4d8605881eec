"""The report of a transaction that somebody committed, from what the log says of it."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from factstore.columns import LogRows, Mask
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.tx.plan import Assertions, Plan
from factstore.tx.report import TxReport

Db = TypeVar("Db", bound=DbValue)


def reported(before: Db, after: Db, rows: LogRows, instant: datetime | None) -> TxReport[Db]:
    """The report of the transaction whose log is ``rows``. Its tempids are known to who wrote it alone."""
    assert instant is not None
    plan = Plan(
        t=after.basis_t,
        tx=TX0 + after.basis_t,
        entries=(),
        added=_of(rows, rows.added),
        retracted=_of(rows, ~rows.added),
        tempids={},
        next_e=0,
        next_v=0,
        schema=after.schema,
        instant=instant,
    )
    return TxReport(before, after, plan)


def _of(rows: LogRows, mask: Mask) -> Assertions:
    return Assertions(rows.e[mask], rows.a[mask], rows.vt[mask], rows.v[mask])
