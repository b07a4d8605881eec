"""Attributes, and the schema that holds them: data like any other, read into a value.

An attribute is an entity with a ``db/ident``, a ``db/valueType`` and a ``db/cardinality``. A
:class:`Schema` is an immutable value; :meth:`Schema.advance` gives the next one from the schema
datoms of a transaction, or says why they may not be.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pyrsistent import PMap, pmap

from factstore import schema_show
from factstore.datom import FIRST_ENTITY
from factstore.errors import SchemaError
from factstore.schema_builtin import (
    BUILTIN,
    ENUMS,
    EXCISION_ATTRIBUTES,
    SCHEMA_ATTRIBUTES,
    Attribute,
    Ids,
    Spec,
    bootstrap_facts,
)
from factstore.schema_define import defined
from factstore.values import Keyword, Value

__all__ = [
    "Attribute",
    "BUILTIN",
    "Change",
    "ENUMS",
    "EXCISION_ATTRIBUTES",
    "Ids",
    "SCHEMA_ATTRIBUTES",
    "Schema",
    "Spec",
    "bootstrap_facts",
    "unknown_attribute",
]

Change = tuple[int, int, Value, bool]
"""(entity, attribute id, value, added): a schema datom."""


class Schema:
    """All attributes and idents at one basis; immutable.

    >>> schema = Schema.bootstrap()
    >>> schema.entid("db.type/string"), schema.attribute(":db/doc").type
    (46, <ValueType.STRING: 6>)
    """

    __slots__ = ("_attributes", "_facts", "_idents", "_looked_up", "_names", "memo")

    def __init__(
        self,
        facts: PMap[int, PMap[int, Any]],
        attributes: PMap[int, Attribute],
        idents: PMap[Keyword, int],
        names: PMap[int, Keyword],
    ) -> None:
        self._facts = facts
        self._attributes = attributes
        self._looked_up: dict[str | int, Attribute] = {}
        self._idents = idents
        self._names = names
        self.memo: dict[str, Any] = {}
        """What other rooms have worked out from this schema alone; as it never changes, neither does that."""

    @classmethod
    def bootstrap(cls) -> Schema:
        """The schema of an empty store."""
        empty: Schema = cls(pmap(), pmap(), pmap(), pmap())
        return empty.advance((e, a, v, True) for e, a, v in bootstrap_facts())

    def __iter__(self) -> Iterator[Attribute]:
        return iter(sorted(self._attributes.values(), key=lambda attribute: attribute.ident))

    def __len__(self) -> int:
        return len(self._attributes)

    @property
    def ids(self) -> frozenset[int]:
        """The ids of all attributes; the same object whenever it is asked for."""
        found: frozenset[int] | None = self.memo.get("schema/ids")
        return self.memo.setdefault("schema/ids", frozenset(self._attributes)) if found is None else found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | int) and self.get(name) is not None

    def get(self, name: str | int) -> Attribute | None:
        """The attribute of a name (leading colon optional) or id, None if there is none."""
        found = self._looked_up.get(name)
        if found is None:
            id = name if isinstance(name, int) else self._idents.get(Keyword(name))
            found = None if id is None else self._attributes.get(id)
            if found is not None:
                self._looked_up[name] = found
        return found

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

    @property
    def names(self) -> Mapping[int, Keyword]:
        """The idents of all entities that have one."""
        found: dict[int, Keyword] | None = self.memo.get("schema/names")
        return self.memo.setdefault("schema/names", dict(self._names)) if found is None else found

    def spec(self, entity: int) -> Spec | None:
        """The entity spec that an entity is, None if it is none."""
        facts = self._facts.get(entity)
        if facts is None or not (Ids.ENTITY_ATTRS in facts or Ids.ENTITY_PREDS in facts):
            return None
        attrs, preds = (tuple(sorted(facts.get(id, ()))) for id in (Ids.ENTITY_ATTRS, Ids.ENTITY_PREDS))
        return Spec(id=entity, ident=self.ident(entity), attrs=attrs, preds=preds)

    @property
    def specs(self) -> tuple[Spec, ...]:
        """All entity specs, by name."""
        found = [spec for spec in map(self.spec, self._facts) if spec is not None]
        return tuple(sorted(found, key=lambda spec: (spec.ident or "", spec.id)))

    def __repr__(self) -> str:
        return f"<Schema {len(self)} attributes>"

    def __str__(self) -> str:
        return self.to_text()

    def to_data(self, *, builtin: bool = False) -> list[dict[Keyword, Any]]:
        """Maps that would recreate it in another store, as transaction data: attributes, specs, other idents.

        What every store begins with is left out unless ``builtin``; former names are not in it.

        >>> Schema.bootstrap().to_data(builtin=True)[0]
        {:db/ident: :db.attr/preds, :db/valueType: :db.type/symbol, :db/cardinality: :db.cardinality/many, ...}
        """
        maps = [schema_show.attribute_map(attribute, self.ident) for attribute in self._shown(builtin)]
        maps += [schema_show.spec_map(spec) for spec in self.specs if spec.ident is not None]
        return maps + [{Keyword("db/ident"): ident} for ident in self._other_idents(builtin)]

    def to_edn(self, *, builtin: bool = False) -> str:
        """:meth:`to_data` as the text of a schema file."""
        return schema_show.to_edn(self.to_data(builtin=builtin))

    def to_text(self, *, builtin: bool = False) -> str:
        """A table of it: name, type, cardinality, properties and doc of each attribute, then specs and idents."""
        return self._table(builtin).text()

    def _repr_html_(self) -> str:
        return self._table(builtin=False).html()

    def _table(self, builtin: bool) -> schema_show.Table:
        return schema_show.Table(self._shown(builtin), self.specs, self._other_idents(builtin))

    def _shown(self, builtin: bool) -> list[Attribute]:
        return [attribute for attribute in self if builtin or attribute.id >= FIRST_ENTITY]

    def _other_idents(self, builtin: bool) -> list[Keyword]:
        first = 0 if builtin else FIRST_ENTITY
        return sorted(
            ident
            for entity, ident in self._names.items()
            if entity >= first and entity not in self._attributes and self.spec(entity) is None
        )

    def near(self, name: str) -> list[Keyword]:
        """Up to three attributes spelled like ``name``."""
        names = [attribute.ident for attribute in self]
        return [Keyword(match) for match in difflib.get_close_matches(Keyword(name), names, n=3, cutoff=0.6)]

    def advance(self, changes: Iterable[Change]) -> Schema:
        """The schema after ``changes``; :class:`SchemaError` if they define or change what may not be.

        Whether the *data* allows a change (values unique, at most one) is the transaction's to check. The
        ``db/doc`` of what is no attribute is passed over, since any entity may have one: what an entity had
        before it became an attribute must be among the changes that make it one.
        """
        facts, touched = _with_changes(self._facts, self._relevant(changes))
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
            attributes = defined(attributes, entity, facts, idents)
        return Schema(facts, attributes, idents, names)

    def _relevant(self, changes: Iterable[Change]) -> list[Change]:
        listed = [change for change in changes if change[1] in SCHEMA_ATTRIBUTES]
        new = {entity for entity, attribute, _, added in listed if attribute == Ids.VALUE_TYPE and added}
        return [c for c in listed if c[1] != Ids.DOC or c[0] in self._attributes or c[0] in new]


def unknown_attribute(schema: Schema, name: str | int) -> SchemaError:
    """The error for a name no attribute has, with the nearest that are there."""
    near = [] if isinstance(name, int) else schema.near(name)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    shown = name if isinstance(name, int) else repr(Keyword(name))
    return SchemaError(f"no attribute {shown}{hint}", code="schema/unknown-attribute", attribute=name, near=near)


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
            held = held | {value} if added else held - {value}
            own = own.set(attribute, held) if held else own.discard(attribute)
        elif added:
            own = own.set(attribute, value)
        elif own.get(attribute) == value:
            own = own.discard(attribute)
        facts = facts.set(entity, own) if own else facts.discard(entity)
        touched[entity] = None
    return facts, list(touched)
