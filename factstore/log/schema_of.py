"""The schema of a store, out of its log: what transaction 0 says, and what each one after it changes."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np

from factstore.columns import Intervals, Ints, LogRows, decode, encode, ints, member
from factstore.datom import FOREVER, TX0
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry
from factstore.dictionary_overlay import Overlay
from factstore.log.port import Log
from factstore.log.rows import rows_at, values_in
from factstore.schema import BUILTIN, SCHEMA_ATTRIBUTES, Ids, Schema, bootstrap_facts
from factstore.values import ValueType

_SCHEMA_IDS: Final = ints(sorted(SCHEMA_ATTRIBUTES - {Ids.DOC}))
_BUILTIN_TYPES: Final = {attribute.id: attribute.type for attribute in BUILTIN}


def bootstrap() -> tuple[list[Entry], LogRows]:
    """Transaction 0 of every store: its dictionary entries and its datoms."""
    types = {attribute.id: attribute.type for attribute in BUILTIN}
    facts = bootstrap_facts()
    interned = dict.fromkeys((types[a], value) for _, a, value in facts if types[a].interned)
    entries = [(code, vt, value) for code, (vt, value) in enumerate(interned, 1)]
    known = Dictionary()
    known.learn(entries)
    encoded = [encode(types[a], [value], known)[0] for _, a, value in facts]
    e, a = ints([fact[0] for fact in facts]), ints([fact[1] for fact in facts])
    vt = ints([types[fact[1]] for fact in facts])
    return entries, LogRows(np.full(len(facts), TX0), e, a, vt, ints(encoded), np.ones(len(facts), dtype=np.bool_))


def schema_at(log: Log, t: int) -> Schema:
    """The schema at ``t``, made as it came about: one transaction after the other.

    Going through them in order keeps what only their order tells, such as the former idents of a
    renamed attribute.

    >>> from factstore.log import MemoryLog
    >>> len(schema_at(MemoryLog(), 0)) == len(BUILTIN)
    True
    """
    loaded = log.load_intervals(_SCHEMA_IDS.tolist(), t)
    parts = [_lived(attribute, lives) for attribute, lives in loaded.items() if len(lives.e)]
    if not parts:
        return Schema.bootstrap()
    rows = LogRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return advance_schema(Schema.bootstrap(), rows_at(rows, np.argsort(rows.tx, kind="stable")), log, t)


def _lived(attribute: int, lives: Intervals) -> LogRows:
    ended = lives.end != FOREVER
    tx = np.concatenate((lives.start, lives.end[ended]))
    e, v = np.concatenate((lives.e, lives.e[ended])), np.concatenate((lives.v, lives.v[ended]))
    a, vt = np.full(len(tx), attribute), np.full(len(tx), int(_BUILTIN_TYPES[attribute]))
    return LogRows(tx, e, a, vt, v, np.arange(len(tx)) < len(lives.e))


def advance_schema(schema: Schema, rows: LogRows, log: Log, t: int) -> Schema:
    """The schema after a stretch of ``log`` that ends at ``t``, whatever else is in it."""
    schema = defined_by(schema, rows, log.dictionary)
    told = np.unique(rows.e[(rows.a == Ids.VALUE_TYPE) | (rows.a == Ids.DOC)])
    return _documented(schema, told[member(told, ints(sorted(attribute.id for attribute in schema)))], log, t)


def defined_by(schema: Schema, rows: LogRows, dictionary: Dictionary | Overlay) -> Schema:
    """The schema after a stretch of a log, but for what ``db/doc`` says."""
    mine = defining(rows)
    values = values_in(mine, dictionary)
    changes = zip(mine.tx.tolist(), mine.e.tolist(), mine.a.tolist(), values, mine.added.tolist(), strict=True)
    for _, group in itertools.groupby(changes, key=lambda change: change[0]):
        schema = schema.advance((e, a, v, added) for _, e, a, v, added in group)
    return schema


def defining(rows: LogRows) -> LogRows:
    """The operations that make the schema, but for ``db/doc``."""
    return rows_at(rows, np.isin(rows.a, _SCHEMA_IDS))


def _documented(schema: Schema, attributes: Ints, log: Log, t: int) -> Schema:
    """``schema`` with the ``db/doc`` that some attributes have at ``t``.

    Documents are not followed through the log: any entity may have one, and there may be millions.
    """
    if not len(attributes):
        return schema
    facts = log.facts_of(attributes, t)
    at = facts.a == Ids.DOC
    docs = dict(zip(facts.e[at].tolist(), decode(ValueType.STRING, facts.v[at], log.dictionary), strict=True))
    olds = ((e, schema.attribute(e).doc) for e in attributes.tolist() if e not in docs)
    lost = ((e, Ids.DOC, doc, False) for e, doc in olds if doc is not None)
    return schema.advance((*lost, *((e, Ids.DOC, doc, True) for e, doc in docs.items())))
