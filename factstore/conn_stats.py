"""How much a store holds, in the names of its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from factstore.log import Log
from factstore.schema import Schema
from factstore.values import Keyword


class AttributeStats(NamedTuple):
    """How many facts an attribute has."""

    live: int
    """That hold."""
    ended: int
    """Lives that are over and kept."""


class Stats(NamedTuple):
    """How much a store holds; see :meth:`Connection.stats`."""

    t: int
    entities: int
    """That have facts, transactions aside; with the built-in attributes."""
    live: int
    """Facts that hold."""
    ended: int
    """Lives of facts that are over."""
    log: int
    """Operations: assertions and retractions."""
    entries: int
    """Values in the dictionary."""
    bytes: Mapping[str, int]
    """Of each table and each index, by name."""
    attributes: Mapping[Keyword, AttributeStats]
    """By ident, those that have facts, the most first."""

    @property
    def bytes_per_datom(self) -> float:
        """All bytes, shared out over the operations of the log."""
        return sum(self.bytes.values()) / self.log


def stats_of(log: Log, schema: Schema, t: int) -> Stats:
    """The statistics of a store."""
    sizes = log.sizes()
    counts = {a: AttributeStats(sizes.live.get(a, 0), sizes.ended.get(a, 0)) for a in {*sizes.live, *sizes.ended}}
    named = [(schema.attribute(a).ident, count) for a, count in counts.items() if a in schema]
    named.sort(key=lambda pair: (-sum(pair[1]), pair[0]))
    live, ended = sum(sizes.live.values()), sum(sizes.ended.values())
    return Stats(t, sizes.entities, live, ended, sizes.log, sizes.entries, sizes.bytes, dict(named))
