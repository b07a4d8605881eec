"""The order of values, as every index that is read in value order has it.

Numbers are ordered by number, strings, keywords, symbols and URIs by code point, uuids and bytes by
their bytes, booleans false first. Tuples are ordered item by item, an empty slot before everything
and a prefix before what goes on; where items of different types meet, as in no typed tuple, by type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from factstore.values import Value, ValueType, type_of

Key = Any
"""Something that compares as the value does."""


def sort_key(vt: ValueType) -> Callable[[Value], Key]:
    """What gives the key of each value of a type, to sort by.

    >>> sorted([("b", None), ("a", 2), ("a", None)], key=sort_key(ValueType.TUPLE))
    [('a', None), ('a', 2), ('b', None)]
    """
    return _KEYS.get(vt, _itself)


def _itself(value: Value) -> Key:
    return value


def _text(value: Value) -> Key:
    return str(value)


def _tuple(value: Value) -> Key:
    return tuple(_slot(item) for item in value)


def _slot(item: Value) -> Key:
    if item is None:
        return (0,)
    vt = type_of(item)
    return (1, item) if vt is None else (int(vt), sort_key(vt)(item))


_KEYS: Final[dict[ValueType, Callable[[Value], Key]]] = {
    ValueType.KEYWORD: _text,
    ValueType.SYMBOL: _text,
    ValueType.URI: _text,
    ValueType.TUPLE: _tuple,
}
