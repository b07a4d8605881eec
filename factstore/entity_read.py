"""How the attributes of one db value are read for one entity after another, where they are in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from factstore.columns import ints
from factstore.db import DbValue
from factstore.index import AttributeIndex
from factstore.index_single import Single, TooMany
from factstore.schema import Attribute
from factstore.values import decode_inline

NOTHING: Final = object()
"""What stands for the value of an attribute that an entity does not have."""

Codes = Sequence[int]
"""The encoded values of one entity, in their order."""


def reading(index: AttributeIndex, make: Callable[[Codes], Any]) -> Callable[[Any], Any]:
    """What ``make`` makes of the values that an entity has in an index; :data:`NOTHING` where it has none."""
    return _reading(index.single_by_entity, lambda e: index.by_entity(ints([e]))[1].v.tolist(), make)


def reading_back(index: AttributeIndex, make: Callable[[Codes], Any]) -> Callable[[Any], Any]:
    """The same of the entities that refer to an entity."""
    return _reading(index.single_by_value, lambda e: index.by_value(ints([e]))[1].e.tolist(), make)


def _reading(single: Single, many: Callable[[int], Codes], make: Callable[[Codes], Any]) -> Callable[[Any], Any]:
    of = single.of

    def read(entity: Any) -> Any:
        try:
            codes = of(entity.id)
        except TooMany:
            codes = many(entity.id)
        return make(codes) if codes else NOTHING

    return read


def maker(db: DbValue, attribute: Attribute) -> Callable[[Codes], Any]:
    """Makes the codes of an attribute that is no ref into its value."""
    vt, values_of = attribute.type, db.dictionary.values_of
    if not attribute.many:
        if vt.interned:
            return lambda codes: values_of(codes)[0]
        return lambda codes: decode_inline(vt, codes[0])
    if vt.interned:
        return lambda codes: frozenset(values_of(codes))
    return lambda codes: frozenset([decode_inline(vt, code) for code in codes])
