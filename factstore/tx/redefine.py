"""The schema after a transaction, and whether the facts allow it."""

from __future__ import annotations

from typing import Final

import numpy as np

from factstore.columns import Ints, Rows, ints, member
from factstore.db import DbValue
from factstore.errors import SchemaError, TransactionError
from factstore.schema import SCHEMA_ATTRIBUTES, Attribute, Change, Ids, Schema
from factstore.tx.before import Before, traits
from factstore.tx.diff import NOTHING, Diff, Said, at, joined
from factstore.tx.encode import Codes

_SCHEMA: Final = ints(sorted(SCHEMA_ATTRIBUTES))
_DEFINING: Final = ints(sorted((Ids.CARDINALITY, Ids.UNIQUE, Ids.VALUE_TYPE, Ids.TUPLE_ATTRS)))


def redefined(found: Diff, db_before: DbValue, before: Before, t: int, codes: Codes) -> Schema:
    """The schema after ``found``; :class:`SchemaError` if it, or the facts there are, do not allow it."""
    schema = db_before.schema
    parts = [at(said, member(said.a, _SCHEMA)) for said in found]
    if not any(len(part.e) for part in parts):
        return schema
    added, retracted = parts
    told = joined(added, _documented(added, retracted, before))
    after = schema.advance([*_changes(retracted, False, schema, codes), *_changes(told, True, schema, codes)])
    for entity in _defined(added, retracted):
        old, new = schema.get(entity), after.get(entity)
        if old is not None and new is not None:
            _check_facts(old, new, found, db_before, codes, t=t)
            for composite in traits(after).composites:
                _check_parts(composite, after)
        elif new is not None:
            _check_parts(new, after)
    return after


def _documented(added: Said, retracted: Said, before: Before) -> Said:
    """The ``db/doc`` that becoming attributes have from before, and keep."""
    born = added.e[added.a == Ids.VALUE_TYPE]
    if not len(born):
        return NOTHING
    facts = before.about(born)
    kept = (facts.a == Ids.DOC) & ~np.isin(facts.e, retracted.e[retracted.a == Ids.DOC])
    return Said(facts.e[kept], facts.a[kept], facts.v[kept], np.full(int(kept.sum()), -1, dtype=np.int64))


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


def _check_facts(old: Attribute, new: Attribute, found: Diff, db_before: DbValue, codes: Codes, *, t: int) -> None:
    narrower = old.many and not new.many
    if not narrower and (new.unique is None or old.unique is not None):
        return
    refuse_stale(db_before, t)
    rows = facts_after(old, found, db_before)
    if narrower and (entity := repeated(rows.e)) is not None:
        raise contradicted(new, "can not become cardinality one", f"two values on entity {entity}")
    if new.unique is not None and old.unique is None and (code := repeated(rows.v)) is not None:
        raise contradicted(new, "can not become unique", f"two entities with {codes.show(new, code)}")


def refuse_stale(db_before: DbValue, t: int) -> None:
    """Refuses to judge all facts by those of another state than the one before the transaction."""
    if db_before.basis_t + 1 != t:
        raise TransactionError(
            f"the schema change was checked against t={db_before.basis_t}, but the transaction is t={t}",
            code="tx/stale",
            basis_t=db_before.basis_t,
        )


def facts_after(attribute: Attribute, found: Diff, db_before: DbValue) -> Rows:
    """All facts of an attribute as they are with ``found``."""
    index = db_before.snapshot.index(attribute.id)
    added, retracted = (_rows(at(said, said.a == attribute.id)) for said in found)
    return index.advance(added, retracted).scan()


def _rows(said: Said) -> Rows:
    return Rows(said.e, said.v, np.zeros(len(said.e), dtype=np.int64))


def repeated(keys: Ints) -> int | None:
    """The least key that is there twice."""
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return int(twice[0]) if len(twice) else None


def contradicted(attribute: Attribute, what: str, seen: str) -> SchemaError:
    """The error for what the facts do not allow."""
    return SchemaError(
        f"{attribute.ident!r} {what}: it has {seen}", code="schema/contradicted", attribute=attribute.ident
    )


def _check_parts(attribute: Attribute, schema: Schema) -> None:
    """The parts of a composite tuple have one value each."""
    for part in map(schema.attribute, attribute.parts or ()):
        if part.many:
            raise SchemaError(
                f"{attribute.ident!r} is made of {part.ident!r}, which has many values",
                code="schema/invalid",
                attribute=part.ident,
            )
