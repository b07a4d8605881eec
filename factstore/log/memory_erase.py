"""An excision in memory: the columns of a store without what is taken out."""

from __future__ import annotations

import numpy as np
from pyrsistent import PMap

from factstore.columns import Intervals, Ints, LogRows, Rows
from factstore.index import AttributeIndex
from factstore.log.erasure import Erasure
from factstore.log.rows import rows_at
from factstore.values import ValueType

Live = PMap[int, AttributeIndex]
Ended = PMap[int, tuple[Intervals, ...]]


def live_without(live: Live, erasure: Erasure) -> Live:
    """The facts that hold and stay."""
    kept = live.evolver()
    for attribute, index in live.items():
        rows = index.scan()
        gone = erasure.covers(rows.e, _full(rows.e, attribute)) & (rows.tx < erasure.before)
        if gone.any():
            kept.set(attribute, AttributeIndex.of(Rows(*(column[~gone] for column in rows))))
    return kept.persistent()


def ended_without(ended: Ended, erasure: Erasure) -> Ended:
    """The facts that have ended and stay."""
    kept = ended.evolver()
    for attribute, chunks in ended.items():
        kept.set(attribute, tuple(_chunk_without(chunk, attribute, erasure) for chunk in chunks))
    return kept.persistent()


def _chunk_without(chunk: Intervals, attribute: int, erasure: Erasure) -> Intervals:
    stays = ~(erasure.covers(chunk.e, _full(chunk.e, attribute)) & (chunk.start < erasure.before))
    return Intervals(*(column[stays] for column in chunk))


def log_without(rows: LogRows, erasure: Erasure) -> tuple[LogRows, int, list[tuple[int, ValueType]]]:
    """The log that stays, how many rows do not, and the dictionary codes that no row speaks of any more."""
    gone = erasure.of_log(rows)
    stays = rows_at(rows, ~gone)
    interned = gone & (rows.vt >= ValueType.STRING)
    lost = np.setdiff1d(rows.v[interned], stays.v[stays.vt >= ValueType.STRING])
    types = dict(zip(rows.v[interned].tolist(), rows.vt[interned].tolist(), strict=True))
    return stays, int(gone.sum()), [(code, ValueType(types[code])) for code in lost.tolist()]


def _full(like: Ints, value: int) -> Ints:
    return np.full(len(like), value, dtype=np.int64)
