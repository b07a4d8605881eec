"""The schema after a transaction, and whether the facts allow it."""

from __future__ import annotations

from typing import Final

import numpy as np

from factstore.columns import Ints, Rows, ints, member
from factstore.db import DbValue
from factstore.errors import SchemaError, TransactionError
from factstore.schema import SCHEMA_ATTRIBUTES, Attribute, Change, Ids, Schema
from factstore.tx.diff import Diff, Said, at
from factstore.tx.encode import Codes
from factstore.values import ValueType

_SCHEMA: Final = ints(sorted(SCHEMA_ATTRIBUTES))
_DEFINING: Final = ints(sorted((Ids.CARDINALITY, Ids.UNIQUE, Ids.VALUE_TYPE, Ids.TUPLE_ATTRS)))


def redefined(found: Diff, db_before: DbValue, t: int, codes: Codes) -> Schema:
    """The schema after ``found``; :class:`SchemaError` if it, or the facts there are, do not allow it."""
    before = db_before.schema
    parts = [at(said, member(said.a, _SCHEMA)) for said in found]
    if not any(len(part.e) for part in parts):
        return before
    added, retracted = parts
    changes = [*_changes(retracted, False, before, codes), *_changes(added, True, before, codes)]
    after = before.advance(changes)
    for entity in _defined(added, retracted):
        old, new = before.get(entity), after.get(entity)
        if old is not None and new is not None:
            _check_facts(old, new, found, db_before, t)
        elif new is not None:
            _check_parts(new, after)
    return after


def _changes(said: Said, is_added: bool, schema: Schema, codes: Codes) -> list[Change]:
    changes: list[Change] = []
    for a in np.unique(said.a).tolist():
        mine = at(said, said.a == a)
        values = codes.decode(schema.attribute(a).type, mine.v)
        changes += [(e, a, value, is_added) for e, value in zip(mine.e.tolist(), values, strict=True)]
    return changes


def _defined(added: Said, retracted: Said) -> list[int]:
    entities = [said.e[member(said.a, _DEFINING)] for said in (added, retracted)]
    return list(np.unique(np.concatenate(entities)).tolist())


def _check_facts(old: Attribute, new: Attribute, found: Diff, db_before: DbValue, t: int) -> None:
    narrower = old.many and not new.many
    if not narrower and (new.unique is None or old.unique is not None):
        return
    if db_before.basis_t + 1 != t:
        raise TransactionError(
            f"the schema change was checked against t={db_before.basis_t}, but the transaction is t={t}",
            code="tx/stale",
            basis_t=db_before.basis_t,
        )
    rows = _facts_after(old, found, db_before)
    if narrower:
        _refuse_repeated(new, rows.e, "has two values on entity", "can not become cardinality one")
    if new.unique is not None and old.unique is None:
        _refuse_repeated(new, rows.v, "has two entities with value", "can not become unique")


def _facts_after(attribute: Attribute, found: Diff, db_before: DbValue) -> Rows:
    index = db_before.snapshot.index(attribute.id)
    added, retracted = (_rows(at(said, said.a == attribute.id)) for said in found)
    return index.advance(added, retracted).scan()


def _rows(said: Said) -> Rows:
    return Rows(said.e, said.v, np.zeros(len(said.e), dtype=np.int64))


def _refuse_repeated(attribute: Attribute, keys: Ints, seen: str, what: str) -> None:
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        key = int(twice[0])
        raise SchemaError(
            f"{attribute.ident!r} {what}: it {seen} {key}" + (" (encoded)" if "value" in seen else ""),
            code="schema/contradicted",
            attribute=attribute.ident,
        )


def _check_parts(attribute: Attribute, schema: Schema) -> None:
    """A composite tuple is made of attributes that are there, have one value, and are no tuples."""
    for name in attribute.tuple_attrs or ():
        part = schema.get(name)
        wrong = (
            "is not an attribute"
            if part is None
            else "has many values"
            if part.many
            else "is a tuple"
            if part.type is ValueType.TUPLE
            else None
        )
        if wrong:
            raise SchemaError(
                f"{attribute.ident!r} is made of {name!r}, which {wrong}", code="schema/invalid", attribute=name
            )
