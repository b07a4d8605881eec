"""What a transaction needs to know of the state before it, and the reader that answers from memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from factstore.columns import Ints, Rows
from factstore.db import DbValue
from factstore.index import Found
from factstore.snapshot_source import NO_FACTS, Facts
from factstore.values import Value, ValueType


class Reader(Protocol):
    """Answers about the state before a transaction; every call is one batch."""

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The dictionary code of each value, None where there is none."""

    def holders(self, a: Ints, v: Ints) -> Ints:
        """The entity whose unique attribute ``a[i]`` has the encoded value ``v[i]``, -1 if none has."""

    def facts_of(self, entities: Ints) -> Facts:
        """All facts about ``entities`` that hold."""

    def refs_to(self, entities: Ints) -> Facts:
        """All facts that hold and whose value is one of ``entities``."""


class DbReader:
    """Answers from a db value's newest facts, whatever its view.

    >>> from factstore.log import MemoryLog, schema_at
    >>> from factstore.snapshot import Snapshot
    >>> log = MemoryLog()
    >>> db = DbValue(Snapshot(log, log.head()), schema_at(log, log.head()), log.dictionary)
    >>> DbReader(db).codes_of(ValueType.STRING, ["never said"])
    [None]
    """

    def __init__(self, db: DbValue) -> None:
        self._db = db

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        return self._db.dictionary.codes_of(vt, values)

    def holders(self, a: Ints, v: Ints) -> Ints:
        found = np.full(len(a), -1, dtype=np.int64)
        for attribute in np.unique(a).tolist():
            asked = np.flatnonzero(a == attribute)
            row, rows = self._db.snapshot.index(attribute).by_value(v[asked])
            found[asked[row]] = rows.e
        return found

    def facts_of(self, entities: Ints) -> Facts:
        return self._db.snapshot.facts_of(entities)

    def refs_to(self, entities: Ints) -> Facts:
        refs = [attribute.id for attribute in self._db.schema if attribute.is_ref]
        self._db.snapshot.prefetch(refs)
        wanted = np.unique(entities)
        return joined((a, self._db.snapshot.index(a).by_value(wanted)[1]) for a in refs)


def joined(parts: Iterable[tuple[int, Rows | Found]]) -> Facts:
    """The facts of several attributes as one."""
    found = [Facts(rows.e, np.full(len(rows.e), a, dtype=np.int64), rows.v, rows.tx) for a, rows in parts]
    return concat(found)


def concat(parts: Sequence[Facts]) -> Facts:
    """Facts after facts."""
    return Facts(*(np.concatenate(column) for column in zip(*parts, strict=True))) if parts else NO_FACTS
