"""Cells that name entities to nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, ints
from factstore.columns_order import distinct_first
from factstore.errors import InvalidValue
from factstore.schema import Attribute
from factstore.tx.cells import Cells, Coded, coded
from factstore.tx.encode import coerced_one
from factstore.tx.gather import Column, Gathered
from factstore.values import PYTHON_TYPES, Value, ValueType
from factstore.values_bytes import to_bytes

Name = Callable[[Any, int], int]
"""Gives the node for a value that is met in a row for the first time."""
NameEach = Callable[[Ints, Ints, Ints], Ints]
"""The same for tempids that are numbers, all at once: given their rows, and their order."""


def nodes_of(cells: Cells, name: Name, name_each: NameEach) -> Ints:
    """The node of each cell; ids stand for themselves, anything else is named once."""
    values = cells.values
    if not isinstance(values, np.ndarray) or values.dtype.kind != "i":
        return named(cells.rows, by_value(cells), name)
    at = np.flatnonzero(values < 0)
    if not len(at):
        return values
    tempids, first, which = distinct_first(values[at])
    nodes: Ints = values.copy()
    nodes[at] = name_each(tempids, cells.rows[at[first]], first)[which]
    return nodes


def named(rows: Ints, values: Coded, name: Name) -> Ints:
    """The node of each of coded values, each asked for once, in the order they first appear."""
    firsts = rows[values.first].tolist()
    return ints([name(value, row) for value, row in zip(values.distinct, firsts, strict=True)])[values.which]


def by_value(cells: Cells) -> Coded:
    """The cells coded; each by itself where equal ones may differ, or have no hash."""
    if isinstance(cells.values, Coded):
        return cells.values
    values = cells.objects()
    kinds = set(map(type, values))
    if isinstance(cells.values, np.ndarray) or (len(kinds) == 1 and kinds <= _HASHED):
        return coded(values)
    return Coded(values, np.arange(len(values), dtype=np.int64))


_HASHED: Final = set(PYTHON_TYPES.values()) - {tuple}


def holders(attribute: Attribute, cells: Cells, node: list[int]) -> dict[Any, int]:
    """Which node of the table's own rows has each value of a unique attribute."""
    values = by_value(cells)
    found: dict[Any, int] = {}
    for value, row in zip(values.distinct, cells.rows[values.first].tolist(), strict=True):
        found.setdefault(key_of(attribute, value), node[row])
    return found


def key_of(attribute: Attribute, value: Value) -> Any:
    """What is equal for equal values of an attribute; None for what is no value of it."""
    if type(value) is PYTHON_TYPES[attribute.type] and attribute.type is not ValueType.TUPLE:
        return value
    try:
        coerced = coerced_one(attribute, value)
    except InvalidValue:
        return None
    return to_bytes(attribute.type, coerced) if attribute.type is ValueType.TUPLE else coerced


def sort_columns(gathered: Gathered) -> None:
    """Puts the columns in the order in which rows would have come to them; empty ones go."""
    firsts: list[tuple[int, Column]] = []
    for column in gathered.adds.values():
        first = column.first()
        if first is not None:
            firsts.append((gathered.form[first], column))
    firsts.sort(key=lambda each: each[0])
    gathered.adds = {column.attribute.id: column for _, column in firsts}
