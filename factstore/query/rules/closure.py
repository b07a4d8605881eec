"""The closure of a numbered graph: for each of several origins, every node that can be reached from it.

Pairs are found a round at a time from all origins together, which costs what they are and nothing more on
sparse graphs. Where many edges lead to the same pairs, the graph is taken apart into strongly connected
components (Tarjan 1972), and the sets of what they reach are united as bits, those reached first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from factstore.columns import EMPTY, Ints, Mask, ints, spans, unique
from factstore.query.columnar.limits import Limits

_ROOM: Final = 1 << 26
"""Pairs told apart at a time, five bytes each."""
_MOST_NODES: Final = 1 << 16
"""Nodes of which a set of bits is kept for each: 250 MB at most."""
_PATIENCE: Final = 4
_UNPACKED: Final = 1 << 24
"""Bits unpacked at a time."""


class Edges:
    """The edges of a graph over the nodes ``0..size-1``, by the node they leave.

    >>> edges = Edges(ints([0, 0, 1]), ints([1, 2, 2]), 3)
    >>> edges.onward(ints([1, 0]))[1].tolist()
    [2, 1, 2]
    """

    def __init__(self, sources: Ints, targets: Ints, size: int) -> None:
        self.size = size
        order = np.argsort(sources, kind="stable")
        self.targets = targets[order]
        self.starts = np.zeros(size + 1, dtype=np.int64)
        np.cumsum(np.bincount(sources, minlength=size), out=self.starts[1:])

    def onward(self, nodes: Ints) -> tuple[Ints, Ints]:
        """(row, node) for each edge that leaves one of some nodes."""
        row, at = spans(self.starts[nodes], self.starts[nodes + 1])
        return row, self.targets[at]


def reached(origins: Ints, nodes: Ints, count: int, edges: Edges, limits: Limits) -> tuple[Ints, Ints]:
    """The pairs (origin, node) that can be reached from the given ones, themselves among them, each once.

    The given pairs are distinct and sorted by origin; origins are numbered ``0..count-1``.

    >>> edges = Edges(ints([0, 1]), ints([1, 2]), 3)
    >>> [found.tolist() for found in reached(ints([0, 1]), ints([0, 2]), 2, edges, Limits())]
    [[0, 1, 0, 0], [0, 2, 1, 2]]
    """
    allowed = _PATIENCE * (len(nodes) + edges.size + len(edges.targets)) + count * edges.size // 8
    if edges.size > _MOST_NODES or edges.size * edges.size // 16 > limits.max_memory:
        allowed = 1 << 62
    found = []
    for origin, node in _portions(origins, nodes, count, edges.size):
        pairs = _by_rounds(origin, node, edges, limits, allowed)
        if pairs is None:
            return _by_bits(origins, nodes, count, edges, limits)
        allowed -= len(pairs[0])
        found.append(pairs)
        limits.check(sum(len(pairs[0]) for pairs in found))
    return _all(found)


def _portions(origins: Ints, nodes: Ints, count: int, size: int) -> Iterator[tuple[Ints, Ints]]:
    """The pairs, so many origins at a time that each pair has room."""
    step = max(1, _ROOM // max(size, 1))
    for first in range(0, count, step):
        lo, hi = np.searchsorted(origins, (first, first + step))
        if lo < hi:
            yield origins[lo:hi], nodes[lo:hi]


def _by_rounds(origins: Ints, nodes: Ints, edges: Edges, limits: Limits, allowed: int) -> tuple[Ints, Ints] | None:
    """The pairs, a round of edges at a time; None if that takes more than ``allowed`` edges."""
    first, size = int(origins[0]), edges.size
    width = (int(origins[-1]) - first + 1) * size
    seen: Mask = np.zeros(width, dtype=np.bool_)
    marks = np.empty(width, dtype=np.int32)
    base = (origins - first) * size
    seen[base + nodes] = True
    found, total = [(base, nodes)], len(nodes)
    while len(nodes):
        row, nodes = edges.onward(nodes)
        allowed -= len(nodes)
        if allowed < 0:
            return None
        pairs = base[row] + nodes
        kept = np.flatnonzero(~seen[pairs])
        if len(kept):
            # Of equal pairs the one that is marked last stands for all.
            own = np.arange(len(kept), dtype=np.int32)
            marks[pairs[kept]] = own
            kept = kept[marks[pairs[kept]] == own]
        seen[pairs[kept]] = True
        base, nodes = base[row[kept]], nodes[kept]
        found.append((base, nodes))
        total += len(nodes)
        limits.check(total)
    base, nodes = _all(found)
    return base // size + first, nodes


def _by_bits(origins: Ints, nodes: Ints, count: int, edges: Edges, limits: Limits) -> tuple[Ints, Ints]:
    """The pairs, from sets of bits: bit n of a set is the n-th node in the order of the components."""
    component, order = components(edges)
    limits.check(0)
    sets = _sets(component, order, edges, limits)
    starts = np.searchsorted(origins, np.arange(count + 1)).tolist()
    own = component[nodes].tolist()
    found, total = [], 0
    for origin in limits.watched(range(count)):
        bits = 0
        for each in own[starts[origin] : starts[origin + 1]]:
            bits |= sets[each]
        found.append(bits)
        total += bits.bit_count()
    limits.check(total)
    return _unpacked(found, order)


def _sets(component: Ints, order: Ints, edges: Edges, limits: Limits) -> list[int]:
    """For each component the bits of every node that can be reached from it."""
    sizes = np.bincount(component).tolist()
    row, node = edges.onward(order)
    leaves, enters = component[order][row], component[node]
    onward = leaves != enters
    pairs = unique(leaves[onward] * len(sizes) + enters[onward])
    after = (pairs % max(len(sizes), 1)).tolist()
    ends = np.searchsorted(pairs // max(len(sizes), 1), np.arange(len(sizes)), side="right").tolist()
    sets: list[int] = []
    at = first = 0
    for size, end in limits.watched(zip(sizes, ends, strict=True)):
        bits = ((1 << size) - 1) << first
        for other in after[at:end]:
            bits |= sets[other]
        sets.append(bits)
        first += size
        at = end
    return sets


def _unpacked(sets: Sequence[int], order: Ints) -> tuple[Ints, Ints]:
    width = (len(order) + 7) // 8
    step = max(1, _UNPACKED // (8 * width))
    found = []
    for first in range(0, len(sets), step):
        packed = b"".join(bits.to_bytes(width, "little") for bits in sets[first : first + step])
        held = np.flatnonzero(np.unpackbits(np.frombuffer(packed, dtype=np.uint8), bitorder="little"))
        origin = held // (8 * width)
        found.append((origin + first, order[held - origin * (8 * width)]))
    return _all(found)


def _all(pairs: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    if not pairs:
        return EMPTY, EMPTY
    one, other = zip(*pairs, strict=True)
    return np.concatenate(one), np.concatenate(other)


def components(edges: Edges) -> tuple[Ints, Ints]:
    """The strongly connected components: the number of each node's, and the nodes in the order of these.

    They are numbered so that every edge stays in its component or leads to one of a lower number.
    """
    starts, targets = edges.starts.tolist(), edges.targets.tolist()
    size = edges.size
    index = [0] * size
    low = [0] * size
    component = [-1] * size
    order: list[int] = []
    stack: list[int] = []
    counter = count = 0
    for root in range(size):
        if index[root]:
            continue
        counter += 1
        index[root] = low[root] = counter
        stack.append(root)
        path = [root]
        at = [starts[root]]
        while path:
            node = path[-1]
            edge = at[-1]
            if edge < starts[node + 1]:
                at[-1] = edge + 1
                target = targets[edge]
                if not index[target]:
                    counter += 1
                    index[target] = low[target] = counter
                    stack.append(target)
                    path.append(target)
                    at.append(starts[target])
                elif component[target] < 0 and index[target] < low[node]:
                    low[node] = index[target]
                continue
            path.pop()
            at.pop()
            if path and low[node] < low[path[-1]]:
                low[path[-1]] = low[node]
            if low[node] == index[node]:
                while True:
                    member = stack.pop()
                    component[member] = count
                    order.append(member)
                    if member == node:
                        break
                count += 1
    return ints(component), ints(order)
