"""Values that a caller gives for ``:in``: what could only ever match nothing is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

import numpy as np

from factstore import edn
from factstore.errors import InvalidValue
from factstore.query.ast import Node
from factstore.values_coerce import shown

_PLAIN: Final = frozenset((str, int, float, bool))


def known_type(value: Any, node: Node) -> Any:
    """``value``, a NumPy scalar as the Python value it is; ``value/wrong-type`` for a time that is no moment.

    A date, or a datetime without a time zone, is equal to no value of a store, so that a query would
    quietly find nothing.

    >>> known_type(np.int64(3), Node()), known_type("a", Node())
    (3, 'a')
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.datetime64) or (
        isinstance(value, date) and not (isinstance(value, datetime) and value.tzinfo is not None)
    ):
        message = f"{shown(value)} was given for {node}: expected a datetime with a time zone"
        raise edn.located(InvalidValue, message, node.at, code="value/wrong-type", value=value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return type(value)(known_type(item, node) for item in value) if type(value) in (tuple, list) else value
    return value


def known_types(values: Sequence[Any], node: Node) -> Sequence[Any]:
    """:func:`known_type` of each, looked at one by one only where some type asks for it."""
    return values if only_plain(values) else [known_type(value, node) for value in values]


def only_plain(values: Iterable[Any]) -> bool:
    """True if all are of types that are what they seem."""
    return set(map(type, values)) <= _PLAIN
