"""The facts before a transaction, as far as it has asked for them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints, Mask, ints, member
from factstore.datom import TX0
from factstore.schema import Attribute, Schema
from factstore.snapshot_source import Facts
from factstore.tx.reader import Reader, concat


class Traits(NamedTuple):
    """What of a schema every transaction needs, found once."""

    many: Ints
    """The ids of the attributes with many values, sorted."""
    components: Ints
    types: dict[int, int]
    """The type tag of each attribute id."""
    composites: Sequence[Attribute]
    composite_ids: Ints
    keys: Sequence[Attribute]
    """The composites by which entities are found again."""
    checked: Sequence[Attribute]
    """The attributes with predicates."""


@functools.lru_cache(maxsize=32)
def traits(schema: Schema) -> Traits:
    """The traits of a schema (which is an immutable value)."""
    every = list(schema)
    return Traits(
        ints(sorted(attribute.id for attribute in every if attribute.many)),
        ints(sorted(attribute.id for attribute in every if attribute.component)),
        {attribute.id: int(attribute.type) for attribute in every},
        [attribute for attribute in every if attribute.parts is not None],
        ints(sorted(attribute.id for attribute in every if attribute.parts is not None)),
        [attribute for attribute in every if attribute.parts is not None and attribute.unique == "identity"],
        [attribute for attribute in every if attribute.preds],
    )


class Before:
    """Facts read so far; each entity is asked for once."""

    def __init__(self, reader: Reader, next_e: int, tx: int) -> None:
        self._reader = reader
        self._next_e = next_e
        self._tx = tx
        self._read: Ints = EMPTY
        self._parts: list[Facts] = []

    def knows(self, entities: Ints) -> Mask:
        """Which of ``entities`` have been given out: ids and the transactions before this one."""
        return np.asarray(((entities > 0) & (entities < self._next_e)) | ((entities >= TX0) & (entities < self._tx)))

    def read(self, entities: Ints) -> None:
        """Reads what is not read yet of all facts about ``entities``, in one batch."""
        wanted = entities[self.knows(entities)]
        if len(self._read):
            wanted = wanted[~member(wanted, self._read)]
        if len(wanted):
            wanted = np.unique(wanted)
            self._parts.append(self._reader.facts_of(wanted))
            self._read = np.union1d(self._read, wanted) if len(self._read) else wanted

    def read_refs_to(self, entities: Ints) -> Facts:
        """The facts that refer to one of ``entities``."""
        found = self._reader.refs_to(entities)
        self._parts.append(found)
        return found

    @property
    def facts(self) -> Facts:
        """All that was read; a fact may come twice."""
        return concat(self._parts)

    def about(self, entities: Ints) -> Facts:
        """The facts about ``entities``, which are read if they are not yet."""
        self.read(entities)
        facts = self.facts
        return at(facts, member(facts.e, np.unique(entities)))


def at(facts: Facts, mask: Mask) -> Facts:
    """The facts at a mask."""
    return Facts(*(column[mask] for column in facts))
