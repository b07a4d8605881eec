"""Cells of an attribute's own plain type to codes, a column at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, doubles_to_ints
from factstore.schema import Attribute
from factstore.tx.cells import Array, Cells, Coded
from factstore.tx.gather import Block
from factstore.values import URI, Keyword, Symbol, ValueType


def block_of(attribute: Attribute, cells: Cells) -> Block | None:
    """The cells encoded; None where they need a closer look, value by value."""
    values = cells.values
    if isinstance(values, list):
        return None
    if isinstance(values, Coded):
        kind = _OF_STRINGS.get(attribute.type)
        if kind is None:
            return None
        return Block(cells.rows, values.which, values.distinct if kind is str else list(map(kind, values.distinct)))
    encode = _INLINE.get((attribute.type, values.dtype.kind))
    codes = None if encode is None else encode(values)
    return None if codes is None else Block(cells.rows, codes, [])


def narrowed(cells: Cells) -> Cells:
    """Floats that stand for ints, because some are missing, as ints; unchanged if one is none."""
    values = cells.values
    if not cells.widened or not isinstance(values, np.ndarray):
        return cells
    whole = np.abs(values) <= _EXACT
    whole &= np.floor(values) == values
    return Cells(cells.rows, values.astype(np.int64)) if whole.all() else cells


_EXACT: Final = 2**53

_OF_STRINGS: Final[dict[ValueType, Callable[[str], Any]]] = {
    ValueType.STRING: str,
    ValueType.KEYWORD: Keyword,
    ValueType.SYMBOL: Symbol,
    ValueType.URI: URI,
}


def _of_floats(values: Array) -> Ints | None:
    return None if np.isnan(values).any() else doubles_to_ints(values)


def _of_exact_ints(values: Array) -> Ints | None:
    if len(values) and (values.min() < -_EXACT or values.max() > _EXACT):
        return None
    return doubles_to_ints(values.astype(np.float64))


def _as_they_are(values: Array) -> Ints:
    return values.astype(np.int64, copy=False)


_INLINE: Final[dict[tuple[ValueType, str], Callable[[Array], Ints | None]]] = {
    (ValueType.LONG, "i"): _as_they_are,
    (ValueType.DOUBLE, "f"): _of_floats,
    (ValueType.DOUBLE, "i"): _of_exact_ints,
    (ValueType.BOOLEAN, "b"): _as_they_are,
    (ValueType.INSTANT, "M"): _as_they_are,
}
