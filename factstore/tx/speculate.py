"""Transactions that nobody commits: the db value as it would be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np

from factstore.columns import Ints, LogRows, ints
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.dictionary_entries import Entry
from factstore.dictionary_overlay import Overlay
from factstore.recent import FEW, ops_in
from factstore.schema import Ids
from factstore.snapshot_changes import changes_of
from factstore.speculative import FIRST_SPECULATIVE, SpeculativeSnapshot
from factstore.tx.encode import PROVISIONAL
from factstore.tx.operations import Function
from factstore.tx.plan import Assertions, Counters, Plan
from factstore.tx.points import DbPoints
from factstore.tx.prepare import in_full
from factstore.tx.quick import quick
from factstore.tx.reader import DbReader
from factstore.tx.report import TxReport
from factstore.values import ValueType, decode_inline, encode_inline
from factstore.values_coerce import coerce

_FIRST_CODE: Final = PROVISIONAL // 2
_NO_FUNCTIONS: Final[Mapping[str, Function]] = {}

Db = TypeVar("Db", bound=DbValue)


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
    base = db if db.as_of_t is None and isinstance(db.snapshot, SpeculativeSnapshot) else _ground(db)
    snapshot, overlay = base.snapshot, base.dictionary
    assert isinstance(snapshot, SpeculativeSnapshot)
    assert isinstance(overlay, Overlay)
    counters = Counters(snapshot.t + 1, snapshot.next_e, _FIRST_CODE)
    short = quick(
        DbPoints(base),
        base,
        data,
        counters,
        now=_encoded(now),
        previous=snapshot.instant,
        intern=overlay.intern_one,
    )
    if short is not None:
        after = snapshot.grow(short.t, short.ops)
        after.next_e, after.instant = short.next_e, short.encoded_instant
        return TxReport(db, base.moved(after, base.schema, overlay), short)
    previous = None if snapshot.instant is None else _decoded(snapshot.instant)
    made = in_full(DbReader(base), base, data, counters, now=now, previous_instant=previous, functions=functions)
    plan = _with_own_codes(made, overlay)
    log = _log(plan)
    after = snapshot.grow(plan.t, ops_in(log)) if len(log.e) <= FEW else snapshot.advance(plan.t, changes_of(log))
    after.next_e, after.instant = plan.next_e, _encoded(plan.instant)
    return TxReport(db, base.moved(after, plan.schema, overlay), plan)


def _ground(db: Db) -> Db:
    """``db`` as something to speculate on: nothing in the way of its newest facts, and names for what is new."""
    if db.as_of_t is not None:
        db = db._with(snapshot=db.snapshot.at(db.as_of_t), as_of_t=None)
    snapshot = SpeculativeSnapshot.over(db.snapshot)
    if snapshot is db.snapshot:
        return db
    snapshot.next_e, snapshot.instant = FIRST_SPECULATIVE, _instant(db)
    overlay = db.dictionary if isinstance(db.dictionary, Overlay) else Overlay(db.dictionary)
    return db.moved(snapshot, db.schema, overlay)


def _instant(db: DbValue) -> int | None:
    found = db.snapshot.values_of(TX0 + db.basis_t, Ids.TX_INSTANT)
    return found[0] if found else None


def _encoded(instant: datetime) -> int:
    in_utc = instant if instant.tzinfo is UTC else coerce(ValueType.INSTANT, instant)
    return encode_inline(ValueType.INSTANT, in_utc)


def _decoded(instant: int) -> datetime:
    found: datetime = decode_inline(ValueType.INSTANT, instant)
    return found


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
