"""The closure of a few pairs that have no cycle, as unions of sets: a node's are taken after those it leads to."""

from __future__ import annotations

from collections.abc import Iterable

from factstore.query.rows.conjunction import Declined


def closed(pairs: Iterable[tuple[int, int]], most: int) -> dict[int, set[int]] | None:
    """All that each first number of ``pairs`` leads to, over any number of them; None if there is a cycle.

    :class:`Declined` if it is more than ``most``.

    >>> closed([(1, 2), (2, 3), (2, 4)], 10)
    {2: {3, 4}, 1: {2, 3, 4}}
    >>> closed([(1, 2), (2, 1)], 10) is None
    True
    """
    after: dict[int, list[int]] = {}
    for start, end in pairs:
        after.setdefault(start, []).append(end)
    found: dict[int, set[int]] = {}
    begun: set[int] = set()
    for start in reversed(after):
        waiting = [start]
        while waiting:
            node = waiting[-1]
            if node in found:
                waiting.pop()
                continue
            ends = after[node]
            inner = after.keys() & ends
            before = inner.difference(found)
            if not before:
                found[node] = set(ends).union(*[found[end] for end in inner])
                most -= len(found[node])
                if most < 0:
                    raise Declined
            elif node in begun:
                return None  # what it waits for waits for it
            else:
                begun.add(node)
                waiting += before
    return found
