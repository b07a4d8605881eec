"""A store of a few facts in plain lists, which counts what it is asked: for tests of what reads db values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from factstore.columns import EMPTY, Intervals, Ints, Rows, encode, ints
from factstore.datom import FOREVER, TX0
from factstore.db import DbValue
from factstore.dictionary import Dictionary
from factstore.schema import Ids, Schema
from factstore.snapshot import Snapshot
from factstore.snapshot_lives import Lives, lives_at
from factstore.snapshot_source import Facts
from factstore.values import Keyword, ValueType

ONE, MANY, IDENTITY = 60, 61, 62
GOOD = 290
"""An entity with an ident, ``:mood/good``."""

ATTRIBUTES: dict[str, tuple[int, ValueType, bool, bool]] = {
    name: (256 + place, vt, many, component)
    for place, (name, vt, many, component) in enumerate(
        [
            ("p/name", ValueType.STRING, False, False),
            ("p/nick", ValueType.STRING, True, False),
            ("p/age", ValueType.LONG, False, False),
            ("p/admin", ValueType.BOOLEAN, False, False),
            ("p/score", ValueType.DOUBLE, True, False),
            ("p/friend", ValueType.REF, True, False),
            ("p/enemy", ValueType.REF, True, False),
            ("p/spouse", ValueType.REF, False, False),
            ("p/home", ValueType.REF, False, True),
            ("p/part", ValueType.REF, True, True),
            ("p/mood", ValueType.REF, False, False),
        ]
    )
}
"""(id, type, many, component) of each attribute; ``p/name`` is an identity."""

Fact = tuple[Any, ...]
"""(entity, attribute, value), which holds from t = 1; or with the t it held from and the t it ended."""


def _schema() -> Schema:
    facts: list[tuple[int, int, Any, bool]] = [(GOOD, Ids.IDENT, Keyword("mood/good"), True)]
    for name, (id, vt, many, component) in ATTRIBUTES.items():
        facts.append((id, Ids.IDENT, Keyword(name), True))
        facts.append((id, Ids.VALUE_TYPE, 40 + vt, True))
        facts.append((id, Ids.CARDINALITY, MANY if many else ONE, True))
        if component:
            facts.append((id, Ids.IS_COMPONENT, True, True))
    facts.append((ATTRIBUTES["p/name"][0], Ids.UNIQUE, IDENTITY, True))
    return Schema.bootstrap().advance(facts)


SCHEMA = _schema()


class SmallStore:
    """A :class:`~factstore.snapshot.Source`; ``calls`` has the name and size of every question."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.dictionary = Dictionary()
        self.calls: list[tuple[str, int]] = []
        self._rows: list[tuple[int, int, int, int, int]] = []
        for fact in facts:
            e, name, value, *life = fact
            start = TX0 + (life[0] if life else 1)
            id, vt, _, _ = ATTRIBUTES[name]
            self._rows.append((id, e, self._code(vt, value), start, TX0 + life[1] if life[1:] else FOREVER))

    def _code(self, vt: ValueType, value: Any) -> int:
        code = encode(vt, [value], self.dictionary)[0]
        if code is None:
            code = 256 + len(self.dictionary)
            self.dictionary.learn([(code, vt, value)])
        return code

    def db(self, t: int = 1) -> DbValue:
        """The db value at ``t``, of which nothing is loaded."""
        return DbValue(Snapshot(self, t), SCHEMA, self.dictionary)

    def load(self, attributes: Sequence[int], t: int) -> Mapping[int, Rows]:
        self.calls.append(("load", len(attributes)))
        return {a: Rows(*self._columns(t, lambda row, a=a: row[0] == a)[1:4]) for a in attributes}

    def load_intervals(self, attributes: Sequence[int], t: int) -> Mapping[int, Intervals]:
        found = {}
        for a in attributes:
            _, e, v, start, end = _transposed([row for row in self._rows if row[0] == a and row[3] <= TX0 + t])
            found[a] = Intervals(e, v, start, np.where(end > TX0 + t, FOREVER, end))
        return found

    def size(self) -> int:
        return len(self._rows)

    def facts_of(self, entities: Ints, t: int) -> Facts:
        self.calls.append(("facts_of", len(entities)))
        wanted = set(entities.tolist())
        a, e, v, tx, _ = self._columns(t, lambda row: row[1] in wanted)
        return Facts(e, a, v, tx)

    def lives_of(self, entities: Ints, t: int) -> Lives:
        return self._lives(t, 1, entities)

    def lives_to(self, entities: Ints, t: int) -> Lives:
        return self._lives(t, 2, entities)

    def _lives(self, t: int, place: int, wanted: Ints) -> Lives:
        refs = {id for id, vt, _, _ in ATTRIBUTES.values() if vt is ValueType.REF}
        rows = [row for row in self._rows if row[place] in wanted.tolist() and (place == 1 or row[0] in refs)]
        a, e, v, start, end = _transposed(rows)
        return lives_at(Lives(e, a, v, start, end), TX0 + t)

    def entities(self, beyond: int, count: int, backwards: bool) -> Ints:
        every = sorted({row[1] for row in self._rows if (row[1] < beyond if backwards else row[1] > beyond)})
        return ints(every[-count:] if backwards else every[:count])

    def _columns(self, t: int, wanted: Any) -> list[Ints]:
        return _transposed([row for row in self._rows if wanted(row) and row[3] <= TX0 + t < row[4]])


def _transposed(rows: list[tuple[int, int, int, int, int]]) -> list[Ints]:
    return [ints(column) for column in zip(*rows, strict=True)] if rows else [EMPTY] * 5


def db_of(*facts: Fact, t: int = 1) -> DbValue:
    """A db value of these facts."""
    return SmallStore(facts).db(t)


def warm(db: DbValue) -> DbValue:
    """``db``, with all attributes loaded."""
    db.prefetch(db.schema.attribute(name) for name in ATTRIBUTES)
    return db
