"""Values that a caller gives for ``:in``: what could only ever match nothing is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np

from factstore import edn
from factstore.db import DbValue
from factstore.entity import Entity
from factstore.errors import InvalidValue, QueryError
from factstore.query.columnar.relation import Values
from factstore.query.language.ast import Node
from factstore.values import LONG_MAX, LONG_MIN, ValueType
from factstore.values_coerce import coerce, shown

_PLAIN: Final = frozenset((str, int, float, bool))
_MAX_DEPTH: Final = 32
"""Collections inside of collections."""
_MAX_PARTS: Final = 1_000_000
"""Values in the collections inside of one value."""


def known_type(value: Any, node: Node) -> Any:
    """``value``, a NumPy scalar as the Python value it is, an :class:`~factstore.entity.Entity` as its id;
    ``value/wrong-type`` for a time that is no moment.

    A date, or a datetime without a time zone, is equal to no value of a store, so that a query would
    quietly find nothing.

    >>> known_type(np.int64(3), Node()), known_type("a", Node())
    (3, 'a')
    """
    if type(value) in _PLAIN and not (type(value) is int and value.bit_length() > 63):
        return value
    if isinstance(value, np.datetime64) or (
        isinstance(value, date) and not (isinstance(value, datetime) and value.tzinfo is not None)
    ):
        message = f"{shown(value)} was given for {node}: expected a datetime with a time zone"
        raise edn.located(InvalidValue, message, node.at, code="value/wrong-type", value=value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        _measure(value, node)
        return _known_items(value, node) if type(value) in (tuple, list) else value
    if isinstance(value, Entity):
        return value.id
    if isinstance(value, Decimal):
        return coerce(ValueType.BIGDEC, value)
    return coerce(ValueType.BIGINT, value) if type(value) is int and not LONG_MIN <= value <= LONG_MAX else value


def _known_items(value: Any, node: Node) -> Any:
    return type(value)(
        _known_items(item, node) if type(item) in (tuple, list) else known_type(item, node) for item in value
    )


def _measure(value: Any, node: Node) -> None:
    """Refuses what nests too deep, or stands for too much since it holds the same thing many times."""
    level, parts = [value], 0
    for _ in range(_MAX_DEPTH):
        level = [item for held in level for item in held if isinstance(item, tuple | list)]
        parts += sum(map(len, level))
        if not level:
            return
        if parts > _MAX_PARTS:
            break
    message = f"what was given for {node} nests more than {_MAX_DEPTH} deep, or has more than {_MAX_PARTS:,} parts"
    raise edn.located(QueryError, message, node.at, code="query/inputs")


def known_types(values: Sequence[Any], node: Node) -> Sequence[Any]:
    """:func:`known_type` of each, looked at one by one only where some type asks for it."""
    return values if only_plain(values) else [known_type(value, node) for value in values]


def only_plain(values: Sequence[Any]) -> bool:
    """True if all are of types that are what they seem, and no integer is beyond 64 bits."""
    types = set(map(type, values))
    if not types <= _PLAIN:
        return False
    return int not in types or (types == {int} and min(values) >= LONG_MIN and max(values) <= LONG_MAX)


def code_of_name(vt: ValueType, value: str, db: DbValue, values: Values) -> int:
    """The code of a string or keyword; one of this query's own if no fact of ``db`` can have it."""
    code = db.dictionary.code_at(vt, value, db.basis_t)
    return values.overlay.own(vt, value) if code is None else code
