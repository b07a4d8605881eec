"""From what is said of an entity to an attribute, or why it can not be one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace
from pyrsistent import PMap, pmap

from factstore.datom import is_tx
from factstore.errors import SchemaError
from factstore.schema_builtin import BUILTIN, MANY, ONE, TYPE_IDS, UNIQUE_IDS, Attribute, Ids
from factstore.values import Keyword, ValueType

Facts = PMap[int, PMap[int, Any]]
"""The value of each schema attribute of each entity; a set where there may be many."""


def defined(
    attributes: PMap[int, Attribute], entity: int, every: Facts, idents: PMap[Keyword, int]
) -> PMap[int, Attribute]:
    """``attributes`` with the one that the facts make of ``entity``, if they do; else :class:`SchemaError`.

    ``every`` has, for each entity, the value of each schema attribute by its id; ``idents`` are its names.
    """
    facts = every.get(entity, pmap())
    old = attributes.get(entity)
    if Ids.VALUE_TYPE not in facts:
        if old is not None:
            raise SchemaError(
                f"{old.ident!r} may not lose its :db/valueType: what is an attribute stays one, and can be renamed",
                code="schema/immutable",
                attribute=old.ident,
            )
        _refuse_stray(entity, facts)
        return attributes
    new = attribute_of(entity, facts)
    if old is not None:
        _check_change(old, new)
    # Found once: a part stays the part whatever it, or another attribute, is called later.
    made_of = _made_of(new, every, idents) if old is None else (old.parts, old.part_types)
    return attributes.set(entity, replace(new, parts=made_of[0], part_types=made_of[1]))


def _made_of(
    attribute: Attribute, every: Facts, idents: PMap[Keyword, int]
) -> tuple[tuple[int, ...], tuple[ValueType, ...]] | tuple[None, None]:
    """The ids and types of a composite's parts."""
    if attribute.tuple_attrs is None:
        return None, None
    ids = [idents.get(name, 0) for name in attribute.tuple_attrs]
    types = [TYPE_IDS.get(every.get(id, pmap()).get(Ids.VALUE_TYPE, 0)) for id in ids]
    for name, type in zip(attribute.tuple_attrs, types, strict=True):
        if type is None or type is ValueType.TUPLE:
            wrong = "is not an attribute" if type is None else "is a tuple"
            raise SchemaError(
                f"{attribute.ident!r} is made of {name!r}, which {wrong}", code="schema/invalid", attribute=name
            )
    return tuple(ids), tuple(type for type in types if type is not None)


_NOT_STRAY: Final = frozenset((Ids.IDENT, Ids.ENTITY_ATTRS, Ids.ENTITY_PREDS))


def _refuse_stray(entity: int, facts: PMap[int, Any]) -> None:
    stray = [BUILTIN[id - 1].ident for id in facts if id not in _NOT_STRAY]
    if stray:
        name = facts.get(Ids.IDENT, entity)
        raise SchemaError(
            f"{name!r} has a {stray[0]!r} without a db/valueType: expected an attribute",
            code="schema/incomplete",
            attribute=name,
        )


def attribute_of(entity: int, facts: Mapping[int, Any]) -> Attribute:
    """The attribute that ``facts`` define by themselves; :class:`SchemaError` if they define none."""
    ident = facts.get(Ids.IDENT)
    if ident is None:
        raise SchemaError(f"the attribute {entity} has no db/ident", code="schema/incomplete", entity=entity)
    if is_tx(entity):
        raise SchemaError(
            f"{ident!r} is a transaction: expected an entity of its own", code="schema/invalid", attribute=ident
        )
    type = _enum(ident, facts, Ids.VALUE_TYPE, TYPE_IDS, "db.type/…")
    cardinality = _enum(ident, facts, Ids.CARDINALITY, {ONE: False, MANY: True}, "db.cardinality/one or many")
    unique = None if Ids.UNIQUE not in facts else _enum(ident, facts, Ids.UNIQUE, UNIQUE_IDS, "db.unique/…")
    attribute = Attribute(
        id=entity,
        ident=ident,
        type=type,
        many=cardinality,
        unique=unique,
        component=facts.get(Ids.IS_COMPONENT, False),
        indexed=facts.get(Ids.INDEX, False),
        no_history=facts.get(Ids.NO_HISTORY, False),
        doc=facts.get(Ids.DOC),
        derived_by=facts.get(Ids.DERIVED_BY),
        tuple_attrs=facts.get(Ids.TUPLE_ATTRS),
        tuple_types=facts.get(Ids.TUPLE_TYPES),
        tuple_type=facts.get(Ids.TUPLE_TYPE),
        preds=tuple(sorted(facts.get(Ids.ATTR_PREDS, ()))),
    )
    _check(attribute)
    return attribute


