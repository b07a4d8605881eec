"""The slots of tuples: which type each has, and what stands for somebody in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from factstore.errors import InvalidValue
from factstore.schema_builtin import Attribute, Ids
from factstore.values import Value, ValueType
from factstore.values_bytes import slot_type
from factstore.values_coerce import coerce


def slot_types(attribute: Attribute, size: int) -> Sequence[ValueType | None]:
    """The type of each of ``size`` slots, None where any scalar may stand; :class:`InvalidValue` for a wrong size."""
    if attribute.id in (Ids.TUPLE_ATTRS, Ids.TUPLE_TYPES):
        return [ValueType.KEYWORD] * size
    types = attribute.slot_types
    if types is None or isinstance(types, ValueType):
        if not size:
            raise InvalidValue("() as a tuple: expected one item or more", code="value/wrong-type", value=())
        return list(repeat(types, size))
    if len(types) != size:
        raise InvalidValue(f"a tuple of {size} items: expected {len(types)}", code="value/wrong-type", size=size)
    return types


def has_refs(attribute: Attribute) -> bool:
    """Whether a slot of the attribute's tuples is a ref."""
    types = attribute.slot_types
    return types is ValueType.REF or (isinstance(types, tuple) and ValueType.REF in types)


def coerce_tuple(attribute: Attribute, value: Value) -> tuple[Value, ...]:
    """A tuple with each item as the type of its slot asks.

    >>> from factstore.values import Keyword
    >>> types = (Keyword("db.type/double"), Keyword("db.type/keyword"))
    >>> point = Attribute(id=300, ident=Keyword("a/b"), type=ValueType.TUPLE, tuple_types=types)
    >>> coerce_tuple(point, [1, "red"])
    (1.0, :red)
    """
    items = coerce(ValueType.TUPLE, value)
    return tuple(map(_coerced, slot_types(attribute, len(items)), items))


def _coerced(vt: ValueType | None, value: Value) -> Value:
    return None if value is None else coerce(vt or slot_type(value), value)


def with_entities(attribute: Attribute, value: Any, entity: Callable[[Any], Any]) -> Any:
    """``value`` with ``entity`` of whatever stands in a ref slot; as it is if it is no tuple of the right size.

    >>> from factstore.values import Keyword
    >>> pair = Attribute(id=300, ident=Keyword("a/b"), type=ValueType.TUPLE, tuple_type=Keyword("db.type/ref"))
    >>> with_entities(pair, ["ann", None], {"ann": 17}.get)
    (17, None)
    """
    if not isinstance(value, list | tuple) or not has_refs(attribute):
        return value
    types = attribute.slot_types
    if isinstance(types, tuple) and len(types) != len(value):
        return value
    is_ref = repeat(True) if not isinstance(types, tuple) else (type is ValueType.REF for type in types)
    slots = zip(value, is_ref, strict=False)
    return tuple(entity(item) if ref and item is not None else item for item, ref in slots)


def tuple_place(attribute: Attribute, value: tuple[Value, ...], entity: Callable[[Any], Any]) -> tuple[Value, ...]:
    """A tuple as an index has it; one of a size that none has is only a place among those, and stays as it is.

    >>> from factstore.values import Keyword
    >>> types = (Keyword("db.type/ref"), Keyword("db.type/double"))
    >>> pair = Attribute(id=300, ident=Keyword("a/b"), type=ValueType.TUPLE, tuple_types=types)
    >>> tuple_place(pair, ("ann", 1), {"ann": 17}.get), tuple_place(pair, ("ann",), {"ann": 17}.get)
    ((17, 1.0), ('ann',))
    """
    types = attribute.slot_types
    if not value or (isinstance(types, tuple) and len(types) != len(value)):
        return value
    return coerce_tuple(attribute, with_entities(attribute, value, entity))
