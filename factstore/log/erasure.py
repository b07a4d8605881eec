"""What an excision takes out of a store, and which rows of a log that is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from factstore.columns import Ints, LogRows, Mask, ints, member
from factstore.schema import EXCISION_ATTRIBUTES, Ids

KEPT: Ints = ints(sorted({Ids.TX_INSTANT, *EXCISION_ATTRIBUTES}))
"""The attributes nothing is taken from: when a transaction was, and what was excised."""


class Erasure(NamedTuple):
    """Facts to take out whole, their assertions and their retractions; the arrays are sorted."""

    entities: Ints
    """Whose facts go,"""
    only: Ints | None
    """of these attributes, or of all."""
    attributes: Ints
    """Whose facts go, whatever they are about."""
    before: int
    """Only facts that a transaction with a lower id asserted."""

    def covers(self, e: Ints, a: Ints) -> Mask:
        """Which facts are meant, whenever they were asserted."""
        of_entities = member(e, self.entities)
        if self.only is not None:
            of_entities &= member(a, self.only)
        return (of_entities | member(a, self.attributes)) & ~member(a, KEPT)

    def of_log(self, rows: LogRows) -> Mask:
        """Which rows of a whole, strict log are meant: what ends a fact goes with what began it."""
        at = np.flatnonzero(self.covers(rows.e, rows.a))
        at = at[np.lexsort((rows.tx[at], rows.v[at], rows.a[at], rows.e[at]))]
        began, added = rows.tx[at], rows.added[at]
        # In a strict log the row of a fact before its retraction is its assertion.
        began = np.where(added, began, np.roll(began, 1))
        found: Mask = np.zeros(len(rows.e), dtype=np.bool_)
        found[at[began < self.before]] = True
        return found
