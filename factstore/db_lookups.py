"""The verbs of a db value that find an entity by what names it, and the code of a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.errors import EntityError, FactstoreError
from factstore.index import AttributeIndex
from factstore.schema import Attribute, Schema
from factstore.schema_tuples import coerce_tuple, with_entities
from factstore.values import LONG_MAX, LONG_MIN, Keyword, Value, ValueType, encode_inline
from factstore.values_coerce import coerce

EntityRef = Any
"""An entity id, an ident, or a lookup ref ``["attr", value]``."""


class _View(Protocol):
    is_history: bool

    @property
    def basis_t(self) -> int: ...

    schema: Schema
    dictionary: Dictionary | Overlay

    def index(self, attribute: Attribute) -> AttributeIndex: ...
    def entid(self, ref: EntityRef) -> int | None: ...
    def lookup(self, attribute: Attribute, value: Value) -> int | None: ...
    def encode(self, attribute: Attribute, value: Value) -> int | None: ...


class Lookups:
    """What :class:`~factstore.db.DbValue` offers to find entities by."""

    __slots__ = ()

    def entid(self: _View, ref: EntityRef) -> int | None:
        """The entity id of an id, ident or lookup ref; None if an ident or lookup ref names nothing."""
        if isinstance(ref, bool):
            raise _no_entity_ref(ref)
        if isinstance(ref, int):
            if not LONG_MIN <= ref <= LONG_MAX:
                raise _no_entity_ref(ref)
            return ref
        if isinstance(ref, str):
            return self.schema.entid(ref)
        if isinstance(ref, Sequence) and len(ref) == 2 and isinstance(ref[0], str):
            return self.lookup(self.schema.attribute(ref[0]), ref[1])
        raise _no_entity_ref(ref)

    def entid_strict(self: _View, ref: EntityRef) -> int:
        """The entity id; :class:`EntityError` ``entity/missing`` if there is none."""
        found = self.entid(ref)
        if found is None:
            raise EntityError(f"there is no entity {ref!r}", code="entity/missing", ref=ref)
        return found

    def lookup(self: _View, attribute: Attribute, value: Value) -> int | None:
        """The entity whose unique ``attribute`` has ``value``; in a history view the one that had it last."""
        if attribute.unique is None:
            raise EntityError(
                f"{attribute.ident!r} is not unique: a lookup ref needs a unique attribute",
                code="entity/not-unique",
                attribute=attribute.ident,
            )
        if value is None:
            return None
        code = self.encode(attribute, value)
        if code is None:
            return None
        index = self.index(attribute)
        if not self.is_history and index.single_by_value.count(code) <= 1:
            return next(iter(index.single_by_value.of(code)), None)
        _, rows = index.by_value(np.asarray([code], dtype=np.int64))
        return int(rows.e[np.argmax(rows.tx)]) if len(rows.e) else None

    def encode(self: _View, attribute: Attribute, value: Value) -> int | None:
        """The int64 of one value of ``attribute``; None if no entity can have it."""
        if attribute.is_ref:
            return self.entid(value)
        if attribute.type is ValueType.TUPLE:
            return _encode_tuple(self, attribute, value)
        exact = coerce(attribute.type, value)
        if attribute.type.interned:
            return self.dictionary.code_at(attribute.type, exact, self.basis_t)
        return encode_inline(attribute.type, exact)

    def ident(self: _View, entity: int) -> Keyword | None:
        """The ident of an entity, None if it has none."""
        return self.schema.ident(entity)


def _encode_tuple(view: _View, attribute: Attribute, value: Value) -> int | None:
    slots = with_entities(attribute, value, view.entid)
    if slots is not value and any(had is not None and has is None for had, has in zip(value, slots, strict=True)):
        return None
    return view.dictionary.code_of(ValueType.TUPLE, coerce_tuple(attribute, slots))


def _no_entity_ref(ref: object) -> FactstoreError:
    return EntityError(
        f"{ref!r} does not name an entity: expected an id, an ident or a lookup ref [attribute, value]",
        code="entity/bad-ref",
        ref=ref,
    )
