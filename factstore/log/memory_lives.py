"""What a log in memory answers about entities through all time: their lives, and who comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from factstore.columns import EMPTY, Intervals, Ints, Mask, member, unique
from factstore.datom import FOREVER
from factstore.index import AttributeIndex
from factstore.snapshot_lives import NO_LIVES, Lives, lives_at

Live = Mapping[int, AttributeIndex]
"""The facts of each attribute that hold."""
Ended = Mapping[int, tuple[Intervals, ...]]
"""The facts of each attribute that have ended, in chunks."""


def lives_of(live: Live, ended: Ended, entities: Ints, last: int) -> Lives:
    """The lives, up to transaction ``last``, of all facts about the sorted ``entities``."""
    found = ((a, index.by_entity(entities)[1]) for a, index in live.items())
    parts = [_lives(a, rows.e, rows.v, rows.tx) for a, rows in found if len(rows.e)]
    parts += [_over(a, chunk, member(chunk.e, entities)) for a, chunk in _chunks(ended, ended)]
    return _joined(parts, last)


def lives_to(live: Live, ended: Ended, refs: Iterable[int], entities: Ints, last: int) -> Lives:
    """The lives, up to transaction ``last``, of all facts of ``refs`` whose value is among the sorted ``entities``."""
    refs = list(refs)
    found = ((a, live[a].by_value(entities)[1]) for a in refs if a in live)
    parts = [_lives(a, rows.e, rows.v, rows.tx) for a, rows in found if len(rows.e)]
    parts += [_over(a, chunk, member(chunk.v, entities)) for a, chunk in _chunks(ended, refs)]
    return _joined(parts, last)


def entities_beyond(live: Live, ended: Ended, beyond: int, count: int, backwards: bool) -> Ints:
    """The ``count`` entities next to ``beyond`` that any fact was ever about, ascending."""
    every = [_next_in(index.scan().e, beyond, count, backwards) for index in live.values()]
    for _, chunk in _chunks(ended, ended):
        far = chunk.e < beyond if backwards else chunk.e > beyond
        every.append(unique(chunk.e[far]))
    both = unique(np.concatenate([EMPTY, *every]))
    return both[-count:] if backwards else both[:count]


def _next_in(ordered: Ints, beyond: int, count: int, backwards: bool) -> Ints:
    """The next distinct ones in a sorted column, found without a look at all of it."""
    if backwards:
        ordered = -ordered[: int(np.searchsorted(ordered, beyond))][::-1]
    else:
        ordered = ordered[int(np.searchsorted(ordered, beyond, side="right")) :]
    size = count
    while True:
        found = unique(ordered[:size])
        if len(found) >= count or size >= len(ordered):
            return -found[:count][::-1] if backwards else found[:count]
        size *= 2


def _chunks(ended: Ended, attributes: Iterable[int]) -> Iterator[tuple[int, Intervals]]:
    return ((a, chunk) for a in attributes for chunk in ended.get(a, ()))


def _lives(attribute: int, e: Ints, v: Ints, start: Ints) -> Lives:
    return Lives(e, np.full(len(e), attribute), v, start, np.full(len(e), FOREVER))


def _over(attribute: int, chunk: Intervals, mask: Mask) -> Lives:
    e, v, start, end = (column[mask] for column in chunk)
    return Lives(e, np.full(len(e), attribute), v, start, end)


def _joined(parts: list[Lives], last: int) -> Lives:
    every = Lives(*(np.concatenate(column) for column in zip(NO_LIVES, *parts, strict=True)))
    return lives_at(every, last)
