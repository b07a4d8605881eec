"""Single answers about the state before a small transaction: from memory one by one, from a store in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from factstore.columns import ints
from factstore.db import DbValue
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.snapshot_source import Facts
from factstore.tx.plain import sensitive
from factstore.tx.reader import Reader
from factstore.values import Value, ValueType


class Points(Protocol):
    """Answers about the state before a transaction, as plain Python numbers."""

    @property
    def batched(self) -> bool:
        """Whether :meth:`expect` and :meth:`read` must come before the questions they announce."""

    @property
    def code_of(self) -> Callable[[ValueType, Value], int | None]:
        """Gives the dictionary code of a value, None where there is none."""

    def expect(self, codes: Iterable[tuple[ValueType, Value]]) -> None:
        """Says which codes will be asked for."""

    def holders(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        """The entity that has each (attribute, encoded value) of a unique attribute, -1 where none has."""

    def read(self, entities: Iterable[int]) -> None:
        """Says which entities the facts will be asked of."""

    @property
    def values_of(self) -> Callable[[int, int], Sequence[int]]:
        """Gives the encoded values of an (entity, attribute)."""

    def facts_of(self, e: int) -> list[tuple[int, int]]:
        """All facts about one entity: (attribute, encoded value)."""

    def referrers(self, e: int) -> list[tuple[int, int]]:
        """All facts whose value is one entity: (entity, attribute)."""


class DbPoints:
    """Answers from a db value's newest facts, whatever its view.

    >>> from factstore.log import MemoryLog, schema_at
    >>> from factstore.snapshot import Snapshot
    >>> log = MemoryLog()
    >>> db = DbValue(Snapshot(log, log.head()), schema_at(log, log.head()), log.dictionary)
    >>> DbPoints(db).values_of(8, 3)  # db/doc has one value
    [60]
    """

    __slots__ = ("_db", "code_of", "values_of")
    batched = False

    def __init__(self, db: DbValue) -> None:
        self._db = db
        # Their own methods, as they are called for every fact.
        self.code_of = db.dictionary.code_of
        self.values_of = db.snapshot.values_of

    def expect(self, codes: Iterable[tuple[ValueType, Value]]) -> None:
        """Nothing is gained by asking for several codes at once."""

    def holders(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        holders_of = self._db.snapshot.holders_of
        found = (holders_of(a, v) for a, v in pairs)
        return [entities[0] if entities else -1 for entities in found]

    def read(self, entities: Iterable[int]) -> None:
        """What is in memory need not be read."""

    def facts_of(self, e: int) -> list[tuple[int, int]]:
        return self._db.snapshot.facts_of_one(e)

    def referrers(self, e: int) -> list[tuple[int, int]]:
        refs, _ = sensitive(self._db.schema)
        return self._db.snapshot.referrers_of(e, refs)


class ReaderPoints:
    """Answers from a reader, asked once for all that a transaction said it will ask."""

    batched = True

    def __init__(self, reader: Reader, dictionary: Dictionary | Overlay) -> None:
        self._reader = reader
        self._dictionary = dictionary
        self._codes: dict[tuple[ValueType, Value], int | None] = {}
        self._facts: dict[int, list[tuple[int, int]]] = {}

    def expect(self, codes: Iterable[tuple[ValueType, Value]]) -> None:
        unknown: dict[ValueType, dict[Value, None]] = {}
        for vt, value in codes:
            code = self._dictionary.peek(vt, value)
            self._codes[vt, value] = code
            if code is None:
                unknown.setdefault(vt, {})[value] = None
        for vt, values in unknown.items():
            for value, code in zip(values, self._reader.codes_of(vt, list(values)), strict=True):
                self._codes[vt, value] = code

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        return self._codes[vt, value]

    def holders(self, pairs: Sequence[tuple[int, int]]) -> list[int]:
        a, v = zip(*pairs, strict=True)
        found: list[int] = self._reader.holders(ints(a), ints(v)).tolist()
        return found

    def read(self, entities: Iterable[int]) -> None:
        unread = [e for e in entities if e not in self._facts]
        if unread:
            self._facts.update({e: [] for e in unread})
            for e, a, v in _rows(self._reader.facts_of(ints(unread))):
                self._facts[e].append((a, v))

    def values_of(self, e: int, a: int) -> Sequence[int]:
        return [v for attribute, v in self._facts[e] if attribute == a]

    def facts_of(self, e: int) -> list[tuple[int, int]]:
        return self._facts[e]

    def referrers(self, e: int) -> list[tuple[int, int]]:
        return [(entity, a) for entity, a, _ in _rows(self._reader.refs_to(ints([e])))]


def _rows(facts: Facts) -> Iterable[tuple[int, int, int]]:
    return zip(facts.e.tolist(), facts.a.tolist(), facts.v.tolist(), strict=True)
