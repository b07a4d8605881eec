"""Rows of a log: what a plan adds to it, some of them, and what they say."""

from __future__ import annotations

from typing import Any

import numpy as np

from factstore.columns import LogRows, decode
from factstore.datom import TX0
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.log.port import Plan
from factstore.schema import Ids
from factstore.values import Value, ValueType


def operations(plan: Plan) -> LogRows:
    """What a plan adds to the log: its retractions, then its assertions."""
    gone, come = plan.retracted, plan.added
    pairs = ((gone.e, come.e), (gone.a, come.a), (gone.vt, come.vt), (gone.v, come.v))
    e, a, vt, v = (np.concatenate(pair) for pair in pairs)
    tx = np.full(len(e), TX0 + plan.t, dtype=np.int64)
    return LogRows(tx, e, a, vt, v, np.arange(len(e)) >= len(gone.e))


def rows_at(log: LogRows, which: Any) -> LogRows:
    """The rows of a stretch at a mask, a slice or positions."""
    return LogRows(log.tx[which], log.e[which], log.a[which], log.vt[which], log.v[which], log.added[which])


def values_in(log: LogRows, dictionary: Dictionary | Overlay) -> list[Value]:
    """The Python value of each row, whatever their types."""
    values: list[Any] = [None] * len(log.v)
    for vt in np.unique(log.vt).tolist():
        at = np.flatnonzero(log.vt == vt)
        for i, value in zip(at.tolist(), decode(ValueType(vt), log.v[at], dictionary), strict=True):
            values[i] = value
    return values


def last_excision(rows: LogRows) -> int | None:
    """The t of the last transaction of a stretch that took something out, None if there is none."""
    at = (rows.a == Ids.EXCISE) & rows.added
    return int(rows.tx[at].max()) - TX0 if at.any() else None
