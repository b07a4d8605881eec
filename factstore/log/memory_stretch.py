"""What a stretch of transactions takes out of a log in memory, one attribute at a time."""

from __future__ import annotations

import numpy as np

from factstore.columns import Intervals, LogRows, Rows
from factstore.index import AttributeIndex
from factstore.log.stretch import Settled, Stretch


def of_attribute(rows: LogRows, attribute: int, done: Settled) -> Settled:
    """The part of what became of a stretch's facts that is about one attribute."""
    mine = rows.a == attribute
    first, last = done.passed
    return Settled(done.ended[mine[done.ended]], (first[mine[first]], last[mine[last]]), done.begun[mine[done.begun]])


def lives_ended(index: AttributeIndex, stretch: Stretch, done: Settled) -> tuple[Rows, Intervals]:
    """The facts of an index that hold no longer, and the lives that a stretch leaves to the past."""
    rows = stretch.rows
    held, start = index.find(rows.e[done.ended], rows.v[done.ended])
    ended = done.ended[held]
    at = np.concatenate((ended, done.passed[1]))
    begins = np.concatenate((start[held], rows.tx[done.passed[0]]))
    kept = ~stretch.forgotten[at]
    at, begins = at[kept], begins[kept]
    lives = Intervals(rows.e[at], rows.v[at], begins, rows.tx[at])
    return Rows(rows.e[ended], rows.v[ended], rows.tx[ended]), lives