def _enum(ident: Keyword, facts: Mapping[int, Any], id: int, allowed: dict[int, Any], expected: str) -> Any:
    name = BUILTIN[id - 1].ident
    if id not in facts:
        raise SchemaError(f"{ident!r} has no {name}: expected {expected}", code="schema/incomplete", attribute=ident)
    if facts[id] not in allowed:
        raise SchemaError(
            f"{ident!r} has entity {facts[id]} as its {name}: expected {expected}",
            code="schema/invalid",
            attribute=ident,
        )
    return allowed[facts[id]]


def _check(attribute: Attribute) -> None:
    if attribute.component and not attribute.is_ref:
        raise SchemaError(
            f"{attribute.ident!r} is a component of type {attribute.type.ident!r}: only refs can be components",
            code="schema/invalid",
            attribute=attribute.ident,
        )
    if attribute.tuple_attrs is not None and attribute.many:
        raise SchemaError(
            f"{attribute.ident!r} is a composite tuple with many values: expected cardinality one",
            code="schema/invalid",
            attribute=attribute.ident,
        )
    _check_slots(attribute)


def _check_slots(attribute: Attribute) -> None:
    """At most one thing says what a tuple is made of, and what it says are types or attributes."""
    parts = [attribute.tuple_attrs, attribute.tuple_types, attribute.tuple_type and (attribute.tuple_type,)]
    said = [each for each in parts if each is not None]
    if said and attribute.type is not ValueType.TUPLE:
        problem = f"says what tuples are made of, but is of type {attribute.type.ident!r}"
    elif len(said) > 1:
        problem = "says twice what it is made of: expected one of db/tupleAttrs, db/tupleTypes, db/tupleType"
    elif said and not said[0]:
        problem = "is a tuple of nothing: expected one item or more"
    elif said and attribute.tuple_attrs is None and (odd := [name for name in said[0] if name not in _SLOT_TYPES]):
        problem = f"is a tuple of {odd[0]!r}: expected the name of a type that is no tuple, like :db.type/long"
    else:
        return
    raise SchemaError(f"{attribute.ident!r} {problem}", code="schema/invalid", attribute=attribute.ident)


_SLOT_TYPES: Final = frozenset(vt.ident for vt in ValueType if vt is not ValueType.TUPLE)


def _check_change(old: Attribute, new: Attribute) -> None:
    for field, name in _FIXED.items():
        if getattr(old, field) != getattr(new, field):
            raise SchemaError(
                f"{old.ident!r} may not change its {name} from {_shown(old, field)} to {_shown(new, field)}:"
                " define another attribute, and move the facts",
                code="schema/immutable",
                attribute=old.ident,
            )


_FIXED: Final = {
    "type": ":db/valueType",
    "tuple_attrs": ":db/tupleAttrs",
    "tuple_types": ":db/tupleTypes",
    "tuple_type": ":db/tupleType",
}
"""What an attribute keeps for ever."""


def _shown(attribute: Attribute, field: str) -> str:
    value = getattr(attribute, field)
    return "none" if value is None else repr(value.ident if isinstance(value, ValueType) else value)
