"""Facts of several attributes with their lives: what a history is made of, an entity at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from factstore.columns import EMPTY, Intervals, Ints, Mask, Rows
from factstore.datom import FOREVER
from factstore.index import AttributeIndex


class Lives(NamedTuple):
    """Facts of several attributes with their lives: each holds at t where ``start <= TX0 + t < end``."""

    e: Ints
    a: Ints
    v: Ints
    start: Ints
    end: Ints


NO_LIVES = Lives(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY)


def lives_at(lives: Lives, last: int) -> Lives:
    """The lives as they were known after transaction ``last``."""
    begun = Lives(*(column[lives.start <= last] for column in lives))
    return begun._replace(end=np.where(begun.end > last, FOREVER, begun.end))


def lives_changed(
    below: Lives, changes: Mapping[int, tuple[Rows, Rows]], mine: Callable[[Rows], Mask], tx: int
) -> Lives:
    """The lives after transaction ``tx``: by attribute, what ``mine`` picks of ``changes`` was added and retracted."""
    end = below.end.copy()
    parts = []
    for attribute, (added, retracted) in changes.items():
        come, gone = _at(added, mine(added)), _at(retracted, mine(retracted))
        at = np.flatnonzero(below.a == attribute)
        if len(gone.e):
            lives = Intervals(below.e[at], below.v[at], below.start[at], end[at])
            end[at[positions(lives, gone)]] = tx
        parts.append(Lives(come.e, _full(come.e, attribute), come.v, come.tx, _full(come.e, FOREVER)))
    return Lives(*(np.concatenate(column) for column in zip(below._replace(end=end), *parts, strict=True)))


def positions(lives: Intervals, held: Rows) -> Ints:
    """Where the facts ``held``, which hold, stand among ``lives``."""
    live = np.flatnonzero(lives.end == FOREVER)
    index = AttributeIndex.of(Rows(lives.e[live], lives.v[live], live.astype(np.int64)))
    found, at = index.find(held.e, held.v)
    return at[found]


def _at(rows: Rows, mask: Mask) -> Rows:
    return Rows(rows.e[mask], rows.v[mask], rows.tx[mask])


def _full(like: Ints, value: int) -> Ints:
    return np.full(len(like), value, dtype=np.int64)
