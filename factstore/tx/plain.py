"""Which attributes a small transaction may write without the whole machinery, and what it must know of them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from factstore.datom import FIRST_ENTITY
from factstore.schema import Attribute, Ids, Schema
from factstore.tx.before import traits
from factstore.values import PYTHON_TYPES, ValueType


class Plain(NamedTuple):
    """One attribute that means no more than its facts: no schema, no composite, nothing derived or checked."""

    id: int
    vt: ValueType
    exact: type[Any]
    """The Python type whose values need no coercion."""
    many: bool
    unique: str | None
    is_ref: bool
    interned: bool
    as_is: bool
    """Whether the value is its own encoding."""


# A tuple has slots, and a big number a size: these are looked at closely.
_SIMPLE: Final = frozenset(
    (
        ValueType.REF,
        ValueType.LONG,
        ValueType.DOUBLE,
        ValueType.BOOLEAN,
        ValueType.INSTANT,
        ValueType.STRING,
        ValueType.KEYWORD,
        ValueType.SYMBOL,
        ValueType.UUID,
        ValueType.URI,
    )
)


def plain(schema: Schema, name: str) -> Plain | None:
    """The plain attribute of a name; None if there is none, or it is not plain."""
    known: dict[str, Plain | None] = schema.memo.setdefault("plain", {})
    try:
        return known[name]
    except KeyError:
        attribute = schema.get(name)
        found = known[name] = _plain(attribute, schema) if attribute is not None else None
        return found


def _parts(schema: Schema) -> set[int]:
    """The ids of the attributes that composite tuples are made of: their names may have changed since."""
    return {schema.attribute(part).id for each in traits(schema).composites for part in each.tuple_attrs or ()}


def _plain(attribute: Attribute, schema: Schema) -> Plain | None:
    if (
        (attribute.id < FIRST_ENTITY and attribute.id != Ids.TX_ORIGIN)
        or attribute.type not in _SIMPLE
        or attribute.derived_by is not None
        or attribute.id in _parts(schema)
        or (attribute.is_ref and attribute.unique is not None)
    ):
        return None
    return Plain(
        attribute.id,
        attribute.type,
        PYTHON_TYPES[attribute.type],
        attribute.many,
        attribute.unique,
        attribute.is_ref,
        attribute.type.interned,
        attribute.type is ValueType.LONG,
    )


def sensitive(schema: Schema) -> tuple[list[int], frozenset[int]]:
    """The ids of the ref attributes, and of those whose facts may not simply end with their entity."""
    found: tuple[list[int], frozenset[int]] | None = schema.memo.get("sensitive")
    if found is None:
        refs = [attribute.id for attribute in schema if attribute.is_ref]
        parts = _parts(schema)
        special = frozenset(
            attribute.id
            for attribute in schema
            if attribute.component
            or attribute.tuple_attrs is not None
            or attribute.id in parts
            or attribute.id < FIRST_ENTITY
        )
        found = schema.memo["sensitive"] = (refs, special)
    return found
