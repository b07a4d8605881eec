"""Who each slot of a transaction turns out to be."""

from __future__ import annotations

import numpy as np

from factstore.columns import Ints
from factstore.tx.slots import Slots


class Entities:
    """Who each slot turns out to be."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.root: Ints = np.arange(len(slots), dtype=np.int64)
        """The slot that stands for each slot's group: the first of them."""
        self.eid: Ints = np.full(len(slots), -1, dtype=np.int64)
        """The entity id of each root, -1 while it has none."""

    def of(self, nodes: Ints) -> Ints:
        """The entity id of each node; where there is none yet, the negative node of its root."""
        at = np.flatnonzero(nodes < 0)
        if not len(at):
            return nodes
        found = nodes.copy()
        roots = self.root[~nodes[at]]
        eids = self.eid[roots]
        found[at] = np.where(eids >= 0, eids, ~roots)
        return found

    def unify(self, one: int, other: int) -> bool:
        """Makes two nodes the same entity, False if they are not; :meth:`compress` must follow."""
        one, other = sorted((self._now(one), self._now(other)))
        if one >= 0:
            return one == other
        # Of two slots the first, which is the greater node, stands for both.
        if other >= 0:
            self.eid[~one] = other
        elif one != other:
            self.root[~one] = ~other
        return True

    def _now(self, node: int) -> int:
        if node >= 0:
            return node
        slot = ~node
        while self.root[slot] != slot:
            slot = int(self.root[slot])
        eid = int(self.eid[slot])
        return eid if eid >= 0 else ~slot

    def compress(self) -> None:
        """Points every slot directly at its root."""
        while True:
            higher = self.root[self.root]
            if np.array_equal(higher, self.root):
                return
            self.root = higher
