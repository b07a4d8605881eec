"""What a stretch of the log comes to, attribute by attribute."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from factstore.columns import Ints, LogRows, Mask, Rows, order_by


class Change(NamedTuple):
    """What one or more transactions did to one attribute; nothing is in both."""

    added: Rows
    retracted: Rows


def changes_of(log: LogRows) -> dict[int, Change]:
    """The net change of each attribute over a stretch of a strict log.

    Per fact the first and last operation decide: added if both assert, retracted if both retract; a
    fact that was added and retracted again, or retracted and added again, nets to a replacement of
    its transaction only, which is told as both.
    """
    changes: dict[int, Change] = {}
    for attribute in np.unique(log.a).tolist():
        mine = log.a == attribute
        changes[attribute] = _net(log.e[mine], log.v[mine], log.tx[mine], log.added[mine])
    return changes


def _net(e: Ints, v: Ints, tx: Ints, added: Mask) -> Change:
    order = order_by(e, v)  # stable, and the log is in the order of transactions
    e, v, tx, added = e[order], v[order], tx[order], added[order]
    if not len(e):
        return Change(Rows(e, v, tx), Rows(e, v, tx))
    new = np.empty(len(e), dtype=np.bool_)
    new[0] = True
    new[1:] = (e[1:] != e[:-1]) | (v[1:] != v[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(e)) - 1
    held_before, holds_after = ~added[first], added[last]
    gone, come = first[held_before], last[holds_after]
    return Change(Rows(e[come], v[come], tx[come]), Rows(e[gone], v[gone], tx[gone]))
