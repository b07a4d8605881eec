"""Transactions that nobody commits: the db value as it would be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import numpy as np

from factstore.columns import Ints, LogRows, decode, ints
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.dictionary import Dictionary, Entry, Overlay
from factstore.schema import Ids
from factstore.snapshot import changes_of
from factstore.tx.encode import PROVISIONAL
from factstore.tx.operations import Function
from factstore.tx.plan import Assertions, Counters, Plan
from factstore.tx.prepare import prepare
from factstore.tx.reader import DbReader
from factstore.tx.report import TxReport
from factstore.values import ValueType

FIRST_SPECULATIVE: Final = TX0 // 2
"""Entities that only a speculative transaction knows have ids from here on: far above every real one,
and below every transaction."""

_FIRST_CODE: Final = PROVISIONAL // 2
_NO_FUNCTIONS: Final[Mapping[str, Function]] = {}

Db = TypeVar("Db", bound=DbValue)


class Speculation(Overlay):
    """What a speculative db value has made up: dictionary codes, and entity ids up to ``next_e``."""

    def __init__(self, base: Dictionary | Overlay) -> None:
        super().__init__(base)
        self.next_e: int = base.next_e if isinstance(base, Speculation) else FIRST_SPECULATIVE


def speculate(db: Db, data: Any, functions: Mapping[str, Function] = _NO_FUNCTIONS, *, now: datetime) -> TxReport[Db]:
    """The report of a transaction on ``db`` that is not committed; ``db`` stays as it is.

    May be called again on its own ``db_after``. On an ``as_of`` value it happens at that time; other
    views go on showing what they show, of the facts after. Raises what :func:`prepare` raises.

    >>> from datetime import UTC
    >>> from factstore.log import MemoryLog, schema_at
    >>> from factstore.snapshot import Snapshot
    >>> log = MemoryLog()
    >>> db = DbValue(Snapshot(log, 0), schema_at(log, 0), log.dictionary)
    >>> report = speculate(db, [{"db/ident": "color/red"}], now=datetime(2024, 1, 1, tzinfo=UTC))
    >>> report, log.head()
    (<TxReport t=1 2024-01-01T00:00:00+00:00: 2 added, 0 retracted>, 0)
    """
    base = db if db.as_of_t is None else db._with(snapshot=db.snapshot.at(db.as_of_t), as_of_t=None)
    overlay = Speculation(base.dictionary)
    counters = Counters(base.basis_t + 1, overlay.next_e, _FIRST_CODE)
    previous = _instant(base)
    made = prepare(DbReader(base), base, data, counters, now=now, previous_instant=previous, functions=functions)
    plan = _with_own_codes(made, overlay)
    overlay.next_e = plan.next_e
    after = base.speculate(plan.schema, overlay, plan.t, changes_of(_log(plan)))
    return TxReport(db, after, plan)


def _instant(db: DbValue) -> datetime | None:
    _, rows = db.snapshot.index(Ids.TX_INSTANT).by_entity(ints([TX0 + db.basis_t]))
    found: list[datetime] = decode(ValueType.INSTANT, rows.v, db.dictionary)
    return found[0] if found else None


def _with_own_codes(plan: Plan, overlay: Overlay) -> Plan:
    """The plan with the overlay's codes in place of those that count from ``_FIRST_CODE``."""
    entries: list[Entry] = [(overlay.intern(vt, [value])[0], vt, value) for _, vt, value in plan.entries]
    own = ints([code for code, _, _ in entries])
    added = plan.added
    at = np.flatnonzero((added.vt >= ValueType.STRING) & (added.v >= _FIRST_CODE))
    v: Ints = added.v.copy()
    v[at] = own[added.v[at] - _FIRST_CODE]
    return Plan(
        t=plan.t,
        tx=plan.tx,
        entries=entries,
        added=Assertions(added.e, added.a, added.vt, v),
        retracted=plan.retracted,
        tempids=plan.tempids,
        next_e=plan.next_e,
        next_v=plan.next_v,
        schema=plan.schema,
        instant=plan.instant,
    )


def _log(plan: Plan) -> LogRows:
    e, a, vt, v = (np.concatenate(pair) for pair in zip(plan.retracted, plan.added, strict=True))
    tx = np.full(len(e), plan.tx, dtype=np.int64)
    return LogRows(tx, e, a, vt, v, np.arange(len(e)) >= len(plan.retracted.e))
