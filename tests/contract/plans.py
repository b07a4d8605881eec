"""Plans made by hand: what a prepared transaction hands to a log, without the room that prepares it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from factstore.columns import Ints, encode_inline_array, ints
from factstore.datom import TX0
from factstore.dictionary_entries import Entry
from factstore.log import Counters, Log, Writer
from factstore.schema import Ids, Schema
from factstore.values import Keyword, ValueType

NAME, AGE, FRIEND, NOTE, SCORE = 256, 257, 258, 259, 260
FIRST = 261
"""The first entity after those of :func:`install`."""

Fact = tuple[int, int, Any]
"""(entity, attribute id, value)."""


class Columns(NamedTuple):
    e: Ints
    a: Ints
    vt: Ints
    v: Ints


class HandMade(NamedTuple):
    t: int
    entries: list[Entry]
    added: Columns
    retracted: Columns
    next_e: int
    next_v: int
    schema: Schema


def draft(
    writer: Writer, schema: Schema, add: Sequence[Fact] = (), retract: Sequence[Fact] = (), t: int | None = None
) -> HandMade:
    """A plan of the given facts, with the datom every transaction has of itself."""
    counters: Counters = writer.counters
    t = counters.t if t is None else t
    after = schema.advance((*fact, added) for facts, added in ((retract, False), (add, True)) for fact in facts)
    stamped = [*add, (TX0 + t, Ids.TX_INSTANT, t)]
    entries: list[Entry] = []
    columns = [_encoded(writer, after, facts, entries, counters.next_v) for facts in (stamped, retract)]
    entities = [fact[0] + 1 for fact in add if fact[0] < TX0]
    next_e = max([counters.next_e, *entities])
    return HandMade(t, entries, *columns, next_e, counters.next_v + len(entries), after)


def _encoded(writer: Writer, schema: Schema, facts: Sequence[Fact], entries: list[Entry], next_v: int) -> Columns:
    v = []
    for _, a, value in facts:
        vt = schema.attribute(a).type
        v.append(_code(writer, vt, value, entries, next_v) if vt.interned else _inline(vt, value))
    types = [schema.attribute(a).type for _, a, _ in facts]
    return Columns(ints([fact[0] for fact in facts]), ints([fact[1] for fact in facts]), ints(types), ints(v))


def _inline(vt: ValueType, value: Any) -> int:
    # Instants are written as plain numbers here.
    return int(value) if vt is ValueType.INSTANT else int(encode_inline_array(vt, [value])[0])


def _code(writer: Writer, vt: ValueType, value: Any, entries: list[Entry], next_v: int) -> int:
    for code, known, same in entries:
        if known is vt and same == value:
            return code
    found = writer.codes_of(vt, [value])[0]
    if found is not None:
        return found
    entries.append((next_v + len(entries), vt, value))
    return next_v + len(entries) - 1


def attribute(id: int, name: str, type: str, *more: Fact, many: bool = False) -> list[Fact]:
    types = {vt.name.lower(): 40 + vt for vt in ValueType}
    return [
        (id, Ids.IDENT, Keyword(name)),
        (id, Ids.VALUE_TYPE, types[type]),
        (id, Ids.CARDINALITY, 61 if many else 60),
        *more,
    ]


DEFINITIONS: list[Fact] = [
    *attribute(NAME, "person/name", "string", (NAME, Ids.UNIQUE, 62)),
    *attribute(AGE, "person/age", "long"),
    *attribute(FRIEND, "person/friend", "ref", many=True),
    *attribute(NOTE, "person/note", "string", (NOTE, Ids.NO_HISTORY, True)),
    *attribute(SCORE, "person/score", "double", (SCORE, Ids.INDEX, True)),
]


class Store:
    """A log with the schema that its hand-made plans have led to."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.schema = Schema.bootstrap()
        self.commit(DEFINITIONS)

    def commit(self, add: Sequence[Fact] = (), retract: Sequence[Fact] = ()) -> int:
        """Commits facts; gives the new t."""
        with self.log.writer() as writer:
            plan = draft(writer, self.schema, add, retract)
            writer.write(plan)
        self.schema = plan.schema
        return plan.t

    def held(self, attribute: int, t: int | None = None) -> dict[int, list[Any]]:
        """The values of each entity at ``t``, sorted."""
        rows = self.log.load([attribute], self.log.head() if t is None else t)[attribute]
        return self._grouped(attribute, rows.e, rows.v)

    def _grouped(self, attribute: int, e: Ints, v: Ints) -> dict[int, list[Any]]:
        interned = self.schema.attribute(attribute).type.interned
        values = self.log.dictionary.values_of(v.tolist()) if interned else v.tolist()
        found: dict[int, list[Any]] = {}
        for entity, value in sorted(zip(e.tolist(), values, strict=True)):
            found.setdefault(entity, []).append(value)
        return found


def as_rows(*columns: np.ndarray) -> list[tuple[Any, ...]]:
    """Parallel columns as sorted tuples."""
    return sorted(zip(*(column.tolist() for column in columns), strict=True))
