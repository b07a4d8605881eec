"""The attributes every store begins with, and the entity ids they are known by."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from factstore.values import Keyword, Value, ValueType


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """What the schema says of one attribute.

    >>> BUILTIN[0].ident, BUILTIN[0].unique
    (:db/ident, 'identity')
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
    EXCISE: Final = 30
    EXCISE_ATTRS: Final = 31
    EXCISE_BEFORE_T: Final = 32
    EXCISE_BEFORE: Final = 33


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
    _builtin(Ids.EXCISE, "db/excise", _T.REF, "the entity or attribute whose facts were taken out"),
    _builtin(Ids.EXCISE_ATTRS, "db.excise/attrs", _T.REF, "of these attributes alone", many=True),
    _builtin(Ids.EXCISE_BEFORE_T, "db.excise/beforeT", _T.LONG, "asserted before this t alone"),
    _builtin(Ids.EXCISE_BEFORE, "db.excise/before", _T.INSTANT, "asserted before this instant alone"),
)

EXCISION_ATTRIBUTES: Final = frozenset((Ids.EXCISE, Ids.EXCISE_ATTRS, Ids.EXCISE_BEFORE_T, Ids.EXCISE_BEFORE))
"""The ids of the attributes that record an excision, which nothing else may write."""

TYPE_IDS: Final = {40 + vt: vt for vt in ValueType}
ONE: Final = 60
MANY: Final = 61
UNIQUE_IDS: Final = {62: "identity", 63: "value"}

ENUMS: Final[dict[int, Keyword]] = {
    **{id: vt.ident for id, vt in TYPE_IDS.items()},
    ONE: Keyword("db.cardinality/one"),
    MANY: Keyword("db.cardinality/many"),
    **{id: Keyword(f"db.unique/{name}") for id, name in UNIQUE_IDS.items()},
}
"""The idents a schema speaks with, by their fixed entity ids."""

SCHEMA_ATTRIBUTES: Final = frozenset(range(Ids.IDENT, Ids.TX_INSTANT)) | frozenset(
    (Ids.TUPLE_ATTRS, Ids.TUPLE_TYPES, Ids.TUPLE_TYPE, Ids.ATTR_PREDS, Ids.DERIVED_BY)
)
"""The ids of the attributes whose datoms make the schema."""


def bootstrap_facts() -> list[tuple[int, int, Value]]:
    """The datoms of transaction 0 as (entity, attribute id, value); refs as entity ids."""
    facts: list[tuple[int, int, Value]] = [(id, Ids.IDENT, ident) for id, ident in ENUMS.items()]
    unique_ids = {name: id for id, name in UNIQUE_IDS.items()}
    for attribute in BUILTIN:
        facts.append((attribute.id, Ids.IDENT, attribute.ident))
        facts.append((attribute.id, Ids.VALUE_TYPE, 40 + attribute.type))
        facts.append((attribute.id, Ids.CARDINALITY, MANY if attribute.many else ONE))
        facts.append((attribute.id, Ids.DOC, attribute.doc))
        if attribute.unique is not None:
            facts.append((attribute.id, Ids.UNIQUE, unique_ids[attribute.unique]))
        if attribute.indexed:
            facts.append((attribute.id, Ids.INDEX, True))
    return facts
