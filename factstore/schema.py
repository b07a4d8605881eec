"""Attributes, and the schema that holds them: data like any other, read into a value.

An attribute is an entity with a ``db/ident``, a ``db/valueType`` and a ``db/cardinality``. A
:class:`Schema` is an immutable value; :meth:`Schema.advance` gives the next one from the schema
datoms of a transaction, or says why they may not be.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from pyrsistent import PMap, pmap

from factstore.errors import SchemaError
from factstore.values import Keyword, Value, ValueType


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """What the schema says of one attribute.

    >>> Schema.bootstrap().attribute("db/ident").unique
    'identity'
    """

    id: int
    ident: Keyword
    type: ValueType
    many: bool = False
    unique: str | None = None
    """None, ``"identity"`` (a map that names it upserts) or ``"value"`` (a second one is refused)."""
    component: bool = False
    indexed: bool = False
    no_history: bool = False
    doc: str | None = None
    derived_by: Keyword | None = None
    """If set, only transactions whose ``tx/origin`` is this may write the attribute."""
    tuple_attrs: tuple[Keyword, ...] | None = None
    tuple_types: tuple[Keyword, ...] | None = None
    tuple_type: Keyword | None = None

    @property
    def is_ref(self) -> bool:
        return self.type is ValueType.REF

    @property
    def by_value(self) -> bool:
        """True where the store keeps the attribute in value order too (AVET)."""
        return self.indexed or self.unique is not None


class Ids:
    """The fixed entity ids of the bootstrap attributes."""

    IDENT: Final = 1
    VALUE_TYPE: Final = 2
    CARDINALITY: Final = 3
    UNIQUE: Final = 4
    IS_COMPONENT: Final = 5
    INDEX: Final = 6
    NO_HISTORY: Final = 7
    DOC: Final = 8
    TX_INSTANT: Final = 9
    TUPLE_ATTRS: Final = 10
    TUPLE_TYPES: Final = 11
    TUPLE_TYPE: Final = 12
    ATTR_PREDS: Final = 13
    ENTITY_ATTRS: Final = 14
    ENTITY_PREDS: Final = 15
    ENSURE: Final = 16
    DERIVED_BY: Final = 17
    TX_ORIGIN: Final = 18


def _builtin(id: int, name: str, type: ValueType, doc: str, **more: Any) -> Attribute:
    return Attribute(id=id, ident=Keyword(name), type=type, doc=doc, **more)


_T = ValueType
BUILTIN: Final[tuple[Attribute, ...]] = (
    _builtin(Ids.IDENT, "db/ident", _T.KEYWORD, "the name of an attribute or enum value", unique="identity"),
    _builtin(Ids.VALUE_TYPE, "db/valueType", _T.REF, "the type of an attribute's values; never changes"),
    _builtin(Ids.CARDINALITY, "db/cardinality", _T.REF, "whether an entity has one value or many"),
    _builtin(Ids.UNIQUE, "db/unique", _T.REF, "identity: upsert by value; value: refuse a second"),
    _builtin(Ids.IS_COMPONENT, "db/isComponent", _T.BOOLEAN, "the referred entity is part of this one"),
    _builtin(Ids.INDEX, "db/index", _T.BOOLEAN, "keep the attribute in value order in the store"),
    _builtin(Ids.NO_HISTORY, "db/noHistory", _T.BOOLEAN, "forget replaced values"),
    _builtin(Ids.DOC, "db/doc", _T.STRING, "what an entity is, for people"),
    _builtin(Ids.TX_INSTANT, "db/txInstant", _T.INSTANT, "when a transaction was committed", indexed=True),
    _builtin(Ids.TUPLE_ATTRS, "db/tupleAttrs", _T.TUPLE, "the attributes a composite tuple is made of"),
    _builtin(Ids.TUPLE_TYPES, "db/tupleTypes", _T.TUPLE, "the types of a tuple's slots"),
    _builtin(Ids.TUPLE_TYPE, "db/tupleType", _T.KEYWORD, "the one type of all slots of a tuple"),
    _builtin(Ids.ATTR_PREDS, "db.attr/preds", _T.SYMBOL, "predicates every value must pass", many=True),
    _builtin(Ids.ENTITY_ATTRS, "db.entity/attrs", _T.KEYWORD, "attributes a spec requires", many=True),
    _builtin(Ids.ENTITY_PREDS, "db.entity/preds", _T.SYMBOL, "predicates a spec requires", many=True),
    _builtin(Ids.ENSURE, "db/ensure", _T.REF, "specs the entity must meet; checked, not stored", many=True),
    _builtin(Ids.DERIVED_BY, "db/derivedBy", _T.KEYWORD, "the only tx/origin that may write the attribute"),
    _builtin(Ids.TX_ORIGIN, "tx/origin", _T.KEYWORD, "which program wrote a transaction"),
)

_TYPE_IDS: Final = {40 + vt: vt for vt in ValueType}
_MANY: Final = 61
_UNIQUE_IDS: Final = {62: "identity", 63: "value"}

ENUMS: Final[dict[int, Keyword]] = {
    **{id: vt.ident for id, vt in _TYPE_IDS.items()},
    60: Keyword("db.cardinality/one"),
    _MANY: Keyword("db.cardinality/many"),
    **{id: Keyword(f"db.unique/{name}") for id, name in _UNIQUE_IDS.items()},
}
"""The idents a schema speaks with, by their fixed entity ids."""

SCHEMA_ATTRIBUTES: Final = frozenset(range(Ids.IDENT, Ids.TX_INSTANT)) | frozenset(
    (Ids.TUPLE_ATTRS, Ids.TUPLE_TYPES, Ids.TUPLE_TYPE, Ids.ATTR_PREDS, Ids.DERIVED_BY)
)
"""The ids of the attributes whose datoms make the schema."""

Change = tuple[int, int, Value, bool]
"""(entity, attribute id, value, added): a schema datom."""


class Schema:
    """All attributes and idents at one basis; immutable.

    >>> schema = Schema.bootstrap()
    >>> schema.entid("db.type/string"), schema.attribute(":db/doc").type
    (46, <ValueType.STRING: 6>)
    """

    __slots__ = ("_attributes", "_facts", "_idents", "_names")

    def __init__(
        self,
        facts: PMap[int, PMap[int, Any]],
        attributes: PMap[int, Attribute],
        idents: PMap[Keyword, int],
        names: PMap[int, Keyword],
    ) -> None:
        self._facts = facts
        self._attributes = attributes
        self._idents = idents
        self._names = names

    @classmethod
    def bootstrap(cls) -> Schema:
        """The schema of an empty store."""
        empty: Schema = cls(pmap(), pmap(), pmap(), pmap())
        return empty.advance((e, a, v, True) for e, a, v in bootstrap_facts())

    def __iter__(self) -> Iterator[Attribute]:
        return iter(sorted(self._attributes.values(), key=lambda attribute: attribute.ident))

    def __len__(self) -> int:
        return len(self._attributes)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | int) and self.get(name) is not None

    def get(self, name: str | int) -> Attribute | None:
        """The attribute of a name (leading colon optional) or id, None if there is none."""
        id = name if isinstance(name, int) else self._idents.get(Keyword(name))
        return None if id is None else self._attributes.get(id)

    def attribute(self, name: str | int) -> Attribute:
        """The attribute of a name or id; ``schema/unknown-attribute`` with near names if there is none."""
        found = self.get(name)
        if found is None:
            raise unknown_attribute(self, name)
        return found

    def entid(self, ident: str) -> int | None:
        """The entity an ident names, None if it names none."""
        return self._idents.get(Keyword(ident))

    def ident(self, entity: int) -> Keyword | None:
        """The ident of an entity, None if it has none."""
        return self._names.get(entity)

    def near(self, name: str) -> list[Keyword]:
        """Up to three attributes spelled like ``name``."""
        names = [attribute.ident for attribute in self]
        return [Keyword(match) for match in difflib.get_close_matches(Keyword(name), names, n=3, cutoff=0.6)]

    def advance(self, changes: Iterable[Change]) -> Schema:
        """The schema after ``changes``; :class:`SchemaError` if they define or change what may not be.

        Whether the *data* allows a change (values unique, at most one) is the transaction's to check.
        """
        facts, touched = _with_changes(self._facts, changes)
        if not touched:
            return self
        attributes, idents, names = self._attributes, self._idents, self._names
        for entity in touched:
            ident = facts.get(entity, pmap()).get(Ids.IDENT)
            if ident is not None:
                # An old ident keeps resolving after a rename, as in Datomic.
                idents, names = idents.set(ident, entity), names.set(entity, ident)
            elif entity in names:
                idents, names = idents.discard(names[entity]), names.discard(entity)
        for entity in touched:
            attributes = _defined(attributes, entity, facts.get(entity, pmap()))
        return Schema(facts, attributes, idents, names)


def unknown_attribute(schema: Schema, name: str | int) -> SchemaError:
    """The error for a name no attribute has, with the nearest that are there."""
    near = [] if isinstance(name, int) else schema.near(name)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    shown = name if isinstance(name, int) else repr(Keyword(name))
    return SchemaError(f"no attribute {shown}{hint}", code="schema/unknown-attribute", attribute=name, near=near)


def bootstrap_facts() -> list[tuple[int, int, Value]]:
    """The datoms of transaction 0 as (entity, attribute id, value); refs as entity ids."""
    facts: list[tuple[int, int, Value]] = [(id, Ids.IDENT, ident) for id, ident in ENUMS.items()]
    unique_ids = {name: id for id, name in _UNIQUE_IDS.items()}
    for attribute in BUILTIN:
        facts.append((attribute.id, Ids.IDENT, attribute.ident))
        facts.append((attribute.id, Ids.VALUE_TYPE, 40 + attribute.type))
        facts.append((attribute.id, Ids.CARDINALITY, _MANY if attribute.many else 60))
        facts.append((attribute.id, Ids.DOC, attribute.doc))
        if attribute.unique is not None:
            facts.append((attribute.id, Ids.UNIQUE, unique_ids[attribute.unique]))
        if attribute.indexed:
            facts.append((attribute.id, Ids.INDEX, True))
    return facts


_MANY_VALUED: Final = frozenset(attribute.id for attribute in BUILTIN if attribute.many)


def _with_changes(
    facts: PMap[int, PMap[int, Any]], changes: Iterable[Change]
) -> tuple[PMap[int, PMap[int, Any]], list[int]]:
    touched: dict[int, None] = {}
    # Retractions first: a replaced value comes as a retraction and an assertion, in any order.
    for entity, attribute, value, added in sorted(changes, key=lambda change: change[3]):
        own: PMap[int, Any] = facts.get(entity, pmap())
        if attribute in _MANY_VALUED:
            held = own.get(attribute, frozenset())
            own = own.set(attribute, held | {value} if added else held - {value})
        elif added:
            own = own.set(attribute, value)
        elif own.get(attribute) == value:
            own = own.discard(attribute)
        facts = facts.set(entity, own)
        touched[entity] = None
    return facts, list(touched)


def _defined(attributes: PMap[int, Attribute], entity: int, facts: PMap[int, Any]) -> PMap[int, Attribute]:
    old = attributes.get(entity)
    if Ids.VALUE_TYPE not in facts:
        if old is not None:
            raise SchemaError(f"{old.ident!r} may not lose its valueType", code="schema/immutable", attribute=old.ident)
        _refuse_stray(entity, facts)
        return attributes
    new = _attribute(entity, facts)
    if old is not None:
        _check_change(old, new)
    return attributes.set(entity, new)


def _refuse_stray(entity: int, facts: PMap[int, Any]) -> None:
    stray = [id for id in (Ids.CARDINALITY, Ids.UNIQUE, Ids.IS_COMPONENT) if id in facts]
    if stray:
        name = facts.get(Ids.IDENT, entity)
        raise SchemaError(f"{name!r} is defined without a db/valueType", code="schema/incomplete", attribute=name)


def _attribute(entity: int, facts: PMap[int, Any]) -> Attribute:
    ident = facts.get(Ids.IDENT)
    if ident is None:
        raise SchemaError(f"the attribute {entity} has no db/ident", code="schema/incomplete", entity=entity)
    type = _enum(ident, facts, Ids.VALUE_TYPE, _TYPE_IDS, "db.type/…")
    cardinality = _enum(ident, facts, Ids.CARDINALITY, {60: False, _MANY: True}, "db.cardinality/one or many")
    unique = None if Ids.UNIQUE not in facts else _enum(ident, facts, Ids.UNIQUE, _UNIQUE_IDS, "db.unique/…")
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
    )
    _check(attribute)
    return attribute


def _enum(ident: Keyword, facts: PMap[int, Any], id: int, allowed: dict[int, Any], expected: str) -> Any:
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


def _check_change(old: Attribute, new: Attribute) -> None:
    for field in ("type", "tuple_attrs", "tuple_types", "tuple_type"):
        if getattr(old, field) != getattr(new, field):
            raise SchemaError(
                f"{old.ident!r} may not change its {field.replace('_', ' ')}"
                f" from {getattr(old, field)!r} to {getattr(new, field)!r}",
                code="schema/immutable",
                attribute=old.ident,
            )
